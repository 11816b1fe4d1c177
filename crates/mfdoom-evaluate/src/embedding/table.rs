//! Embeddings from a table or safetensors file: ours, or any parquet file with columns of vectors.

use mfdoom_artifact::obs::ObsType;
use mfdoom_artifact::{EmbeddingBatch, EmbeddingReader, EmbeddingSchema, Input, sha256_file};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;
use mfdoom_matrix::subsample::thin;

use super::input::{EmbeddedCells, Groups, HeadVectors, NamedColumn, modality_pairs};
use super::layout::{BatchPlace, Layout};
use crate::args::EmbeddingArgs;
use crate::scores::{Kind, ScoredInput};

/// Reads the heads and columns asked for of all tables; memory holds the cells drawn, and as many again.
///
/// # Errors
/// Those of reading a table. Contract: a head or column that is not in all of them.
pub(super) fn read(inputs: &[Input], args: &EmbeddingArgs) -> Result<EmbeddedCells> {
    let mut first: Option<(Layout, EmbeddingSchema)> = None;
    let (mut sources, mut n_total, mut read) = (Vec::new(), 0, Read::default());
    for input in inputs {
        let reader = EmbeddingReader::open(input)?;
        let schema = reader.schema().clone();
        let layout = Layout::of(&schema, args, &input.to_string())?;
        sources.push(ScoredInput::new(&input.base_name(), identity(&schema, input)?));
        match &first {
            None => {
                read = Read::new(&layout);
                first = Some((layout.clone(), schema));
            }
            Some((other, _)) => layout.check(other, [input, &inputs[0]])?,
        }
        for batch in reader {
            let batch = batch?;
            read.add(&batch, &layout, n_total);
            n_total += batch.len();
            if read.rows.len() >= args.max_cells.saturating_mul(2) {
                read = read.thinned(&layout, args);
            }
        }
    }
    let Some((layout, schema)) = first else { return Err(Error::usage("no embeddings")) };
    let name = match sources.as_slice() {
        [first, _, ..] => format!("{} and {} more", first.name, sources.len() - 1),
        _ => sources[0].name.clone(),
    };
    let cells = cells(read.thinned(&layout, args), &layout, &schema, args);
    Ok(EmbeddedCells { name, sources, n_total, ..cells })
}

/// Returns the identity of a table's content.
fn identity(schema: &EmbeddingSchema, input: &Input) -> Result<Option<String>> {
    Ok(match (schema.manifest.stage.as_str(), input) {
        ("", Input::Path(path)) => Some(sha256_file(path)?),
        ("", Input::Stdin) => None,
        _ => Some(schema.manifest.content_id.clone()),
    })
}

/// Returns the cells that were read, without what is known of the files.
fn cells(read: Read, layout: &Layout, schema: &EmbeddingSchema, args: &EmbeddingArgs) -> EmbeddedCells {
    let Read { dataset, cell_id, heads, present, label, batch, .. } = read;
    let (n, used) = (cell_id.len(), used(schema));
    let heads = layout.heads.iter().zip(heads).zip(present).map(|((head, data), present)| HeadVectors {
        from: match head.present {
            Some(modality) => vec![schema.modalities[modality].clone()],
            None => used.clone(),
        },
        name: head.name.clone(),
        kind: Kind::Head,
        is_mixed: None,
        vectors: Matrix::new(data, n, head.dim).unwrap_or_default(),
        present: head.present.map(|_| present),
    });
    let mut heads: Vec<HeadVectors> = heads.collect();
    let before = layout.has_before.then(|| heads.pop()).flatten();
    let named = |name: &Option<String>, at: Option<usize>, values: Vec<Option<String>>| NamedColumn {
        column: name.clone().unwrap_or_default(),
        kind: at.map_or(ObsType::String, |at| schema.obs[at].kind),
        values,
    };
    let batch_at = match layout.batch {
        Some(BatchPlace::Column(at)) => Some(at),
        _ => None,
    };
    EmbeddedCells {
        name: String::new(),
        sources: Vec::new(),
        pairs: modality_pairs(&heads),
        heads,
        before,
        groups: Groups::default(),
        labels: layout.label.is_some().then(|| named(&args.label, layout.label, label)),
        batches: layout.batch.is_some().then(|| named(&args.batch_key, batch_at, batch)),
        columns: schema.obs.iter().map(|field| field.name.clone()).collect(),
        // Tables that others wrote may lack data sets; their cells are then known by id alone.
        dataset: Some(dataset).filter(|names| names.iter().any(|name| !name.is_empty())),
        cell_id,
        n_total: 0,
        n_without: 0,
    }
}

/// Returns the modalities that the cells were embedded from.
fn used(schema: &EmbeddingSchema) -> Vec<String> {
    let chosen = schema.manifest.config.get("use_modalities").and_then(|names| names.as_array());
    let chosen: Vec<String> =
        chosen.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect();
    if chosen.is_empty() { schema.modalities.clone() } else { chosen }
}

/// Columns as they grow.
#[derive(Default)]
struct Read {
    /// Row of each cell in the input.
    rows: Vec<usize>,
    dataset: Vec<String>,
    cell_id: Vec<String>,
    heads: Vec<Vec<f32>>,
    present: Vec<Vec<bool>>,
    label: Vec<Option<String>>,
    batch: Vec<Option<String>>,
}

impl Read {
    fn new(layout: &Layout) -> Self {
        let n = layout.heads.len();
        Self {
            rows: Vec::new(),
            dataset: Vec::new(),
            cell_id: Vec::new(),
            heads: vec![Vec::new(); n],
            present: vec![Vec::new(); n],
            label: Vec::new(),
            batch: Vec::new(),
        }
    }

    fn add(&mut self, batch: &EmbeddingBatch, layout: &Layout, first: usize) {
        self.rows.extend(first..first + batch.len());
        self.dataset.extend_from_slice(&batch.dataset);
        self.cell_id.extend_from_slice(&batch.cell_id);
        for ((head, vectors), present) in layout.heads.iter().zip(&mut self.heads).zip(&mut self.present) {
            vectors.extend_from_slice(&batch.heads[head.at]);
            if let Some(modality) = head.present {
                present.extend_from_slice(&batch.present[modality]);
            }
        }
        if let Some(column) = layout.label {
            self.label.extend(batch.obs[column].to_strings());
        }
        match layout.batch {
            None => {}
            Some(BatchPlace::Column(column)) => self.batch.extend(batch.obs[column].to_strings()),
            Some(BatchPlace::Dataset) => self.batch.extend(batch.dataset.iter().cloned().map(Some)),
        }
    }

    /// Keeps the cells drawn so far.
    fn thinned(self, layout: &Layout, args: &EmbeddingArgs) -> Self {
        if self.rows.len() <= args.max_cells {
            return self;
        }
        fn take<T: Clone>(values: &[T], kept: &[usize]) -> Vec<T> {
            if values.is_empty() { Vec::new() } else { kept.iter().map(|&at| values[at].clone()).collect() }
        }
        let kept = thin(&self.rows, args.max_cells, args.run.seed.seed);
        let heads = self.heads.iter().zip(&layout.heads).map(|(values, head)| {
            kept.iter().flat_map(|at| &values[at * head.dim..(at + 1) * head.dim]).copied().collect()
        });
        Self {
            heads: heads.collect(),
            rows: take(&self.rows, &kept),
            dataset: take(&self.dataset, &kept),
            cell_id: take(&self.cell_id, &kept),
            present: self.present.iter().map(|flags| take(flags, &kept)).collect(),
            label: take(&self.label, &kept),
            batch: take(&self.batch, &kept),
        }
    }
}
