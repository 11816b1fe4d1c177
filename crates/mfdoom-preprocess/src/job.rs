//! What a run is to do: the arguments, checked before any file of counts is opened.

use std::path::Path;
use std::sync::Arc;

use mfdoom_artifact::Output;
use mfdoom_cli::{Assignment, CellList, Shard, is_stream};
use mfdoom_counts::CountRule;
use mfdoom_error::{Error, Result};
use mfdoom_tokens::{CellFilter, Vocabulary};
use serde_json::Value;

use crate::args::{Ambiguous, Args};
use crate::inputs::{self, Named};
use crate::kind::Kind;
use crate::sheet;

/// A run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The files, as the user or a sheet named them.
    pub files: Vec<Named>,
    /// Which genes are kept.
    pub genes: GeneChoice,
    /// Smallest totals of a cell.
    pub filter: CellFilter,
    /// The cells of `--cells`.
    pub cells: Option<CellList>,
    /// The rows to write; `None` writes all of them.
    pub shard: Option<Shard>,
    /// How matrices are taken.
    pub reading: Reading,
    /// Obs columns of the table.
    pub annotation: Asked,
    /// Whether each file is described: what it is and holds.
    pub describe: bool,
    /// Whether the run can begin again, so that files may be read in one pass.
    pub repeatable: bool,
    /// Where what did not match is written.
    pub unmatched: Option<Output>,
    /// The settings that decide the numbers, for the manifest.
    pub settings: Value,
}

/// Which genes are kept.
#[derive(Clone, Debug)]
pub enum GeneChoice {
    /// Those of a vocabulary, or of a model that has one.
    Given(Arc<Vocabulary>),
    /// Those of all inputs that pass the filters.
    Inputs {
        /// Cells that must have a gene.
        min_cells: u64,
        /// Genes of highest dispersion to keep.
        top_genes: Option<usize>,
    },
}

/// How matrices are found and read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which values are counts.
    pub counts: CountRule,
    /// The kind of measurement, where it is told.
    pub kind: Option<Kind>,
    /// What becomes of ambiguous counts.
    pub ambiguous: Ambiguous,
    /// The var column with gene ids; the index where there is none.
    pub gene_column: Option<String>,
    /// Obs columns with library sizes, by modality.
    pub library_size: Vec<Assignment>,
    /// Bytes to stay within.
    pub memory: Option<usize>,
}

/// Obs columns that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Names of `--obs`.
    pub obs: Vec<String>,
    /// Columns of one value, from `--set`.
    pub set: Vec<Assignment>,
}

impl Job {
    /// Checks the arguments, and reads sheet and list of cells.
    ///
    /// # Errors
    /// Usage: arguments that contradict each other, or no input. Contract: a sheet or list that cannot be read.
    pub fn new(args: Args) -> Result<Self> {
        let args = sheet::one_sample(args)?;
        refuse_contradictions(&args)?;
        let files = sheet::files(&args)?;
        inputs::check(&files)?;
        let settings = mfdoom_cli::settings(&args)?;
        Ok(Self {
            files,
            filter: CellFilter { min_counts: args.min_counts as f64, min_genes: args.min_genes },
            cells: args.cells.as_deref().map(CellList::read).transpose()?,
            shard: args.shard,
            describe: args.common.check,
            repeatable: args.common.check || args.output.output.as_deref().is_some_and(is_file),
            unmatched: unmatched(&args)?,
            reading: Reading::new(&args),
            annotation: Asked { obs: args.obs, set: args.set },
            genes: match args.vocab {
                Some(path) => GeneChoice::Given(Arc::new(Vocabulary::load(&path)?)),
                None => GeneChoice::Inputs { min_cells: args.min_cells, top_genes: args.top_genes },
            },
            settings,
        })
    }
}

/// Whether an output becomes a file, which is there when it is whole.
fn is_file(path: &Path) -> bool {
    !is_stream(path) && std::fs::metadata(path).map_or(true, |found| found.is_file())
}

/// Where `--unmatched` is written.
fn unmatched(args: &Args) -> Result<Option<Output>> {
    let Some(path) = &args.unmatched else { return Ok(None) };
    if args.output.output.as_ref() == Some(path) {
        return Err(Error::usage(format!("{}: is the output and --unmatched", path.display()))
            .help("write them to two files"));
    }
    mfdoom_cli::output(Some(path), args.output.force).map(Some)
}

impl Reading {
    /// Returns how the matrices of one file are read, for which a sheet may tell the kind.
    pub fn of(&self, named: &Named) -> Self {
        Self { kind: named.kind.or(self.kind), ..self.clone() }
    }

    /// Takes the arguments that say how matrices are read.
    pub fn new(args: &Args) -> Self {
        Self {
            counts: CountRule { allow_non_integer: args.allow_non_integer },
            kind: args.kind,
            ambiguous: args.ambiguous,
            gene_column: args.gene_column.clone(),
            library_size: args.library_size.clone(),
            memory: args.common.max_memory.map(|memory| memory.bytes() as usize),
        }
    }
}

fn refuse_contradictions(args: &Args) -> Result<()> {
    if args.vocab.is_some() {
        let filters = [("--min-cells", args.min_cells > 0), ("--top-genes", args.top_genes.is_some())];
        if let Some((flag, _)) = filters.iter().find(|(_, given)| *given) {
            return Err(Error::usage(format!(
                "{flag} cannot be used with --vocab: the vocabulary decides the genes"
            ))
            .help(format!(
                "leave out {flag}, or make a vocabulary with it: --vocab-only {flag} N -o vocab.json"
            )));
        }
    }
    if !args.with.is_empty() && args.inputs.len() != 1 {
        return Err(Error::usage("--with adds to one input")
            .found(format!("{} inputs", args.inputs.len()))
            .help("name one input, or use a sheet: counts = FIRST;SECOND"));
    }
    if let Some(twice) = repeated(&args.set) {
        return Err(Error::usage(format!("--set {}= is given twice", twice.name)));
    }
    if let Some(twice) = repeated(&args.library_size) {
        return Err(Error::usage(format!("--library-size {}= is given twice", twice.name)));
    }
    let whole = [("--vocab", args.vocab.is_some()), ("--shard", args.shard.is_some())];
    match whole.iter().find(|(_, given)| args.vocab_only && *given) {
        Some((flag, _)) => Err(Error::usage(format!("--vocab-only cannot be used with {flag}"))
            .help("a vocabulary is made from all genes and cells of the inputs")),
        None => Ok(()),
    }
}

fn repeated(assignments: &[Assignment]) -> Option<&Assignment> {
    let earlier = |at: usize, name: &str| assignments[..at].iter().any(|other| other.name == name);
    assignments.iter().enumerate().find(|(at, one)| earlier(*at, &one.name)).map(|(_, one)| one)
}
