//! All cells of a training run in memory, their tokens in one vocabulary.

use std::collections::HashMap;
use std::sync::Arc;

use mfdoom_artifact::{Input, InputId};
use mfdoom_error::{Error, Result};
use mfdoom_model::Shown;
use mfdoom_tokens::{
    Coverage, MIN_COVERAGE, Measured, ModalityTokens, TokenBatch, TokenReader, TokenSchema, Vocabulary,
    VocabularyMap,
};

/// Cells of one or more token tables.
#[derive(Debug)]
pub struct TrainingCells {
    /// Names of the modalities: spliced, unspliced and expression first, others by name.
    pub modalities: Vec<String>,
    /// Genes of all tables.
    pub vocabulary: Arc<Vocabulary>,
    /// Measured genes of each data set and modality, in `vocabulary`.
    pub measured: Measured,
    /// The tables, sorted, for the manifest.
    pub inputs: Vec<InputId>,
    tokens: Vec<ModalityTokens>,
    dataset: Vec<u32>,
    batch: Option<Vec<u32>>,
    datasets: Vec<String>,
    obs: Vec<(String, Vec<Option<String>>)>,
    ids: Option<Vec<String>>,
}

/// What of the tables is kept in memory.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Obs columns whose values are kept as text.
    pub obs: Vec<String>,
    /// Whether the cells' ids are kept, to join other tables.
    pub ids: bool,
    /// A vocabulary and modalities to use instead of those of the tables, from a model.
    pub model: Option<(Arc<Vocabulary>, Vec<String>)>,
    /// Most bytes that the tokens may take.
    pub max_bytes: Option<u64>,
}

/// How the columns of a table of tokens become those of the cells.
struct Layout<'a> {
    schema: &'a TokenSchema,
    map: &'a VocabularyMap,
    /// The obs columns that are kept, by their number in the table.
    obs: &'a [usize],
}

impl TrainingCells {
    /// Reads whole token tables, in an order that does not depend on that of the arguments.
    ///
    /// # Errors
    /// Contract: a table is damaged, lacks the obs column, a cell stands in two tables or there is no cell.
    /// Failed: the tokens need more memory than they may take.
    pub fn read(inputs: &[Input], wanted: &Wanted) -> Result<Self> {
        let mut readers = inputs.iter().map(TokenReader::open).collect::<Result<Vec<_>>>()?;
        readers.sort_by_key(|reader| identity(reader.schema()));
        let schemas: Vec<&TokenSchema> = readers.iter().map(|r| r.schema().as_ref()).collect();
        let (vocabulary, modalities) = match &wanted.model {
            Some((vocabulary, modalities)) => (Arc::clone(vocabulary), modalities.clone()),
            None => (
                Arc::new(Vocabulary::union(schemas.iter().map(|s| s.vocabulary.as_ref()))),
                in_order(schemas.iter().flat_map(|s| s.modalities.iter().cloned())),
            ),
        };
        let mut cells = Self {
            tokens: vec![ModalityTokens::default(); modalities.len()],
            obs: wanted.obs.iter().map(|name| (name.clone(), Vec::new())).collect(),
            ids: wanted.ids.then(Vec::new),
            inputs: Vec::new(),
            measured: Measured::default(),
            dataset: Vec::new(),
            batch: None,
            datasets: Vec::new(),
            modalities,
            vocabulary,
        };
        let mut keys = mfdoom_artifact::KeySet::default();
        for reader in readers {
            cells.append(reader, wanted, &mut keys)?;
        }
        match cells.len() {
            0 => Err(Error::contract("the token tables hold no cell")),
            _ => Ok(cells),
        }
    }

    fn append(
        &mut self,
        reader: TokenReader,
        wanted: &Wanted,
        keys: &mut mfdoom_artifact::KeySet,
    ) -> Result<()> {
        let schema = reader.schema().clone();
        let map = VocabularyMap::new(&schema.vocabulary, &self.vocabulary);
        let mut coverage = map.coverage();
        coverage.check(MIN_COVERAGE, reader.name())?;
        let obs = wanted.obs.iter().map(|name| schema.obs_column(name)).collect::<Result<Vec<_>>>()?;
        for (dataset, modality, genes) in schema.measured.iter() {
            let genes: Vec<u32> = genes.iter().map(|g| map.get(*g)).filter(|g| *g > 0).collect();
            self.measured.insert(dataset, modality, genes);
        }
        let name = reader.name().to_owned();
        self.inputs.push(schema.manifest.as_input(std::path::Path::new(&name)));
        let layout = Layout { schema: &schema, map: &map, obs: &obs };
        for batch in reader {
            let batch = batch?;
            for (dataset, cell) in batch.dataset.iter().zip(&batch.cell_id) {
                keys.add(dataset, cell, &name)?;
            }
            self.append_batch(&batch, &layout, &mut coverage);
            self.check_memory(wanted.max_bytes)?;
        }
        match (coverage.is_low(), coverage.counts() < 1.0) {
            (true, _) => {
                tracing::warn!("{name}: the vocabulary has {coverage}; training sees little of its cells")
            }
            (_, true) => tracing::info!("{name}: the vocabulary has {coverage}"),
            _ => {}
        }
        Ok(())
    }

    fn append_batch(&mut self, batch: &TokenBatch, layout: &Layout<'_>, coverage: &mut Coverage) {
        let Layout { schema, map, obs } = *layout;
        for (name, to) in self.modalities.iter().zip(&mut self.tokens) {
            match schema.modalities.iter().position(|m| m == name) {
                Some(from) => {
                    let mapped = map.apply(&batch.modalities[from], coverage);
                    (0..mapped.len()).for_each(|cell| to.push_from(&mapped, cell));
                }
                None => (0..batch.len()).for_each(|_| to.push_absent()),
            }
        }
        for name in &batch.dataset {
            let known = self.datasets.iter().rposition(|d| d == name);
            let number = known.unwrap_or_else(|| {
                self.datasets.push(name.clone());
                self.datasets.len() - 1
            });
            self.dataset.push(number as u32);
        }
        if let Some(ids) = &mut self.ids {
            ids.extend(batch.cell_id.iter().cloned());
        }
        for ((_, to), from) in self.obs.iter_mut().zip(obs) {
            to.extend(batch.obs[*from].to_strings());
        }
    }

    fn check_memory(&self, max: Option<u64>) -> Result<()> {
        let bytes = self.tokens.iter().map(|t| t.index.len() as u64 * 8 + t.len() as u64 * 17).sum::<u64>();
        match max {
            Some(max) if bytes > max => Err(Error::failed("the tokens do not fit into --max-memory")
                .found(format!("{} MiB after {} cells", bytes >> 20, self.len()))
                .wanted(format!("at most {} MiB", max >> 20))
                .help("raise --max-memory, or preprocess with --top-genes or fewer cells")),
            _ => Ok(()),
        }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.dataset.is_empty()
    }

    /// Returns the tokens of all cells in a modality.
    pub fn tokens(&self, modality: usize) -> &ModalityTokens {
        &self.tokens[modality]
    }

    /// Returns all tokens of a cell in a modality, as they are packed.
    pub fn shown(&self, cell: usize, modality: usize) -> Shown<'_> {
        let tokens = &self.tokens[modality];
        let (ids, counts) = tokens.cell(cell);
        Shown { ids, counts, rows: None, library_size: tokens.library_size[cell] as f32 }
    }

    /// Returns the name of a cell's data set.
    pub fn dataset(&self, cell: usize) -> &str {
        &self.datasets[self.dataset[cell] as usize]
    }

    /// Returns the number of each cell's data set.
    pub fn dataset_numbers(&self) -> &[u32] {
        &self.dataset
    }

    /// Takes the cells of a data set with the same value of a kept obs column as a batch, in place of the data set.
    pub fn batch_by(&mut self, column: &str) {
        let mut known = HashMap::new();
        let mut number = |cell: usize| {
            let next = known.len() as u32;
            *known.entry((self.dataset[cell], self.obs(column, cell))).or_insert(next)
        };
        let batch = (0..self.len()).map(&mut number).collect();
        self.batch = Some(batch);
    }

    /// Returns the number of each cell's batch: its data set, where nothing else was taken.
    pub fn batch_numbers(&self) -> &[u32] {
        self.batch.as_deref().unwrap_or(&self.dataset)
    }

    /// Returns the names of the data sets, by number.
    pub fn datasets(&self) -> &[String] {
        &self.datasets
    }

    /// Returns the value of a kept obs column in a cell, as text.
    pub fn obs(&self, column: &str, cell: usize) -> Option<&str> {
        self.obs.iter().find(|(name, _)| name == column)?.1[cell].as_deref()
    }

    /// Returns the id of a cell within its data set, where ids are kept.
    pub fn id(&self, cell: usize) -> Option<&str> {
        self.ids.as_ref()?.get(cell).map(String::as_str)
    }

    /// Number of tokens of a cell in all modalities, where each keeps at most `max`.
    pub fn cell_tokens(&self, cell: usize, max: usize) -> usize {
        self.tokens.iter().map(|t| t.cell(cell).0.len().min(max)).sum()
    }

    /// Number of cells that have more than `max` tokens in some modality.
    pub fn longer_than(&self, max: usize) -> usize {
        (0..self.len()).filter(|c| self.tokens.iter().any(|t| t.cell(*c).0.len() > max)).count()
    }
}

fn identity(schema: &TokenSchema) -> (Vec<String>, String) {
    (schema.measured.datasets().map(String::from).collect(), schema.manifest.content_id.clone())
}

/// Unique names: the modalities of RNA velocity first, others sorted.
fn in_order(names: impl Iterator<Item = String>) -> Vec<String> {
    let first = ["spliced", "unspliced", "expression"];
    let rank = |name: &str| first.iter().position(|f| *f == name).unwrap_or(first.len());
    let mut names: Vec<String> = names.collect();
    names.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    #[test]
    fn modalities_have_one_order() {
        let names = ["protein", "unspliced", "atac", "expression", "unspliced", "spliced"];
        let ordered = super::in_order(names.into_iter().map(String::from));
        assert_eq!(ordered, ["spliced", "unspliced", "expression", "atac", "protein"]);
    }
}
