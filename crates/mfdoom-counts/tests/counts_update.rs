//! Additions to files of every anndata version keep everything else, and fail without a trace.

mod make;

use std::fs;
use std::path::{Path, PathBuf};

use hdf5::types::FixedAscii;
use hdf5::{H5Type, ObjectReference1};
use mfdoom_counts::{Column, Frame, H5ad, H5adUpdate, MatrixKind, Source, Value};
use mfdoom_error::Kind;
use mfdoom_matrix::Csr;

use self::make::{
    Packing, Sparse, attribute, columns, line, next_second, scratch, skeleton, sparse, stamped, texts,
};

fn layer(name: &str) -> Source {
    Source::Layer(name.to_owned())
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

/// A file of anndata 0.8 with categories, nothing missing but what versions leave out.
fn current(path: &PathBuf) {
    let file = skeleton(path);
    let obs = file.group("obs").unwrap();
    let cluster = obs.create_group("cluster").unwrap();
    attribute(&cluster, "encoding-type", "categorical");
    line(&cluster, "codes", &[1_i8, -1, 0]);
    line(&cluster, "categories", &texts(&["B", "A"]));
    columns(&obs, &["cluster"]);
    let data = &[1.0_f32; 4];
    let csr =
        Sparse { encoding: "csr_matrix", shape: [3, 4], indptr: &[0, 2, 2, 4], indices: &[1, 3, 0, 2], data };
    sparse(&file, "X", &csr, Packing::Lzf);
    write_records(&file.group("uns").unwrap());
}

#[derive(H5Type, Clone)]
#[repr(C)]
struct Score {
    gene: FixedAscii<8>,
    score: f32,
}

fn write_records(uns: &hdf5::Group) {
    let gene = FixedAscii::from_ascii("Sox2").unwrap();
    line(uns, "rank_genes_groups", &[Score { gene, score: 1.5 }]);
}

/// Everything that can be set, on a file of three cells and four genes.
fn set_all(update: &mut H5adUpdate) {
    let numbers = Column::Float(vec![0.5, f64::NAN, 1.5]);
    update.set_obs("confidence", &numbers).unwrap();
    let fate = Column::Categorical { codes: vec![Some(1), None, Some(0)], categories: names(&["x", "y"]) };
    update.set_obs("fate", &fate).unwrap();
    update.set_obs("embedded", &Column::Bool(vec![Some(true), Some(false), Some(true)])).unwrap();
    update.set_obs("note", &Column::String(vec![Some("a".into()), None, Some("c".into())])).unwrap();
    update.set_obs("maybe", &Column::Int(vec![Some(1), None, Some(3)])).unwrap();
    update.set_var("gamma", &Column::Float(vec![1.0, 2.0, 3.0, 4.0])).unwrap();
    update.set_obsm("X_mfdoom", 2, &[1.0, 2.0, f32::NAN, f32::NAN, 5.0, 6.0]).unwrap();
    update.set_varm("PCs", 1, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    update.begin(&layer("velocity"), MatrixKind::Dense, 4).unwrap();
    update.append_dense(&layer("velocity"), &[1.0; 4]).unwrap();
    update.append_dense(&layer("velocity"), &[2.0; 8]).unwrap();
    update.begin(&layer("Ms"), MatrixKind::Sparse, 4).unwrap();
    let rows = Csr::new(4, vec![0, 1, 1, 2], vec![2, 0], vec![0.5, 1.5]).unwrap();
    update.append(&layer("Ms"), &rows).unwrap();
    let graph = Csr::new(3, vec![0, 1, 2, 2], vec![1, 2], vec![0.25, 0.75]).unwrap();
    update.set_obsp("distances", &graph).unwrap();
    update.set_uns("velocity_params/embeddings", &Value::Texts(names(&["umap"]))).unwrap();
    update.set_uns("velocity_graph", &Value::Csr(graph)).unwrap();
}

/// Adds to a file and checks what it then holds; returns its obs from before.
fn check(path: &Path) -> (Frame, Frame) {
    let before = H5ad::open(path).unwrap();
    let (obs, var, sources) = (before.obs().unwrap(), before.var().unwrap(), before.sources());
    drop(before);
    let mut update = H5adUpdate::open(path).unwrap();
    set_all(&mut update);
    update.commit().unwrap();
    let after = H5ad::open(path).unwrap();
    for (name, column) in &obs.columns {
        assert_eq!(&after.obs_column(name).unwrap(), column, "{name}");
    }
    assert_eq!((after.obs_names().unwrap(), after.var_names().unwrap()), (obs.index.clone(), var.index));
    for source in sources {
        assert!(after.sources().contains(&source), "{source}");
    }
    let confidence = after.obs_column("confidence").unwrap().to_strings();
    assert_eq!(confidence, [Some("0.5".to_owned()), None, Some("1.5".to_owned())]);
    let fate = Column::Categorical { codes: vec![Some(1), None, Some(0)], categories: names(&["x", "y"]) };
    assert_eq!(after.obs_column("fate").unwrap(), fate);
    assert_eq!(
        after.obs_column("note").unwrap().to_strings(),
        [Some("a".to_owned()), None, Some("c".to_owned())]
    );
    assert_eq!(after.obs_column("embedded").unwrap().describe(), "booleans");
    assert_eq!(after.var_column("gamma").unwrap(), Column::Float(vec![1.0, 2.0, 3.0, 4.0]));
    let read = |source: &Source| after.matrix(source).unwrap().read_rows(0..3).unwrap();
    assert_eq!(read(&layer("Ms")), Csr::new(4, vec![0, 1, 1, 2], vec![2, 0], vec![0.5, 1.5]).unwrap());
    let velocity: Vec<f32> = [[1.0; 4], [2.0; 4], [2.0; 4]].concat();
    assert_eq!(read(&layer("velocity")).values(), velocity);
    assert_eq!(read(&Source::Obsm("X_mfdoom".into())).values()[4..], [5.0, 6.0]);
    let file = hdf5::File::open(path).unwrap();
    assert_eq!(file.dataset("uns/rank_genes_groups").unwrap().read_1d::<Score>().unwrap()[0].score, 1.5);
    for there in ["obsp/distances/indptr", "uns/velocity_graph/data", "uns/velocity_params/embeddings"] {
        assert!(file.link_exists(there), "{there}");
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    (obs, after.obs().unwrap())
}

#[test]
fn additions_to_a_current_file() {
    let (_folder, path) = scratch("current.h5ad");
    current(&path);
    let (before, after) = check(&path);
    let order: Vec<_> = after.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["cluster", "confidence", "fate", "embedded", "note", "maybe"]);
    assert_eq!(before.columns[0], after.columns[0]);
    assert_eq!(after.column("maybe").unwrap(), &Column::Int(vec![Some(1), None, Some(3)]));
}

#[test]
fn additions_to_a_file_of_anndata_0_7() {
    let (_folder, path) = scratch("old.h5ad");
    let file = skeleton(&path);
    for name in ["obs", "var"] {
        let frame = file.group(name).unwrap();
        frame.delete_attr("encoding-version").unwrap();
        attribute(&frame, "encoding-version", "0.1.0");
    }
    let obs = file.group("obs").unwrap();
    line(&obs.create_group("__categories").unwrap(), "cluster", &texts(&["B", "A"]));
    line(&obs, "cluster", &[1_i8, -1, 0]);
    let reference: ObjectReference1 = obs.reference("__categories/cluster").unwrap();
    let cluster = obs.dataset("cluster").unwrap();
    cluster.new_attr::<ObjectReference1>().create("categories").unwrap().write_scalar(&reference).unwrap();
    columns(&obs, &["cluster"]);
    write_records(&file.group("uns").unwrap());
    file.unlink("layers").unwrap();
    drop((cluster, obs, file));
    let (_, after) = check(&path);
    // A frame of this version has no missing integers.
    assert_eq!(after.column("maybe").unwrap().describe(), "numbers");
    let file = hdf5::File::open(&path).unwrap();
    assert!(file.link_exists("obs/__categories/fate") && file.link_exists("obs/__categories/note"));
    drop(file);

    // Replacing categories by numbers leaves none behind.
    let mut update = H5adUpdate::open(&path).unwrap();
    update.set_obs("fate", &Column::Int(vec![Some(1), Some(2), Some(3)])).unwrap();
    update.commit().unwrap();
    let file = hdf5::File::open(&path).unwrap();
    assert!(!file.link_exists("obs/__categories/fate"));
    assert_eq!(H5ad::open(&path).unwrap().obs_column("fate").unwrap().describe(), "integers");
}

#[derive(H5Type, Clone)]
#[repr(C)]
struct Cell {
    index: FixedAscii<2>,
    cluster: i8,
}

#[derive(H5Type, Clone)]
#[repr(C)]
#[allow(non_snake_case)]
struct Coordinates {
    X_pca: [f64; 2],
}

#[test]
fn additions_to_a_file_of_anndata_0_6() {
    let (_folder, path) = scratch("records.h5ad");
    let file = hdf5::File::create(&path).unwrap();
    let cell = |name: &str, cluster| Cell { index: FixedAscii::from_ascii(name).unwrap(), cluster };
    line(&file, "obs", &[cell("a", 1), cell("b", -1), cell("c", 0)]);
    line(&file, "var", &[cell("w", 1), cell("x", 1), cell("y", 0), cell("z", 0)]);
    line(&file, "obsm", &[0.1, 0.2, 0.3].map(|at| Coordinates { X_pca: [at, 1.0] }));
    let uns = file.create_group("uns").unwrap();
    line(&uns, "cluster_categories", &["T", "B"].map(|text| FixedAscii::<1>::from_ascii(text).unwrap()));
    write_records(&uns);
    drop((uns, file));
    let (before, after) = check(&path);
    assert_eq!(after.columns[0], before.columns[0]);
    assert_eq!(after.columns[0].1.describe(), "categories");
    let file = hdf5::File::open(&path).unwrap();
    assert_eq!(file.dataset("obsm/X_pca").unwrap().read_2d::<f64>().unwrap()[[2, 0]], 0.3);
}

#[test]
fn setting_twice_replaces() {
    let (_folder, path) = scratch("twice.h5ad");
    current(&path);
    for value in [1.0_f32, 2.0] {
        let mut update = H5adUpdate::open(&path).unwrap();
        update.set_obsm("X_mfdoom", 1, &[value; 3]).unwrap();
        update.set_obs("cluster", &Column::Float(vec![f64::from(value); 3])).unwrap();
        update.set_uns("mfdoom", &Value::Float(f64::from(value))).unwrap();
        update.commit().unwrap();
    }
    let file = H5ad::open(&path).unwrap();
    let mut embedding = file.matrix(&Source::Obsm("X_mfdoom".into())).unwrap();
    assert_eq!(embedding.read_rows(0..3).unwrap().values(), [2.0; 3]);
    assert_eq!(file.obs_columns(), ["cluster"]);
    assert_eq!(file.obs_column("cluster").unwrap(), Column::Float(vec![2.0; 3]));
}

#[test]
fn a_failing_update_leaves_no_trace() {
    let (folder, path) = scratch("failing.h5ad");
    current(&path);
    let before = fs::read(&path).unwrap();
    let intact = || {
        assert!(fs::read(&path).unwrap() == before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    };
    let mut update = H5adUpdate::open(&path).unwrap();
    set_all(&mut update);
    drop(update);
    intact();
    let mut update = H5adUpdate::open(&path).unwrap();
    update.begin(&layer("Ms"), MatrixKind::Sparse, 4).unwrap();
    update.append(&layer("Ms"), &Csr::empty(4)).unwrap();
    assert!(update.commit().unwrap_err().to_string().contains("is incomplete"));
    intact();
    let mut update = H5adUpdate::open(&path).unwrap();
    let column = Column::Float(vec![1.0; 3]);
    assert_eq!(update.set_obs("_index", &column).unwrap_err().kind(), Kind::Usage);
    assert_eq!(update.set_obs("a/b", &column).unwrap_err().kind(), Kind::Usage);
    assert_eq!(update.set_obs("", &column).unwrap_err().kind(), Kind::Usage);
    assert!(update.set_var("short", &column).is_err());
    assert!(update.set_obsp("wrong", &Csr::empty(3)).is_err());
    assert!(update.begin(&Source::RawX, MatrixKind::Dense, 4).is_err());
    drop(update);
    intact();
    let other = folder.path().join("text.h5ad");
    fs::write(&other, "no").unwrap();
    assert_eq!(H5adUpdate::open(&other).unwrap_err().kind(), Kind::Contract);
    fs::remove_file(&other).unwrap();
    intact();
}

/// A small file in the layout of HDF5 1.8 and later, or in the one before, behind `userblock` bytes of others.
fn in_layout(path: &Path, latest: bool, userblock: u64) {
    let layout = hdf5::File::with_options()
        .with_fapl(|access| if latest { access.libver_latest() } else { access.libver_earliest() })
        .with_fcpl(|create| create.userblock(userblock))
        .create(path)
        .unwrap();
    attribute(&layout, "encoding-type", "anndata");
    make::frame(&layout, "obs", "_index", &["a", "b", "c"]);
    make::frame(&layout, "var", "_index", &["w", "x", "y", "z"]);
    for name in ["layers", "obsm", "varm", "obsp", "uns"] {
        layout.create_group(name).unwrap();
    }
    let numbers = layout.group("obsm").unwrap().new_dataset::<f32>().obj_track_times(true);
    numbers.shape([3, 2]).create("X_pca").unwrap();
    layout.link_hard("obsm", "uns/again").unwrap();
    layout.link_soft("/nowhere", "uns/dangling").unwrap();
    layout.link_external("elsewhere.h5", "/", "uns/elsewhere").unwrap();
}

#[test]
fn equal_additions_give_equal_bytes_whatever_the_second() {
    for (latest, userblock) in [(true, 0), (false, 0), (true, 1024), (false, 512)] {
        let (folder, path) = scratch("one.h5ad");
        let other = folder.path().join("two.h5ad");
        in_layout(&path, latest, userblock);
        fs::copy(&path, &other).unwrap();
        for path in [&path, &other] {
            next_second();
            let mut update = H5adUpdate::open(path).unwrap();
            set_all(&mut update);
            update.commit().unwrap();
        }
        assert!(fs::read(&path).unwrap() == fs::read(&other).unwrap(), "{latest} {userblock}");
        let kept: &[&str] = if latest { &[] } else { &["/obsm/X_pca", "/uns/again/X_pca"] };
        assert_eq!(stamped(&path), kept, "{latest} {userblock}");
    }
}

#[cfg(unix)]
#[test]
fn permissions_and_links_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = scratch("linked.h5ad");
    let link = folder.path().join("link.h5ad");
    current(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mut update = H5adUpdate::open(&link).unwrap();
    update.set_obsm("X", 1, &[1.0; 3]).unwrap();
    update.commit().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o440);
    assert_eq!(H5ad::open(&path).unwrap().sources().len(), 2);
}

#[test]
fn what_points_to_another_file_is_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a.h5ad"), folder.path().join("other.h5ad"));
    let add = |what: &str| {
        let mut update = H5adUpdate::open(&path)?;
        match what {
            "obsm" => update.set_obsm("X_new", 1, &[0.0; 3]),
            "layers" => update.begin(&layer("new"), MatrixKind::Dense, 0),
            "obs" => update.set_obs("new", &Column::Int(vec![Some(1); 3])),
            path => update.set_uns(&format!("{path}/new").replace("uns/", ""), &Value::Bool(true)),
        }
    };
    for what in ["obsm", "layers", "obs", "uns", "uns/deep"] {
        current(&path);
        current(&other);
        let before = fs::read(&other).unwrap();
        let file = hdf5::File::open_rw(&path).unwrap();
        if file.link_exists(what) {
            file.unlink(what).unwrap();
        }
        let target = if what == "obs" { "/obs" } else { "/uns" };
        file.link_external(other.to_str().unwrap(), target, what).unwrap();
        drop(file);
        let error = add(what).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract, "{error}");
        assert!(error.to_string().contains("another file"), "{error}");
        assert_eq!(fs::read(&other).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
