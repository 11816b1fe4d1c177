//! New files hold what was written, in encodings that every HDF5 can decode, or are not there.

mod make;

use std::path::Path;

use mfdoom_counts::{Column, Frame, H5ad, H5adWriter, MatrixKind, NewFile, NewMatrix, Source, Value};
use mfdoom_error::Kind;
use mfdoom_matrix::Csr;

use self::make::{next_second, scratch, stamped};

const CELLS: usize = 300;
const GENES: usize = 7;

fn strings(n: usize, of: impl Fn(usize) -> String) -> Vec<String> {
    (0..n).map(of).collect()
}

fn frame(n: usize, prefix: &str) -> Frame {
    let rare = |row: usize| !row.is_multiple_of(5);
    Frame::new(strings(n, |row| format!("{prefix}{row}")))
        .with("word", Column::String(strings(n, |row| format!("w{row}")).into_iter().map(Some).collect()))
        .with(
            "type",
            Column::Categorical {
                codes: (0..n).map(|row| rare(row).then_some((row % 3) as u32)).collect(),
                categories: vec!["z".into(), "unused".into(), "a".into()],
            },
        )
        .with("n", Column::Int((0..n).map(|row| Some(row as i64 - 1)).collect()))
        .with("maybe_n", Column::Int((0..n).map(|row| rare(row).then_some(row as i64)).collect()))
        .with("x", Column::Float((0..n).map(|row| row as f64 / 3.0).collect()))
        .with("flag", Column::Bool((0..n).map(|row| Some(rare(row))).collect()))
        .with("maybe_flag", Column::Bool((0..n).map(|row| rare(row).then_some(true)).collect()))
}

fn counts(rows: std::ops::Range<usize>) -> Csr {
    let mut block = Csr::empty(GENES);
    for row in rows {
        let count =
            |column: usize| if (row + column).is_multiple_of(3) { (row * column + 1) as f32 } else { 0.0 };
        block.push_dense_row(&(0..GENES).map(count).collect::<Vec<_>>());
    }
    block
}

fn dense(rows: std::ops::Range<usize>) -> Vec<f32> {
    rows.flat_map(|row| (0..GENES).map(move |column| (row as f32 - column as f32) / 2.0)).collect()
}

fn layer(name: &str) -> Source {
    Source::Layer(name.to_owned())
}

fn new_file() -> NewFile {
    let matrices = vec![
        NewMatrix::new(Source::X, MatrixKind::Sparse, GENES),
        NewMatrix::new(layer("counts"), MatrixKind::Counts, GENES),
        NewMatrix::new(layer("velocity"), MatrixKind::Dense, GENES),
        NewMatrix::new(Source::Obsm("X_pca".into()), MatrixKind::Dense, 2),
    ];
    let nested = Value::Dict(vec![
        ("lineages".into(), Value::Texts(vec!["a".into(), "b".into()])),
        ("graph".into(), Value::Csr(Csr::new(3, vec![0, 1], vec![2], vec![0.5]).unwrap())),
    ]);
    let uns = vec![
        ("seed".into(), Value::Int(7)),
        ("tool/name".into(), Value::Text("mfdoom".into())),
        ("tool/share".into(), Value::Float(0.25)),
        ("tool/done".into(), Value::Bool(true)),
        ("times".into(), Value::Floats(vec![0.5, 1.5])),
        ("sizes".into(), Value::Ints(vec![])),
        ("nested".into(), nested),
    ];
    NewFile { var: Frame { index_name: "gene_id".into(), ..frame(GENES, "g") }, matrices, uns }
}

fn write(path: &Path, step: usize) {
    let mut writer = H5adWriter::create(path, true, &new_file()).unwrap();
    for begin in (0..CELLS).step_by(step) {
        let rows = begin..CELLS.min(begin + step);
        writer.append(&Source::X, &counts(rows.clone())).unwrap();
        writer.append(&layer("counts"), &counts(rows.clone())).unwrap();
        writer.append_dense(&layer("velocity"), &dense(rows.clone())).unwrap();
        let pca: Vec<f32> = rows.flat_map(|row| [row as f32, 0.5]).collect();
        writer.append_dense(&Source::Obsm("X_pca".into()), &pca).unwrap();
    }
    writer.finish(&frame(CELLS, "c")).unwrap();
}

#[test]
fn what_is_written_is_read_back() {
    let (_folder, path) = scratch("new.h5ad");
    write(&path, 77);
    let file = H5ad::open(&path).unwrap();
    assert_eq!(file.obs().unwrap(), Frame { index_name: "_index".into(), ..frame(CELLS, "c") });
    assert_eq!(file.var().unwrap(), new_file().var);
    let read = |source: &Source| file.matrix(source).unwrap().read_rows(0..CELLS).unwrap();
    assert_eq!(read(&Source::X), counts(0..CELLS));
    assert_eq!(read(&layer("counts")), counts(0..CELLS));
    let wanted = dense(0..CELLS);
    let velocity = read(&layer("velocity"));
    assert_eq!(velocity.values(), wanted.into_iter().filter(|value| *value != 0.0).collect::<Vec<_>>());
    assert_eq!(file.sources().len(), 4);
}

#[test]
fn only_filters_that_every_hdf5_has_are_used() {
    let (_folder, path) = scratch("filters.h5ad");
    write(&path, CELLS);
    fn visit(group: &hdf5::Group, seen: &mut usize) {
        for set in group.datasets().unwrap() {
            for filter in set.filters() {
                *seen += 1;
                let known =
                    matches!(filter, hdf5::filters::Filter::Deflate(_) | hdf5::filters::Filter::Shuffle);
                assert!(known, "{} has {filter:?}", set.name());
            }
        }
        group.groups().unwrap().iter().for_each(|group| visit(group, seen));
    }
    let mut seen = 0;
    visit(&hdf5::File::open(&path).unwrap(), &mut seen);
    assert!(seen > 10);
}

#[test]
fn equal_content_gives_equal_bytes() {
    let (folder, path) = scratch("one.h5ad");
    let other = folder.path().join("two.h5ad");
    write(&path, 100);
    next_second();
    write(&other, 100);
    assert!(std::fs::read(&path).unwrap() == std::fs::read(&other).unwrap());
    assert_eq!(stamped(&path), [""; 0]);
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let (folder, path) = scratch("partial.h5ad");
    let left = || std::fs::read_dir(folder.path()).unwrap().count();
    let mut writer = H5adWriter::create(&path, false, &new_file()).unwrap();
    writer.append(&Source::X, &counts(0..CELLS)).unwrap();
    assert!(!path.exists());
    let error = writer.finish(&frame(CELLS, "c")).unwrap_err();
    assert!(error.to_string().contains("is incomplete"), "{error}");
    assert_eq!(left(), 0);
    drop(H5adWriter::create(&path, false, &new_file()).unwrap());
    assert_eq!(left(), 0);

    write(&path, CELLS);
    let before = std::fs::read(&path).unwrap();
    let error = H5adWriter::create(&path, false, &new_file()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    drop(H5adWriter::create(&path, true, &new_file()).unwrap());
    assert!(std::fs::read(&path).unwrap() == before);
    assert_eq!(left(), 1);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let (_folder, path) = scratch("refused.h5ad");
    let with = |change: &dyn Fn(&mut NewFile)| {
        let mut new = new_file();
        change(&mut new);
        let error = H5adWriter::create(&path, false, &new).unwrap_err();
        assert!(!path.exists());
        error
    };
    with(&|new| new.var.columns.push(("word".into(), Column::Float(vec![0.0; GENES]))));
    with(&|new| new.var.columns.push(("gene_id".into(), Column::Float(vec![0.0; GENES]))));
    with(&|new| new.var.columns.push(("short".into(), Column::Float(vec![0.0]))));
    with(&|new| new.var.columns.push(("a/b".into(), Column::Float(vec![0.0; GENES]))));
    with(&|new| new.var.index[0] = "a\0b".into());
    with(&|new| new.uns.push(("zero".into(), Value::Text("a\0b".into()))));
    with(&|new| new.uns.push(("seed/inside".into(), Value::Int(1))));
    with(&|new| new.matrices.push(NewMatrix::new("layers/a/b", MatrixKind::Dense, GENES)));
    with(&|new| {
        let codes = vec![Some(3); GENES];
        new.var.columns.push(("c".into(), Column::Categorical { codes, categories: vec!["a".into()] }));
    });

    let mut writer = H5adWriter::create(&path, false, &new_file()).unwrap();
    let halves = Csr::new(GENES, vec![0, 1], vec![0], vec![0.5]).unwrap();
    assert!(writer.append(&layer("counts"), &halves).is_err());
    assert!(writer.append(&Source::X, &Csr::empty(GENES + 1)).is_err());
    assert!(writer.append_dense(&layer("velocity"), &[1.0; GENES + 1]).is_err());
    assert!(writer.append_dense(&Source::X, &[1.0; GENES]).is_err());
    assert!(writer.append(&layer("velocity"), &counts(0..1)).is_err());
    assert!(writer.append(&layer("unknown"), &counts(0..1)).is_err());
}

#[test]
fn a_file_without_cells_or_matrices_is_written() {
    let (_folder, path) = scratch("empty.h5ad");
    let matrices = vec![NewMatrix::new(Source::X, MatrixKind::Counts, 0)];
    let writer = H5adWriter::create(&path, false, &NewFile { matrices, ..NewFile::default() }).unwrap();
    writer.finish(&Frame::default().with("x", Column::Float(vec![]))).unwrap();
    let file = H5ad::open(&path).unwrap();
    assert_eq!((file.n_obs(), file.n_vars()), (0, 0));
    assert_eq!(file.matrix(&Source::X).unwrap().read_rows(0..0).unwrap(), Csr::empty(0));
}
