//! The genes of each modality of each file, read once; files with the same genes share a list.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use mfdoom_error::Result;
use mfdoom_tokens::{Gene, Vocabulary};

use crate::inputs::CountsInput;
use crate::job::{GeneChoice, Reading};
use crate::modalities::Modalities;
use crate::plan::FilePlan;

/// Lists of genes, each kept once.
#[derive(Debug, Default)]
pub struct GeneLists {
    known: HashMap<u64, Vec<Arc<[Gene]>>>,
}

impl GeneLists {
    /// Reads the genes of every modality of a file.
    ///
    /// # Errors
    /// Contract: no such column of ids.
    pub fn read(
        &mut self,
        file: &CountsInput,
        modalities: &Modalities,
        reading: &Reading,
    ) -> Result<BTreeMap<String, Arc<[Gene]>>> {
        let mut all = BTreeMap::new();
        for name in modalities.names() {
            let Some(source) = modalities.genes_of(&name) else { continue };
            let mut genes = mfdoom_counts::genes_of(&**file, source, reading.gene_column.as_deref())?;
            warn_of_nameless(&file.name, &name, &genes);
            if let Some(kind) = kind_of(&name) {
                genes.iter_mut().filter(|gene| !gene.id.is_empty()).for_each(|gene| {
                    gene.id = format!("{kind}:{}", gene.id);
                });
            }
            all.insert(name, self.shared(genes));
        }
        Ok(all)
    }

    fn shared(&mut self, genes: Vec<Gene>) -> Arc<[Gene]> {
        let mut hasher = DefaultHasher::new();
        genes.hash(&mut hasher);
        let known = self.known.entry(hasher.finish()).or_default();
        if let Some(same) = known.iter().find(|list| list[..] == genes[..]) {
            return same.clone();
        }
        let list: Arc<[Gene]> = genes.into();
        known.push(list.clone());
        list
    }
}

/// Modalities whose features are genes: one gene is one feature in all of them.
const OF_GENES: [&str; 10] =
    ["spliced", "unspliced", "ambiguous", "expression", "rna", "RNA", "gex", "mature", "nascent", "counts"];

/// Whether the features of a modality are genes, to go by its name.
pub(crate) fn are_genes(modality: &str) -> bool {
    OF_GENES.contains(&modality)
}

/// What stands before the ids of a modality's features: protein CD4 is not gene CD4.
fn kind_of(modality: &str) -> Option<&str> {
    (!are_genes(modality)).then_some(modality)
}

fn warn_of_nameless(file: &str, modality: &str, genes: &[Gene]) {
    let nameless = genes.iter().filter(|gene| gene.id.is_empty()).count();
    if nameless > 0 {
        tracing::warn!(
            "{file}: {nameless} of {} features of {modality} have no id and are left out; their counts stay in the \
             library size",
            genes.len()
        );
    }
}

/// Takes the id of an annotated gene for one that a file knows by its symbol alone, and the other way round where a
/// given vocabulary has symbols; a symbol of several ids stays as it is.
pub fn join_by_symbol(files: &mut [FilePlan], choice: &GeneChoice) {
    let mut ids: HashMap<String, Option<String>> = HashMap::new();
    let mut note = |gene: &Gene| {
        if gene.id != gene.symbol && !gene.id.is_empty() && !gene.id.ends_with(&format!(":{}", gene.symbol)) {
            let known = ids.entry(gene.symbol.clone()).or_insert_with(|| Some(gene.id.clone()));
            if known.as_ref() != Some(&gene.id) {
                *known = None;
            }
        }
    };
    let given = match choice {
        GeneChoice::Given(vocabulary) => {
            vocabulary.genes().iter().for_each(&mut note);
            Some(vocabulary)
        }
        GeneChoice::Inputs { .. } => {
            let mut seen = HashSet::new();
            let lists = files.iter().flat_map(|file| &file.genes).filter(|(name, _)| are_genes(name));
            lists
                .filter(|(_, list)| seen.insert(list.as_ptr()))
                .for_each(|(_, list)| list.iter().for_each(&mut note));
            None
        }
    };
    // A list is known by its place, and kept until all are done.
    let mut done: HashMap<*const Gene, (Arc<[Gene]>, Joined)> = HashMap::new();
    for file in files {
        let path = file.input.path().display().to_string();
        for (name, list) in file.genes.iter_mut().filter(|(name, _)| are_genes(name)) {
            let make = || (list.clone(), joined(list, &ids, given.map(AsRef::as_ref)));
            let (_, (new, n)) = done.entry(list.as_ptr()).or_insert_with(make);
            if *n > 0 {
                tracing::info!("{path}: {n} genes of {name} are joined by their symbols");
                *list = new.clone();
            }
        }
    }
}

/// A list in which some genes got other ids, and how many.
type Joined = (Arc<[Gene]>, usize);

fn joined(list: &Arc<[Gene]>, ids: &HashMap<String, Option<String>>, given: Option<&Vocabulary>) -> Joined {
    let there: HashSet<&str> = list.iter().map(|gene| gene.id.as_str()).collect();
    let mut n = 0;
    let mut one = |gene: &Gene| {
        let known = |id: &str| given.is_some_and(|vocabulary| vocabulary.lookup(id).is_some());
        let by_symbol = ids.get(&gene.id).and_then(Option::as_ref).filter(|_| gene.id == gene.symbol);
        let by_id = Some(&gene.symbol).filter(|symbol| !known(&gene.id) && known(symbol));
        // A vocabulary that knows a gene without the genome before its name says that names are so.
        let bare = Some(mfdoom_counts::without_genome(&gene.id)).filter(|id| *id != gene.id && known(id));
        let bare = bare.map(str::to_owned);
        match by_symbol
            .or(by_id)
            .or(bare.as_ref())
            .filter(|id| !known(&gene.id) && !there.contains(id.as_str()))
        {
            Some(id) => {
                n += 1;
                Gene::new(id.clone(), gene.symbol.clone())
            }
            None => gene.clone(),
        }
    };
    let joined: Vec<Gene> = list.iter().map(&mut one).collect();
    (joined.into(), n)
}
