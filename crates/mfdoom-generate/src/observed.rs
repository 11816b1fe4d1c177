//! The observed cells as states: where they are, how dense they lie, how their counts scatter.

use std::collections::{BTreeMap, BTreeSet};

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Csr, Matrix, Metric, Neighbors, Pca, knn_between, nearest, pca, percentile};

use crate::counts::{Moments, Scatter};
use crate::starts::{Cell, Value};

/// Cells that a state is averaged over, and whose distance tells how dense they lie.
pub const NEIGHBOURS: usize = 30;
/// Most principal components of the space in which states are compared.
const COMPONENTS: usize = 50;
/// Profiles that are dense at once.
const BLOCK: usize = 256;
/// Total of the counts before the logarithm.
const TOTAL: f64 = 1e4;
/// Percentile of the observed distances that is the usual one.
const USUAL: f64 = 95.0;
/// Fewest observed cells that a space can be made of.
const LEAST: usize = 10;

/// Observed cells in the space of their log-normalised counts.
pub struct Observed {
    cells: Vec<Cell>,
    /// Counts scaled to the size of a state, `[cells, genes]`.
    scaled: Csr,
    space: Pca,
    /// The nearest other cells of each cell: enough for a state and for an anchor.
    near: Neighbors,
    /// Neighbours of a cell that a trajectory may go on to.
    anchor: usize,
    /// Places of the states around the cells, `[cells, components]`.
    places: Matrix,
    /// Distance to the farthest of [`NEIGHBOURS`] that few of those states exceed.
    usual: f64,
    /// Median of that distance.
    spacing: f64,
    size: f64,
}

/// Where states are.
pub struct Placed {
    /// Their places, `[states, components]`.
    pub places: Matrix,
    /// The observed cells nearest to each.
    pub near: Neighbors,
}

impl Observed {
    /// Lays the cells out; `size` is the total that profiles are scaled to, and from a cell a trajectory may go on to its `anchor`
    /// nearest and to theirs.
    ///
    /// # Errors
    /// Contract: too few cells.
    pub fn new(cells: Vec<Cell>, (genes, size): (usize, f64), anchor: usize, seed: u64) -> Result<Self> {
        if cells.len() < LEAST {
            return Err(Error::contract("too few observed cells to hold trajectories against")
                .found(format!("{} cells with counts", cells.len()))
                .wanted(format!("at least {LEAST}")));
        }
        let row = |cell: &Cell| {
            let factor = size / cell.library;
            let values = cell.counts.1.iter().map(|count| (f64::from(*count) * factor) as f32);
            (cell.counts.0.clone(), values.collect())
        };
        let scaled = Csr::from_rows(genes, &cells.iter().map(row).collect::<Vec<_>>());
        let mut logs = scaled.clone();
        logs.values_mut().iter_mut().for_each(|x| *x = log(*x, size));
        let components = COMPONENTS.min(cells.len() - 1).min(genes);
        let space = pca(&logs, components, seed).map_err(Error::refusal)?;
        let anchor = anchor.min(cells.len() - 1);
        let k = NEIGHBOURS.min(cells.len() - 1).max(anchor);
        let near = nearest(&space.scores, k, Metric::Euclidean, seed).map_err(Error::refusal)?;
        let places = Matrix::filled(0, components, 0.0);
        let mut observed =
            Self { cells, scaled, space, near, anchor, places, usual: 1.0, spacing: 1.0, size };
        observed.lay(seed)?;
        Ok(observed)
    }

    /// Places the state around each cell and sees how far its neighbours are.
    fn lay(&mut self, seed: u64) -> Result<()> {
        let k = self.neighbours();
        let mut places = Vec::with_capacity(self.cells.len() * self.space.scores.n_cols());
        let cells: Vec<usize> = (0..self.cells.len()).collect();
        for block in cells.chunks(BLOCK) {
            let profiles: Vec<Vec<f32>> = block.iter().map(|cell| self.state(*cell)).collect();
            places.extend(self.places_of(&profiles)?.into_data());
        }
        let width = self.space.scores.n_cols();
        self.places = Matrix::new(places, cells.len(), width).map_err(Error::refusal)?;
        let near = nearest(&self.places, k, Metric::Euclidean, seed).map_err(Error::refusal)?;
        let far = |cell: usize| f64::from(near.distances(cell)[k - 1]);
        let mut distances: Vec<f64> = (0..cells.len()).map(far).collect();
        self.usual = percentile(&mut distances, USUAL).max(f64::MIN_POSITIVE);
        self.spacing = percentile(&mut distances, 50.0);
        Ok(())
    }

    /// Number of genes of a profile.
    pub fn genes(&self) -> usize {
        self.scaled.n_cols()
    }

    /// The observed cells.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Median distance of a state to its neighbours.
    pub fn spacing(&self) -> f64 {
        self.spacing
    }

    /// Number of neighbours that a state has.
    pub fn neighbours(&self) -> usize {
        NEIGHBOURS.min(self.cells.len() - 1)
    }

    /// Returns the mean profile of observed cells, [genes].
    pub fn mean(&self, cells: &[u32]) -> Vec<f32> {
        let mut sums = vec![0f64; self.genes()];
        for cell in cells {
            let (genes, values) = self.scaled.row(*cell as usize);
            genes.iter().zip(values).for_each(|(gene, x)| sums[*gene as usize] += f64::from(*x));
        }
        sums.into_iter().map(|sum| (sum / cells.len().max(1) as f64) as f32).collect()
    }

    /// Returns the state around an observed cell: the mean of it and of the cells nearest to it.
    pub fn state(&self, cell: usize) -> Vec<f32> {
        let all: Vec<u32> = self.around_cell(cell).iter().copied().chain([cell as u32]).collect();
        self.mean(&all)
    }

    /// Returns the cells that make the state around a cell, without the cell.
    fn around_cell(&self, cell: usize) -> &[u32] {
        &self.near.indices(cell)[..self.neighbours()]
    }

    /// Returns the cells that a trajectory may go on to from an observed cell: its neighbours and theirs, ascending.
    pub fn ring(&self, cell: usize) -> Vec<u32> {
        let near = |cell: usize| &self.near.indices(cell)[..self.anchor];
        let theirs = near(cell).iter().flat_map(|other| near(*other as usize));
        let all: BTreeSet<u32> = near(cell).iter().chain(theirs).copied().collect();
        all.into_iter().filter(|other| *other as usize != cell).collect()
    }

    /// Returns the observed cell nearest to a cell, which need not be one of them, and the state there: the mean of the cells
    /// nearest to it.
    ///
    /// # Errors
    /// Failed: numbers that are not finite.
    pub fn around(&self, cell: &Cell) -> Result<(usize, Vec<f32>)> {
        let factor = self.size / cell.library;
        let values = cell.counts.1.iter().map(|count| log((f64::from(*count) * factor) as f32, self.size));
        let row = Csr::from_rows(self.genes(), &[(cell.counts.0.clone(), values.collect())]);
        let place = self.space.project(&row).map_err(Error::refusal)?;
        let k = self.neighbours() + 1;
        let near = knn_between(&place, &self.space.scores, k, Metric::Euclidean).map_err(Error::refusal)?;
        Ok((near.indices(0)[0] as usize, self.mean(near.indices(0))))
    }

    fn places_of(&self, profiles: &[Vec<f32>]) -> Result<Matrix> {
        let logs = profiles.iter().flatten().map(|x| log(*x, self.size)).collect();
        let logs = Matrix::new(logs, profiles.len(), self.genes()).map_err(Error::refusal)?;
        self.space.project(&logs).map_err(Error::refusal)
    }

    /// Returns where states are and which observed cells are nearest to them, at least `k`.
    ///
    /// # Errors
    /// Failed: numbers that are not finite.
    pub fn place(&self, profiles: &[Vec<f32>], k: usize) -> Result<Placed> {
        let places = self.places_of(profiles)?;
        let k = k.max(self.neighbours()).min(self.cells.len());
        let near = knn_between(&places, &self.places, k, Metric::Euclidean).map_err(Error::refusal)?;
        Ok(Placed { places, near })
    }

    /// Returns the distance of a state to its neighbours over the one that is usual among observed states.
    pub fn drift(&self, placed: &Placed, state: usize) -> f64 {
        f64::from(placed.near.distances(state)[self.neighbours() - 1]) / self.usual
    }

    /// Returns the values of the obs columns around a state: the most frequent text, the first of equals, or the mean.
    pub fn obs(&self, placed: &Placed, state: usize) -> Vec<Value> {
        let near = &placed.near.indices(state)[..self.neighbours()];
        let columns = self.cells.first().map_or(0, |cell| cell.obs.len());
        (0..columns)
            .map(|column| common(near.iter().map(|cell| &self.cells[*cell as usize].obs[column])))
            .collect()
    }

    /// Returns how the counts of the observed cells scatter around what their neighbours let expect.
    pub fn scatter(&self, seed: u64) -> Scatter {
        let k = self.neighbours();
        let mut moments = Moments::new(self.genes());
        for (at, cell) in self.cells.iter().enumerate() {
            let scale = cell.library / self.size;
            let expected: Vec<f64> =
                self.mean(self.around_cell(at)).into_iter().map(|x| f64::from(x) * scale).collect();
            let mut found = vec![0f32; self.genes()];
            cell.counts.0.iter().zip(&cell.counts.1).for_each(|(gene, x)| found[*gene as usize] = *x);
            moments.add(&expected, &found, k);
        }
        Scatter { overdispersion: moments.overdispersion(), size: self.size, seed }
    }
}

fn log(x: f32, size: f64) -> f32 {
    (f64::from(x) * TOTAL / size).ln_1p() as f32
}

fn common<'a>(values: impl Iterator<Item = &'a Value>) -> Value {
    let (mut texts, mut numbers, mut are_numbers) = (BTreeMap::new(), Vec::new(), false);
    for value in values {
        match value {
            Value::Text(Some(text)) => *texts.entry(text).or_insert(0usize) += 1,
            Value::Text(None) => {}
            Value::Number(x) => {
                are_numbers = true;
                numbers.extend(Some(*x).filter(|x| x.is_finite()));
            }
        }
    }
    if are_numbers {
        return Value::Number(numbers.iter().sum::<f64>() / numbers.len() as f64);
    }
    let most = texts.values().copied().max();
    Value::Text(texts.into_iter().find(|(_, n)| Some(*n) == most).map(|(text, _)| text.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells along a line: gene 0 falls, gene 1 rises, gene 2 stays.
    fn line() -> Vec<Cell> {
        let cell = |i: usize| {
            let (a, b) = (100 - i as u32, i as u32 + 1);
            Cell {
                dataset: "d".into(),
                cell_id: i.to_string(),
                counts: (vec![0, 1, 2], vec![a as f32, b as f32, 20.0]),
                library: 121.0,
                obs: vec![
                    Value::Text(Some(if i < 50 { "early" } else { "late" }.into())),
                    Value::Number(i as f64),
                ],
            }
        };
        (0..100).map(cell).collect()
    }

    #[test]
    fn states_near_the_cells_have_their_values_and_no_drift() {
        let observed = Observed::new(line(), (3, 121.0), 2, 1).unwrap();
        let (anchor, state) = observed.around(&line()[70]).unwrap();
        assert_eq!((anchor, observed.ring(anchor)), (70, vec![68, 69, 71, 72]));
        let placed = observed.place(&[state, vec![0.0, 0.0, 121.0]], 0).unwrap();
        assert!(observed.drift(&placed, 0) < 1.0, "{}", observed.drift(&placed, 0));
        assert!(observed.drift(&placed, 1) > 3.0, "{}", observed.drift(&placed, 1));
        let values = observed.obs(&placed, 0);
        assert_eq!(values[0], Value::Text(Some("late".into())));
        let Value::Number(time) = values[1] else { panic!("{values:?}") };
        assert!((time - 70.0).abs() < 4.0, "{time}");
    }

    #[test]
    fn too_few_cells_make_no_space() {
        let few = Observed::new(line()[..3].to_vec(), (3, 121.0), 2, 1);
        assert_eq!(few.err().map(|error| error.exit_code()), Some(3));
    }
}
