//! Every encoding of a matrix gives the same rows, and a damaged one an error that says so.

mod make;

use hdf5::types::H5Type;
use mfdoom_counts::{CountRule, H5ad, Source};
use mfdoom_error::{Error, Kind};
use mfdoom_matrix::Csr;
use ndarray::{Array2, arr2};

use self::make::{Packing, Sparse, attribute, line, scratch, skeleton, sparse, texts};

/// [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]], in numbers that every type holds.
fn expected() -> Csr {
    Csr::new(4, vec![0, 2, 2, 4], vec![1, 3, 0, 2], vec![1.0; 4]).unwrap()
}

fn layer(name: &str) -> Source {
    Source::Layer(name.to_owned())
}

fn read(file: &H5ad, source: &Source) -> Csr {
    let mut matrix = file.matrix(source).unwrap();
    matrix.read_rows(0..matrix.n_rows()).unwrap()
}

/// Values of a matrix that are no counts.
fn offending(file: &H5ad, source: &Source) -> Vec<f64> {
    let mut matrix = file.matrix(source).unwrap();
    let block = matrix.read_rows(0..matrix.n_rows()).unwrap();
    CountRule { allow_non_integer: false }.offending(&block, matrix.rounded())
}

fn write_all<T>(layers: &hdf5::Group, one: T, zero: T, packing: Packing)
where
    T: H5Type + Copy,
{
    let data = &[one; 4];
    let csr =
        Sparse { encoding: "csr_matrix", shape: [3, 4], indptr: &[0, 2, 2, 4], indices: &[1, 3, 0, 2], data };
    sparse(layers, "csr", &csr, packing);
    let csc = Sparse {
        encoding: "csc_matrix",
        shape: [3, 4],
        indptr: &[0, 1, 2, 3, 4],
        indices: &[2, 0, 2, 0],
        data,
    };
    sparse(layers, "csc", &csc, packing);
    let dense = arr2(&[[zero, one, zero, one], [zero; 4], [one, zero, one, zero]]);
    let builder = layers.new_dataset_builder();
    let builder = match packing {
        Packing::None => builder,
        Packing::Gzip => builder.chunk([2, 3]).deflate(4),
        Packing::Lzf => builder.chunk([2, 3]).lzf(),
    };
    builder.with_data(dense.view()).create("dense").unwrap();
}

fn check_type<T: H5Type + Copy>(one: T, zero: T) {
    for packing in [Packing::None, Packing::Gzip, Packing::Lzf] {
        let (_folder, path) = scratch("types.h5ad");
        let file = skeleton(&path);
        write_all(&file.group("layers").unwrap(), one, zero, packing);
        drop(file);
        let file = H5ad::open(&path).unwrap();
        assert_eq!(file.sources().len(), 3);
        for name in ["csr", "csc", "dense"] {
            let block = read(&file, &layer(name));
            assert_eq!(block, expected(), "{name} of {:?}, {packing:?}", T::type_descriptor());
            assert!(offending(&file, &layer(name)).is_empty());
        }
    }
}

#[test]
fn every_number_type_and_packing_gives_the_same_rows() {
    check_type(1_u8, 0);
    check_type(1_i8, 0);
    check_type(1_u16, 0);
    check_type(1_i16, 0);
    check_type(1_u32, 0);
    check_type(1_i32, 0);
    check_type(1_u64, 0);
    check_type(1_i64, 0);
    check_type(1_f32, 0.0);
    check_type(1_f64, 0.0);
    check_type(true, false);
}

/// Writes float16, for which the wrapper of HDF5 has no type.
fn write_half(group: &hdf5::Group, name: &str, values: &Array2<f32>) {
    use hdf5_sys::{h5d, h5i, h5p::H5P_DEFAULT, h5s, h5t};
    let memory = hdf5::Datatype::from_type::<f32>().unwrap();
    let name = std::ffi::CString::new(name).unwrap();
    let shape = [values.nrows() as u64, values.ncols() as u64];
    let _guard = hdf5_sys::LOCK.lock();
    // SAFETY: the library is locked, and the buffer has the shape that is written.
    unsafe {
        let half = h5t::H5Tcopy(memory.id());
        assert!(h5t::H5Tset_fields(half, 15, 10, 5, 0, 10) >= 0);
        assert!(h5t::H5Tset_size(half, 2) >= 0);
        assert!(h5t::H5Tset_ebias(half, 15) >= 0);
        let space = h5s::H5Screate_simple(2, shape.as_ptr(), std::ptr::null());
        let set =
            h5d::H5Dcreate2(group.id(), name.as_ptr(), half, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        let done =
            h5d::H5Dwrite(set, memory.id(), h5s::H5S_ALL, h5s::H5S_ALL, H5P_DEFAULT, values.as_ptr().cast());
        assert!(set > 0 && done >= 0);
        for id in [set, space, half] {
            h5i::H5Idec_ref(id);
        }
    }
}

#[test]
fn float16_is_read() {
    let (_folder, path) = scratch("half.h5ad");
    let file = skeleton(&path);
    let values = arr2(&[[0.0, 0.5, 0.0, 2048.0], [0.0; 4], [1.0, 0.0, 3.0, 0.0]]);
    write_half(&file.group("layers").unwrap(), "half", &values);
    assert_eq!(file.dataset("layers/half").unwrap().dtype().unwrap().size(), 2);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    let block = read(&file, &layer("half"));
    assert_eq!(block.values(), [0.5, 2048.0, 1.0, 3.0]);
    assert_eq!(offending(&file, &layer("half")), [0.5]);
}

#[test]
fn unsorted_rows_are_sorted_duplicates_summed_and_zeros_dropped() {
    let (_folder, path) = scratch("unsorted.h5ad");
    let file = skeleton(&path);
    let csr = Sparse {
        encoding: "csr_matrix",
        shape: [3, 4],
        indptr: &[0, 3, 5, 7],
        indices: &[3, 1, 3, 2, 0, 1, 1],
        data: &[1.0_f32, 2.0, 4.0, 0.0, 7.0, 3.0, -3.0],
    };
    sparse(&file, "X", &csr, Packing::None);
    let csc = Sparse {
        encoding: "csc_matrix",
        shape: [3, 4],
        indptr: &[0, 1, 4, 5, 7],
        indices: &[1, 2, 0, 2, 1, 0, 0],
        data: &[7.0_f32, 3.0, 2.0, -3.0, 0.0, 1.0, 4.0],
    };
    sparse(&file.group("layers").unwrap(), "csc", &csc, Packing::None);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    let wanted = Csr::new(4, vec![0, 2, 3, 3], vec![1, 3, 0], vec![2.0, 5.0, 7.0]).unwrap();
    assert_eq!(read(&file, &Source::X), wanted);
    assert_eq!(read(&file, &layer("csc")), wanted);
}

#[test]
fn any_run_of_rows_is_the_same_from_every_encoding() {
    let (_folder, path) = scratch("runs.h5ad");
    let file = hdf5::File::create(&path).unwrap();
    let (n, m) = (97, 31);
    let cells: Vec<String> = (0..n).map(|cell| format!("c{cell}")).collect();
    let genes: Vec<String> = (0..m).map(|gene| format!("g{gene}")).collect();
    make::frame(&file, "obs", "_index", &cells.iter().map(String::as_str).collect::<Vec<_>>());
    make::frame(&file, "var", "_index", &genes.iter().map(String::as_str).collect::<Vec<_>>());
    let dense =
        Array2::from_shape_fn((n, m), |(i, j)| if (i * 7 + j * 13) % 5 < 2 { (i + j) as f64 } else { 0.0 });
    let (mut indptr, mut indices, mut data) = (vec![0], vec![], vec![]);
    for column in dense.columns() {
        for (row, value) in column.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(row as i32);
            data.push(*value);
        }
        indptr.push(data.len() as i32);
    }
    let shape = [n as i64, m as i64];
    let csc = Sparse { encoding: "csc_matrix", shape, indptr: &indptr, indices: &indices, data: &data };
    sparse(&file, "layers/csc", &csc, Packing::Gzip);
    let builder = file.new_dataset_builder().chunk([50, 10]).deflate(1);
    builder.with_data(dense.view()).create("X").unwrap();
    drop(file);

    let file = H5ad::open(&path).unwrap();
    let whole = read(&file, &Source::X);
    let mut csc = file.matrix(&layer("csc")).unwrap();
    // A few rows fit, one does not, and everything does.
    for memory in [300, 1, 1 << 20] {
        csc.set_memory(memory);
        for range in [0..n, 0..1, 1..2, 5..40, 3..9, 90..97, 97..97] {
            let mut wanted = Csr::empty(m);
            wanted.extend(&whole, range.clone());
            assert_eq!(csc.read_rows(range.clone()).unwrap(), wanted, "{range:?} in {memory} bytes");
        }
    }
    assert_eq!(csc.read_rows(3..98).unwrap_err().kind(), Kind::Failed);
}

#[test]
fn large_chunks_are_read_in_whole() {
    let (_folder, path) = scratch("chunks.h5ad");
    let file = hdf5::File::create(&path).unwrap();
    let n = 2000;
    let names: Vec<String> = (0..n).map(|cell| format!("c{cell}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    make::frame(&file, "obs", "_index", &names);
    make::frame(&file, "var", "_index", &names);
    let (indptr, indices): (Vec<i32>, Vec<i32>) =
        ((0..=n).map(|row| row * 300).collect(), (0..n * 300).map(|at| at % 300 * 5).collect());
    let data: Vec<f32> = (0..n * 300).map(|at| (at % 7 + 1) as f32).collect();
    let group = file.create_group("X").unwrap();
    attribute(&group, "encoding-type", "csr_matrix");
    make::attribute_list(&group, "shape", &[2000_i64, 2000]);
    line(&group, "indptr", &indptr);
    for name in ["indices", "data"] {
        let builder = group.new_dataset_builder().chunk(n as usize * 300).deflate(1);
        match name {
            "data" => builder.with_data(&data).create(name).unwrap(),
            _ => builder.with_data(&indices).create(name).unwrap(),
        };
    }
    drop(file);
    let mut matrix = H5ad::open(&path).unwrap().matrix(&Source::X).unwrap();
    let mut seen = Vec::new();
    for begin in (0..2000).step_by(64) {
        let block = matrix.read_rows(begin..2000.min(begin + 64)).unwrap();
        assert_eq!(block.row(0).0[2], 10);
        seen.extend_from_slice(block.values());
    }
    assert_eq!(seen, data);
}

#[test]
fn a_value_that_f32_only_rounds_to_a_count_is_told() {
    fn told<T: H5Type + Clone>(values: [T; 4]) -> Vec<f64> {
        let (_folder, path) = scratch("rounded.h5ad");
        let file = skeleton(&path);
        let csr = Sparse {
            encoding: "csr_matrix",
            shape: [3, 4],
            indptr: &[0, 4, 4, 4],
            indices: &[0, 1, 2, 3],
            data: &values,
        };
        sparse(&file, "X", &csr, Packing::None);
        let dense = Array2::from_shape_vec((1, 4), values.to_vec()).unwrap();
        let dense =
            ndarray::concatenate(ndarray::Axis(0), &[dense.view(), dense.view(), dense.view()]).unwrap();
        file.new_dataset_builder().with_data(dense.view()).create("layers/dense").unwrap();
        drop(file);
        let file = H5ad::open(&path).unwrap();
        let told = offending(&file, &Source::X);
        let dense = offending(&file, &layer("dense"));
        // As text, because NaN does not equal itself.
        assert_eq!(format!("{:?}", &dense[..told.len()]), format!("{told:?}"));
        told
    }
    assert_eq!(told([1.0, 1.000_000_000_1, 1e-60, 16_777_217.0]), [0.0; 0]);
    assert_eq!(told([1.0, 16_777_216.5, 2.0, 3.0]), [16_777_216.5]);
    assert_eq!(told([1.0, 1.000_01, 2.0, 3.0]).len(), 1);
    assert_eq!(told([16_777_217_i32, 30_565_379, 16_777_218, 0]), [0.0; 0]);
    assert_eq!(told([1_i64 << 53, 1, 2, 3]), [0.0; 0]);
    assert_eq!(told([(1_i64 << 53) + 2, 1, 2, 3]).len(), 1);
    assert!(told([u64::MAX, u64::MAX - 1, 2, 3]).len() >= 2);
    assert_eq!(told([-1_i64, 1, 2, 3]), [-1.0]);
    assert!(told([f64::NAN, f64::INFINITY, 1.0, 2.0]).len() == 2);
    assert!(told([0_u64, 1 << 40, 2, 16_777_216]).is_empty());
}

/// What is wrong with a CSR matrix, and the message it must cause.
fn broken(matrix: &Sparse<'_, f32>) -> String {
    let (_folder, path) = scratch("broken.h5ad");
    let file = skeleton(&path);
    sparse(&file.group("layers").unwrap(), "spliced", matrix, Packing::None);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    let read = |file: &H5ad| -> Result<Csr, Error> {
        let mut matrix = file.matrix(&layer("spliced"))?;
        matrix.read_rows(0..1)?;
        matrix.read_rows(1..3)
    };
    let error = read(&file).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract, "{error}");
    let text = error.to_string();
    assert!(text.contains("broken.h5ad: layers/spliced"), "{text}");
    for part in ["found: ", "wanted: "] {
        assert!(text.contains(part), "{text}");
    }
    text
}

#[test]
fn a_corrupt_matrix_is_an_error_that_says_where() {
    let good = || Sparse {
        encoding: "csr_matrix",
        shape: [3, 4],
        indptr: &[0, 2, 2, 4],
        indices: &[1, 3, 0, 2],
        data: &[1.0_f32; 4],
    };
    let csc =
        || Sparse { encoding: "csc_matrix", indptr: &[0, 1, 2, 3, 4], indices: &[2, 0, 2, 0], ..good() };
    let holds = |text: String, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    };
    holds(broken(&Sparse { indices: &[1, 4, 0, 2], ..good() }), &["/indices", "4 at position 1", "0 to 3"]);
    holds(broken(&Sparse { indices: &[1, -1, 0, 2], ..good() }), &["/indices", "-1 at position 1"]);
    holds(broken(&Sparse { indices: &[2, 0, 3, 0], ..csc() }), &["/indices", "3 at position 2", "0 to 2"]);
    holds(broken(&Sparse { indptr: &[0, 3, 2, 4], ..good() }), &["/indptr", "2 after 3 at position 2"]);
    holds(broken(&Sparse { indptr: &[0, 1, 4, 3, 4], ..csc() }), &["/indptr", "3 after 4"]);
    holds(broken(&Sparse { indptr: &[1, 2, 2, 4], ..good() }), &["/indptr", "a first pointer of 1"]);
    holds(broken(&Sparse { indptr: &[0, 2, 2, 9], ..good() }), &["/indptr", "a last pointer of 9"]);
    holds(broken(&Sparse { indptr: &[0, 2, 2, 3], ..good() }), &["/indptr", "a last pointer of 3"]);
    holds(broken(&Sparse { indptr: &[0, 2, 4], ..good() }), &["/indptr", "wrong length", "found: 3"]);
    holds(broken(&Sparse { indices: &[1, 3, 0], ..good() }), &["/indices", "wrong length", "found: 3"]);
    holds(broken(&Sparse { shape: [3, 5], ..good() }), &["3 x 5", "3 rows of obs x 4 rows of var"]);
    holds(broken(&Sparse { shape: [-3, 4], ..good() }), &["[-3, 4]"]);
    holds(broken(&Sparse { encoding: "coo_matrix", ..good() }), &["coo_matrix", "csr_matrix or csc_matrix"]);
}

#[test]
fn what_is_no_matrix_is_refused_by_name() {
    let (_folder, path) = scratch("odd.h5ad");
    let file = skeleton(&path);
    let layers = file.group("layers").unwrap();
    line(&layers, "words", &texts(&["a", "b", "c"]));
    layers.create_group("group").unwrap();
    layers.new_dataset::<f32>().shape((3, 4, 2)).create("cube").unwrap();
    layers.new_dataset::<f32>().shape(()).create("scalar").unwrap();
    layers.link_soft("/nowhere", "dangling").unwrap();
    sparse(
        &layers,
        "spliced",
        &Sparse { encoding: "csr_matrix", shape: [3, 4], indptr: &[0; 4], indices: &[], data: &[0_u8; 0] },
        Packing::None,
    );
    drop(file);
    let file = H5ad::open(&path).unwrap();
    assert_eq!(file.sources(), [layer("spliced")]);
    assert_eq!(read(&file, &layer("spliced")), Csr::new(4, vec![0; 4], vec![], vec![]).unwrap());
    for name in ["words", "group", "cube", "scalar", "dangling", "none"] {
        let error = file.matrix(&layer(name)).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract);
        assert!(error.to_string().contains(&format!("layers/{name}")), "{error}");
    }
    let error = file.matrix(&layer("unspliced")).unwrap_err().to_string();
    assert!(error.contains("has no layers/unspliced") && error.contains("found: layers/spliced"), "{error}");
    let error = file.matrix(&Source::X).unwrap_err().to_string();
    assert!(error.contains("has no X"), "{error}");
}

#[test]
fn obsm_names_its_columns_where_the_file_does() {
    let (_folder, path) = scratch("obsm.h5ad");
    let file = skeleton(&path);
    let values = arr2(&[[1_i64, 0], [2, 3], [0, 4]]);
    for name in ["protein_expression", "X_pca"] {
        file.new_dataset_builder().with_data(values.view()).create(format!("obsm/{name}").as_str()).unwrap();
    }
    line(&file.group("uns").unwrap(), "protein_names", &texts(&["CD3", "CD4"]));
    let table = make::frame(&file.group("obsm").unwrap(), "adt", "_index", &["a", "b", "c"]);
    line(&table, "CD8", &[1_u16, 2, 0]);
    line(&table, "CD19", &[0_f32, 3.0, 4.0]);
    make::columns(&table, &["CD8", "CD19"]);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    let obsm = |key: &str| Source::Obsm(key.to_owned());
    assert_eq!(file.var_names_of(&obsm("protein_expression")).unwrap(), ["CD3", "CD4"]);
    assert_eq!(file.var_names_of(&obsm("X_pca")).unwrap(), ["X_pca_0", "X_pca_1"]);
    assert_eq!(file.var_names_of(&obsm("adt")).unwrap(), ["CD8", "CD19"]);
    let wanted = Csr::new(2, vec![0, 1, 3, 4], vec![0, 0, 1, 1], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    assert_eq!(read(&file, &obsm("adt")), wanted);
    assert_eq!(read(&file, &obsm("X_pca")), wanted);
}

#[test]
fn obsm_is_read_whole_or_says_what_is_there() {
    let (_folder, path) = scratch("obsm.h5ad");
    let file = skeleton(&path);
    let values = arr2(&[[1_i64, 0], [2, 3], [0, 4]]);
    file.new_dataset_builder().with_data(values.view()).create("obsm/X_pca").unwrap();
    file.new_dataset::<f64>().shape((3, 2, 3)).create("obsm/X_3").unwrap();
    drop(file);
    let file = H5ad::open(&path).unwrap();
    assert_eq!(file.obsm_keys(), ["X_pca"]);
    let found = file.obsm("X_pca").unwrap();
    assert_eq!((found.n_rows(), found.data()), (3, &[1.0, 0.0, 2.0, 3.0, 0.0, 4.0][..]));
    let says = |key: &str, parts: &[&str]| {
        let error = file.obsm(key).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract);
        parts.iter().for_each(|part| assert!(error.to_string().contains(part), "{part} is not in: {error}"));
    };
    says("X_3", &["obsm/X_3", "is not a matrix", "[3, 2, 3]", "two dimensions"]);
    says("X_umap", &["no obsm/X_umap", "found: obsm/X_pca"]);
}

#[test]
fn sources_are_read_from_their_names() {
    for text in ["X", "raw/X", "layers/spliced", "obsm/X_pca"] {
        assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
    }
    for text in ["", "x", "raw", "layers/", "layers", "uns/a"] {
        assert_eq!(text.parse::<Source>().unwrap_err().kind(), Kind::Usage, "{text}");
    }
}
