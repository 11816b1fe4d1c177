//! The readers, what they read, and how.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use mfdoom_artifact::folder::publish;
use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::trajectories::{EMBEDDINGS_FILE, STATES_FILE, TRAJECTORIES_FORMAT};
use mfdoom_artifact::velocity::{
    CellTable, Driver, Kinetics, VELOCITY_DIR_FORMAT, moments_schema, prediction_schema, projection_schema,
};
use mfdoom_artifact::{
    AtomicDir, Column, EmbeddingBatch, EmbeddingFormat, EmbeddingReader, EmbeddingSchema, EmbeddingWriter,
    Folder, Gene, GeneBatch, GeneTableReader, GeneTableSchema, GeneTableWriter, Head, Input, Manifest,
    MetricRow, ModelDir, ModelDirWriter, ObsField, ObsType, Output, TableFormat, VelocityDir,
    VelocityDirWriter, read_metrics,
};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;
use mfdoom_tokens::{
    Measured, ModalityTokens, TokenBatch, TokenReader, TokenSchema, TokenWriter, Vocabulary,
};
use serde_json::json;

const CELLS: usize = 60;
const GENES: usize = 12;

/// A kind of artefact.
pub struct Reader {
    pub name: &'static str,
    /// Whether every change that is read must be noticed.
    pub checked: bool,
    /// Writes the artefact below a folder.
    pub write: fn(&Path) -> Result<()>,
    /// Reads all of it and returns a hash of what was read.
    pub read: fn(&Path) -> Result<u64>,
}

/// All of them.
pub const READERS: [Reader; 13] = [
    Reader { name: "tokens.parquet", checked: true, write: tokens, read: read_tokens },
    Reader { name: "tokens.arrows", checked: false, write: token_stream, read: read_token_stream },
    Reader { name: "embeddings.parquet", checked: true, write: embeddings, read: read_embeddings },
    Reader {
        name: "embeddings.arrows",
        checked: false,
        write: embedding_stream,
        read: read_embedding_stream,
    },
    Reader { name: "embeddings.safetensors", checked: false, write: safetensors, read: read_safetensors },
    Reader { name: "predictions.parquet", checked: true, write: predictions, read: read_predictions },
    Reader {
        name: "predictions.arrows",
        checked: false,
        write: prediction_stream,
        read: read_prediction_stream,
    },
    Reader { name: "trajectories", checked: true, write: trajectories, read: read_trajectories },
    Reader { name: "velocity", checked: true, write: velocity, read: read_velocity },
    Reader { name: "velocity without manifest", checked: false, write: bare_velocity, read: read_velocity },
    Reader { name: "model", checked: true, write: model, read: read_model },
    Reader { name: "vocab.json", checked: false, write: vocabulary, read: read_vocabulary },
    Reader { name: "metrics.parquet", checked: true, write: metrics, read: read_metrics_table },
];

fn hash(read: &impl std::fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{read:?}").hash(&mut hasher);
    hasher.finish()
}

fn manifest(format: u32) -> Manifest {
    Manifest::new("mfdoom-x", "1.0.0", format, json!({ "mode": "x" }), vec![]).with_seed(1)
}

fn genes() -> Vec<Gene> {
    (0..GENES).map(|i| Gene::new(format!("g{i:02}"), format!("Gene{i}"))).collect()
}

fn keys() -> (Vec<String>, Vec<String>) {
    (vec!["data".into(); CELLS], (0..CELLS).map(|i| format!("cell{i}")).collect())
}

fn write_tokens(path: &Path) -> Result<()> {
    let vocabulary = std::sync::Arc::new(Vocabulary::new(genes()));
    let mut measured = Measured::default();
    measured.insert("data", "expression", (1..=GENES as u32).collect::<Vec<_>>());
    let fields = vec![ObsField::new("type", ObsType::String), ObsField::new("age", ObsType::Float)];
    let schema =
        TokenSchema::new(vec!["expression".into()], vocabulary, measured, manifest(1))?.with_obs(fields)?;
    let mut writer = TokenWriter::create(&Output::file(path, true), &schema)?;
    let mut tokens = ModalityTokens::default();
    for cell in 0..CELLS {
        let pairs = (1..=GENES as u32).filter(|token| (cell as u32 + token).is_multiple_of(3));
        tokens.push(cell as f64, pairs.map(|token| (token, token as f32)));
    }
    let (dataset, cell_id) = keys();
    let obs = vec![
        Column::String((0..CELLS).map(|i| (i % 4 > 0).then(|| format!("t{}", i % 4))).collect()),
        Column::Float((0..CELLS).map(|i| if i % 5 == 0 { f64::NAN } else { i as f64 }).collect()),
    ];
    writer.write(&TokenBatch { dataset, cell_id, obs, modalities: vec![tokens] })?;
    writer.finish().map(drop)
}

fn read_token_table(path: &Path) -> Result<u64> {
    let reader = TokenReader::open(&Input::Path(path.into()))?;
    let schema = reader.schema().clone();
    let batches = reader.collect::<Result<Vec<_>>>()?;
    Ok(hash(&(schema.obs.clone(), schema.vocabulary.genes().to_vec(), schema.manifest.clone(), batches)))
}

fn tokens(folder: &Path) -> Result<()> {
    write_tokens(&folder.join("t.parquet"))
}

fn read_tokens(folder: &Path) -> Result<u64> {
    read_token_table(&folder.join("t.parquet"))
}

fn token_stream(folder: &Path) -> Result<()> {
    write_tokens(&folder.join("t.arrows"))
}

fn read_token_stream(folder: &Path) -> Result<u64> {
    read_token_table(&folder.join("t.arrows"))
}

fn write_embeddings(path: &Path, format: EmbeddingFormat) -> Result<()> {
    let heads = vec![Head { name: "fusion".into(), dim: 4 }, Head { name: "global".into(), dim: 2 }];
    let obs = vec![ObsField::new("type", ObsType::String)];
    let schema = EmbeddingSchema::new(obs, heads, vec!["expression".into()], manifest(1))?;
    let mut writer = EmbeddingWriter::create(&Output::file(path, true), schema, format)?;
    let (dataset, cell_id) = keys();
    let vector = |dim: usize| (0..CELLS * dim).map(|i| i as f32 / 7.0).collect::<Vec<f32>>();
    writer.write(&EmbeddingBatch {
        dataset,
        cell_id,
        obs: vec![Column::String(vec![Some("a".into()); CELLS])],
        heads: vec![vector(4), vector(2)],
        present: vec![(0..CELLS).map(|i| i % 3 > 0).collect()],
    })?;
    writer.finish().map(drop)
}

fn read_embedding_table(path: &Path) -> Result<u64> {
    let reader = EmbeddingReader::open(&Input::Path(path.into()))?;
    let schema = reader.schema().clone();
    Ok(hash(&(schema, reader.collect::<Result<Vec<_>>>()?)))
}

fn embeddings(folder: &Path) -> Result<()> {
    write_embeddings(&folder.join("e.parquet"), EmbeddingFormat::Parquet)
}

fn read_embeddings(folder: &Path) -> Result<u64> {
    read_embedding_table(&folder.join("e.parquet"))
}

fn embedding_stream(folder: &Path) -> Result<()> {
    write_embeddings(&folder.join("e.arrows"), EmbeddingFormat::Ipc)
}

fn read_embedding_stream(folder: &Path) -> Result<u64> {
    read_embedding_table(&folder.join("e.arrows"))
}

fn safetensors(folder: &Path) -> Result<()> {
    write_embeddings(&folder.join("e.safetensors"), EmbeddingFormat::Safetensors)
}

fn read_safetensors(folder: &Path) -> Result<u64> {
    read_embedding_table(&folder.join("e.safetensors"))
}

fn write_predictions(path: &Path, format: TableFormat) -> Result<()> {
    let schema = GeneTableSchema::new(PREDICTIONS_FORMAT, genes(), &["spliced", "unspliced"], manifest(1))
        .with_obs(vec![ObsField::new("predicted", ObsType::String)]);
    let mut writer = GeneTableWriter::create(&Output::file(path, true), schema, format)?;
    let obs = vec![Column::String((0..CELLS).map(|i| (i % 3 > 0).then(|| format!("t{}", i % 3))).collect())];
    writer.write(GeneBatch { obs, ..block(2) })?;
    writer.finish().map(drop)
}

fn read_prediction_table(path: &Path) -> Result<u64> {
    let reader = GeneTableReader::open(&Input::Path(path.into()), PREDICTIONS_FORMAT)?;
    let schema = reader.schema().clone();
    Ok(hash(&(schema, reader.read_all()?)))
}

fn predictions(folder: &Path) -> Result<()> {
    write_predictions(&folder.join("p.parquet"), TableFormat::Parquet)
}

fn read_predictions(folder: &Path) -> Result<u64> {
    read_prediction_table(&folder.join("p.parquet"))
}

fn prediction_stream(folder: &Path) -> Result<()> {
    write_predictions(&folder.join("p.arrows"), TableFormat::Ipc)
}

fn read_prediction_stream(folder: &Path) -> Result<u64> {
    read_prediction_table(&folder.join("p.arrows"))
}

fn trajectories(folder: &Path) -> Result<()> {
    let new = AtomicDir::create(folder.join("tr"), true)?;
    write_predictions(&new.path().join(STATES_FILE), TableFormat::Parquet)?;
    write_embeddings(&new.path().join(EMBEDDINGS_FILE), EmbeddingFormat::Parquet)?;
    publish(new, manifest(TRAJECTORIES_FORMAT))
}

fn read_trajectories(folder: &Path) -> Result<u64> {
    let dir = Folder::open(&folder.join("tr"), "trajectories", "a folder of mfdoom-generate")?;
    let states = read_prediction_table(&dir.file(STATES_FILE)?)?;
    let vectors = read_embedding_table(&dir.file(EMBEDDINGS_FILE)?)?;
    Ok(hash(&(dir.manifest().to_json(), states, vectors)))
}

fn block(n: usize) -> GeneBatch {
    let (dataset, cell_id) = keys();
    let values = |m: usize| (0..CELLS * GENES).map(|i| (m * 1000 + i) as f32).collect();
    GeneBatch { dataset, cell_id, obs: vec![], matrices: (0..n).map(values).collect() }
}

fn velocity(folder: &Path) -> Result<()> {
    let writer = VelocityDirWriter::create(folder.join("v"), true)?;
    let manifest = manifest(VELOCITY_DIR_FORMAT);
    let mut table = writer.velocities(prediction_schema(genes(), manifest.clone()))?;
    table.write(GeneBatch { obs: vec![Column::Float(vec![0.5; CELLS])], ..block(2) })?;
    table.finish()?;
    let mut table = writer.moments(moments_schema(genes(), manifest.clone()))?;
    table.write(block(2))?;
    table.finish()?;
    writer.kinetics(&Kinetics {
        groups: vec![],
        genes: genes(),
        gamma: vec![0.5; GENES],
        r2: vec![0.25; GENES],
        velocity_gene: vec![true; GENES],
        unspliced_cells: vec![3.0; GENES],
        fits: vec![("fit_alpha".into(), vec![1.5; GENES])],
    })?;
    for mut pairs in [writer.neighbors()?, writer.graph()?] {
        let starts: Vec<usize> = (0..=CELLS).map(|cell| 2 * cell).collect();
        let near = |cell: usize| {
            let mut near = [1, 2].map(|step| ((cell + step) % CELLS) as u32);
            near.sort_unstable();
            near
        };
        let near: Vec<u32> = (0..CELLS).flat_map(near).collect();
        let matrix = Csr::new(CELLS, starts, near, vec![1.0; 2 * CELLS]);
        pairs.write_csr(&matrix.map_err(|e| Error::failed(e.to_string()))?)?;
        pairs.finish()?;
    }
    let (dataset, cell_id) = keys();
    let mut cells = CellTable { dataset: dataset.clone(), cell_id: cell_id.clone(), columns: vec![] };
    cells.set_numbers("confidence", (0..CELLS).map(|i| i as f64));
    writer.cells(&cells)?;
    let driver = Driver { cluster: "a".into(), rank: 1, gene: Gene::new("g00", "Gene0"), score: 2.0 };
    writer.drivers(&[driver])?;
    let mut points = writer.projection("umap", projection_schema(2, manifest.clone())?)?;
    let heads = vec![vec![1.0; 2 * CELLS], vec![0.5; 2 * CELLS]];
    points.write(&EmbeddingBatch { dataset, cell_id, heads, ..EmbeddingBatch::default() })?;
    points.finish()?;
    writer.commit(&manifest)
}

/// As before there were hashes in manifests.
fn bare_velocity(folder: &Path) -> Result<()> {
    velocity(folder)?;
    fs::write(folder.join("v/manifest.json"), manifest(VELOCITY_DIR_FORMAT).to_json())?;
    Ok(())
}

fn read_velocity(folder: &Path) -> Result<u64> {
    let dir = VelocityDir::open(folder.join("v"))?;
    let tables = (dir.velocities()?.read_all()?, dir.moments()?.map(|table| table.read_all()).transpose()?);
    let pairs = [dir.neighbors()?, dir.graph()?];
    let pairs = pairs.map(|pairs| pairs.map(|pairs| pairs.read_all()).transpose());
    for pairs in pairs.iter().filter_map(|pairs| pairs.as_ref().ok()?.as_ref()) {
        pairs.row_starts(CELLS, "pairs")?;
    }
    let [neighbors, graph] = pairs;
    let cells = (dir.kinetics()?, dir.cells()?, dir.drivers()?);
    let mut points = Vec::new();
    for basis in dir.bases()? {
        let projection = dir.projection(&basis)?;
        points.push(projection.map(|reader| reader.collect::<Result<Vec<_>>>()).transpose()?);
    }
    Ok(hash(&(dir.manifest().to_json(), tables, neighbors?, graph?, cells, points)))
}

fn model(folder: &Path) -> Result<()> {
    let writer = ModelDirWriter::create(folder.join("m"), true)?;
    writer.write_config(&json!({ "dim": 2, "names": ["a", "b"] }))?;
    let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let weights = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 8]].concat();
    fs::write(writer.weights_path(), weights)?;
    writer.write_text("vocab.json", &Vocabulary::new(genes()).to_json())?;
    writer.write_metrics(&rows())?;
    writer.commit(manifest(1))
}

fn read_model(folder: &Path) -> Result<u64> {
    let dir = ModelDir::open(folder.join("m"), 1)?;
    let vocabulary = Vocabulary::load(&dir.vocabulary_path())?;
    let metrics = read_metrics(&dir.metrics_path())?;
    let weights = fs::read(dir.weights_path())?;
    Ok(hash(&(dir.manifest().to_json(), dir.config().clone(), vocabulary.genes(), metrics, weights)))
}

fn vocabulary(folder: &Path) -> Result<()> {
    Vocabulary::new(genes()).save(&folder.join("vocab.json"), true)
}

fn read_vocabulary(folder: &Path) -> Result<u64> {
    Ok(hash(&Vocabulary::load(&folder.join("vocab.json"))?.genes()))
}

fn rows() -> Vec<MetricRow> {
    let row = |step| MetricRow { step, epoch: 0.5, split: "train".into(), name: "loss".into(), value: 1.0 };
    (0..20).map(row).collect()
}

fn metrics(folder: &Path) -> Result<()> {
    mfdoom_artifact::write_metrics(&folder.join("metrics.parquet"), &rows())
}

fn read_metrics_table(folder: &Path) -> Result<u64> {
    Ok(hash(&read_metrics(&folder.join("metrics.parquet"))?))
}
