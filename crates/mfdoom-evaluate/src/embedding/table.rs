//! Embeddings from a table or safetensors file: ours, or any parquet file with columns of vectors.

use mfdoom_artifact::{EmbeddingBatch, EmbeddingReader, EmbeddingSchema, Input, sha256_file};
use mfdoom_error::Result;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::subsample::thin;

use super::input::{
    EmbeddedCells, Groups, HeadVectors, NamedColumn, choose, find_column, modality_pairs, need_column,
};
use crate::args::EmbeddingArgs;

/// Reads the heads and columns asked for; memory holds the cells drawn, and as many again.
pub(super) fn read(input: &Input, args: &EmbeddingArgs) -> Result<EmbeddedCells> {
    let reader = EmbeddingReader::open(input)?;
    let schema = reader.schema().clone();
    let layout = Layout::of(&schema, args, &input.to_string())?;
    let content_id = match (schema.manifest.stage.as_str(), input) {
        ("", Input::Path(path)) => Some(sha256_file(path)?),
        ("", Input::Stdin) => None,
        _ => Some(schema.manifest.content_id.clone()),
    };
    let mut read = Read::new(&layout);
    let mut n_total = 0;
    for batch in reader {
        let batch = batch?;
        read.add(&batch, &layout, n_total);
        n_total += batch.len();
        if read.rows.len() >= args.max_cells.saturating_mul(2) {
            read = read.thinned(&layout, args);
        }
    }
    let (labels, batches) = (layout.label.is_some(), layout.batch.is_some());
    let Read { dataset, cell_id, heads, present, label, batch, .. } = read.thinned(&layout, args);
    let (n, used) = (cell_id.len(), used(&schema));
    let heads = layout.heads.iter().zip(heads).zip(present).map(|((head, data), present)| HeadVectors {
        from: match head.present {
            Some(modality) => vec![schema.modalities[modality].clone()],
            None => used.clone(),
        },
        name: schema.heads[head.at].name.clone(),
        vectors: Matrix::new(data, n, head.dim).unwrap_or_default(),
        present: head.present.map(|_| present),
    });
    let mut heads: Vec<HeadVectors> = heads.collect();
    let before = layout.has_before.then(|| heads.pop()).flatten();
    Ok(EmbeddedCells {
        name: input.base_name(),
        content_id,
        pairs: modality_pairs(&heads),
        heads,
        before,
        groups: Groups::default(),
        labels: labels.then(|| NamedColumn { column: args.label.clone().unwrap_or_default(), values: label }),
        batches: batches
            .then(|| NamedColumn { column: args.batch_key.clone().unwrap_or_default(), values: batch }),
        columns: schema.obs.iter().map(|field| field.name.clone()).collect(),
        // Tables that others wrote may lack data sets; their cells are then known by id alone.
        dataset: Some(dataset).filter(|names| names.iter().any(|name| !name.is_empty())),
        cell_id,
        n_total,
        n_without: 0,
    })
}

/// Returns the modalities that the cells were embedded from.
fn used(schema: &EmbeddingSchema) -> Vec<String> {
    let chosen = schema.manifest.config.get("use_modalities").and_then(|names| names.as_array());
    let chosen: Vec<String> =
        chosen.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect();
    if chosen.is_empty() { schema.modalities.clone() } else { chosen }
}

/// Where the heads and columns asked for are.
struct Layout {
    /// The heads to score, then that before integration, where asked for.
    heads: Vec<HeadPlace>,
    has_before: bool,
    label: Option<usize>,
    batch: Option<usize>,
}

struct HeadPlace {
    at: usize,
    dim: usize,
    /// Position of the modality of the head's name.
    present: Option<usize>,
}

impl Layout {
    fn of(schema: &EmbeddingSchema, args: &EmbeddingArgs, source: &str) -> Result<Self> {
        let names: Vec<String> = schema.heads.iter().map(|head| head.name.clone()).collect();
        let columns: Vec<String> = schema.obs.iter().map(|field| field.name.clone()).collect();
        let mut chosen = choose(&names, &args.heads, source)?;
        if let Some(before) = &args.before {
            chosen.extend(choose(&names, std::slice::from_ref(before), source)?);
        }
        let heads = chosen.into_iter().map(|at| HeadPlace {
            at,
            dim: schema.heads[at].dim,
            present: schema.modalities.iter().position(|modality| *modality == names[at]),
        });
        if let Some(batch) = &args.batch_key {
            need_column(&columns, batch, source, "--batch-key")?;
        }
        let find = |name: &String| find_column(&columns, name);
        Ok(Self {
            heads: heads.collect(),
            has_before: args.before.is_some(),
            label: args.label.as_ref().and_then(find),
            batch: args.batch_key.as_ref().and_then(find),
        })
    }
}

/// Columns as they grow.
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
        for (column, to) in [(layout.label, &mut self.label), (layout.batch, &mut self.batch)] {
            if let Some(column) = column {
                to.extend(batch.obs[column].to_strings());
            }
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
        let kept = thin(&self.rows, args.max_cells, args.seed.seed);
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
