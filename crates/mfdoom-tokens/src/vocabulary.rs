//! The vocabulary: genes sorted by id, whose position + 1 is the token id.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

pub use mfdoom_artifact::Gene;
use mfdoom_artifact::{AtomicFile, model_dir, sha256_bytes};
use mfdoom_error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

/// Format tag of `vocab.json`.
pub const VOCABULARY_FORMAT: &str = "vocab/1";

/// Genes sorted by id; token id 0 is reserved, gene i has token id i + 1.
///
/// ```
/// use mfdoom_tokens::{Gene, Vocabulary};
/// let vocabulary = Vocabulary::new([Gene::new("g2", "Ins1"), Gene::new("g1", "Gcg")]);
/// assert_eq!(vocabulary.lookup("g1"), Some(1));
/// assert_eq!(vocabulary.lookup("g3"), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    genes: Vec<Gene>,
    tokens: HashMap<String, u32>,
}

#[derive(Serialize, Deserialize)]
struct Json {
    format: String,
    genes: Vec<Gene>,
}

impl Vocabulary {
    /// Sorts `genes` by id and drops repeated ids; of several symbols, one that is not the id is kept, the
    /// first in alphabetical order.
    pub fn new(genes: impl IntoIterator<Item = Gene>) -> Self {
        let mut sorted: BTreeMap<String, String> = BTreeMap::new();
        for Gene { id, symbol } in genes {
            match sorted.get_mut(&id) {
                None => {
                    sorted.insert(id, symbol);
                }
                Some(known) => {
                    let rank = |symbol: &str| (symbol == id || symbol.is_empty(), symbol.to_owned());
                    if rank(&symbol) < rank(known) {
                        *known = symbol;
                    }
                }
            }
        }
        Self::from_sorted(sorted.into_iter().map(|(id, symbol)| Gene { id, symbol }).collect())
    }

    fn from_sorted(genes: Vec<Gene>) -> Self {
        let tokens = genes.iter().zip(1..).map(|(gene, token)| (gene.id.clone(), token)).collect();
        Self { genes, tokens }
    }

    /// Returns the genes in the order of their token ids.
    pub fn genes(&self) -> &[Gene] {
        &self.genes
    }

    /// Returns the number of genes; token ids are 1 to this number.
    pub fn len(&self) -> usize {
        self.genes.len()
    }

    /// Returns whether there are no genes.
    pub fn is_empty(&self) -> bool {
        self.genes.is_empty()
    }

    /// Returns the token id of a gene.
    pub fn lookup(&self, id: &str) -> Option<u32> {
        self.tokens.get(id).copied()
    }

    /// Returns the gene of a token id.
    pub fn gene(&self, token: u32) -> Option<&Gene> {
        self.genes.get((token as usize).checked_sub(1)?)
    }

    /// Returns the vocabulary of all genes of `vocabularies`.
    pub fn union<'a>(vocabularies: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::new(vocabularies.into_iter().flat_map(|vocabulary| vocabulary.genes.iter().cloned()))
    }

    /// Returns the vocabulary of the genes with these token ids; unknown ids are left out.
    pub fn subset(&self, tokens: impl IntoIterator<Item = u32>) -> Self {
        Self::new(tokens.into_iter().filter_map(|token| self.gene(token).cloned()))
    }

    /// Returns the text of `vocab.json`, one gene a line.
    pub fn to_json(&self) -> String {
        let genes: Vec<String> =
            self.genes.iter().filter_map(|gene| serde_json::to_string(gene).ok()).collect();
        format!("{{\"format\":\"{VOCABULARY_FORMAT}\",\"genes\":[\n{}\n]}}\n", genes.join(",\n"))
    }

    /// Reads `vocab.json`; `source` names it in messages.
    ///
    /// # Errors
    /// Contract, when it is not JSON of this form, or not sorted by unique ids; incompatible for another
    /// format version.
    pub fn from_json(text: &str, source: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text).map_err(|error| {
            Error::contract(format!("{source}: not a vocabulary"))
                .wanted("{\"format\": ..., \"genes\": [{\"id\": ..., \"symbol\": ...}]}")
                .source(error)
        })?;
        mfdoom_artifact::manifest::check_format(Some(&json.format), VOCABULARY_FORMAT, source)?;
        if let Some(pair) = json.genes.windows(2).find(|pair| pair[0].id >= pair[1].id) {
            return Err(Error::contract(format!("{source}: genes are not sorted by unique ids"))
                .found(format!("{:?} before {:?}", pair[0].id, pair[1].id)));
        }
        Ok(Self::from_sorted(json.genes))
    }

    /// Reads `vocab.json` from a file, or from the folder of a model that holds one.
    ///
    /// # Errors
    /// Contract: the file is missing or no vocabulary. Incompatible: so it is in the folder of a model, or it differs
    /// from the manifest there.
    pub fn load(path: &Path) -> Result<Self> {
        let read = |path: &Path| {
            let text = model_dir::read_text(path)?;
            Self::from_json(&text, &path.display().to_string())
        };
        match path.is_dir() {
            true => read(&model_dir::vocabulary_of(path)?).map_err(|error| error.of_kind(Kind::Incompatible)),
            false => read(path),
        }
    }

    /// Writes `vocab.json`, whole or not at all.
    pub fn save(&self, path: &Path, force: bool) -> Result<()> {
        use std::io::Write;
        let mut file = AtomicFile::create(path, force)?;
        file.write_all(self.to_json().as_bytes()).map_err(|error| Error::io(path, error))?;
        file.commit()
    }

    /// Returns the SHA-256 of `vocab.json`: equal vocabularies have equal hashes.
    pub fn sha256(&self) -> String {
        sha256_bytes(self.to_json().as_bytes())
    }
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        self.genes == other.genes
    }
}
