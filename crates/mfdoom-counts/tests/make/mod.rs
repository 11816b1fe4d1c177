//! Makes AnnData files of every encoding, as other programs wrote them, through HDF5 alone.
#![allow(dead_code)]

pub mod random;
pub mod zarr;

use std::path::{Path, PathBuf};

use hdf5::types::{H5Type, VarLenUnicode};
use hdf5::{File, Group, Location};
use tempfile::TempDir;

/// How the chunks of a dataset are compressed.
#[derive(Clone, Copy, Debug)]
pub enum Packing {
    None,
    Gzip,
    Lzf,
}

/// A folder that is removed at the end, and a path in it.
pub fn scratch(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

pub fn texts(texts: &[&str]) -> Vec<VarLenUnicode> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub fn attribute(of: &Location, name: &str, text: &str) {
    let text: VarLenUnicode = text.parse().unwrap();
    of.new_attr::<VarLenUnicode>().create(name).unwrap().write_scalar(&text).unwrap();
}

pub fn attribute_list<T: H5Type>(of: &Location, name: &str, values: &[T]) {
    of.new_attr_builder().with_data(values).create(name).unwrap();
}

pub fn line<T: H5Type>(group: &Group, name: &str, values: &[T]) {
    packed(group, name, values, Packing::None);
}

pub fn packed<T: H5Type>(group: &Group, name: &str, values: &[T], packing: Packing) {
    let builder = group.new_dataset_builder();
    let builder = match packing {
        _ if values.is_empty() => builder,
        Packing::None => builder,
        Packing::Gzip => builder.chunk(values.len().min(7)).deflate(4),
        Packing::Lzf => builder.chunk(values.len().min(7)).lzf(),
    };
    builder.with_data(values).create(name).unwrap();
}

/// A frame of anndata 0.8 and later with an index and no columns.
pub fn frame(file: &Group, name: &str, index: &str, rows: &[&str]) -> Group {
    let group = file.create_group(name).unwrap();
    attribute(&group, "_index", index);
    attribute(&group, "encoding-type", "dataframe");
    attribute(&group, "encoding-version", "0.2.0");
    // What anndata writes for no columns.
    attribute_list::<f64>(&group, "column-order", &[]);
    line(&group, index, &texts(rows));
    group
}

/// Names the columns of a frame.
pub fn columns(frame: &Group, names: &[&str]) {
    frame.delete_attr("column-order").unwrap();
    attribute_list(frame, "column-order", &texts(names));
}

/// A file of three cells and four genes, without a matrix.
pub fn skeleton(path: &PathBuf) -> File {
    let file = File::create(path).unwrap();
    attribute(&file, "encoding-type", "anndata");
    attribute(&file, "encoding-version", "0.1.0");
    frame(&file, "obs", "_index", &["a", "b", "c"]);
    frame(&file, "var", "gene_id", &["w", "x", "y", "z"]);
    for name in ["layers", "obsm", "uns"] {
        file.create_group(name).unwrap();
    }
    file
}

/// The arrays of a sparse matrix.
pub struct Sparse<'a, T> {
    pub encoding: &'a str,
    pub shape: [i64; 2],
    pub indptr: &'a [i32],
    pub indices: &'a [i32],
    pub data: &'a [T],
}

pub fn sparse<T: H5Type>(file: &Group, name: &str, matrix: &Sparse<'_, T>, packing: Packing) {
    let group = file.create_group(name).unwrap();
    attribute(&group, "encoding-type", matrix.encoding);
    attribute(&group, "encoding-version", "0.1.0");
    attribute_list(&group, "shape", &matrix.shape);
    packed(&group, "indptr", matrix.indptr, packing);
    packed(&group, "indices", matrix.indices, packing);
    packed(&group, "data", matrix.data, packing);
}

/// Sleeps until the clock shows another second than now.
pub fn next_second() {
    std::thread::sleep(std::time::Duration::from_millis(1100));
}

/// Paths of the objects of a file that carry a time.
pub fn stamped(path: &Path) -> Vec<String> {
    fn visit(group: &Group, at: &str, found: &mut Vec<String>) {
        for name in group.member_names().unwrap() {
            // A link that leads nowhere has no object.
            let Ok(info) = group.loc_info_by_name(&name) else { continue };
            let path = format!("{at}/{name}");
            if let Ok(inner) = group.group(&name) {
                visit(&inner, &path, found);
            }
            if [info.atime, info.mtime, info.ctime, info.btime] != [0; 4] {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(&File::open(path).unwrap(), "", &mut found);
    found.sort();
    found
}
