//! The predicted profiles.

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::{Gene, GeneBatch, GeneTableReader, GeneTableSchema, Input, sha256_file};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::subsample::thin;

use super::args::ExpressionArgs;
use crate::scores::ScoredInput;

/// Predicted profiles of the cells drawn.
pub(super) struct Profiles {
    pub(super) source: ScoredInput,
    /// Genes that every vector has a value for, [G].
    pub(super) genes: Vec<Gene>,
    /// Names of the modalities.
    pub(super) modalities: Vec<String>,
    /// Keys, and for each modality ln(1 + 1e4 x share), [n, G].
    pub(super) cells: GeneBatch,
    /// Cells in the table.
    pub(super) n_total: usize,
}

impl Profiles {
    /// Reads the profiles; memory holds the cells drawn, and as many again.
    ///
    /// # Errors
    /// Contract: another kind of table, no profiles in it, values that are not finite.
    pub(super) fn read(args: &ExpressionArgs) -> Result<Self> {
        let input = mfdoom_cli::input(args.predictions.as_deref())?;
        let reader = GeneTableReader::open(&input, PREDICTIONS_FORMAT)?;
        let schema = reader.schema().clone();
        check(&schema, reader.name())?;
        let content_id = match (schema.manifest.stage.as_str(), &input) {
            ("", Input::Path(path)) => Some(sha256_file(path)?),
            ("", Input::Stdin) => None,
            _ => Some(schema.manifest.content_id.clone()),
        };
        let names: Vec<&str> = schema.matrices.iter().map(String::as_str).collect();
        let reader = reader.select(&names)?;
        let source = reader.name().to_owned();
        let (mut rows, mut n_total) = (Vec::new(), 0);
        let mut cells =
            GeneBatch { matrices: vec![Vec::new(); schema.matrices.len()], ..GeneBatch::default() };
        for batch in reader {
            let batch = batch?;
            check_finite(&batch, &schema, &source)?;
            rows.extend(n_total..n_total + batch.len());
            n_total += batch.len();
            append(&mut cells, batch);
            if rows.len() >= args.max_cells.saturating_mul(2) {
                (cells, rows) = thinned(&cells, &rows, args);
            }
        }
        let (cells, _) = thinned(&cells, &rows, args);
        let source = ScoredInput::new(&input.base_name(), content_id);
        Ok(Self { source, genes: schema.genes, modalities: schema.matrices, cells, n_total })
    }
}

/// Checks that a table holds profiles.
fn check(schema: &GeneTableSchema, source: &str) -> Result<()> {
    if schema.manifest.config.get("sample").is_some() {
        return Err(Error::contract(format!("{source}: sampled counts, not profiles"))
            .wanted("predictions that mfdoom-decode wrote without --sample"));
    }
    if schema.matrices.is_empty() {
        let obs: Vec<&str> = schema.obs.iter().map(|field| field.name.as_str()).collect();
        return Err(Error::contract(format!("{source}: no profiles in it"))
            .found(if obs.is_empty() { "keys only".to_owned() } else { obs.join(", ") })
            .wanted("a column of a modality with one value a gene")
            .help("give the predictions of a decoder of expression or counts"));
    }
    Ok(())
}

fn check_finite(batch: &GeneBatch, schema: &GeneTableSchema, source: &str) -> Result<()> {
    let genes = schema.genes.len().max(1);
    for (values, name) in batch.matrices.iter().zip(&schema.matrices) {
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (cell, gene) = (&batch.cell_id[at / genes], &schema.genes[at % genes].id);
            return Err(Error::contract(format!("{source}: column {name:?} holds NaN or infinity"))
                .found(format!("cell {cell:?}, gene {gene:?}"))
                .wanted("finite numbers"));
        }
    }
    Ok(())
}

fn append(cells: &mut GeneBatch, batch: GeneBatch) {
    cells.dataset.extend(batch.dataset);
    cells.cell_id.extend(batch.cell_id);
    cells.matrices.iter_mut().zip(batch.matrices).for_each(|(to, from)| to.extend(from));
}

/// Keeps the cells drawn so far, with their rows in the table.
fn thinned(cells: &GeneBatch, rows: &[usize], args: &ExpressionArgs) -> (GeneBatch, Vec<usize>) {
    let kept = thin(rows, args.max_cells, args.run.seed.seed);
    let genes = |values: &Vec<f32>| values.len() / rows.len().max(1);
    let text = |values: &[String]| kept.iter().map(|&at| values[at].clone()).collect();
    let numbers = |values: &Vec<f32>| {
        let width = genes(values);
        kept.iter().flat_map(|at| &values[at * width..(at + 1) * width]).copied().collect()
    };
    let taken = GeneBatch {
        dataset: text(&cells.dataset),
        cell_id: text(&cells.cell_id),
        obs: Vec::new(),
        matrices: cells.matrices.iter().map(numbers).collect(),
    };
    (taken, kept.iter().map(|&at| rows[at]).collect())
}
