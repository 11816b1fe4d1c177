//! Holds the rules of `crates/README.md`: who may link what.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// For each crate the direct dependencies among the project's own that it may have.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mfdoom-error", &[]),
    ("mfdoom-testing", &[]),
    ("mfdoom-nn", &[]),
    ("mfdoom-matrix", &[]),
    ("mfdoom-anchor", &["mfdoom-matrix"]),
    ("mfdoom-kinetics", &["mfdoom-matrix"]),
    ("mfdoom-metrics", &["mfdoom-matrix"]),
    ("mfdoom-plot", &["mfdoom-error"]),
    ("mfdoom-artifact", &["mfdoom-error", "mfdoom-matrix"]),
    ("mfdoom-counts", &["mfdoom-artifact", "mfdoom-error", "mfdoom-matrix"]),
    ("mfdoom-tokens", &["mfdoom-artifact", "mfdoom-error", "mfdoom-matrix"]),
    ("mfdoom-cli", &["mfdoom-artifact", "mfdoom-error"]),
    (
        "mfdoom-into",
        &["mfdoom-counts", "mfdoom-artifact", "mfdoom-error", "mfdoom-kinetics", "mfdoom-matrix"],
    ),
    ("mfdoom-model", &["mfdoom-anchor", "mfdoom-error", "mfdoom-nn"]),
    (
        "mfdoom-train",
        &[
            "mfdoom-anchor",
            "mfdoom-artifact",
            "mfdoom-cli",
            "mfdoom-error",
            "mfdoom-matrix",
            "mfdoom-metrics",
            "mfdoom-model",
            "mfdoom-nn",
            "mfdoom-tokens",
        ],
    ),
    (
        "mfdoom-decoder",
        &[
            "mfdoom-artifact",
            "mfdoom-error",
            "mfdoom-matrix",
            "mfdoom-metrics",
            "mfdoom-model",
            "mfdoom-nn",
            "mfdoom-tokens",
            "mfdoom-train",
        ],
    ),
    (
        "mfdoom-infer",
        &[
            "mfdoom-anchor",
            "mfdoom-artifact",
            "mfdoom-cli",
            "mfdoom-decoder",
            "mfdoom-error",
            "mfdoom-model",
            "mfdoom-nn",
            "mfdoom-tokens",
        ],
    ),
];

const STAGES: &[&str] = &[
    "mfdoom-simulate",
    "mfdoom-preprocess",
    "mfdoom-pretrain",
    "mfdoom-finetune-decoder",
    "mfdoom-embed",
    "mfdoom-decode",
    "mfdoom-evaluate",
    "mfdoom-gather",
    "mfdoom-generate",
    "mfdoom-annotate",
    "mfdoom-velocity",
];

/// What a crate must not reach, over any number of steps.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("mfdoom-counts", &["candle-core"]),
    ("mfdoom-tokens", &["candle-core", "hdf5-metno", "anndata"]),
    ("mfdoom-artifact", &["candle-core", "hdf5-metno", "anndata"]),
    ("mfdoom-cli", &["candle-core", "hdf5-metno", "anndata"]),
    ("mfdoom-matrix", &["clap", "candle-core", "hdf5-metno", "parquet"]),
    ("mfdoom-anchor", &["clap", "candle-core", "hdf5-metno", "parquet"]),
    ("mfdoom-decoder", &["hdf5-metno", "anndata"]),
    ("mfdoom-infer", &["hdf5-metno", "anndata"]),
    ("mfdoom-kinetics", &["clap", "candle-core", "hdf5-metno", "parquet"]),
    ("mfdoom-metrics", &["clap", "candle-core", "hdf5-metno", "parquet"]),
    ("mfdoom-plot", &["clap", "candle-core", "hdf5-metno", "parquet"]),
    ("mfdoom-train", &["hdf5-metno", "anndata"]),
    ("mfdoom-model", &["clap", "hdf5-metno", "parquet"]),
    ("mfdoom-preprocess", &["candle-core"]),
    ("mfdoom-simulate", &["candle-core"]),
    ("mfdoom-into", &["clap", "candle-core"]),
    ("mfdoom-annotate", &["candle-core"]),
    ("mfdoom-gather", &["candle-core", "hdf5-metno", "anndata", "polars"]),
    ("mfdoom-pretrain", &["hdf5-metno", "anndata", "polars"]),
    ("mfdoom-finetune-decoder", &["hdf5-metno", "anndata", "polars"]),
];

/// Returns the target that was built here; the crates of others need not be there.
fn host() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().into()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .other_options(["--locked".into(), "--offline".into(), "--filter-platform".into(), host()])
        .exec()
        .unwrap()
}

/// Direct dependencies of every package that end up in its library or binary.
fn graph(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let normal =
        |kinds: &[cargo_metadata::DepKindInfo]| kinds.iter().any(|k| k.kind == DependencyKind::Normal);
    nodes
        .iter()
        .map(|n| (&n.id, n.deps.iter().filter(|d| normal(&d.dep_kinds)).map(|d| &d.pkg).collect()))
        .collect()
}

fn id<'a>(metadata: &'a Metadata, name: &str) -> &'a PackageId {
    let found = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == name);
    &found.unwrap_or_else(|| panic!("no crate {name}")).id
}

#[test]
fn own_dependencies_point_downward() {
    let metadata = metadata();
    let graph = graph(&metadata);
    let own: BTreeSet<&str> = metadata.workspace_packages().into_iter().map(|p| p.name.as_str()).collect();
    let names = |ids: &[&PackageId]| -> Vec<String> {
        ids.iter().map(|id| metadata[id].name.to_string()).filter(|n| own.contains(n.as_str())).collect()
    };
    for (name, allowed) in ALLOWED {
        for dependency in names(&graph[id(&metadata, name)]) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    for stage in STAGES {
        for dependency in names(&graph[id(&metadata, stage)]) {
            assert_ne!(dependency, "mfdoom-testing", "{stage}: it is for tests alone");
            assert!(
                !STAGES.contains(&dependency.as_str()),
                "{stage} must not depend on the stage {dependency}"
            );
        }
    }
    let known: BTreeSet<&str> = ALLOWED.iter().map(|(n, _)| *n).chain(STAGES.iter().copied()).collect();
    let unknown: Vec<&&str> = own.iter().filter(|n| **n != "mfdoom-tests" && !known.contains(*n)).collect();
    assert!(unknown.is_empty(), "say in this test what these crates may depend on: {unknown:?}");
}

#[test]
fn nothing_links_what_it_must_not_know() {
    let metadata = metadata();
    let graph = graph(&metadata);
    for (name, forbidden) in FORBIDDEN {
        let mut reached = BTreeSet::new();
        let mut open = vec![id(&metadata, name)];
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(graph[next].iter().copied());
            }
        }
        let found: Vec<&str> =
            reached.iter().map(|id| metadata[*id].name.as_str()).filter(|n| forbidden.contains(n)).collect();
        assert!(found.is_empty(), "{name} links {found:?}");
        assert!(reached.len() > 1 || *name == "mfdoom-error", "{name}: the graph is empty");
    }
}
