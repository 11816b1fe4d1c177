//! The model card, `README.md` of a model folder.

use mfdoom_artifact::MetricRow;
use mfdoom_artifact::markdown::plain;
use mfdoom_model::ModelConfig;
use mfdoom_train::TrainingCells;

/// Returns a model card with the sizes, the data and the last validation scores.
pub fn text(config: &ModelConfig, cells: &TrainingCells, metrics: &[MetricRow]) -> String {
    let datasets: Vec<String> = cells.measured.datasets().map(plain).collect();
    let last = metrics.iter().filter(|m| m.split == "validation").map(|m| m.step).max();
    let scores: String = metrics
        .iter()
        .filter(|m| m.split == "validation" && Some(m.step) == last)
        .map(|m| format!("| {} | {:.4} |\n", plain(&m.name.replace('|', " to ")), m.value))
        .collect();
    let scores = match scores.is_empty() {
        true => "No cells were held back.\n".into(),
        false => format!("| score | value |\n|---|---|\n{scores}"),
    };
    format!(
        "---\nlibrary_name: mfdoom\ntags:\n- single-cell\n- multimodal\n---\n\
# A multimodal single-cell model\n\n\
Trained by `mfdoom-pretrain` {version}. `mfdoom-embed TOKENS --model THIS_FOLDER -o embeddings.parquet` embeds \
cells with it; the tensors of `model.safetensors` can be read by any safetensors library.\n\n\
| | |\n|---|---|\n| modalities | {modalities} |\n| genes | {genes} |\n| fusion | {fusion} |\n\
| width, layers, heads | {dim}, {depth}, {heads} of {dim_head} |\n| cells | {cells} |\n| data sets | {datasets} |\n\n\
## Cells held back\n\n{scores}",
        version = env!("CARGO_PKG_VERSION"),
        modalities = config.modalities.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", "),
        genes = cells.vocabulary.len(),
        fusion = config.fusion,
        dim = config.dim,
        depth = config.depth,
        heads = config.heads,
        dim_head = config.dim_head,
        cells = cells.len(),
        datasets = datasets.join(", "),
    )
}
