//! Random counts written in every format, and read back exactly, in runs of rows of random length.

mod make;

use std::path::PathBuf;

use make::random::{Case, FORMATS};
use mfdoom_counts::open;

/// Random matrices that are tried in each format.
const CASES: u64 = 25;

fn check(name: &str, seed: u64, case: &mut Case, (path, source): (PathBuf, &str)) {
    let file = open(&path).unwrap_or_else(|error| panic!("{name}, seed {seed}: {error}"));
    let source = source.parse().unwrap();
    let (n_cells, n_genes) = case.shape();
    assert_eq!(file.obs_names_in(0..n_cells).unwrap(), case.cells, "{name}, seed {seed}");
    assert_eq!(file.var_names_of(&source).unwrap(), case.genes, "{name}, seed {seed}");
    let mut matrix = file.matrix(&source).unwrap();
    // Little memory, so that what is stored across the rows is set aside in a file.
    if case.random.below(2) == 1 {
        matrix.set_memory(1 << case.random.below(16));
    }
    let mut at = 0;
    while at < n_cells {
        let end = at + 1 + case.random.below(n_cells - at);
        let block = matrix.read_rows(at..end).unwrap();
        for (row, wanted) in case.rows[at..end].iter().enumerate() {
            let mut dense = vec![0.0; n_genes];
            let (columns, values) = block.row(row);
            columns.iter().zip(values).for_each(|(column, value)| dense[*column as usize] = *value);
            assert_eq!(dense, *wanted, "{name}, seed {seed}, row {}", at + row);
        }
        // Going back now and then.
        at = if case.random.below(8) == 0 { case.random.below(end) } else { end };
    }
}

#[test]
fn what_is_written_in_any_format_is_read_back_exactly() {
    for (name, write) in FORMATS {
        for seed in 0..CASES {
            let folder = tempfile::tempdir().unwrap();
            let mut case = Case::new(seed);
            let found = write(&mut case, folder.path());
            check(name, seed, &mut case, found);
        }
    }
}
