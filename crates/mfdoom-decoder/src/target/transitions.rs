//! Transitions between cells, from the graphs of velocity folders.

use std::path::PathBuf;

use mfdoom_artifact::velocity::names::SELF_TRANSITION;
use mfdoom_artifact::{InputId, VelocityDir};
use mfdoom_error::{Error, Result};
use mfdoom_train::TrainingCells;

use super::Transitions;
use super::join::rows_by_key;

/// Sharpness: the weight of a cosine c is `exp(SHARPNESS c) - 1`, as in scVelo's transition matrix.
const SHARPNESS: f64 = 10.0;

/// Reads which cell may follow which from folders of `mfdoom-velocity graph`. Steps against the velocity are left out; staying
/// has the weight of the cell's chance to stay.
///
/// # Errors
/// Contract: a folder without a graph, tables that do not belong together, a cell in two folders, no cell in common.
pub fn read_transitions(paths: &[PathBuf], cells: &TrainingCells) -> Result<(Transitions, Vec<InputId>)> {
    let place = rows_by_key(cells);
    let mut rows: Vec<Option<Vec<(u32, f32)>>> = vec![None; cells.len()];
    let (mut inputs, mut n, mut joined) = (Vec::new(), 0, 0);
    for path in paths {
        let folder = VelocityDir::open(path)?;
        inputs.push(folder.manifest().as_input(path));
        let (Some(graph), Some(table)) = (folder.graph()?, folder.cells()?) else {
            return Err(Error::contract(format!("{}: no graph of cells", path.display()))
                .wanted("a folder of mfdoom-velocity graph")
                .help(format!("mfdoom-velocity graph {} -o graph/", path.display())));
        };
        let name = path.display().to_string();
        let keys = table.dataset.iter().zip(&table.cell_id);
        let own: Vec<Option<usize>> =
            keys.map(|(dataset, id)| place.get(&(dataset.as_str(), id.as_str())).copied()).collect();
        let stay = table.column(SELF_TRANSITION).and_then(mfdoom_artifact::Column::to_numbers);
        let pairs = graph.read_all()?;
        let starts = pairs.row_starts(own.len(), &name)?;
        n += own.len();
        for (row, cell) in own.iter().enumerate() {
            let Some(cell) = *cell else { continue };
            joined += 1;
            let entries = starts[row]..starts[row + 1];
            let steps = entries.map(|at| (own[pairs.cols[at] as usize], weight(f64::from(pairs.values[at]))));
            let mut steps: Vec<(u32, f32)> =
                steps.filter(|(_, w)| *w > 0.0).filter_map(|(to, w)| Some((to? as u32, w))).collect();
            let stays = stay.as_ref().map_or(0.0, |stay| weight(stay[row]));
            if stays > 0.0 {
                steps.push((cell as u32, stays));
            }
            if rows[cell].replace(steps).is_some() {
                return Err(Error::contract(format!("{name}: a cell is in two graphs"))
                    .found(format!("dataset {:?}, cell {:?}", table.dataset[row], table.cell_id[row]))
                    .help("give each cell's graph once"));
            }
        }
    }
    tracing::info!("{joined} of the {n} cells of graphs are among the {} cells with tokens", cells.len());
    let transitions = gather(rows);
    match transitions.to.is_empty() {
        true => Err(Error::contract("no cell with tokens leads to another in the graph")
            .found(format!("{joined} of {n} cells of the graph have tokens"))
            .wanted("the same dataset and cell_id in both")
            .help("name the data set alike: mfdoom-preprocess --dataset NAME")),
        false => Ok((transitions, inputs)),
    }
}

fn weight(cosine: f64) -> f32 {
    // No weight where there is no cosine.
    let towards = if cosine > 0.0 { cosine.min(1.0) } else { 0.0 };
    (towards * SHARPNESS).exp_m1() as f32
}

fn gather(rows: Vec<Option<Vec<(u32, f32)>>>) -> Transitions {
    let mut all = Transitions { starts: vec![0], ..Transitions::default() };
    for row in rows {
        for (to, weight) in row.unwrap_or_default() {
            all.to.push(to);
            all.weight.push(weight);
        }
        all.starts.push(all.to.len());
    }
    all
}
