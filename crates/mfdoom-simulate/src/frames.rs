//! Names and annotation of cells and genes.

use mfdoom_counts::{Column, Frame};
use mfdoom_kinetics::simulate::{Cell, Gene, Programme};
use rayon::prelude::*;

use crate::{Part, Plan, TruthLevel};

/// The value of `lineage` where more than one fate is open.
const UNCOMMITTED: &str = "uncommitted";

/// Returns the annotation of the cells of one file.
pub(crate) fn obs(plan: &Plan, part: &Part) -> Frame {
    let simulation = &plan.simulation;
    let cells: Vec<Cell> = part.cells.clone().into_par_iter().map(|index| simulation.cell(index)).collect();
    let types = simulation.tree().branches().iter().map(|branch| branch.name.clone()).collect();
    let batches = simulation.batches().iter().map(|batch| batch.name.clone()).collect();
    let mut columns = vec![
        categorical("cell_type", types, cells.iter().map(|cell| Some(cell.branch))),
        categorical("batch", batches, cells.iter().map(|cell| Some(cell.batch))),
    ];
    if plan.truth >= TruthLevel::Cells {
        columns.push(lineage(plan, &cells));
        columns.push(("true_t".to_owned(), Column::Float(cells.iter().map(|cell| cell.time).collect())));
        columns.push((
            "true_capture".to_owned(),
            Column::Float(cells.iter().map(|cell| cell.capture).collect()),
        ));
    }
    let index = part.cells.clone().map(|index| format!("cell_{:07}", index + 1)).collect();
    Frame { index_name: "cell_id".to_owned(), index, columns }
}

/// The fate that a cell is bound for, once only one is left.
fn lineage(plan: &Plan, cells: &[Cell]) -> (String, Column) {
    let tree = plan.simulation.tree();
    let fates = tree.n_fates();
    let of_branch: Vec<_> =
        (0..tree.branches().len()).map(|branch| tree.committed(branch).unwrap_or(fates)).collect();
    let mut names: Vec<_> = (1..=fates).map(|fate| format!("fate_{fate}")).collect();
    names.push(UNCOMMITTED.to_owned());
    categorical("lineage", names, cells.iter().map(|cell| Some(of_branch[cell.branch])))
}

/// Returns the annotation of the genes.
pub(crate) fn var(plan: &Plan) -> Frame {
    let genes = plan.simulation.genes();
    let index = (0..genes.len()).map(|index| format!("gene_{:05}", index + 1)).collect();
    let columns = if plan.truth >= TruthLevel::Cells { rates(plan, genes) } else { Vec::new() };
    Frame { index_name: "gene_id".to_owned(), index, columns }
}

fn rates(plan: &Plan, genes: &[Gene]) -> Vec<(String, Column)> {
    let number = |name: &str, value: fn(&Gene) -> f64| {
        (name.to_owned(), Column::Float(genes.iter().map(value).collect()))
    };
    let programmes = Programme::ALL.map(|programme| programme.name().to_owned()).to_vec();
    let branches = plan.simulation.tree().branches().iter().map(|branch| branch.name.clone()).collect();
    let branch = |gene: &Gene| (gene.programme != Programme::Housekeeping).then_some(gene.branch);
    vec![
        number("true_alpha", |gene| gene.alpha),
        number("true_alpha_low", |gene| gene.alpha_low),
        number("true_beta", |gene| gene.rates.beta),
        number("true_gamma", |gene| gene.rates.gamma),
        number("true_t_on", |gene| gene.on.unwrap_or(f64::NAN)),
        number("true_t_off", |gene| gene.off.unwrap_or(f64::NAN)),
        categorical("programme", programmes, genes.iter().map(|gene| Some(gene.programme as usize))),
        categorical("programme_branch", branches, genes.iter().map(branch)),
    ]
}

/// Makes a categorical column; categories that no row has are left out, as AnnData's own tools do.
fn categorical(
    name: &str,
    categories: Vec<String>,
    values: impl Iterator<Item = Option<usize>>,
) -> (String, Column) {
    let values: Vec<_> = values.collect();
    let mut used = vec![false; categories.len()];
    values.iter().flatten().for_each(|value| used[*value] = true);
    let mut next = 0;
    let codes: Vec<u32> = used.iter().map(|used| (next, next += u32::from(*used)).0).collect();
    let kept = categories.into_iter().zip(used).filter_map(|(name, used)| used.then_some(name)).collect();
    let codes = values.into_iter().map(|value| value.map(|value| codes[value])).collect();
    (name.to_owned(), Column::Categorical { codes, categories: kept })
}
