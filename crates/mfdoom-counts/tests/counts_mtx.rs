//! Matrix Market files beyond the common ones: long ones, in no order that the first entries tell, in scipy's other forms.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use mfdoom_counts::{Matrix, Source, in_one_pass, open};
use mfdoom_error::Result;

/// Writes a folder of a matrix of genes by cells.
fn folder(text: &str, shape: (usize, usize)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let list = |prefix: &str, n: usize| (0..n).map(|at| format!("{prefix}{at}\n")).collect::<String>();
    std::fs::write(folder.path().join("genes.tsv"), list("ENSG", shape.0)).unwrap();
    std::fs::write(folder.path().join("barcodes.tsv"), list("AC", shape.1)).unwrap();
    put(&folder.path().join("matrix.mtx.gz"), text);
    folder
}

fn put(path: &Path, text: &str) {
    let mut packed =
        flate2::write::GzEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
}

fn matrix(folder: &Path) -> Matrix {
    open(folder).unwrap().matrix(&Source::X).unwrap()
}

/// Rows of a matrix, dense.
fn rows(matrix: &mut Matrix) -> Result<Vec<Vec<f32>>> {
    let mut all = Vec::new();
    for start in (0..matrix.n_rows()).step_by(64) {
        let block = matrix.read_rows(start..matrix.n_rows().min(start + 64))?;
        for row in 0..block.n_rows() {
            let mut dense = vec![0.0; block.n_cols()];
            let (columns, values) = block.row(row);
            columns.iter().zip(values).for_each(|(column, value)| dense[*column as usize] = *value);
            all.push(dense);
        }
    }
    Ok(all)
}

const LONG: (usize, usize) = (50, 9000);

/// Of each cell all genes but one, which differ in their counts.
fn long() -> Vec<(usize, usize, usize)> {
    let cells = (0..LONG.1).flat_map(|cell| (0..LONG.0).map(move |gene| (gene, cell)));
    cells
        .filter(|(gene, cell)| (gene + cell) % LONG.0 > 0)
        .map(|(g, c)| (g, c, 1 + (g * 31 + c) % 1200))
        .collect()
}

fn entries(of: &[(usize, usize, usize)]) -> String {
    let mut text = "%%MatrixMarket matrix coordinate integer general\n".to_owned();
    writeln!(text, "{} {} {}", LONG.0, LONG.1, of.len()).unwrap();
    of.iter().for_each(|(gene, cell, n)| writeln!(text, "{} {} {n}", gene + 1, cell + 1).unwrap());
    text
}

fn dense(of: &[(usize, usize, usize)]) -> Vec<Vec<f32>> {
    let mut rows = vec![vec![0.0; LONG.0]; LONG.1];
    of.iter().for_each(|(gene, cell, n)| rows[*cell][*gene] = *n as f32);
    rows
}

#[test]
fn long_packed_files_are_read_to_their_end_and_where_they_are_cut_off_is_told() {
    let all = long();
    let folder = folder(&entries(&all), LONG);
    assert!(rows(&mut matrix(folder.path())).unwrap() == dense(&all));
    let path = folder.path().join("matrix.mtx.gz");
    let packed = std::fs::read(&path).unwrap();
    std::fs::write(&path, &packed[..packed.len() - 9]).unwrap();
    let error = rows(&mut matrix(folder.path())).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("could not be read"), "{error}");
}

#[test]
fn an_entry_that_goes_back_is_set_aside_or_told_to_whom_can_begin_again() {
    let mut late = long();
    let last = late.len() - 1;
    late.swap(8000 * (LONG.0 - 1), last);
    let folder = folder(&entries(&late), LONG);
    let mut trusting = matrix(folder.path());
    trusting.trust_order();
    assert_eq!(trusting.read_rows(0..64).unwrap().n_rows(), 64);
    let error = rows(&mut trusting).unwrap_err();
    assert!(error.to_string().contains("goes back"), "{error}");
    for trust in [true, false] {
        let mut again = matrix(folder.path());
        if trust {
            again.trust_order();
        }
        assert!(rows(&mut again).unwrap() == dense(&late), "trusting {trust}");
    }
    // What goes back among the first entries needs no new begin, nor do those that come gene by gene.
    let mut early = long();
    early.swap(0, last);
    let mut by_gene = long();
    by_gene.sort_by_key(|(gene, cell, _)| (*gene, *cell));
    for all in [early, by_gene] {
        let folder = self::folder(&entries(&all), LONG);
        let mut trusting = matrix(folder.path());
        trusting.trust_order();
        assert!(rows(&mut trusting).unwrap() == dense(&all));
    }
    // Again, by itself.
    let mut times = 0;
    let folder = self::folder(&entries(&late), LONG);
    let read = in_one_pass(|| {
        times += 1;
        let mut matrix = matrix(folder.path());
        matrix.trust_order();
        rows(&mut matrix)
    });
    assert!(read.unwrap() == dense(&late));
    assert_eq!(times, 2);
}

#[test]
fn symmetric_matrices_arrays_and_unsigned_integers_are_read() {
    let banner = |rest: &str| format!("%%MatrixMarket matrix {rest}\n%\n");
    let read = |text: String, shape| rows(&mut matrix(folder(&text, shape).path())).unwrap();
    let symmetric = banner("coordinate integer symmetric") + "3 3 4\n1 1 5\n2 1 7\n3 2 1\n3 3 2\n";
    assert_eq!(read(symmetric, (3, 3)), [[5.0, 7.0, 0.0], [7.0, 0.0, 1.0], [0.0, 1.0, 2.0]]);
    let array = banner("array real general") + "2 3\n1\n0\n 3.0\n4\n0\n6e0\n";
    assert_eq!(read(array, (2, 3)), [[1.0, 0.0], [3.0, 4.0], [0.0, 6.0]]);
    let unsigned = banner("coordinate unsigned-integer general") + "2 2 2\n2 1 9\n1 2 4\n";
    assert_eq!(read(unsigned, (2, 2)), [[0.0, 9.0], [4.0, 0.0]]);
}
