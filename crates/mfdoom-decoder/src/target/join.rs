//! Velocity tables joined to cells by key, and to genes by id or symbol.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use mfdoom_artifact::velocity::{VELOCITY, VelocityDir, open_velocities};
use mfdoom_artifact::{Gene, GeneTableReader, InputId, sha256_file};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::Vocabulary;
use mfdoom_train::TrainingCells;

use super::GeneValues;

/// What came of a join.
#[derive(Clone, Debug, Default)]
pub struct JoinReport {
    /// Cells of the tables, and those of them that are among the cells.
    pub rows: usize,
    /// Rows with a partner.
    pub joined: usize,
    /// Genes of the tables that the vocabulary knows.
    pub known_genes: usize,
    /// The tables, for the manifest.
    pub inputs: Vec<InputId>,
}

/// Reads velocities of cells from velocity folders or bare tables. Of a folder with kinetics only the velocity
/// genes are taken.
///
/// # Errors
/// Contract: a table is damaged, a cell has targets in two tables, an infinite value, no cell or no gene in
/// common with the tokens.
pub fn read_velocities(paths: &[PathBuf], cells: &TrainingCells) -> Result<(GeneValues, JoinReport)> {
    let mut tables = Vec::new();
    let mut report = JoinReport::default();
    for path in paths {
        let (table, id) = Table::open(path, &cells.vocabulary)?;
        tables.push(table);
        report.inputs.push(id);
    }
    tables.sort_by(|a, b| a.content_id.cmp(&b.content_id));
    let mut genes: BTreeMap<String, Gene> = BTreeMap::new();
    for (gene, key) in tables.iter().flat_map(|t| t.genes.iter().zip(&t.keys)) {
        if let Some(key) = key {
            genes.entry(key.clone()).or_insert_with(|| Gene::new(key.clone(), gene.symbol.clone()));
        }
    }
    report.known_genes = genes.keys().filter(|id| cells.vocabulary.lookup(id).is_some()).count();
    let column: HashMap<&str, usize> = genes.keys().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
    let mut values = GeneValues { row: vec![None; cells.len()], ..GeneValues::default() };
    let rows = rows_by_key(cells);
    for table in tables {
        table.join(&rows, &column, &mut values, &mut report)?;
    }
    values.genes = genes.into_values().collect();
    check(&report, &values, cells)?;
    Ok((values, report))
}

/// A table whose genes have been looked up.
struct Table {
    reader: GeneTableReader,
    genes: Vec<Gene>,
    /// Name of each gene over all tables; none where it is not to be used.
    keys: Vec<Option<String>>,
    content_id: String,
}

impl Table {
    fn open(path: &PathBuf, vocabulary: &Vocabulary) -> Result<(Self, InputId)> {
        let reader = open_velocities(path)?.select(&[VELOCITY])?;
        let genes = reader.schema().genes.clone();
        let mut content_id = reader.schema().manifest.content_id.clone();
        let mut chosen: Option<HashSet<String>> = None;
        if path.is_dir() {
            let kinetics = VelocityDir::open(path)?.kinetics()?;
            chosen = kinetics.map(|k| {
                let pairs = k.genes.into_iter().zip(k.velocity_gene);
                pairs.filter(|(_, used)| *used).map(|(gene, _)| gene.id).collect()
            });
        }
        if reader.schema().format.is_empty() {
            content_id = sha256_file(path)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = Known::new(vocabulary);
        let used = |gene: &Gene| chosen.as_ref().is_none_or(|chosen| chosen.contains(&gene.id));
        let keys: Vec<_> = genes.iter().map(|gene| used(gene).then(|| known.id(gene))).collect();
        let mut seen = HashSet::new();
        if let Some(twice) = keys.iter().flatten().find(|key| !seen.insert(key.as_str())) {
            return Err(Error::contract(format!("{}: two genes are the same", path.display()))
                .found(twice.clone())
                .help("genes are matched by id, else by symbol: make them unique"));
        }
        let id = InputId { name, content_id: content_id.clone() };
        Ok((Self { reader, genes, keys, content_id }, id))
    }

    fn join(
        self,
        rows: &HashMap<(&str, &str), usize>,
        column: &HashMap<&str, usize>,
        to: &mut GeneValues,
        report: &mut JoinReport,
    ) -> Result<()> {
        let name = self.reader.name().to_owned();
        let columns: Vec<Option<usize>> =
            self.keys.iter().map(|key| column.get(key.as_deref()?).copied()).collect();
        for block in self.reader {
            let block = block?;
            report.rows += block.len();
            for (i, (dataset, id)) in block.dataset.iter().zip(&block.cell_id).enumerate() {
                let Some(&cell) = rows.get(&(dataset.as_str(), id.as_str())) else { continue };
                report.joined += 1;
                if to.row[cell].is_some() {
                    return Err(Error::contract(format!("{name}: a cell has targets in two tables"))
                        .found(format!("dataset {dataset:?}, cell {id:?}"))
                        .help("give each cell's targets once"));
                }
                to.row[cell] = Some((to.values.len() / column.len().max(1)) as u32);
                let start = to.values.len();
                to.values.resize(start + column.len(), f32::NAN);
                let values = &block.matrices[0][i * columns.len()..(i + 1) * columns.len()];
                if let Some(wrong) = values.iter().find(|value| value.is_infinite()) {
                    return Err(Error::contract(format!("{name}: a target is {wrong}"))
                        .found(format!("in dataset {dataset:?}, cell {id:?}"))
                        .wanted("numbers, or NaN where a gene has no velocity"));
                }
                for (column, value) in columns.iter().zip(values) {
                    if let Some(column) = column {
                        to.values[start + column] = *value;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Gene ids of a vocabulary by id and by unique symbol.
struct Known<'a> {
    vocabulary: &'a Vocabulary,
    by_symbol: HashMap<&'a str, Option<&'a str>>,
}

impl<'a> Known<'a> {
    fn new(vocabulary: &'a Vocabulary) -> Self {
        let mut by_symbol = HashMap::new();
        for gene in vocabulary.genes() {
            let unique = by_symbol.entry(gene.symbol.as_str()).or_insert(Some(gene.id.as_str()));
            if *unique != Some(gene.id.as_str()) {
                *unique = None;
            }
        }
        Self { vocabulary, by_symbol }
    }

    /// Returns the vocabulary's id of a gene, or its own where the vocabulary does not know it.
    fn id(&self, gene: &Gene) -> String {
        if self.vocabulary.lookup(&gene.id).is_some() {
            return gene.id.clone();
        }
        let by = |symbol: &str| self.by_symbol.get(symbol).copied().flatten();
        by(&gene.symbol).or_else(|| by(&gene.id)).unwrap_or(&gene.id).to_owned()
    }
}

/// Returns the place of each cell by its key.
pub(super) fn rows_by_key(cells: &TrainingCells) -> HashMap<(&str, &str), usize> {
    (0..cells.len()).map(|cell| ((cells.dataset(cell), cells.id(cell).unwrap_or_default()), cell)).collect()
}

fn check(report: &JoinReport, values: &GeneValues, cells: &TrainingCells) -> Result<()> {
    if report.joined == 0 {
        let example = format!("{:?}, {:?}", cells.dataset(0), cells.id(0).unwrap_or_default());
        return Err(Error::contract("none of the cells with targets is among the tokens")
            .found(format!("{} cells with targets, tokens such as {example}", report.rows))
            .wanted("the same dataset and cell_id in both")
            .help("name the data set alike: mfdoom-preprocess --dataset NAME"));
    }
    if report.known_genes == 0 {
        let genes: Vec<&str> = values.genes.iter().take(3).map(|gene| gene.id.as_str()).collect();
        return Err(Error::contract("the model knows none of the genes with targets")
            .found(format!("{} genes such as {}", values.genes.len(), genes.join(", ")))
            .wanted("ids or symbols of the model's vocabulary"));
    }
    match values.values.iter().all(|value| value.is_nan()) {
        true => Err(Error::contract("no cell has a target in any gene").found("NaN everywhere")),
        false => Ok(()),
    }
}
