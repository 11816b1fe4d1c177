//! Embeds the cells of a token table from every subset of the modalities.

use std::collections::BTreeMap;

use mfdoom_artifact::obs::ObsField;
use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellBlock, InferArgs, Inference, TrainedModel, open_device};
use mfdoom_matrix::{Matrix, subsample};

use super::super::input::NamedColumn;
use super::args::RetentionArgs;
use super::subsets;

/// Cells that go through the model at once.
const BATCH: usize = 64;

/// Cells with their vectors from every subset.
pub(super) struct Embedded {
    pub(super) name: String,
    /// Name and identity of tokens and model.
    pub(super) inputs: Vec<(String, String)>,
    /// Data set and id of each cell.
    pub(super) keys: Vec<(String, String)>,
    /// Obs columns as text.
    pub(super) columns: Vec<NamedColumn>,
    /// For each modality which cells have it.
    pub(super) present: BTreeMap<String, Vec<bool>>,
    /// Vectors of each head from each subset, those from all modalities first.
    pub(super) heads: Vec<Head>,
}

/// Vectors of a head from a subset.
pub(super) struct Head {
    pub(super) name: String,
    pub(super) from: Vec<String>,
    pub(super) vectors: Matrix,
}

/// Embeds all cells from every subset, or as many as are scored.
///
/// # Errors
/// Those of opening model and tokens. Usage: a head that the model does not have.
pub(super) fn all(args: &RetentionArgs) -> Result<Embedded> {
    if mfdoom_cli::is_stream(&args.tokens) || (args.tokens.exists() && !args.tokens.is_file()) {
        return Err(Error::usage(format!("{}: tokens are read once for each subset", args.tokens.display()))
            .found("a stream")
            .wanted("a file")
            .help("write the tokens to a file: mfdoom-preprocess -o tokens.parquet"));
    }
    let model = TrainedModel::open(&args.model, &open_device(args.device.device))?;
    let scheme = model.model.scheme();
    let row = |name: &String| {
        scheme.output(name).ok_or_else(|| {
            let known: Vec<&str> = scheme.outputs.iter().map(|output| output.name.as_str()).collect();
            Error::usage(format!("--head: the model has no head '{name}'")).wanted(known.join(", "))
        })
    };
    let mut names = args.heads.clone();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let rows: Vec<usize> = names.iter().map(row).collect::<Result<_>>()?;
    let first = inference(args, &model, &[])?;
    let tokens = first.tokens().clone();
    let known = &model.model.config().modalities;
    let modalities: Vec<String> =
        tokens.modalities.iter().filter(|name| known.contains(name)).cloned().collect();
    let mut found = Embedded {
        name: mfdoom_artifact::place::base_name(&args.tokens),
        inputs: vec![
            (mfdoom_artifact::place::base_name(&args.tokens), tokens.manifest.content_id.clone()),
            (mfdoom_artifact::place::base_name(&args.model), model.manifest.content_id.clone()),
        ],
        keys: Vec::new(),
        columns: tokens.obs.iter().map(column).collect(),
        present: modalities.iter().map(|name| (name.clone(), Vec::new())).collect(),
        heads: Vec::new(),
    };
    if args.run.common.check {
        return Ok(found);
    }
    for subset in subsets(&modalities) {
        let whole = found.keys.is_empty();
        let inference = inference(args, &model, if whole { &[] } else { &subset })?;
        for (name, vectors) in names.iter().zip(found.vectors(&model, inference, &rows)?) {
            found.heads.push(Head { name: name.clone(), from: subset.clone(), vectors });
        }
    }
    found.thin(args);
    Ok(found)
}

fn column(field: &ObsField) -> NamedColumn {
    NamedColumn { column: field.name.clone(), kind: field.kind, values: Vec::new() }
}

fn inference(args: &RetentionArgs, model: &TrainedModel, from: &[String]) -> Result<Inference> {
    let args = InferArgs {
        tokens: Some(args.tokens.clone()),
        model: args.model.clone(),
        use_modalities: from.to_vec(),
        max_tokens: None,
        batch_cells: BATCH,
        shard: None,
        device: args.device,
    };
    Inference::open(&args, model)
}

impl Embedded {
    /// Embeds the cells from one subset, by the heads of the model in these rows; of the first subset, keys, columns
    /// and modalities are kept.
    fn vectors(&mut self, model: &TrainedModel, inference: Inference, rows: &[usize]) -> Result<Vec<Matrix>> {
        let whole = self.keys.is_empty();
        let (dim, outputs) = (model.width(), model.model.scheme().outputs.len());
        let names = &model.model.config().modalities;
        let mut vectors = vec![Vec::new(); rows.len()];
        inference.run("embedding", None, |block: CellBlock<'_>| {
            for batch in block.batches() {
                let pooled = model.embed(&block, batch)?;
                for outputs in pooled.chunks_exact(dim * outputs) {
                    for (to, row) in vectors.iter_mut().zip(rows) {
                        to.extend_from_slice(&outputs[row * dim..(row + 1) * dim]);
                    }
                }
            }
            if whole {
                for (name, tokens) in names.iter().zip(&block.tokens) {
                    self.present.get_mut(name).into_iter().for_each(|all| all.extend(&tokens.present));
                }
                let (dataset, cell_id, obs) = block.into_wanted();
                self.keys.extend(dataset.into_iter().zip(cell_id));
                self.columns
                    .iter_mut()
                    .zip(&obs)
                    .for_each(|(column, values)| column.values.extend(values.to_strings()));
            }
            Ok(())
        })?;
        let n = self.keys.len();
        let fits = |data| {
            Matrix::new(data, n, dim)
                .map_err(|error| Error::failed("the embeddings do not fit the cells").source(error))
        };
        vectors.into_iter().map(fits).collect()
    }

    /// Keeps the cells that are drawn.
    fn thin(&mut self, args: &RetentionArgs) {
        let kept = subsample(self.keys.len(), args.max_cells, args.run.seed.seed);
        if kept.len() == self.keys.len() {
            return;
        }
        self.keys = kept.iter().map(|&at| self.keys[at].clone()).collect();
        for column in &mut self.columns {
            column.values = kept.iter().map(|&at| column.values[at].clone()).collect();
        }
        for flags in self.present.values_mut() {
            *flags = kept.iter().map(|&at| flags[at]).collect();
        }
        self.heads.iter_mut().for_each(|head| head.vectors = head.vectors.select_rows(&kept));
    }
}
