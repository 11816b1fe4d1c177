//! Generated cells next to what the cells that they began as have truly become, where the time of the cells is known.

use std::collections::HashMap;

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::trajectories::{PSEUDO_TIME, START, STATES_FILE, STEP};
use mfdoom_artifact::velocity::{VELOCITY, open_velocities};
use mfdoom_artifact::{Column, Folder, Gene, GeneTableReader, Input};
use mfdoom_error::{Error, Result, missing};
use mfdoom_matrix::random::stream;
use mfdoom_matrix::{Csr, Matrix, SizeTarget, log_normalise, pca};
use mfdoom_metrics::mmd;

use super::args::TrajectoriesArgs;
use super::truth::Truth;
use crate::scores::{Document, Estimate, Kind, Name, Outcome, Place};

const DOMAIN: &[u8; 16] = b"mfdoom futures  ";
/// Steps that are scored, evenly spread.
const STEPS: usize = 4;
/// Fewest cells that are scored.
const LEAST: usize = 20;
/// Total that counts of a cell are scaled to.
const TARGET: f64 = 1e4;
/// Most principal components of the space.
const COMPONENTS: usize = 50;

const GROUP: &str = "True future";
const MMD: Name = Name::low("future_mmd", GROUP, "MMD² to it");
const MEAN: Name = Name::low("future_mean_distance", GROUP, "distance of the means");

/// A sparse row: columns, ascending, and values.
type Row = (Vec<u32>, Vec<f32>);

/// A generated cell.
struct Drawn {
    step: usize,
    time: f64,
    /// Number of the real cell that it began as.
    start: usize,
    counts: Row,
}

/// A cell at two times.
struct Pair {
    generated: Row,
    now: usize,
    linear: Row,
    then: usize,
    other: usize,
}

/// Scores some steps against the true future: the generated cells, the cells as they were, the cells moved along their own
/// velocity, and other cells of that time.
///
/// # Errors
/// Those of reading. Contract: the truth is of other cells.
pub(super) fn score(args: &TrajectoriesArgs, steps: usize, document: &mut Document) -> Result<()> {
    let folder = Folder::open(&args.trajectories, "trajectories", "a folder of mfdoom-generate")?;
    let reader = GeneTableReader::open(&Input::Path(folder.file(STATES_FILE)?), PREDICTIONS_FORMAT)?;
    let modality = reader.schema().matrices.first().cloned().unwrap_or_default();
    let truth = Truth::read(args, &modality, &reader.schema().genes)?;
    document.inputs.push(truth.source.clone());
    let mut wanted: Vec<usize> = (1..=STEPS).map(|part| (steps * part).div_ceil(STEPS)).collect();
    wanted.dedup();
    let drawn = drawn(reader, &wanted, &truth)?;
    if drawn.is_empty() {
        return Err(Error::contract(format!(
            "{}: no trajectory begins at one of these cells",
            truth.source.name
        ))
        .wanted("the cells that the trajectories were generated from, with the same dataset and cell_id"));
    }
    let velocities = velocities(args, &drawn, &truth)?;
    for step in wanted {
        let here = drawn.iter().filter(|of| of.step == step);
        let pairs: Vec<Pair> = here.filter_map(|of| pair(of, &velocities, (args, &truth))).collect();
        of_step(step, &pairs, &truth, document)?;
    }
    Ok(())
}

/// Reads the generated cells of some steps, those that began as a cell of the truth.
fn drawn(reader: GeneTableReader, wanted: &[usize], truth: &Truth) -> Result<Vec<Drawn>> {
    let (schema, name) = (reader.schema().clone(), reader.name().to_owned());
    let names = || schema.obs.iter().map(|field| field.name.as_str());
    let column = |wanted: &str| {
        names().position(|found| found == wanted).ok_or_else(|| missing(&name, "column", wanted, names(), ""))
    };
    let (step, time, start) = (column(STEP)?, column(PSEUDO_TIME)?, column(START)?);
    let columns = columns(&schema.genes, truth);
    let mut all = Vec::new();
    for batch in reader {
        let batch = batch?;
        let numbers = |column: usize| batch.obs[column].to_numbers().unwrap_or_default();
        let (steps, times) = (numbers(step), numbers(time));
        let starts = Column::to_strings(&batch.obs[start]);
        for (row, counts) in batch.matrices[0].chunks_exact(schema.genes.len().max(1)).enumerate() {
            let step = steps[row] as usize;
            let start = starts[row].as_deref().and_then(|id| truth.place(&batch.dataset[row], id));
            if let (true, Some(start)) = (wanted.contains(&step), start) {
                all.push(Drawn { step, time: times[row], start, counts: sparse(counts, &columns) });
            }
        }
    }
    Ok(all)
}

/// Returns for each gene of the truth its position among others, where it is there.
fn columns(genes: &[Gene], truth: &Truth) -> Vec<Option<usize>> {
    let place: HashMap<&str, usize> = genes.iter().map(|gene| gene.id.as_str()).zip(0..).collect();
    truth.genes.iter().map(|id| place.get(id.as_str()).copied()).collect()
}

fn sparse(values: &[f32], columns: &[Option<usize>]) -> Row {
    let there = columns.iter().enumerate().filter_map(|(to, from)| Some((to as u32, values[(*from)?])));
    there.filter(|(_, x)| *x != 0.0 && x.is_finite()).unzip()
}

/// Returns the velocities of the cells that trajectories begin at, over the genes of the truth.
fn velocities(args: &TrajectoriesArgs, drawn: &[Drawn], truth: &Truth) -> Result<HashMap<usize, Row>> {
    let reader = open_velocities(&args.graph)?.select(&[VELOCITY])?;
    let genes = reader.schema().genes.clone();
    let columns = columns(&genes, truth);
    let mut found: HashMap<usize, Row> = drawn.iter().map(|of| (of.start, Row::default())).collect();
    for batch in reader {
        let batch = batch?;
        for (row, values) in batch.matrices[0].chunks_exact(genes.len().max(1)).enumerate() {
            let cell = truth.place(&batch.dataset[row], &batch.cell_id[row]);
            if let Some(velocity) = cell.and_then(|cell| found.get_mut(&cell)) {
                *velocity = sparse(values, &columns);
            }
        }
    }
    found.retain(|_, velocity| !velocity.0.is_empty());
    Ok(found)
}

/// Finds the true future of a generated cell; none beyond the real cells, or of a cell without a velocity.
fn pair(
    of: &Drawn,
    velocities: &HashMap<usize, Row>,
    (args, truth): (&TrajectoriesArgs, &Truth),
) -> Option<Pair> {
    let velocity = velocities.get(&of.start)?;
    let by = of.time * args.time_unit;
    let mut random = stream(DOMAIN, args.run.seed.seed, of.start as u64, of.step);
    let (then, other) = (truth.later(of.start, by, &mut random)?, truth.later(of.start, by, &mut random)?);
    let linear = moved(of.start, velocity, of.time, truth);
    Some(Pair { generated: of.counts.clone(), now: of.start, linear, then, other })
}

/// Returns the counts of a cell, moved along its velocity for a time: velocities are of counts scaled to the median library.
fn moved(cell: usize, velocity: &Row, time: f64, truth: &Truth) -> Row {
    let scale = truth.depth[cell];
    let mut counts = vec![0f64; truth.genes.len()];
    let (genes, values) = truth.counts.row(cell);
    genes.iter().zip(values).for_each(|(gene, x)| counts[*gene as usize] = f64::from(*x));
    let moves = velocity.0.iter().zip(&velocity.1);
    moves.for_each(|(gene, v)| counts[*gene as usize] += time * f64::from(*v) * scale);
    let there = counts.into_iter().enumerate().filter(|(_, x)| *x > 0.0);
    there.map(|(gene, x)| (gene as u32, x as f32)).unzip()
}

fn of_step(step: usize, pairs: &[Pair], truth: &Truth, document: &mut Document) -> Result<()> {
    let set = format!("step {step}");
    let heads = [
        ("generated", Kind::Head),
        ("nothing moves", Kind::Baseline),
        ("linear extrapolation", Kind::Baseline),
        ("real cells of that time", Kind::Control),
    ];
    let n = pairs.len();
    let real = |cell: usize| {
        let (genes, values) = truth.counts.row(cell);
        (genes.to_vec(), values.to_vec())
    };
    let of: [&dyn Fn(&Pair) -> Row; 5] = [
        &|pair| real(pair.then),
        &|pair| pair.generated.clone(),
        &|pair| real(pair.now),
        &|pair| pair.linear.clone(),
        &|pair| real(pair.other),
    ];
    let samples = match n < LEAST {
        true => None,
        false => Some(laid(&of.map(|of| pairs.iter().map(of).collect::<Vec<_>>()).concat(), truth, n)?),
    };
    for (at, (head, kind)) in heads.into_iter().enumerate() {
        let place = Place::new(&set, head, n).kind(kind).against("true future");
        let (distance, mean) = match &samples {
            Some(samples) => {
                (discrepancy(&samples[0], &samples[at + 1]), between(&samples[0], &samples[at + 1]))
            }
            None => {
                let why =
                    format!("{n} cells whose future is among the real cells: at least {LEAST} are needed");
                (Err(why.clone()), Err(why))
            }
        };
        document.scores.push(&place, MMD, distance);
        document.scores.push(&place, MEAN, mean);
    }
    Ok(())
}

/// Lays samples of `n` cells each, one after the other, on joint principal components of their log-normalised counts.
fn laid(rows: &[Row], truth: &Truth, n: usize) -> Result<Vec<Matrix>> {
    let failed = |error| Error::failed("the samples cannot be laid on components").source(error);
    let mut joint = Csr::from_rows(truth.genes.len(), rows);
    log_normalise(&mut joint, None, SizeTarget::Total(TARGET)).map_err(failed)?;
    let components = COMPONENTS.min(joint.n_cols()).min(joint.n_rows() - 1);
    let places = pca(&joint, components, 0).map_err(failed)?.scores;
    let part = |at: usize| places.select_rows(&(at * n..(at + 1) * n).collect::<Vec<_>>());
    Ok((0..rows.len() / n).map(part).collect())
}

fn discrepancy(a: &Matrix, b: &Matrix) -> Outcome {
    mmd(a, b).map(Estimate::plain).map_err(|error| error.to_string())
}

fn between(a: &Matrix, b: &Matrix) -> Outcome {
    let mean = |of: &Matrix, column: usize| {
        (0..of.n_rows()).map(|row| f64::from(of.row(row)[column])).sum::<f64>() / of.n_rows() as f64
    };
    let squares = (0..a.n_cols()).map(|column| (mean(a, column) - mean(b, column)).powi(2));
    Ok(Estimate::plain(squares.sum::<f64>().sqrt()))
}
