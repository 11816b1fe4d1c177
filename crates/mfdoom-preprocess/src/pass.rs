//! One streaming pass over the cells of all files: read, filter, tokenise, hand over.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use mfdoom_artifact::Column;
use mfdoom_cli::{Progress, Shard};
use mfdoom_counts::{CountRule, Matrix, Source};
use mfdoom_error::Result;
use mfdoom_matrix::Csr;
use mfdoom_tokens::{CellTotals, GeneMap, ModalityTokens, Vocabulary, tokenise};
use rayon::prelude::*;

use crate::args::Ambiguous;
use crate::cells::CellReport;
use crate::inputs::CountsInput;
use crate::merge;
use crate::modalities::{EXPRESSION, SPLICED, UNSPLICED};
use crate::plan::{FilePlan, Plan};
use crate::vocabulary;

/// Cells that are read at once.
const READ_CELLS: usize = 128;
/// The largest count that the table, whose counts are float32, keeps exactly.
const EXACT: f32 = 16_777_216.0;

/// Which rows a pass goes over.
#[derive(Clone, Copy, Debug)]
pub enum Rows {
    /// All of them, under this name.
    Whole(&'static str),
    /// Those of the shard, with their annotation, under this name.
    Shard(&'static str),
}

/// A block of cells of one file that passed the filters.
#[derive(Debug)]
pub struct KeptCells<'a> {
    /// The data set.
    pub dataset: &'a str,
    /// The ids.
    pub ids: Vec<String>,
    /// Annotation columns; none in a pass that only looks at counts.
    pub obs: Vec<Column>,
    /// Tokens by modality, for those that the file has.
    pub tokens: BTreeMap<String, ModalityTokens>,
}

impl KeptCells<'_> {
    /// Returns modality and tokens by which genes are chosen: of the transcript states only the total, where
    /// there is one, and every other modality.
    pub fn ranked(&self) -> impl Iterator<Item = (&str, &ModalityTokens)> {
        let total = self.tokens.contains_key(EXPRESSION);
        let state = |name: &str| name == SPLICED || name == UNSPLICED;
        let ranked = self.tokens.iter().filter(move |(name, _)| !(total && state(name)));
        ranked.map(|(name, tokens)| (name.as_str(), tokens))
    }
}

/// Returns the name under which a modality takes part in choosing genes.
pub fn ranked_as(modality: &str) -> &str {
    if modality == SPLICED || modality == UNSPLICED { EXPRESSION } else { modality }
}

/// Goes over the cells and hands each block to `take`; returns a report per file.
///
/// # Errors
/// Contract: values that are not counts, or a damaged file; and whatever `take` returns.
pub fn run(
    plan: &Plan,
    vocabulary: &Vocabulary,
    rows: Rows,
    take: &mut dyn FnMut(KeptCells<'_>) -> Result<()>,
) -> Result<Vec<CellReport>> {
    let (what, wanted) = match rows {
        Rows::Whole(what) => (what, 0..plan.n_obs()),
        Rows::Shard(what) => {
            let rows = plan.job.shard.unwrap_or(Shard::WHOLE).rows(plan.n_obs() as u64);
            (what, rows.start as usize..rows.end as usize)
        }
    };
    let progress = Progress::new(what, Some(wanted.len() as u64), "cells");
    let annotated = matches!(rows, Rows::Shard(_));
    let mut reports = Vec::with_capacity(plan.files.len());
    let mut first = 0;
    for of in &plan.files {
        let range = wanted.start.clamp(first, first + of.n_obs) - first
            ..wanted.end.clamp(first, first + of.n_obs) - first;
        first += of.n_obs;
        let mut report = CellReport::default();
        if !range.is_empty() {
            let mut reader = FileReader::open(plan, of, vocabulary, annotated)?;
            let step = read_cells(plan, of);
            for start in range.clone().step_by(step) {
                let rows = start..(start + step).min(range.end);
                progress.inc(rows.len() as u64);
                let cells = reader.read(rows, &mut report)?;
                take(cells)?;
            }
        }
        reports.push(report);
    }
    Ok(reports)
}

/// Returns how many cells of a file fit into a share of `--max-memory`, were they dense.
fn read_cells(plan: &Plan, of: &FilePlan) -> usize {
    let Some(memory) = plan.job.reading.memory else { return READ_CELLS };
    let row = 8 * of.n_vars.max(1) * of.modalities.matrices.len().max(1);
    (memory / 8 / row).clamp(16, READ_CELLS)
}

/// Counts of some cells, by modality.
type Blocks = BTreeMap<String, Csr>;
/// Which of them were measured, by modality; what is not here was measured in all of them.
type Present = BTreeMap<String, Vec<bool>>;

/// Reads the cells of one file.
struct FileReader<'a> {
    plan: &'a Plan,
    of: &'a FilePlan,
    file: Arc<CountsInput>,
    matrices: BTreeMap<String, Matrix>,
    ambiguous: Option<Matrix>,
    maps: BTreeMap<String, GeneMap>,
    counts: CountRule,
    annotated: bool,
    /// Modalities with counts that the table rounds.
    large: BTreeSet<String>,
}

impl<'a> FileReader<'a> {
    fn open(plan: &'a Plan, of: &'a FilePlan, vocabulary: &Vocabulary, annotated: bool) -> Result<Self> {
        let file = of.open()?;
        let maps = vocabulary::maps(of, vocabulary);
        let open = |source: &Source| -> Result<Matrix> {
            let mut matrix = file.matrix(source)?;
            if let Some(memory) = plan.job.reading.memory {
                matrix.set_memory(memory / 8);
            }
            if plan.job.repeatable {
                matrix.trust_order();
            }
            Ok(matrix)
        };
        let matrices = of.modalities.matrices.iter().map(|(name, source)| Ok((name.clone(), open(source)?)));
        let matrices = matrices.collect::<Result<_>>()?;
        let ambiguous = of.modalities.ambiguous.as_ref().map(open).transpose()?;
        let counts = plan.job.reading.counts;
        Ok(Self { plan, of, matrices, ambiguous, maps, counts, annotated, large: BTreeSet::new(), file })
    }

    /// Reads rows, drops those that are not wanted, and turns the others into tokens.
    fn read(&mut self, rows: Range<usize>, report: &mut CellReport) -> Result<KeptCells<'a>> {
        let names = self.file.obs_names_in(rows.clone())?;
        let (blocks, present) = self.blocks(rows.clone())?;
        let kept = self.keep(&names, &blocks, report);
        let whole = kept.len() == names.len();
        let obs =
            if self.annotated { self.plan.annotation.read(&self.file, rows.clone())? } else { Vec::new() };
        let obs = if whole { obs } else { obs.iter().map(|column| column.take(&kept)).collect() };
        let made = blocks.into_par_iter().map(|(name, block)| -> Result<_> {
            let block = if whole { block } else { block.select_rows(&kept) };
            let made = tokenise(&block, &self.maps[&name])?;
            Ok((name, made))
        });
        let mut tokens = BTreeMap::new();
        for made in made.collect::<Vec<_>>() {
            let (name, mut made) = made?;
            self.of.libraries.replace(&self.file, &name, (rows.clone(), &kept), &mut made.library_size)?;
            if let Some(present) = present.get(&name) {
                made.present = kept.iter().map(|row| present[*row]).collect();
                made.library_size.iter_mut().zip(&made.present).for_each(|(size, present)| {
                    *size *= f64::from(u8::from(*present));
                });
            }
            tokens.insert(name, made);
        }
        let ids = if whole { names } else { kept.iter().map(|row| names[*row].clone()).collect() };
        Ok(KeptCells { dataset: &self.of.input.dataset, ids, obs, tokens })
    }

    /// Reads the counts of every modality, ambiguous ones and the total accounted for, and which cells were measured
    /// where that is not all of them.
    fn blocks(&mut self, rows: Range<usize>) -> Result<(Blocks, Present)> {
        let (mut blocks, mut present) = (Blocks::new(), Present::new());
        let counts = self.counts;
        let read = self.matrices.par_iter_mut().map(|(name, matrix)| -> Result<_> {
            let block = counts.read(matrix, rows.clone())?;
            Ok((name.clone(), block, matrix.present(rows.clone())?))
        });
        for read in read.collect::<Vec<_>>() {
            let (name, block, measured) = read?;
            let Some(block) = block else {
                return Err(counts.refuse(&**self.file, &self.of.modalities.matrices[&name]));
            };
            if largest(&block) > EXACT && self.large.insert(name.clone()) {
                tracing::warn!(
                    "{}: counts of {name} above {EXACT} are rounded to the nearest float32, as table and model hold them \
                     (seven digits)",
                    self.file.name
                );
            }
            if let Some(measured) = measured {
                present.insert(name.clone(), measured);
            }
            blocks.insert(name, block);
        }
        if let (Some(matrix), Some(source)) = (&mut self.ambiguous, &self.of.modalities.ambiguous) {
            let Some(ambiguous) = self.counts.read(matrix, rows)? else {
                return Err(self.counts.refuse(&**self.file, source));
            };
            resolve_ambiguous(&mut blocks, &ambiguous, self.plan.job.reading.ambiguous);
        }
        if self.of.modalities.total {
            let total = merge::add(&blocks[SPLICED], &blocks[UNSPLICED]);
            blocks.insert(EXPRESSION.to_owned(), total);
            if let Some(measured) = present.get(SPLICED) {
                present.insert(EXPRESSION.to_owned(), measured.clone());
            }
        }
        Ok((blocks, present))
    }

    /// Returns the rows that stay, and counts the others in `report`.
    fn keep(&self, names: &[String], blocks: &Blocks, report: &mut CellReport) -> Vec<usize> {
        let decisive = deciding_blocks(blocks);
        let mut kept = Vec::with_capacity(names.len());
        for (row, name) in names.iter().enumerate() {
            report.seen += 1;
            if self.plan.job.cells.as_ref().is_some_and(|list| !list.contains(name)) {
                report.not_listed += 1;
                continue;
            }
            let totals = match self.plan.job.filter.is_off() {
                // Then only empty cells are told from others, and a block stores no zeros.
                true => {
                    let genes = decisive.iter().map(|block| block.row(row).0.len()).sum();
                    CellTotals { genes, counts: 0.0 }
                }
                false => CellTotals::of(decisive.iter().flat_map(|block| {
                    let (columns, values) = block.row(row);
                    columns.iter().copied().zip(values.iter().copied())
                })),
            };
            if self.plan.job.filter.keep(&totals, &mut report.filter) {
                report.empty += usize::from(totals.genes == 0);
                kept.push(row);
            }
        }
        kept
    }
}

/// Returns the largest value; 0 where there is none.
fn largest(block: &Csr) -> f32 {
    block.values().iter().fold(0.0, |largest, value| if *value > largest { *value } else { largest })
}

/// Returns the counts that filters look at: the total, else spliced and unspliced, else everything.
fn deciding_blocks(blocks: &Blocks) -> Vec<Cow<'_, Csr>> {
    match [EXPRESSION, SPLICED, UNSPLICED].map(|name| blocks.get(name)) {
        [Some(total), ..] => vec![Cow::Borrowed(total)],
        [None, Some(s), Some(u)] if s.n_cols() == u.n_cols() => vec![Cow::Owned(merge::add(s, u))],
        _ => blocks.values().map(Cow::Borrowed).collect(),
    }
}

fn resolve_ambiguous(blocks: &mut Blocks, ambiguous: &Csr, how: Ambiguous) {
    match how {
        Ambiguous::Drop => {}
        Ambiguous::Spliced => {
            let spliced = merge::add(&blocks[SPLICED], ambiguous);
            blocks.insert(SPLICED.to_owned(), spliced);
        }
        Ambiguous::Split => {
            let (spliced, unspliced) = merge::split(&blocks[SPLICED], &blocks[UNSPLICED], ambiguous);
            blocks.insert(SPLICED.to_owned(), spliced);
            blocks.insert(UNSPLICED.to_owned(), unspliced);
        }
    }
}
