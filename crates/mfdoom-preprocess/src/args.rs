//! The command line of `mfdoom-preprocess`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use mfdoom_cli::{Assignment, CommonArgs, OutputArgs, Shard};
use serde::Serialize;

use crate::kind::Kind;

/// Turns raw counts into one table of tokens
///
/// Reads files of any mix of modalities and writes one row per cell: the cell's key, chosen obs columns, and
/// per modality the genes with counts. Nothing is dropped unless asked for, and what is dropped is reported.
///
/// Formats are told by content: AnnData (.h5ad), MuData (.h5mu), loom, Cell Ranger (.h5, or a folder of
/// matrix.mtx), STARsolo, kb and bustools, alevin and alevin-fry, Zarr, tables of text. --check says what a
/// file is, what it holds and what would be taken.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "mfdoom-preprocess", version)]
pub struct Args {
    /// Files or folders with raw counts
    #[arg(value_name = "INPUT")]
    #[serde(skip)]
    pub inputs: Vec<PathBuf>,

    /// Take files, data sets, modalities and obs columns from a sample sheet (CSV)
    ///
    /// Columns: sample, counts (files of the same cells separated by ';'), optionally dataset, modalities
    /// (spliced=layers/a;unspliced=layers/b) and kind (as --kind has it), and any further column, which is carried
    /// along. Paths are absolute or relative to the sheet's folder.
    #[arg(long, value_name = "SHEET.csv", help_heading = "Sample sheet", conflicts_with_all = ["inputs", "dataset", "modality"])]
    #[serde(skip)]
    pub sheet: Option<PathBuf>,

    /// Take only this sample of the sheet
    #[arg(long, value_name = "NAME", help_heading = "Sample sheet", requires = "sheet")]
    #[serde(skip)]
    pub sample: Option<String>,

    /// Check the sheet and write it in full (tab-separated) instead of tokens
    ///
    /// Adds what each file measured and its number of cells; paths become absolute, defaults are filled in.
    #[arg(long, help_heading = "Sample sheet", requires = "sheet", conflicts_with_all = ["sample", "vocab_only"])]
    #[serde(skip)]
    pub sheet_only: bool,

    /// Genes to keep, in the order of a model or vocab.json [default: the genes of all inputs]
    #[arg(long, value_name = "model/|vocab.json", help_heading = "Genes")]
    #[serde(skip)]
    pub vocab: Option<PathBuf>,

    /// Write the vocabulary of all inputs (vocab.json) instead of tokens
    #[arg(long, help_heading = "Genes")]
    #[serde(skip)]
    pub vocab_only: bool,

    /// Keep the N genes of highest dispersion (Seurat), over all inputs; ties are all kept
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Genes")]
    pub top_genes: Option<usize>,

    /// Keep genes seen in at least N cells of all inputs
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = mfdoom_cli::count::<u64>, help_heading = "Genes")]
    pub min_cells: u64,

    /// Write what did not match to this table (tab-separated): genes, and cells of files joined by --with
    ///
    /// A line for each gene of the vocabulary that a data set lacks, each gene of an input that --vocab lacks, and
    /// each cell of joined files that only one of them has: kind, dataset, modality, id, symbol, file, missing_in.
    #[arg(long, value_name = "FILE.tsv", help_heading = "Genes", conflicts_with_all = ["vocab_only", "sheet_only"])]
    #[serde(skip)]
    pub unmatched: Option<PathBuf>,

    /// Take gene ids from this var column [default: the index]
    #[arg(long, value_name = "COLUMN", help_heading = "Genes")]
    pub gene_column: Option<String>,

    /// Keep cells with at least N counts, over all genes of their file
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = mfdoom_cli::count::<u64>, help_heading = "Cells")]
    pub min_counts: u64,

    /// Keep cells with at least N genes, over all genes of their file
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = mfdoom_cli::count::<usize>, help_heading = "Cells")]
    pub min_genes: usize,

    /// Keep the cells listed in FILE, one id a line
    #[arg(long, value_name = "FILE", help_heading = "Cells")]
    #[serde(skip)]
    pub cells: Option<PathBuf>,

    /// Take the I-th of N even runs of rows; vocabulary and gene filters stay those of the whole
    #[arg(long, value_name = "I/N", help_heading = "Cells")]
    pub shard: Option<Shard>,

    /// Where a modality is: X, raw/X, layers/K, obsm/K or mod/M/X; none leaves it out
    ///
    /// Found without help: layers spliced/unspliced (also mature/nascent, exon/intron); their sum as
    /// expression; else X, raw/X or layers/counts as expression, whichever holds raw counts; the modalities of
    /// a MuData file by their names. Features of other types than genes are modalities of their own (protein,
    /// crispr, atac ...); one of them is named as X[Antibody Capture].
    #[arg(long, value_name = "NAME=SOURCE", help_heading = "Modalities")]
    pub modality: Vec<Assignment>,

    /// Take the modalities of a common kind of measurement, by the names that they usually have
    ///
    /// Looked for among the modalities of a MuData file, feature types and obsm. Other modalities are left out.
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Modalities")]
    pub kind: Option<Kind>,

    /// Take more modalities of the cells of the one input from this file, matched by barcode
    ///
    /// What programs put around a barcode is passed over (-1, x, sample:, sample_). Its matrices are named
    /// mod/FILE/X, FILE being its name without ending; layers spliced and unspliced are found by themselves. In
    /// a sheet such files follow the first one under counts, separated by ';'.
    #[arg(long, value_name = "FILE", help_heading = "Modalities", conflicts_with = "sheet")]
    #[serde(skip)]
    pub with: Vec<PathBuf>,

    /// Obs column with a modality's true library sizes, where a file holds a subset of the genes
    ///
    /// Found without help where it is named as one (initial_size_spliced, n_counts, nCount_RNA ...) and never
    /// below the counts of a cell; none counts instead.
    #[arg(long, value_name = "NAME=COLUMN", help_heading = "Modalities")]
    pub library_size: Vec<Assignment>,

    /// What becomes of ambiguous counts where spliced and unspliced are found
    #[arg(long, value_enum, value_name = "HOW", default_value_t, help_heading = "Modalities")]
    pub ambiguous: Ambiguous,

    /// What the expression of the inputs counts, stored for later stages
    #[arg(long, value_enum, value_name = "WHAT", default_value_t, help_heading = "Modalities")]
    pub expression_includes: ExpressionIncludes,

    /// Take values that are not integers (never negative ones)
    #[arg(long, help_heading = "Modalities")]
    pub allow_non_integer: bool,

    /// Carry an obs column along; all carries every one
    #[arg(long, value_name = "COLUMN", help_heading = "Annotation")]
    pub obs: Vec<String>,

    /// Add a column of one value
    #[arg(long, value_name = "COLUMN=VALUE", help_heading = "Annotation")]
    pub set: Vec<Assignment>,

    /// Name of the data set [default: the file's name without its extension]
    #[arg(long, value_name = "NAME", help_heading = "Annotation")]
    #[serde(skip)]
    pub dataset: Option<String>,

    /// -o and --force.
    #[command(flatten)]
    #[serde(skip)]
    pub output: OutputArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    #[serde(skip)]
    pub common: CommonArgs,
}

/// What becomes of ambiguous counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Ambiguous {
    /// They are left out, as scVelo does.
    #[default]
    Drop,
    /// They are added to spliced, as alevin-fry does.
    Spliced,
    /// They are shared out by the gene's spliced and unspliced counts in that cell.
    Split,
}

/// Which reads a file's expression counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ExpressionIncludes {
    /// Exons and introns (Cell Ranger since version 7).
    Introns,
    /// Exons only.
    Exons,
    /// Not known.
    #[default]
    Unknown,
}
