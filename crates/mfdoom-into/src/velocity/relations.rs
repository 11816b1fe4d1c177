//! Neighbours, graph, projections and the parameters that scVelo looks for.
//!
//! Neighbours and coordinates that the file has from elsewhere stay as they are: ours then get names of their own.

use mfdoom_artifact::VelocityDir;
use mfdoom_artifact::velocity::names::SELF_TRANSITION;
use mfdoom_artifact::velocity::{GRAPH_FILE, NEIGHBORS_FILE, Pairs, projection_file};
use mfdoom_counts::{H5adUpdate, Value};
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::graph::autoscale;
use mfdoom_matrix::{Csr, Matrix, connectivities};

use super::mode;
use crate::matching::Matching;

/// Writes `obsp`, `uns` and `obsm`.
///
/// # Errors
/// Contract: tables of the folder do not belong together. Failed where the disk does.
pub(super) fn write(
    update: &mut H5adUpdate,
    dir: &VelocityDir,
    matching: &Matching,
    names: &[&str],
) -> Result<()> {
    if let Some(pairs) = dir.neighbors()? {
        neighbors(update, pairs.read_all()?, dir, matching)?;
    }
    if let Some(pairs) = dir.graph()? {
        let pairs = pairs.read_all()?;
        let shown = dir.path().join(GRAPH_FILE).display().to_string();
        pairs.row_starts(matching.n_cells(), &shown)?;
        let positive = block(&pairs, matching, |cosine| cosine > 0.0);
        let negative = block(&pairs, matching, |cosine| cosine < 0.0);
        for name in names {
            update.set_uns(&format!("{name}_graph"), &Value::Csr(positive.clone()))?;
            update.set_uns(&format!("{name}_graph_neg"), &Value::Csr(negative.clone()))?;
        }
    }
    let mut bases = Vec::new();
    for basis in dir.bases()? {
        bases.extend(projection(update, dir, &basis, matching, names)?);
    }
    let has_results = dir.cells()?.is_some_and(|cells| cells.column(SELF_TRANSITION).is_some());
    if has_results {
        for name in names {
            let parameters = vec![
                ("mode".to_owned(), Value::Text(mode(dir).unwrap_or("mfdoom").to_owned())),
                ("embeddings".to_owned(), Value::Texts(bases.clone())),
            ];
            update.set_uns(&format!("{name}_params"), &Value::Dict(parameters))?;
        }
    }
    Ok(())
}

/// Returns the entries that `keep` takes, as cells by cells of the file.
fn block(pairs: &Pairs, matching: &Matching, keep: impl Fn(f32) -> bool) -> Csr {
    let n = matching.n_obs();
    let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n];
    for ((&row, &col), &value) in pairs.rows.iter().zip(&pairs.cols).zip(&pairs.values) {
        if let (Some(row), Some(col)) = (matching.row(row as usize), matching.row(col as usize))
            && keep(value)
        {
            rows[row].push((col as u32, value));
        }
    }
    let sorted = rows.into_iter().map(|mut row| {
        row.sort_unstable_by_key(|&(col, _)| col);
        row.into_iter().unzip()
    });
    Csr::from_rows(n, &sorted.collect::<Vec<_>>())
}

/// What scanpy calls a graph of neighbours: keys of `obsp`, and the entry of `uns` that names them.
struct Keys {
    distances: &'static str,
    connectivities: &'static str,
    entry: &'static str,
}

/// The keys of scanpy's default graph.
const DEFAULT: Keys = Keys { distances: "distances", connectivities: "connectivities", entry: "neighbors" };
/// The keys of a graph next to the file's own: `neighbors_key="mfdoom"` in scanpy.
const OWN: Keys =
    Keys { distances: "mfdoom_distances", connectivities: "mfdoom_connectivities", entry: "mfdoom" };

impl Keys {
    /// Returns the default keys where they are free or ours.
    fn free(update: &H5adUpdate) -> &'static Self {
        let obsp = |key: &str| format!("obsp/{key}");
        let paths = [obsp(DEFAULT.distances), obsp(DEFAULT.connectivities), format!("uns/{}", DEFAULT.entry)];
        match paths.iter().all(|path| update.is_free(path)) {
            true => &DEFAULT,
            false => {
                tracing::info!(
                    "the file has neighbours of its own: those of the velocities are uns/{}",
                    OWN.entry
                );
                &OWN
            }
        }
    }
}

/// Writes distances, connectivities and the entry of `uns` that names them.
fn neighbors(update: &mut H5adUpdate, pairs: Pairs, dir: &VelocityDir, matching: &Matching) -> Result<()> {
    let shown = dir.path().join(NEIGHBORS_FILE).display().to_string();
    let near = pairs.clone().into_neighbors(matching.n_cells(), &shown)?;
    let weights = connectivities(&near);
    let rows =
        (0..weights.n_rows()).flat_map(|row| std::iter::repeat_n(row as u32, weights.row(row).0.len()));
    let rows = rows.collect();
    let (_, cols, values) = weights.into_parts();
    let connected = Pairs { rows, cols, values };
    let keys = Keys::free(update);
    update.set_obsp(keys.distances, &block(&pairs, matching, |_| true))?;
    update.set_obsp(keys.connectivities, &block(&connected, matching, |_| true))?;
    let parameters = vec![
        ("n_neighbors".to_owned(), Value::Int(near.k() as i64 + 1)),
        ("method".to_owned(), Value::Text("umap".to_owned())),
        ("metric".to_owned(), Value::Text("euclidean".to_owned())),
        ("use_rep".to_owned(), Value::Text("X_pca".to_owned())),
    ];
    let entry = vec![
        ("connectivities_key".to_owned(), Value::Text(keys.connectivities.to_owned())),
        ("distances_key".to_owned(), Value::Text(keys.distances.to_owned())),
        ("params".to_owned(), Value::Dict(parameters)),
    ];
    update.set_uns(keys.entry, &Value::Dict(entry))
}

/// Writes coordinates and, scaled as scVelo scales them, projected velocities; returns the name of the basis in the
/// file.
fn projection(
    update: &mut H5adUpdate,
    dir: &VelocityDir,
    basis: &str,
    matching: &Matching,
    names: &[&str],
) -> Result<Option<String>> {
    let Some(reader) = dir.projection(basis)? else { return Ok(None) };
    let shown = dir.path().join(projection_file(basis)).display().to_string();
    let [dim, other] = reader.schema().heads.iter().map(|head| head.dim).collect::<Vec<_>>()[..] else {
        return Err(Error::contract(format!("{shown}: no projection")).wanted("an embedding and velocities"));
    };
    if dim != other || dim == 0 {
        return Err(Error::contract(format!("{shown}: embedding and velocities differ in dimensions"))
            .found(format!("{dim} and {other}")));
    }
    let (mut points, mut steps) = (Vec::new(), Vec::new());
    let (mut dataset, mut cell_id) = (Vec::new(), Vec::new());
    for batch in reader {
        let mut batch = batch?;
        steps.append(&mut batch.heads[1]);
        points.append(&mut batch.heads[0]);
        dataset.append(&mut batch.dataset);
        cell_id.append(&mut batch.cell_id);
    }
    let rows = matching.rows_in(&dataset, &cell_id, &shown)?;
    let n = cell_id.len();
    let points = Matrix::new(points, n, dim).map_err(Error::refusal)?;
    let mut steps = Matrix::new(steps, n, dim).map_err(Error::refusal)?;
    autoscale(&points, &mut steps);
    let ordered = |matrix: &Matrix| -> Vec<f32> {
        let row = |cell: &Option<usize>| match cell {
            Some(cell) => matrix.row(*cell).to_vec(),
            None => vec![f32::NAN; dim],
        };
        rows.iter().flat_map(row).collect()
    };
    let basis = coordinates(update, basis, dim, &ordered(&points))?;
    for name in names {
        update.set_obsm(&format!("{name}_{basis}"), dim, &ordered(&steps))?;
    }
    Ok(Some(basis))
}

/// Writes coordinates unless the file has the same, and returns the name of the basis: where the file has other
/// coordinates of that name, one of our own.
fn coordinates(update: &mut H5adUpdate, basis: &str, dim: usize, values: &[f32]) -> Result<String> {
    let path = format!("obsm/X_{basis}");
    if update.is_free(&path) {
        update.set_obsm(&format!("X_{basis}"), dim, values)?;
        return Ok(basis.to_owned());
    }
    let same = |known: &Vec<f32>| {
        // Cells without a result are the file's alone.
        known.len() == values.len() && known.iter().zip(values).all(|(a, b)| b.is_nan() || a == b)
    };
    if update.dense(&path).is_some_and(|known| same(&known)) {
        return Ok(basis.to_owned());
    }
    let own = format!("{basis}_mfdoom");
    tracing::info!("the file has an X_{basis} of its own: the coordinates of the velocities are X_{own}");
    update.set_obsm(&format!("X_{own}"), dim, values)?;
    Ok(own)
}
