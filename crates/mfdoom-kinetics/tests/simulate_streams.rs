//! The same numbers for the same seed, whatever the threads and the blocks; tree, batches and settings.

use mfdoom_kinetics::simulate::{Block, Design, DesignError, Noise, Simulation, Tree};

fn design() -> Design {
    Design { cells: 300, genes: 80, batches: 3, seed: 11, ..Design::default() }
}

fn block(design: Design) -> Block {
    let cells = design.cells;
    Simulation::new(design).unwrap().block(0..cells)
}

#[test]
fn threads_change_nothing() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (block(design()), Simulation::new(design()).unwrap().truth(0..300)))
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn blocks_change_nothing() {
    let simulation = Simulation::new(design()).unwrap();
    let (head, tail) = (simulation.block(0..117), simulation.block(117..300));
    let whole = simulation.block(0..300);
    assert_eq!([head.total.values(), tail.total.values()].concat(), whole.total.values());
    assert_eq!([head.total.indices(), tail.total.indices()].concat(), whole.total.indices());
    assert_eq!(head.spliced.nnz() + tail.spliced.nnz(), whole.spliced.nnz());
}

#[test]
fn the_seed_changes_everything() {
    let other = Design { seed: 12, ..design() };
    assert_ne!(block(design()), block(other.clone()));
    let rates = |design| Simulation::new(design).unwrap().genes()[0].rates;
    assert_ne!(rates(design()), rates(other));
}

#[test]
fn more_cells_or_genes_leave_the_first_ones_alone() {
    let small = Simulation::new(design()).unwrap();
    let large = Simulation::new(Design { cells: 600, genes: 100, ..design() }).unwrap();
    assert_eq!(small.cell(17).time, large.cell(17).time);
    assert_eq!(small.genes()[79].rates, large.genes()[79].rates);
    assert_eq!(small.batches()[1].factors[79], large.batches()[1].factors[79]);
}

#[test]
fn total_is_the_sum_of_spliced_and_unspliced() {
    let block = block(design());
    let sums = [&block.total, &block.spliced, &block.unspliced].map(|counts| counts.row_sums());
    (0..block.total.n_rows()).for_each(|row| assert_eq!(sums[0][row], sums[1][row] + sums[2][row]));
    for row in 0..block.total.n_rows() {
        assert!(block.total.row(row).0.is_sorted_by(|a, b| a < b));
    }
    assert!(block.total.values().iter().all(|value| *value > 0.0));
}

#[test]
fn trees_have_every_fate_and_end_together() {
    for fates in [1, 2, 3, 5, 8] {
        let tree = Tree::with_fates(fates);
        assert_eq!(tree.n_fates(), fates);
        for fate in 0..fates {
            let leaf = tree.branch_at(fate, tree.end());
            assert_eq!(tree.branches()[leaf].name, format!("fate_{}", fate + 1));
            assert_eq!(tree.branches()[leaf].end, tree.end());
            assert_eq!(tree.committed(leaf), Some(fate));
            assert_eq!(tree.branch_at(fate, 0.0), 0);
        }
        assert_eq!(tree.committed(0), (fates == 1).then_some(0));
        for branch in &tree.branches()[1..] {
            let parent = &tree.branches()[branch.parent.unwrap()];
            assert_eq!(parent.end, branch.start);
        }
    }
    let names: Vec<_> = Tree::with_fates(3).branches().iter().map(|b| b.name.clone()).collect();
    assert_eq!(names, ["progenitor", "intermediate_1", "intermediate_2", "fate_3", "fate_1", "fate_2"]);
}

#[test]
fn batches_are_even_contiguous_runs() {
    let design = Design { cells: 11, batches: 3, ..Design::default() };
    let sizes: Vec<_> = (0..3).map(|batch| design.cells_of_batch(batch).len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 11);
    assert!(sizes.iter().all(|size| (3..=4).contains(size)));
    for batch in 0..3 {
        assert!(design.cells_of_batch(batch).all(|cell| design.batch_of_cell(cell) == batch));
    }
}

#[test]
fn every_type_is_met() {
    let simulation = Simulation::new(Design { cells: 1000, lineages: 4, ..Design::default() }).unwrap();
    let mut seen = vec![0; simulation.tree().branches().len()];
    for index in 0..1000 {
        let cell = simulation.cell(index);
        seen[cell.branch] += 1;
        assert!(cell.capture > 0.0 && cell.capture <= 1.0);
    }
    assert!(seen.iter().all(|count| *count > 30), "{seen:?}");
}

#[test]
fn impossible_settings_are_named() {
    let good = Design::default();
    let bad = [
        (Design { cells: 0, ..good.clone() }, "cells"),
        (Design { genes: 0, ..good.clone() }, "genes"),
        (Design { lineages: 0, ..good.clone() }, "lineages"),
        (Design { batches: 2001, ..good.clone() }, "batches"),
        (Design { capture: 0.0, ..good.clone() }, "capture"),
        (Design { capture: f64::NAN, ..good.clone() }, "capture"),
        (Design { batch_effect: -1.0, ..good.clone() }, "batch-effect"),
        (Design { dynamic_genes: 1.5, ..good.clone() }, "dynamic-genes"),
        (Design { fold_change: 1.0, ..good.clone() }, "fold-change"),
        (Design { noise: Noise::NegativeBinomial { dispersion: 0.0 }, ..good.clone() }, "dispersion"),
    ];
    for (design, name) in bad {
        let error = design.check().unwrap_err();
        let setting = match &error {
            DesignError::Count { setting, .. } | DesignError::Number { setting, .. } => *setting,
        };
        assert_eq!(setting, name);
        assert!(error.to_string().contains("wanted"));
    }
    assert_eq!(Design { lineages: 1, cells: 1, genes: 1, batches: 1, ..good }.check(), Ok(()));
}
