//! Counts of cells, of a token table or of sampled predictions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::trajectories::STATES_FILE;
use mfdoom_artifact::{Column, Folder, GeneTableReader, Input, TableReader, obs, table};
use mfdoom_error::{Error, Result, missing};
use mfdoom_matrix::Csr;
use mfdoom_matrix::subsample::thin;
use mfdoom_tokens::{TokenBatch, TokenReader};

use super::args::GeneratedArgs;
use crate::counts;
use crate::scores::ScoredInput;

/// Cells that are kept of a table, in samples that are scored: each label has its own.
const KEPT: usize = 10;

/// Cells of one table.
pub(super) struct CountedCells {
    pub(super) source: ScoredInput,
    pub(super) modalities: Vec<String>,
    keys: Vec<(String, String)>,
    labels: Option<Vec<Option<String>>>,
    /// Names of all columns that could be labels.
    columns: Vec<String>,
    /// Values of the column of `--per`.
    per: Vec<Option<String>>,
    /// For each modality the genes, ascending, and the counts [n, genes]; rows of cells that lack it are empty.
    counts: Vec<(Vec<String>, Csr)>,
}

/// Counts of cells that have a modality, with their labels.
#[derive(Clone)]
pub(super) struct LabelledCounts {
    pub(super) counts: Csr,
    pub(super) labels: Vec<Option<String>>,
    /// Values of the column of `--per`.
    pub(super) per: Vec<Option<String>>,
}

impl CountedCells {
    /// Reads a token table, or predictions that were sampled.
    ///
    /// # Errors
    /// Contract: another table.
    pub(super) fn read(input: &Input, args: &GeneratedArgs) -> Result<Self> {
        if let Input::Path(path) = input
            && path.is_dir()
        {
            let folder = Folder::open(path, "trajectories", "a table, or a folder of mfdoom-generate")?;
            return Self::read(&Input::Path(folder.file(STATES_FILE)?), args);
        }
        let name = input.base_name();
        let open = TableReader::open(input)?;
        match open.metadata(table::FORMAT_KEY).is_some_and(|kind| kind.starts_with("tokens")) {
            true => {
                let cells = Self::of_tokens(TokenReader::of(open)?, &name, args)?;
                match &args.per {
                    Some(column) => {
                        Err(Error::usage(format!("--per {column}: {input} is a table of tokens"))
                            .wanted("counts of mfdoom-generate or mfdoom-decode --sample")
                            .help("leave out --per"))
                    }
                    None => Ok(cells),
                }
            }
            false => Self::sampled(GeneTableReader::of(open, PREDICTIONS_FORMAT)?, &name, args),
        }
    }

    /// Reads a token table, at most ten times as many cells as are scored.
    ///
    /// # Errors
    /// Those of [`TokenReader`].
    pub(super) fn tokens(path: &Path, args: &GeneratedArgs) -> Result<Self> {
        let input = mfdoom_cli::input(Some(path))?;
        Self::of_tokens(TokenReader::open(&input)?, &input.base_name(), args)
    }

    fn of_tokens(reader: TokenReader, name: &str, args: &GeneratedArgs) -> Result<Self> {
        let schema = reader.schema().clone();
        let label = label_of(args, &schema.obs.iter().map(|field| field.name.clone()).collect::<Vec<_>>());
        let mut all = TokenBatch::default();
        let (mut rows, mut labels, mut total) = (Vec::new(), Vec::new(), 0);
        for batch in reader {
            let mut batch = batch?;
            labels.extend(label.map(|at| batch.obs[at].to_strings()).unwrap_or_default());
            batch.obs.clear();
            rows.extend(total..total + batch.len());
            total += batch.len();
            all.append(&batch, 0..batch.len())?;
        }
        let kept = thin(&rows, args.max_cells.saturating_mul(KEPT), args.run.seed.seed);
        let all = all.take(&kept);
        let cells: Vec<usize> = (0..all.len()).collect();
        let of = |(at, modality): (usize, &String)| {
            // Data sets that lack the modality say nothing of its genes.
            let has = |&cell: &usize| all.modalities[at].present[cell];
            let datasets = cells.iter().copied().filter(has).map(|cell| all.dataset[cell].as_str());
            let measured = counts::common_genes(&schema.measured, modality, datasets);
            let mut genes: Vec<(String, u32)> = measured
                .into_iter()
                .filter_map(|id| Some((schema.vocabulary.gene(id)?.id.clone(), id)))
                .collect();
            genes.sort_unstable();
            let (counts, _) = counts::matrix(
                &all.modalities[at],
                &cells,
                &genes.iter().map(|gene| gene.1).collect::<Vec<_>>(),
            );
            (genes.into_iter().map(|gene| gene.0).collect(), counts)
        };
        Ok(Self {
            source: ScoredInput::new(name, Some(schema.manifest.content_id.clone())),
            columns: schema.obs.iter().map(|field| field.name.clone()).collect(),
            counts: schema.modalities.iter().enumerate().map(of).collect(),
            modalities: schema.modalities.clone(),
            labels: label.map(|_| kept.iter().map(|&at| labels[at].clone()).collect()),
            per: Vec::new(),
            keys: all.dataset.into_iter().zip(all.cell_id).collect(),
        })
    }

    fn sampled(reader: GeneTableReader, base_name: &str, args: &GeneratedArgs) -> Result<Self> {
        let (schema, name) = (reader.schema().clone(), reader.name().to_owned());
        if schema.manifest.config.get("sample").is_none() {
            return Err(Error::contract(format!("{name}: profiles, not sampled counts"))
                .wanted("a table of mfdoom-decode --sample, or tokens"));
        }
        let names: Vec<String> = schema.obs.iter().map(|field| field.name.clone()).collect();
        let label = label_of(args, &names);
        let per = args.per.as_ref().map(|column| {
            let found = obs::position(names.iter().map(String::as_str), column);
            found.ok_or_else(|| missing(&name, "column", column, names.iter().map(String::as_str), "--per "))
        });
        let per = per.transpose()?;
        let batch = reader.read_all()?;
        let mut order: Vec<usize> = (0..schema.genes.len()).collect();
        order.sort_by(|&a, &b| schema.genes[a].id.cmp(&schema.genes[b].id));
        let genes: Vec<String> = order.iter().map(|&at| schema.genes[at].id.clone()).collect();
        let row = |values: &[f32]| -> (Vec<u32>, Vec<f32>) {
            let there = order.iter().enumerate().filter(|(_, at)| values[**at] > 0.0);
            there.map(|(column, &at)| (column as u32, values[at])).unzip()
        };
        let of = |values: &Vec<f32>| {
            let rows: Vec<_> = values.chunks_exact(genes.len().max(1)).map(row).collect();
            (genes.clone(), Csr::from_rows(genes.len(), &rows))
        };
        Ok(Self {
            source: ScoredInput::new(base_name, Some(schema.manifest.content_id.clone())),
            columns: names,
            counts: batch.matrices.iter().map(of).collect(),
            modalities: schema.matrices.clone(),
            labels: label.map(|at| Column::to_strings(&batch.obs[at])),
            per: per.map(|at| Column::to_strings(&batch.obs[at])).unwrap_or_default(),
            keys: batch.dataset.into_iter().zip(batch.cell_id).collect(),
        })
    }

    /// Checks that the labels asked for are there, in this table of real cells.
    ///
    /// # Errors
    /// Contract: no such column.
    pub(super) fn check_label(&self, args: &GeneratedArgs) -> Result<()> {
        match (&args.label, &self.labels) {
            (Some(label), None) => {
                let there = self.columns.iter().map(String::as_str);
                Err(missing(&self.source.name, "obs column", label, there, "--label ")
                    .or_help("name one of these, or carry it along: mfdoom-preprocess --obs COLUMN"))
            }
            _ => Ok(()),
        }
    }

    /// Takes the labels of the same cells of another table, where this one has none.
    pub(super) fn take_labels(&mut self, other: &Self) {
        if let (None, Some(labels)) = (&self.labels, &other.labels) {
            let of: HashMap<_, _> = other.keys.iter().zip(labels).collect();
            self.labels =
                Some(self.keys.iter().map(|key| of.get(key).and_then(|label| (*label).clone())).collect());
        }
    }

    /// Returns the number of cells.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the counts in a modality of the cells that have any.
    pub(super) fn counts(&self, modality: &str, genes: &[String]) -> LabelledCounts {
        let Some(at) = self.modalities.iter().position(|name| name == modality) else {
            return LabelledCounts { counts: Csr::empty(genes.len()), labels: Vec::new(), per: Vec::new() };
        };
        let (own, counts) = &self.counts[at];
        let keep: Vec<bool> = own.iter().map(|gene| genes.binary_search(gene).is_ok()).collect();
        let counts = counts.select_columns(&keep);
        let rows: Vec<usize> = (0..counts.n_rows()).filter(|&row| !counts.row(row).0.is_empty()).collect();
        let label = |&row: &usize| self.labels.as_ref().and_then(|labels| labels[row].clone());
        let per = |&row: &usize| self.per.get(row).cloned().flatten();
        let per = rows.iter().map(per).collect();
        LabelledCounts { labels: rows.iter().map(label).collect(), per, counts: counts.select_rows(&rows) }
    }
}

fn label_of(args: &GeneratedArgs, columns: &[String]) -> Option<usize> {
    args.label.as_ref().and_then(|label| obs::position(columns.iter().map(String::as_str), label))
}

/// Returns the genes, ascending, that every sample has in a modality.
pub(super) fn common_genes<'a>(
    samples: impl Iterator<Item = &'a CountedCells>,
    modality: &str,
) -> Vec<String> {
    let mut common: Option<BTreeSet<String>> = None;
    for cells in samples {
        let at = cells.modalities.iter().position(|name| name == modality);
        let genes: BTreeSet<String> =
            at.map(|at| cells.counts[at].0.iter().cloned().collect()).unwrap_or_default();
        common = Some(match common {
            None => genes,
            Some(common) => common.intersection(&genes).cloned().collect(),
        });
    }
    common.unwrap_or_default().into_iter().collect()
}

impl LabelledCounts {
    /// Returns some of the cells.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        Self {
            counts: self.counts.select_rows(rows),
            labels: rows.iter().map(|&row| self.labels[row].clone()).collect(),
            per: rows.iter().map(|&row| self.per.get(row).cloned().flatten()).collect(),
        }
    }

    /// Returns the values of the column of `--per`, ascending, numbers as numbers, each with the rows that have it.
    pub(super) fn by_value(&self) -> Vec<(String, Vec<usize>)> {
        let mut rows: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (row, value) in self.per.iter().enumerate() {
            value.iter().for_each(|value| rows.entry(value).or_default().push(row));
        }
        let mut all: Vec<(String, Vec<usize>)> =
            rows.into_iter().map(|(value, rows)| (value.clone(), rows)).collect();
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::INFINITY);
        all.sort_by(|a, b| number(&a.0).total_cmp(&number(&b.0)).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// Returns the most cells, drawn by the seed, in which each label has the share that it has in `other`; all of them where
    /// there are no labels.
    pub(super) fn with_shares_of(&self, other: &Self, seed: u64) -> Self {
        let of = |counts: &Self| {
            let mut n: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (row, label) in counts.labels.iter().enumerate() {
                label.iter().for_each(|label| n.entry(label.clone()).or_default().push(row));
            }
            n
        };
        let (own, wanted) = (of(self), of(other));
        if wanted.is_empty() {
            return self.clone();
        }
        let total = wanted.values().map(Vec::len).sum::<usize>() as f64;
        let share = |rows: &Vec<usize>| rows.len() as f64 / total;
        let number = |label: &String| own.get(label).map_or(0.0, |rows| rows.len() as f64);
        let most =
            wanted.iter().map(|(label, rows)| number(label) / share(rows)).fold(f64::INFINITY, f64::min);
        let mut rows: Vec<usize> = Vec::new();
        for (label, as_many) in &wanted {
            let n = (most * share(as_many) + 1e-9) as usize;
            let there = own.get(label).map_or(&[][..], Vec::as_slice);
            rows.extend(thin(there, n, seed).into_iter().map(|at| there[at]));
        }
        rows.sort_unstable();
        self.select(&rows)
    }

    /// Returns the cells of a label.
    pub(super) fn of_label(&self, label: &str) -> Self {
        self.select(
            &(0..self.labels.len())
                .filter(|&row| self.labels[row].as_deref() == Some(label))
                .collect::<Vec<_>>(),
        )
    }

    /// Returns the labels, ascending.
    pub(super) fn label_names(&self) -> Vec<String> {
        self.labels.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}
