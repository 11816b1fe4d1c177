//! Peak memory does not grow with the number of cells, reading CSR, CSC and dense matrices and writing.
//!
//! Each measurement is a process of its own: this test binary again, told by the environment what to do.
//! `cargo test --release --test counts_memory -- --ignored --nocapture` measures 20,000 against 200,000 cells.
#![cfg(target_os = "linux")]

mod make;

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use hdf5::{Dataset, Group, SimpleExtents};
use mfdoom_counts::{Frame, H5ad, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use mfdoom_matrix::Csr;

use self::make::{attribute, attribute_list, scratch, texts};

const GENES: usize = 2000;
/// One of these many genes is counted in a cell: 500 of 2000.
const SPARSITY: usize = 4;
const BLOCK: usize = 256;
const TASK: &str = "MFDOOM_MEMORY_TASK";

fn value(row: usize, column: usize) -> f32 {
    ((row * 7 + column) % 5 + 1) as f32
}

fn block(rows: Range<usize>) -> Csr {
    let mut block = Csr::empty(GENES);
    for row in rows {
        let columns: Vec<u32> =
            (row % SPARSITY..GENES).step_by(SPARSITY).map(|column| column as u32).collect();
        let values: Vec<f32> = columns.iter().map(|column| value(row, *column as usize)).collect();
        block.push_row(&columns, &values);
    }
    block
}

fn write_rows(path: &Path, cells: usize) {
    let names = (0..GENES).map(|gene| format!("g{gene}")).collect();
    let matrices = [(Source::X, MatrixKind::Counts), (Source::Layer("dense".into()), MatrixKind::Dense)];
    let with_dense = path.to_string_lossy().contains("dense");
    let matrices = matrices.into_iter().filter(|(_, kind)| (*kind == MatrixKind::Dense) == with_dense);
    let matrices = matrices.map(|(source, kind)| NewMatrix::new(source, kind, GENES)).collect();
    let new = NewFile { var: Frame::new(names), matrices, uns: vec![] };
    let mut writer = H5adWriter::create(path, true, &new).unwrap();
    for begin in (0..cells).step_by(BLOCK) {
        let rows = begin..cells.min(begin + BLOCK);
        if with_dense {
            let values: Vec<f32> =
                rows.flat_map(|row| (0..GENES).map(move |gene| value(row, gene))).collect();
            writer.append_dense(&Source::Layer("dense".into()), &values).unwrap();
        } else {
            writer.append(&Source::X, &block(rows)).unwrap();
        }
    }
    writer.finish(&Frame::new((0..cells).map(|cell| format!("c{cell}")).collect())).unwrap();
}

fn write_columns(path: &Path, cells: usize) {
    let file = hdf5::File::create(path).unwrap();
    for (name, n) in [("obs", cells), ("var", GENES)] {
        let frame = file.create_group(name).unwrap();
        attribute(&frame, "_index", "_index");
        attribute_list(&frame, "column-order", &texts(&[]));
        let names: Vec<i64> = (0..n as i64).collect();
        frame.new_dataset_builder().with_data(&names).create("_index").unwrap();
    }
    let group = file.create_group("X").unwrap();
    attribute(&group, "encoding-type", "csc_matrix");
    attribute_list(&group, "shape", &[cells as i64, GENES as i64]);
    let line = |name: &str| {
        let builder = group.new_dataset::<i32>().chunk(1 << 16).shuffle().deflate(1);
        builder.shape(SimpleExtents::resizable([0])).create(name).unwrap()
    };
    let (data, indices, mut indptr) = (line("data"), line("indices"), vec![0_i64]);
    for column in 0..GENES {
        let rows: Vec<i32> = (column % SPARSITY..cells).step_by(SPARSITY).map(|row| row as i32).collect();
        let values: Vec<i32> = rows.iter().map(|row| value(*row as usize, column) as i32).collect();
        extend(&indices, &rows);
        extend(&data, &values);
        indptr.push(indptr[column] + rows.len() as i64);
    }
    make::line::<i64>(&group as &Group, "indptr", &indptr);
}

fn extend(line: &Dataset, values: &[i32]) {
    let begin = line.size();
    line.resize(begin + values.len()).unwrap();
    line.write_slice(values, begin..begin + values.len()).unwrap();
}

fn read(path: &Path, memory: usize) {
    let file = H5ad::open(path).unwrap();
    let source = &file.sources()[0];
    let mut matrix = file.matrix(source).unwrap();
    matrix.set_memory(memory);
    for begin in (0..matrix.n_rows()).step_by(BLOCK) {
        let rows = begin..matrix.n_rows().min(begin + BLOCK);
        let names = file.obs_names_in(rows.clone()).unwrap();
        let found = matrix.read_rows(rows.clone()).unwrap();
        assert_eq!(names.len(), found.n_rows());
        if !path.to_string_lossy().contains("dense") {
            assert!(found == block(rows));
        }
    }
}

/// Peak memory of this process in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What a measured process does; alone it does nothing.
#[test]
fn measured_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [what, path, n] = task.split('|').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let n: usize = n.parse().unwrap();
    match what {
        "write" => write_rows(Path::new(path), n),
        "write-columns" => write_columns(Path::new(path), n),
        _ => read(Path::new(path), n),
    }
    println!("peak {} KiB", peak());
}

/// Runs a task and returns its peak memory in KiB.
fn measure(what: &str, path: &Path, n: usize) -> usize {
    let begun = std::time::Instant::now();
    let task = format!("{what}|{}|{n}", path.display());
    let arguments = ["--exact", "measured_process", "--nocapture", "--test-threads=1"];
    let mut command = Command::new(std::env::current_exe().unwrap());
    // Left alone, the C library raises this limit, and then keeps what each thread has freed: no memory of ours.
    command.env("MALLOC_MMAP_THRESHOLD_", "131072");
    let output = command.args(arguments).env(TASK, task).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let peak = text.split("peak ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    println!("{what:>13} {name:<18} {:>7} MiB {:>6.1} s", peak / 1024, begun.elapsed().as_secs_f64());
    peak
}

/// Compares `cells` with ten times as many, with `memory` bytes to read ahead.
///
/// Fewer than 8,000 do not yet fill what HDF5 keeps of a file: 4 MiB, whatever its size.
fn compare(cells: usize, memory: usize) {
    for (name, write) in [("csr", "write"), ("dense", "write"), ("csc", "write-columns")] {
        let (folder, _) = scratch("");
        let paths = [cells, 10 * cells].map(|n| (n, folder.path().join(format!("{name}_{n}.h5ad"))));
        let peaks = paths.map(|(n, path)| (measure(write, &path, n), measure("read", &path, memory)));
        let [small, large] = peaks.map(|(_, read)| read as f64);
        // What is set aside by rows gathers in an eighth of the memory, which a small file does not fill.
        let gathered = if name == "csc" { (memory / 8 / 1024) as f64 } else { 0.0 };
        assert!(large < 1.15 * small + gathered, "{name}: reading took {small} KiB, then {large} KiB");
        if name == "csr" {
            // The names of the cells are the caller's; 8 bytes a cell are the writer's.
            let [small, large] = peaks.map(|(write, _)| write as f64);
            let names = (10 * cells * 100 / 1024) as f64;
            assert!(large < 1.15 * small + names, "{name}: writing took {small} KiB, then {large} KiB");
        }
    }
}

#[test]
fn peak_memory_does_not_grow_with_the_cells() {
    compare(8_000, 16 << 20);
}

#[test]
#[ignore = "takes minutes: the same at full size"]
fn peak_memory_of_200_000_cells() {
    compare(20_000, mfdoom_counts::DEFAULT_MEMORY);
}
