//! Neighbours, graph, projections and the parameters that scVelo looks for.

use mfdoom_artifact::VelocityDir;
use mfdoom_artifact::velocity::{NEIGHBORS_FILE, Pairs};
use mfdoom_counts::{CsrBlock, H5adUpdate, Value};
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::graph::autoscale;
use mfdoom_matrix::{Matrix, connectivities};

use super::matching::Matching;
use super::mode;
use super::names::SELF_TRANSITION;

/// Writes `obsp`, `uns` and `obsm`.
///
/// # Errors
/// Contract: tables of the folder do not belong together. Failed where the disk does.
pub fn write(update: &mut H5adUpdate, dir: &VelocityDir, matching: &Matching, names: &[&str]) -> Result<()> {
    if let Some(pairs) = dir.neighbors()? {
        neighbors(update, pairs.read_all()?, dir, matching)?;
    }
    if let Some(pairs) = dir.graph()? {
        let pairs = pairs.read_all()?;
        let positive = block(&pairs, matching, |cosine| cosine > 0.0);
        let negative = block(&pairs, matching, |cosine| cosine < 0.0);
        for name in names {
            update.set_uns(&format!("{name}_graph"), &Value::Csr(positive.clone()))?;
            update.set_uns(&format!("{name}_graph_neg"), &Value::Csr(negative.clone()))?;
        }
    }
    let bases = dir.bases()?;
    for basis in &bases {
        projection(update, dir, basis, matching, names)?;
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
fn block(pairs: &Pairs, matching: &Matching, keep: impl Fn(f32) -> bool) -> CsrBlock {
    let n = matching.n_obs();
    let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n];
    for ((&row, &col), &value) in pairs.rows.iter().zip(&pairs.cols).zip(&pairs.values) {
        if let (Some(row), Some(col)) = (matching.row(row as usize), matching.row(col as usize))
            && keep(value)
        {
            rows[row].push((col as u32, value));
        }
    }
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for mut row in rows {
        row.sort_unstable_by_key(|&(col, _)| col);
        indices.extend(row.iter().map(|&(col, _)| col));
        values.extend(row.iter().map(|&(_, value)| value));
        indptr.push(indices.len());
    }
    CsrBlock::new(n, indptr, indices, values)
}

/// Writes `obsp/distances`, `obsp/connectivities` and `uns/neighbors`.
fn neighbors(update: &mut H5adUpdate, pairs: Pairs, dir: &VelocityDir, matching: &Matching) -> Result<()> {
    let n_cells = pairs.rows.last().map_or(0, |&row| row as usize + 1);
    let name = dir.path().join(NEIGHBORS_FILE).display().to_string();
    let near = pairs.clone().into_neighbors(n_cells, &name)?;
    let weights = connectivities(&near);
    let rows =
        (0..weights.n_rows()).flat_map(|row| std::iter::repeat_n(row as u32, weights.row(row).0.len()));
    let rows = rows.collect();
    let (_, cols, values) = weights.into_parts();
    let connected = Pairs { rows, cols, values };
    update.set_obsp("distances", &block(&pairs, matching, |_| true))?;
    update.set_obsp("connectivities", &block(&connected, matching, |_| true))?;
    let parameters = vec![
        ("n_neighbors".to_owned(), Value::Int(near.k() as i64 + 1)),
        ("method".to_owned(), Value::Text("umap".to_owned())),
        ("metric".to_owned(), Value::Text("euclidean".to_owned())),
        ("use_rep".to_owned(), Value::Text("X_pca".to_owned())),
    ];
    let entry = vec![
        ("connectivities_key".to_owned(), Value::Text("connectivities".to_owned())),
        ("distances_key".to_owned(), Value::Text("distances".to_owned())),
        ("params".to_owned(), Value::Dict(parameters)),
    ];
    update.set_uns("neighbors", &Value::Dict(entry))
}

/// Writes coordinates and, scaled as scVelo scales them, projected velocities.
fn projection(
    update: &mut H5adUpdate,
    dir: &VelocityDir,
    basis: &str,
    matching: &Matching,
    names: &[&str],
) -> Result<()> {
    let Some(reader) = dir.projection(basis)? else { return Ok(()) };
    let dim = reader.schema().heads.first().map_or(0, |head| head.dim);
    let (mut points, mut steps) = (Vec::new(), Vec::new());
    for batch in reader {
        let mut batch = batch?;
        steps.append(&mut batch.heads[1]);
        points.append(&mut batch.heads[0]);
    }
    let n = points.len() / dim.max(1);
    let points = Matrix::new(points, n, dim).map_err(Error::refusal)?;
    let mut steps = Matrix::new(steps, n, dim).map_err(Error::refusal)?;
    autoscale(&points, &mut steps);
    let ordered = |matrix: &Matrix| -> Vec<f32> {
        let row = |cell: &Option<usize>| match cell {
            Some(cell) => matrix.row(*cell).to_vec(),
            None => vec![f32::NAN; dim],
        };
        matching.cells().iter().flat_map(row).collect()
    };
    update.set_obsm(&format!("X_{basis}"), dim, &ordered(&points))?;
    for name in names {
        update.set_obsm(&format!("{name}_{basis}"), dim, &ordered(&steps))?;
    }
    Ok(())
}
