//! Real data: 3,696 cells of the mouse pancreas, 8 types, and what plain PCA makes of them.

use std::path::Path;
use std::sync::Arc;

use mfdoom_artifact::{
    Column, EmbeddingBatch, EmbeddingFormat, EmbeddingSchema, EmbeddingWriter, Head, Manifest, ObsField,
    ObsType, Output,
};
use mfdoom_counts::{H5ad, Source};
use mfdoom_tokens::{Gene, Measured, ModalityTokens, TokenBatch, TokenSchema, TokenWriter, Vocabulary};
use serde_json::Value;

use crate::world::{World, value};

struct Cells {
    ids: Vec<String>,
    labels: Vec<Option<String>>,
}

fn manifest() -> Manifest {
    Manifest::new("test", "0.1.0", 1, Value::Null, Vec::new())
}

/// Writes spliced and unspliced tokens and their sum.
fn write_tokens(file: &H5ad, cells: &Cells, path: &Path) {
    let genes = file.var_names().unwrap();
    let vocabulary = Vocabulary::new(genes.iter().map(|gene| Gene::new(gene.as_str(), "")));
    let token: Vec<u32> = genes.iter().map(|gene| vocabulary.lookup(gene).unwrap()).collect();
    let layer = |name: &str| {
        let mut matrix = file.matrix(&Source::Layer(name.to_owned())).unwrap();
        matrix.read_rows(0..cells.ids.len()).unwrap()
    };
    let layers = [layer("spliced"), layer("unspliced")];
    let mut modalities = vec![ModalityTokens::default(); 3];
    for row in 0..cells.ids.len() {
        let mut total = vec![0.0f32; genes.len() + 1];
        for (layer, tokens) in layers.iter().zip(&mut modalities) {
            let (columns, values) = layer.row(row);
            let mut counts: Vec<(u32, f32)> =
                columns.iter().zip(values).map(|(&column, &count)| (token[column as usize], count)).collect();
            counts.sort_by_key(|(token, _)| *token);
            counts.iter().for_each(|&(token, count)| total[token as usize] += count);
            tokens.push(values.iter().map(|&count| f64::from(count)).sum(), counts);
        }
        let counts: Vec<(u32, f32)> =
            (1..).zip(total.into_iter().skip(1)).filter(|(_, count)| *count > 0.0).collect();
        modalities[2].push(counts.iter().map(|&(_, count)| f64::from(count)).sum(), counts);
    }
    let names = ["spliced", "unspliced", "expression"];
    let mut measured = Measured::default();
    names.iter().for_each(|name| measured.insert("P", name, (1..=genes.len() as u32).collect::<Vec<u32>>()));
    let schema =
        TokenSchema::new(names.map(str::to_owned).to_vec(), Arc::new(vocabulary), measured, manifest());
    let mut writer = TokenWriter::create(&Output::file(path, false), &schema.unwrap()).unwrap();
    let batch = TokenBatch {
        dataset: vec!["P".to_owned(); cells.ids.len()],
        cell_id: cells.ids.clone(),
        obs: Vec::new(),
        modalities,
    };
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

/// Writes an embedding that says nothing: the place of a cell in the file.
fn write_embeddings(cells: &Cells, path: &Path) {
    let obs = vec![ObsField::new("clusters", ObsType::String)];
    let heads = vec![Head { name: "fusion".to_owned(), dim: 1 }];
    let schema = EmbeddingSchema::new(obs, heads, Vec::new(), manifest()).unwrap();
    let batch = EmbeddingBatch {
        dataset: vec!["P".to_owned(); cells.ids.len()],
        cell_id: cells.ids.clone(),
        obs: vec![Column::String(cells.labels.clone())],
        heads: vec![(0..cells.ids.len()).map(|cell| cell as f32).collect()],
        present: Vec::new(),
    };
    let mut writer =
        EmbeddingWriter::create(&Output::file(path, false), schema, EmbeddingFormat::Parquet).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

/// Published figures of the same recipe (accuracy, balanced): .910/.872, .848/.762, .910/.871.
///
/// The balanced figures of unspliced and of the total lie above these by more than .01, and their slack is wider: by
/// scikit-learn, unspliced gives .771 to .781 on these components over eight seeds of folds, and about .005 more when
/// equal votes go to the nearer label, as they do here.
#[test]
fn plain_pca_scores_as_published() {
    let Some(path) = mfdoom_testing::shared("data/spliced/pancreas_3696x2000.h5ad") else { return };
    let file = H5ad::open(path).unwrap();
    let cells =
        Cells { ids: file.obs_names().unwrap(), labels: file.obs_column("clusters").unwrap().to_strings() };
    let world = World::new(1);
    let (tokens, embeddings) = (world.path("t.parquet"), world.path("e.parquet"));
    write_tokens(&file, &cells, &tokens);
    write_embeddings(&cells, &embeddings);
    let metrics =
        world.evaluate(&embeddings, &["--label", "clusters", "--tokens", tokens.to_str().unwrap()]).unwrap();
    let wanted = [
        ("pca50_spliced", 0.910, 0.872, 0.01),
        ("pca50_unspliced", 0.848, 0.762, 0.025),
        ("pca50_expression", 0.910, 0.871, 0.015),
    ];
    for (name, accuracy, balanced, slack) in wanted {
        let found = ["accuracy", "balanced_accuracy"].map(|key| value(&metrics, ["all", name, "", key]));
        eprintln!("{name}: {found:.4?}");
        assert!((found[0] - accuracy).abs() < 0.01, "{name}: {found:?}");
        assert!((found[1] - balanced).abs() < slack, "{name}: {found:?}");
    }
    assert!(value(&metrics, ["all", "fusion", "", "accuracy"]) < 0.35);
}
