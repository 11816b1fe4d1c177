//! Python opens our files and finds the types that were promised. Skipped, saying so, without pyarrow.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mfdoom_artifact::{
    Column, EmbeddingBatch, EmbeddingFormat, EmbeddingSchema, EmbeddingWriter, Head, Manifest, ObsField,
    ObsType, Output,
};
use mfdoom_tokens::{Gene, Measured, ModalityTokens, TokenBatch, TokenSchema, TokenWriter, Vocabulary};
use serde_json::json;

const SCRIPT: &str = r#"
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
folder = sys.argv[1]
tokens = pq.read_table(folder + "/tokens.parquet")
stream = pa.ipc.open_stream(folder + "/tokens.arrows").read_all()
assert tokens.equals(stream), "file and stream differ"
types = {f.name: str(f.type) for f in tokens.schema}
u32, f32 = "large_list<item: uint32 not null>", "large_list<item: float not null>"
assert types == {"dataset": "string", "cell_id": "string", "clusters": "string", "n": "int64",
    "score": "double", "flag": "bool", "spliced_library_size": "double", "spliced_index": u32,
    "spliced_count": f32}, types
assert tokens["spliced_index"].to_pylist() == [[1, 3], [], None], tokens["spliced_index"]
assert tokens["spliced_count"].to_pylist() == [[2.0, 1.0], [], None]
assert tokens["spliced_library_size"].to_pylist() == [12345678.0, 0.0, None]
assert tokens["clusters"].to_pylist() == ["B", None, "A"]
for schema in (tokens.schema, stream.schema, pq.read_schema(folder + "/tokens.parquet")):
    meta = schema.metadata
    assert meta[b"mfdoom.format"] == b"tokens/1", meta
    assert [g["id"] for g in json.loads(meta[b"mfdoom.vocab"])["genes"]] == ["g1", "g2", "g3"]
    assert json.loads(meta[b"mfdoom.measured"])["sets"] == ["1-3"]
    assert json.loads(meta[b"mfdoom.manifest"])["stage"] == "mfdoom-preprocess"
embeddings = pq.read_table(folder + "/e.parquet")
assert str(embeddings.schema.field("fusion").type) == "fixed_size_list<item: float not null>[2]"
assert embeddings["fusion"].to_pylist() == [[1.0, 2.0], [3.0, 4.0]]
assert embeddings["spliced_present"].to_pylist() == [True, False]
try:
    from safetensors.numpy import load_file
except ImportError:
    print("no safetensors", file=sys.stderr)
else:
    tensors = load_file(folder + "/e.safetensors")
    assert tensors["fusion"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tensors["cell_id"].tobytes().decode().splitlines() == ["x", "y"]
print("ok")
"#;

fn write_tokens(folder: &Path) {
    let vocabulary = Vocabulary::new(["g1", "g2", "g3"].map(|id| Gene::new(id, id)));
    let mut measured = Measured::default();
    measured.insert("d", "spliced", vec![1, 2, 3]);
    let manifest = Manifest::new("mfdoom-preprocess", "0.1.0", 1, json!({}), vec![]);
    let fields = [
        ("clusters", ObsType::String),
        ("n", ObsType::Int),
        ("score", ObsType::Float),
        ("flag", ObsType::Bool),
    ];
    let schema = TokenSchema::new(vec!["spliced".into()], Arc::new(vocabulary), measured, manifest)
        .unwrap()
        .with_obs(fields.map(|(name, kind)| ObsField::new(name, kind)).into())
        .unwrap();
    let mut tokens = ModalityTokens::default();
    tokens.push(12_345_678.0, [(1, 2.0), (3, 1.0)]);
    tokens.push(0.0, []);
    tokens.push_absent();
    let batch = TokenBatch {
        dataset: vec!["d".into(); 3],
        cell_id: ["x", "y", "z"].map(String::from).into(),
        obs: vec![
            Column::String(vec![Some("B".into()), None, Some("A".into())]),
            Column::Int(vec![Some(1), None, Some(3)]),
            Column::Float(vec![0.5, f64::NAN, -1.5]),
            Column::Bool(vec![Some(true), None, Some(false)]),
        ],
        modalities: vec![tokens],
    };
    for name in ["tokens.parquet", "tokens.arrows"] {
        let mut writer = TokenWriter::create(&Output::file(folder.join(name), false), &schema).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
}

fn write_embeddings(folder: &Path) {
    let manifest = Manifest::new("mfdoom-embed", "0.1.0", 1, json!({}), vec![]);
    let heads = vec![Head { name: "fusion".into(), dim: 2 }];
    let schema = EmbeddingSchema::new(vec![], heads, vec!["spliced".into()], manifest).unwrap();
    let batch = EmbeddingBatch {
        dataset: vec!["d".into(); 2],
        cell_id: vec!["x".into(), "y".into()],
        obs: vec![],
        heads: vec![vec![1.0, 2.0, 3.0, 4.0]],
        present: vec![vec![true, false]],
    };
    for name in ["e.parquet", "e.safetensors"] {
        let output = Output::file(folder.join(name), false);
        let format = EmbeddingFormat::of_name(&output);
        let mut writer = EmbeddingWriter::create(&output, schema.clone(), format).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    }
}

#[test]
fn python_finds_the_promised_types() {
    let Some(python) = mfdoom_testing::python("pyarrow.parquet") else { return };
    let folder = tempfile::tempdir().unwrap();
    write_tokens(folder.path());
    write_embeddings(folder.path());
    let output = Command::new(python).args(["-c", SCRIPT]).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprint!("{said}");
}
