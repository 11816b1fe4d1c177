//! The folder of trajectories: two tables and a file for scanpy, all with the same rows.

use std::path::Path;

use mfdoom_artifact::folder::publish;
use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::key::{CELL_ID, DATASET};
use mfdoom_artifact::obs::free_names;
use mfdoom_artifact::trajectories::{self, EMBEDDINGS_FILE, H5AD_FILE, HEAD, STATES_FILE};
use mfdoom_artifact::{
    AtomicDir, Column, EmbeddingBatch, EmbeddingFormat, EmbeddingSchema, EmbeddingWriter, Gene, GeneBatch,
    GeneTableSchema, GeneTableWriter, Head, Manifest, ObsField, ObsType, Output, TableFormat,
};
use mfdoom_counts::{Frame, H5adWriter, MatrixKind, NewFile, NewMatrix, Source, Value as Uns};
use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use crate::args::Take;
use crate::counts::Sparse;
use crate::starts::{Cell, Value};
use crate::walk::Row;

/// Key of the settings in `uns`.
const UNS: &str = "mfdoom_generate";
/// Key of the model's vectors in `obsm`.
const OBSM: &str = "X_mfdoom";

/// Returns obs columns under names that no file of the folder uses otherwise.
pub fn free_fields(obs: Vec<ObsField>, modalities: &[String]) -> Vec<ObsField> {
    let own = trajectories::fields();
    let own = own.iter().map(|field| field.name.as_str()).chain([DATASET, CELL_ID, HEAD]);
    let names: Vec<String> = obs.iter().map(|field| field.name.clone()).collect();
    let names = free_names(&names, own.chain(modalities.iter().map(String::as_str)));
    obs.into_iter().zip(names).map(|(field, name)| ObsField { name, ..field }).collect()
}

/// What the folder will hold.
pub struct Plan {
    /// Genes of the counts: those of the model, in its order.
    pub genes: Vec<Gene>,
    /// Modalities, that of the trajectories first.
    pub modalities: Vec<String>,
    /// Length of a vector of the model.
    pub width: usize,
    /// Obs columns that states take, under free names.
    pub obs: Vec<ObsField>,
    /// What is taken of a state.
    pub take: Take,
    /// What makes the folder.
    pub manifest: Manifest,
}

/// Writer of the folder; nothing is published before [`finish`](Self::finish).
pub struct Writer {
    // The tables' partial files go before the folder.
    states: GeneTableWriter,
    embeddings: EmbeddingWriter,
    /// Not of a shard: shards of h5ad files cannot be put together.
    h5ad: Option<H5adWriter>,
    folder: AtomicDir,
    plan: Plan,
    /// Ids and annotation of all rows, for the h5ad file.
    ids: Vec<String>,
    annotation: Vec<Column>,
}

impl Writer {
    /// Begins the folder.
    ///
    /// # Errors
    /// Usage: it is there and `force` is not given. Failed where the disk does.
    pub fn create(path: &Path, force: bool, plan: Plan) -> Result<Self> {
        let folder = AtomicDir::create(path, force)?;
        let output = |name: &str| Output::file(folder.path().join(name), true);
        let names: Vec<&str> = plan.modalities.iter().map(String::as_str).collect();
        let schema =
            GeneTableSchema::new(PREDICTIONS_FORMAT, plan.genes.clone(), &names, plan.manifest.clone())
                .with_obs(plan.fields());
        let states = GeneTableWriter::create(&output(STATES_FILE), schema, TableFormat::Parquet)?;
        let heads = vec![Head { name: HEAD.to_owned(), dim: plan.width }];
        let schema = EmbeddingSchema::new(plan.fields(), heads, Vec::new(), plan.manifest.clone())?;
        let embeddings = EmbeddingWriter::create(&output(EMBEDDINGS_FILE), schema, EmbeddingFormat::Parquet)?;
        let create = || H5adWriter::create(folder.path().join(H5AD_FILE), true, &plan.new_file());
        let h5ad = plan.manifest.shard().is_none().then(create).transpose()?;
        let annotation = plan.fields().iter().map(|field| Column::empty(field.kind)).collect();
        Ok(Self { states, embeddings, h5ad, folder, plan, ids: Vec::new(), annotation })
    }

    /// Appends rows; `cells` are the observed cells.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn write(&mut self, rows: &[Row], cells: &[Cell]) -> Result<()> {
        for block in rows.chunks(self.states.block_rows()) {
            self.write_block(block, cells)?;
        }
        Ok(())
    }

    fn write_block(&mut self, rows: &[Row], cells: &[Cell]) -> Result<()> {
        let obs = self.plan.annotation(rows, cells);
        self.annotation.iter_mut().zip(&obs).try_for_each(|(all, more)| all.append(more))?;
        self.ids.extend(rows.iter().map(|row| row.cell_id.clone()));
        let dataset: Vec<String> = rows.iter().map(|row| row.dataset.clone()).collect();
        let cell_id: Vec<String> = rows.iter().map(|row| row.cell_id.clone()).collect();
        let vectors: Vec<f32> = rows.iter().flat_map(|row| row.embedding.iter().copied()).collect();
        let genes = self.plan.genes.len();
        let mut matrices = Vec::with_capacity(self.plan.modalities.len());
        for modality in 0..self.plan.modalities.len() {
            let counts: Vec<Sparse> = rows.iter().map(|row| row.counts[modality].clone()).collect();
            let counts = Csr::from_rows(genes, &counts);
            matrices.push(counts.to_dense().into_data());
            let Some(h5ad) = &mut self.h5ad else { continue };
            if modality == 0 {
                h5ad.append(&Source::X, &counts)?;
            }
            h5ad.append(&layer(&self.plan.modalities[modality]), &counts)?;
        }
        if let Some(h5ad) = &mut self.h5ad {
            h5ad.append_dense(&Source::Obsm(OBSM.to_owned()), &vectors)?;
        }
        self.embeddings.write(&EmbeddingBatch {
            dataset: dataset.clone(),
            cell_id: cell_id.clone(),
            obs: obs.clone(),
            heads: vec![vectors],
            present: Vec::new(),
        })?;
        self.states.write(GeneBatch { dataset, cell_id, obs, matrices })
    }

    /// Publishes the folder and returns the number of rows.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn finish(self) -> Result<usize> {
        let Self { states, embeddings, h5ad, folder, plan, ids, annotation } = self;
        let n = states.finish()?;
        embeddings.finish()?;
        let mut obs = Frame { index_name: "cell_id".to_owned(), ..Frame::new(ids) };
        for (name, column) in h5ad_names(&plan.fields()).into_iter().zip(annotation) {
            obs = obs.with(name, column);
        }
        h5ad.map(|h5ad| h5ad.finish(&obs)).transpose()?;
        publish(folder, plan.manifest)?;
        Ok(n)
    }
}

impl Plan {
    /// Returns the annotation of a row.
    fn fields(&self) -> Vec<ObsField> {
        trajectories::fields().into_iter().chain(self.obs.iter().cloned()).collect()
    }

    fn annotation(&self, rows: &[Row], cells: &[Cell]) -> Vec<Column> {
        let mut columns = vec![
            Column::Int(rows.iter().map(|row| Some(row.trajectory as i64)).collect()),
            Column::Int(rows.iter().map(|row| Some(row.step as i64)).collect()),
            Column::Float(rows.iter().map(|row| row.time).collect()),
            Column::String(rows.iter().map(|row| Some(row.start.clone())).collect()),
            Column::String(rows.iter().map(|row| Some(cells[row.nearest].cell_id.clone())).collect()),
            Column::String(rows.iter().map(|row| Some(cells[row.nearest].dataset.clone())).collect()),
            Column::Float(rows.iter().map(|row| row.drift).collect()),
            Column::Bool(rows.iter().map(|row| Some(row.left)).collect()),
            Column::Float(rows.iter().map(|row| row.uncertainty).collect()),
        ];
        columns.extend(self.obs.iter().enumerate().map(|(at, field)| match field.kind {
            ObsType::Float => Column::Float(rows.iter().map(|row| number(&row.obs[at])).collect()),
            _ => Column::String(rows.iter().map(|row| text(&row.obs[at])).collect()),
        }));
        columns
    }

    fn new_file(&self) -> NewFile {
        let kind = if self.take == Take::Sample { MatrixKind::Counts } else { MatrixKind::Sparse };
        let genes = self.genes.len();
        let mut matrices = vec![NewMatrix::new(Source::X, kind, genes)];
        matrices.extend(self.modalities.iter().map(|name| NewMatrix::new(layer(name), kind, genes)));
        matrices.push(NewMatrix::new(Source::Obsm(OBSM.to_owned()), MatrixKind::Dense, self.width));
        let ids = self.genes.iter().map(|gene| gene.id.clone()).collect();
        let symbols = self.genes.iter().map(|gene| Some(gene.symbol.clone())).collect();
        let var = Frame { index_name: "gene_id".to_owned(), ..Frame::new(ids) };
        let var = var.with("symbol", Column::String(symbols));
        let manifest = Uns::Dict(vec![("manifest".to_owned(), Uns::Text(self.manifest.to_json()))]);
        NewFile { var, matrices, uns: vec![(UNS.to_owned(), manifest)] }
    }
}

/// Returns the names of columns in an h5ad file, where a slash would be a folder.
fn h5ad_names(fields: &[ObsField]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    for field in fields {
        let mut name = field.name.replace('/', "_");
        while name != field.name && fields.iter().any(|other| other.name == name) || names.contains(&name) {
            name.push('_');
        }
        names.push(name);
    }
    names
}

fn layer(name: &str) -> Source {
    Source::Layer(name.to_owned())
}

fn number(value: &Value) -> f64 {
    if let Value::Number(x) = value { *x } else { f64::NAN }
}

fn text(value: &Value) -> Option<String> {
    if let Value::Text(text) = value { text.clone() } else { None }
}
