//! The stage in this process: what ends up in the table, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod make;

use mfdoom_artifact::Column;
use mfdoom_tokens::Vocabulary;

use self::make::{File, Folder, Table, counts, plus, spliced};

/// Returns exit code and text of a run that must fail and leave nothing.
fn refused(folder: &Folder, arguments: &[&str]) -> (i32, String) {
    let before = folder.entries();
    let error = folder.run("refused.parquet", arguments).unwrap_err();
    assert_eq!(folder.entries(), before, "something was left behind");
    (error.exit_code(), error.to_string())
}

#[test]
fn spliced_and_unspliced_give_their_total_as_expression() {
    let folder = Folder::new();
    let file = spliced(5, 8).with("X", counts(5, 8, 1));
    let table = folder.table(&[&folder.put("a.h5ad", &file)]);
    assert_eq!(table.schema.modalities, ["spliced", "unspliced", "expression"]);
    assert_eq!(table.batch.dataset, ["a"; 5]);
    assert_eq!(table.batch.cell_id, file.cells);
    let (s, u) = (counts(5, 8, 1), counts(5, 8, 2));
    table.assert_counts("spliced", 0, &file.genes, &s);
    table.assert_counts("unspliced", 0, &file.genes, &u);
    table.assert_counts("expression", 0, &file.genes, &plus(&s, &u));
    let sources = &table.schema.manifest.config["sources"]["a"][0]["matrices"];
    assert_eq!(sources["expression"], "layers/spliced + layers/unspliced");
}

#[test]
fn aliases_of_layers_are_known() {
    for (s, u) in [("mature", "nascent"), ("exon", "intron"), ("Spliced", "Unspliced")] {
        let folder = Folder::new();
        let (s, u) = (format!("layers/{s}").leak(), format!("layers/{u}").leak());
        let file = File::new(3, 4).with(s, counts(3, 4, 1)).with(u, counts(3, 4, 2));
        let table = folder.table(&[&folder.put("a.h5ad", &file)]);
        table.assert_counts("spliced", 0, &file.genes, &counts(3, 4, 1));
        table.assert_counts("unspliced", 0, &file.genes, &counts(3, 4, 2));
    }
}

#[test]
fn ambiguous_counts_go_where_they_are_sent() {
    let folder = Folder::new();
    let rows = |s: &[f32]| vec![s.to_vec()];
    let file = File::new(1, 3)
        .with("layers/spliced", rows(&[3.0, 0.0, 1.0]))
        .with("layers/unspliced", rows(&[1.0, 0.0, 0.0]))
        .with("layers/ambiguous", rows(&[4.0, 3.0, 2.0]));
    let input = folder.put("a.h5ad", &file);
    let expected = [
        ("drop", [3.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
        ("spliced", [7.0, 3.0, 3.0], [1.0, 0.0, 0.0]),
        ("split", [6.0, 2.0, 3.0], [2.0, 1.0, 0.0]),
    ];
    for (how, s, u) in expected {
        let table = folder.table(&[&input, "--ambiguous", how]);
        table.assert_counts("spliced", 0, &file.genes, &rows(&s));
        table.assert_counts("unspliced", 0, &file.genes, &rows(&u));
        table.assert_counts("expression", 0, &file.genes, &plus(&rows(&s), &rows(&u)));
    }
}

#[test]
fn expression_is_whichever_matrix_holds_raw_counts() {
    let normal = || vec![vec![0.5, 1.25, 0.0], vec![0.0, 2.0, 0.75]];
    let raw = counts(2, 3, 4);
    let folder = Folder::new();
    for (i, file) in [
        File::new(2, 3).with("X", raw.clone()),
        File::new(2, 3).with("X", normal()).with("layers/counts", raw.clone()),
    ]
    .iter()
    .enumerate()
    {
        let table = folder.table(&[&folder.put(&format!("{i}.h5ad"), file)]);
        assert_eq!(table.schema.modalities, ["expression"]);
        table.assert_counts("expression", 0, &file.genes, &raw);
    }
    let (code, text) = refused(&folder, &[&folder.put("n.h5ad", &File::new(2, 3).with("X", normal()))]);
    assert_eq!(code, 3);
    assert!(text.contains("n.h5ad") && text.contains("X: 0.5, 1.25, 0.75"), "{text}");
}

#[test]
fn modalities_can_be_named_left_out_and_taken_from_obsm() {
    let folder = Folder::new();
    let file = spliced(4, 5).with("layers/total", counts(4, 5, 9)).with("obsm/adt", counts(4, 2, 3));
    let input = folder.put("a.h5ad", &file);
    let table = folder.table(&[
        &input,
        "--modality",
        "protein=obsm/adt",
        "--modality",
        "expression=layers/total",
        "--modality",
        "unspliced=none",
    ]);
    assert_eq!(table.schema.modalities, ["spliced", "expression", "protein"]);
    table.assert_counts("expression", 0, &file.genes, &counts(4, 5, 9));
    table.assert_counts("protein", 0, &["protein:adt_0".into(), "protein:adt_1".into()], &counts(4, 2, 3));
    assert_eq!(table.measured("a", "protein").unwrap(), ["protein:adt_0", "protein:adt_1"]);

    let (code, text) = refused(&folder, &[&input, "--modality", "spliced=layers/splicd"]);
    assert_eq!(code, 3);
    assert!(
        text.contains("no matrix 'layers/splicd'") && text.contains("did you mean layers/spliced?"),
        "{text}"
    );
    assert_eq!(refused(&folder, &[&input, "--modality", "spliced=layer/spliced"]).0, 2);
    assert_eq!(refused(&folder, &[&input, "--modality", "fusion=layers/spliced"]).0, 2);
    assert_eq!(refused(&folder, &[&input, "--modality", "a=X", "--modality", "a=X"]).0, 2);
}

#[test]
fn values_that_are_no_counts_are_refused_wherever_they_are() {
    let folder = Folder::new();
    let mut late = counts(700, 3, 1);
    (late[600][0], late[650][1], late[699][2]) = (0.5, -1.0, 2.25);
    let file = File::new(700, 3).with("X", late);
    let input = folder.put("late.h5ad", &file);
    let (code, text) = refused(&folder, &[&input]);
    assert_eq!(code, 3);
    assert!(
        text.contains("late.h5ad: X does not hold raw counts") && text.contains("0.5, -1, 2.25"),
        "{text}"
    );
    assert!(text.contains("--allow-non-integer"), "{text}");
    let (code, text) = refused(&folder, &[&input, "--allow-non-integer"]);
    assert_eq!(code, 3, "negative values are never taken");
    assert!(text.contains("-1"), "{text}");

    let rows = vec![vec![0.5, 1.0, 0.0]];
    let file = File::new(1, 3).with("X", rows.clone());
    let table = folder.table(&[&folder.put("half.h5ad", &file), "--allow-non-integer"]);
    table.assert_counts("expression", 0, &file.genes, &rows);
}

#[test]
fn several_files_make_one_table_whatever_their_order() {
    let folder = Folder::new();
    let mut other = File::new(3, 4).with("X", counts(3, 4, 7));
    other.genes = ["g02", "h1", "g00", "h0"].map(String::from).to_vec();
    let (a, b) = (folder.put("a.h5ad", &spliced(2, 3)), folder.put("b.h5ad", &other));
    let table = folder.table(&[&b, &a]);
    assert_eq!(table.genes(), ["g00", "g01", "g02", "h0", "h1"]);
    assert_eq!(table.batch.dataset, ["a", "a", "b", "b", "b"]);
    assert_eq!(table.cell("spliced", 2), None, "not measured is null");
    table.assert_counts("expression", 2, &other.genes, &counts(3, 4, 7));
    assert_eq!(table.measured("a", "expression").unwrap(), ["g00", "g01", "g02"]);
    assert_eq!(table.measured("b", "expression").unwrap(), ["g00", "g02", "h0", "h1"]);
    assert_eq!(table.measured("b", "spliced"), None);

    folder.run("ab.parquet", &[&a, &b]).unwrap();
    folder.run("ba.parquet", &[&b, &a, "--max-memory", "1MiB"]).unwrap();
    let bytes = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(bytes("ab.parquet"), bytes("ba.parquet"));
}

#[test]
fn data_sets_of_one_name_are_numbered_and_copies_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("one")).unwrap();
    std::fs::create_dir(folder.path("two")).unwrap();
    let a = folder.put("one/x.h5ad", &File::new(2, 3).with("X", counts(2, 3, 1)));
    let b = folder.put("two/x.h5ad", &File::new(2, 3).with("X", counts(2, 3, 2)));
    let table = folder.table(&[&a, &b]);
    assert_eq!(table.batch.dataset, ["x", "x", "x_2", "x_2"]);
    assert_eq!(table.batch.cell_id, ["c0", "c1", "c0", "c1"]);

    let (code, text) = refused(&folder, &[&a, &b, "--dataset", "both"]);
    assert_eq!(code, 3);
    assert!(text.contains("\"both\"") && text.contains("\"c0\""), "{text}");
    let (code, text) = refused(&folder, &[&a, &a]);
    assert_eq!(code, 3);
    assert!(text.contains("given twice"), "{text}");
    let table = folder.table(&[&a, "--dataset", "mine"]);
    assert_eq!(table.batch.dataset, ["mine", "mine"]);
}

#[test]
fn files_of_one_data_set_must_have_measured_the_same_genes() {
    let folder = Folder::new();
    let a = folder.put("a.h5ad", &File::new(2, 3).with("X", counts(2, 3, 1)));
    let mut second = File::new(2, 2).with("X", counts(2, 2, 2));
    second.cells = vec!["d0".into(), "d1".into()];
    let b = folder.put("b.h5ad", &second);
    let (code, text) = refused(&folder, &[&a, &b, "--dataset", "both"]);
    assert_eq!(code, 3);
    assert!(text.contains("other genes of expression"), "{text}");
}

#[test]
fn filters_drop_what_they_say_and_nothing_else() {
    let folder = Folder::new();
    let rows = vec![
        vec![0.0, 0.0, 0.0, 0.0],
        vec![9.0, 0.0, 0.0, 0.0],
        vec![1.0, 1.0, 1.0, 0.0],
        vec![5.0, 5.0, 0.0, 0.0],
    ];
    let file = File::new(4, 4).with("X", rows.clone());
    let input = folder.put("a.h5ad", &file);
    let table = folder.table(&[&input]);
    assert_eq!(table.batch.len(), 4);
    assert_eq!(table.cell("expression", 0).unwrap().len(), 0, "an empty cell stays, measured and empty");
    assert_eq!(table.genes().len(), 4, "a gene without counts stays");

    let kept = |arguments: &[&str]| {
        let all: Vec<&str> = std::iter::once(input.as_str()).chain(arguments.iter().copied()).collect();
        folder.table(&all).batch.cell_id
    };
    assert_eq!(kept(&["--min-counts", "9"]), ["c1", "c3"]);
    assert_eq!(kept(&["--min-genes", "2"]), ["c2", "c3"]);
    assert_eq!(kept(&["--min-genes", "2", "--min-counts", "4"]), ["c3"]);

    let table = folder.table(&[&input, "--min-cells", "2"]);
    assert_eq!(table.genes(), ["g00", "g01"]);
    assert_eq!(table.measured("a", "expression").unwrap(), ["g00", "g01"]);
    assert_eq!(table.library_size("expression"), [0.0, 9.0, 3.0, 10.0], "over all genes of the file");
    let table = folder.table(&[&input, "--min-cells", "1", "--min-counts", "10"]);
    assert_eq!(
        (table.batch.len(), table.genes()),
        (1, vec!["g00", "g01"]),
        "cells are filtered before genes"
    );
}

#[test]
fn no_cell_or_no_gene_left_is_refused() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &File::new(2, 3).with("X", counts(2, 3, 1)));
    let (code, text) = refused(&folder, &[&input, "--min-counts", "1000"]);
    assert!(code == 3 && text.contains("no cell is left"), "{text}");
    let (code, text) = refused(&folder, &[&input, "--min-cells", "10"]);
    assert!(code == 3 && text.contains("no gene is left"), "{text}");
}

#[test]
fn chosen_cells_are_kept_and_unknown_ones_reported() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(4, 3));
    std::fs::write(folder.path("list.txt"), "c3\r\nc1\n\nnowhere\n").unwrap();
    let table = folder.table(&[&input, "--cells", &folder.text("list.txt")]);
    assert_eq!(table.batch.cell_id, ["c1", "c3"]);
    let s = counts(4, 3, 1);
    table.assert_counts("spliced", 0, &spliced(4, 3).genes, &vec![s[1].clone(), s[3].clone()]);

    std::fs::write(folder.path("none.txt"), "x\ny\n").unwrap();
    let (code, text) = refused(&folder, &[&input, "--cells", &folder.text("none.txt")]);
    assert!(code == 3 && text.contains("x, y"), "{text}");
    std::fs::write(folder.path("empty.txt"), "\n").unwrap();
    assert_eq!(refused(&folder, &[&input, "--cells", &folder.text("empty.txt")]).0, 3);
    assert_eq!(refused(&folder, &[&input, "--cells", "/nowhere/list.txt"]).0, 3);
}

#[test]
fn library_sizes_come_from_columns_where_asked_for() {
    let folder = Folder::new();
    let file = spliced(3, 4)
        .obs("size_s", Column::Float(vec![100.0, 200.0, 300.5]))
        .obs("size_u", Column::Int(vec![Some(10), Some(20), Some(30)]))
        .obs("holes", Column::Int(vec![Some(10), None, Some(30)]))
        .obs("text", Column::String(vec![None; 3]));
    let input = folder.put("a.h5ad", &file);
    let table =
        folder.table(&[&input, "--library-size", "spliced=size_s", "--library-size", "unspliced=size_u"]);
    assert_eq!(table.library_size("spliced"), [100.0, 200.0, 300.5]);
    assert_eq!(table.library_size("unspliced"), [10.0, 20.0, 30.0]);
    assert_eq!(table.library_size("expression"), [110.0, 220.0, 330.5]);
    assert_eq!(refused(&folder, &[&input, "--library-size", "spliced=nowhere"]).0, 3);
    assert_eq!(refused(&folder, &[&input, "--library-size", "protein=size_s"]).0, 2);
    for column in ["holes", "text"] {
        let (code, text) = refused(&folder, &[&input, "--library-size", &format!("spliced={column}")]);
        assert!(code == 3 && text.contains(column), "{text}");
    }
}

#[test]
fn a_vocabulary_is_kept_and_decides_the_genes() {
    let folder = Folder::new();
    let file = spliced(40, 60);
    let input = folder.put("a.h5ad", &file);
    folder.run("vocab.json", &[&input, "--vocab-only", "--top-genes", "10"]).unwrap();
    let vocabulary = Vocabulary::load(&folder.path("vocab.json")).unwrap();
    // Ties at the edge are all kept.
    assert!((10..30).contains(&vocabulary.len()), "{}", vocabulary.len());
    let vocab = folder.text("vocab.json");
    let table = folder.table(&[&input, "--vocab", &vocab]);
    assert_eq!(*table.schema.vocabulary, vocabulary);
    let all = counts(40, 60, 1);
    assert_eq!(table.library_size("spliced")[0], all[0].iter().map(|x| f64::from(*x)).sum::<f64>());
    std::fs::create_dir(folder.path("model")).unwrap();
    std::fs::copy(folder.path("vocab.json"), folder.path("model/vocab.json")).unwrap();
    assert_eq!(*folder.table(&[&input, "--vocab", &folder.text("model")]).schema.vocabulary, vocabulary);

    for flag in [["--min-cells", "2"], ["--top-genes", "2"]] {
        let (code, text) = refused(&folder, &[&input, "--vocab", &vocab, flag[0], flag[1]]);
        assert!(code == 2 && text.contains(flag[0]), "{text}");
    }
    assert_eq!(refused(&folder, &[&input, "--vocab-only", "--vocab", &vocab]).0, 2);
    assert_eq!(refused(&folder, &[&input, "--vocab-only", "--shard", "1/2"]).0, 2);
    assert_eq!(refused(&folder, &[&input, "--vocab", "/nowhere/vocab.json"]).0, 3);

    let mut stranger = File::new(2, 6).with("X", counts(2, 6, 5));
    stranger.genes = (0..6).map(|i| format!("z{i}")).collect();
    let (code, text) = refused(&folder, &[&folder.put("z.h5ad", &stranger), "--vocab", &vocab]);
    assert!(code == 4 && text.contains("z.h5ad") && text.contains("0 of 6 genes"), "{text}");
    std::fs::write(folder.path("vocab.json"), "{").unwrap();
    assert_eq!(refused(&folder, &[&input, "--vocab", &vocab]).0, 3);
}

#[test]
fn shards_are_runs_of_the_whole_with_its_genes() {
    let folder = Folder::new();
    let (a, b) = (folder.put("a.h5ad", &spliced(5, 6)), folder.put("b.h5ad", &spliced(6, 4)));
    let flags = ["--top-genes", "3", "--min-counts", "2"];
    let run = |shard: &[&str]| -> Table {
        let all: Vec<&str> =
            [a.as_str(), b.as_str()].into_iter().chain(flags).chain(shard.iter().copied()).collect();
        folder.table(&all)
    };
    let whole = run(&[]);
    let mut row = 0;
    for (i, n) in [(1, 3), (2, 4), (3, 4)] {
        let shard = run(&["--shard", &format!("{i}/3")]);
        assert_eq!(shard.schema.vocabulary, whole.schema.vocabulary);
        assert_eq!(shard.schema.measured, whole.schema.measured);
        assert_eq!(shard.batch.len(), n);
        for at in 0..n {
            assert_eq!(shard.batch.cell_id[at], whole.batch.cell_id[row]);
            assert_eq!(shard.cell("expression", at), whole.cell("expression", row));
            row += 1;
        }
    }
    assert_eq!(row, whole.batch.len());
    assert_eq!(run(&["--shard", "1/20"]).batch.len(), 0, "an empty shard is a table too");
}

#[test]
fn annotation_is_carried_with_one_type() {
    let folder = Folder::new();
    let text =
        |values: &[&str]| Column::String(values.iter().map(|value| Some((*value).to_owned())).collect());
    let first = spliced(2, 3)
        .obs(
            "type",
            Column::Categorical { codes: vec![Some(1), None], categories: vec!["A".into(), "B".into()] },
        )
        .obs("n", Column::Int(vec![Some(1), Some(2)]))
        .obs("spliced_index", Column::Bool(vec![Some(true), Some(false)]));
    let second = File::new(1, 3)
        .with("X", counts(1, 3, 3))
        .obs("n", Column::Float(vec![0.5]))
        .obs("type", text(&["C"]))
        .obs("batch", text(&["gone"]));
    let (a, b) = (folder.put("a.h5ad", &first), folder.put("b.h5ad", &second));
    let table = folder.table(&[&a, &b, "--obs", "all", "--set", "batch=1", "--set", "dataset=d"]);
    let names: Vec<&str> = table.schema.obs.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["type", "n", "obs_spliced_index", "batch", "obs_dataset"]);
    let strings =
        |values: &[Option<&str>]| Column::String(values.iter().map(|v| v.map(str::to_owned)).collect());
    assert_eq!(table.batch.obs[0], strings(&[Some("B"), None, Some("C")]));
    assert_eq!(table.batch.obs[1], Column::Float(vec![1.0, 2.0, 0.5]));
    assert_eq!(table.batch.obs[2], Column::Bool(vec![Some(true), Some(false), None]));
    assert_eq!(table.batch.obs[3], strings(&[Some("1"); 3]));
    assert!(folder.table(&[&a]).schema.obs.is_empty(), "nothing is carried unless asked for");

    let (code, text) = refused(&folder, &[&a, "--obs", "typ"]);
    assert!(code == 3 && text.contains("did you mean --obs type?"), "{text}");
    assert_eq!(refused(&folder, &[&a, "--set", "x=1", "--set", "x=2"]).0, 2);
}

#[test]
fn gene_ids_are_normalised_merged_and_taken_from_a_column() {
    let folder = Folder::new();
    let mut file = File::new(1, 4).with("X", vec![vec![1.0, 2.0, 4.0, 8.0]]);
    file.genes =
        ["ENSG00000000003.15", "ENSG00000000003.2", "AC000068.10", "Ins1"].map(String::from).to_vec();
    let ids = ["x1", "x2", "", "x4"];
    let column = |ids: &[&str]| Column::String(ids.iter().map(|id| Some((*id).to_owned())).collect());
    file.var = vec![("gene_ids", column(&ids)), ("gene_name", column(&["TSPAN6", "TSPAN6", "AC", "INS1"]))];
    let input = folder.put("a.h5ad", &file);
    let table = folder.table(&[&input]);
    assert_eq!(table.genes(), ["AC000068.10", "ENSG00000000003", "Ins1"]);
    assert_eq!(table.schema.vocabulary.gene(2).unwrap().symbol, "TSPAN6");
    assert_eq!(table.cell("expression", 0).unwrap()["ENSG00000000003"], 3.0);
    assert_eq!(table.library_size("expression"), [15.0]);

    let table = folder.table(&[&input, "--gene-column", "gene_ids"]);
    assert_eq!(table.genes(), ["x1", "x2", "x4"]);
    assert_eq!(table.schema.vocabulary.gene(3).unwrap().symbol, "Ins1");
    assert_eq!(table.library_size("expression"), [15.0], "a gene without id counts all the same");
    let (code, text) = refused(&folder, &[&input, "--gene-column", "gene_id"]);
    assert!(code == 3 && text.contains("did you mean --gene-column gene_ids?"), "{text}");
}

#[test]
fn check_validates_everything_and_writes_nothing() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(3, 4));
    let before = folder.entries();
    folder.run("table.parquet", &[&input, "--check"]).unwrap();
    assert_eq!(folder.entries(), before);
    let mut rows = counts(700, 2, 1);
    rows[699][0] = 0.5;
    let bad = folder.put("bad.h5ad", &File::new(700, 2).with("X", rows));
    assert_eq!(refused(&folder, &[&bad, "--check"]).0, 3);
}

#[test]
fn bad_inputs_are_told_apart() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(30, 40));
    let (code, text) = refused(&folder, &[&folder.text("missing.h5ad")]);
    assert!(code == 3 && text.contains("missing.h5ad: no such file"), "{text}");
    std::fs::write(folder.path("text.h5ad"), "cell,gene,count\n").unwrap();
    assert_eq!(refused(&folder, &[&folder.text("text.h5ad")]).0, 3);
    let bytes = std::fs::read(&input).unwrap();
    std::fs::write(folder.path("cut.h5ad"), &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(refused(&folder, &[&folder.text("cut.h5ad")]).0, 3);
    assert_eq!(refused(&folder, &[folder.0.path().to_str().unwrap()]).0, 3);
    assert_eq!(refused(&folder, &["-"]).0, 2);
    assert_eq!(refused(&folder, &[]).0, 2);
    assert_eq!(refused(&folder, &[&folder.put("empty.h5ad", &File::new(2, 2))]).0, 3);
}

#[test]
fn existing_outputs_and_inputs_are_not_overwritten() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(3, 4));
    folder.run("t.parquet", &[&input]).unwrap();
    let first = std::fs::read(folder.path("t.parquet")).unwrap();
    assert_eq!(folder.run("t.parquet", &[&input, "--top-genes", "2"]).unwrap_err().exit_code(), 2);
    assert_eq!(std::fs::read(folder.path("t.parquet")).unwrap(), first);
    folder.run("t.parquet", &[&input, "--force"]).unwrap();
    assert_eq!(std::fs::read(folder.path("t.parquet")).unwrap(), first, "equal runs give equal bytes");
    let error = folder.run("a.h5ad", &[&input, "--force"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

fn shared(name: &str) -> Option<String> {
    mfdoom_testing::shared(&format!("data/{name}")).map(|path| path.to_str().unwrap().to_owned())
}

#[test]
fn real_files_keep_every_count() {
    let cases = [
        ("spliced/pancreas_3696x2000.h5ad", "spliced", 3696, 2_464_314, 8_578_934.0),
        ("spliced/pancreas_3696x2000.h5ad", "expression", 3696, 2_829_846, 10_348_943.0),
        ("spliced/dentategyrus_100x13913.h5ad", "unspliced", 100, 21_353, 31_804.0),
        ("expression/human_pancreas_baron_1937x20125.h5ad", "expression", 1937, 3_726_445, 11_244_731.0),
        ("expression/mouse_bonemarrow_250x20243.h5ad", "expression", 250, 616_539, 3_750_569.0),
        ("multimodal/pbmc_5k_protein_200x16581.h5ad", "expression", 200, 387_353, 1_351_231.0),
    ];
    for (name, modality, n_cells, n_tokens, total) in cases {
        let Some(input) = shared(name) else { return };
        let table = Folder::new().table(&[&input]);
        let tokens = &table.batch.modalities[table.schema.modality(modality).unwrap()];
        let sum: f64 = tokens.count.iter().map(|count| f64::from(*count)).sum();
        assert_eq!((tokens.len(), tokens.count.len(), sum), (n_cells, n_tokens, total), "{name} {modality}");
        // The pancreas file has a subset of the genes, and the library sizes over all of them.
        let sized = tokens.library_size.iter().sum::<f64>();
        assert!(
            if name.contains("3696x2000") { sized > 1.5 * total } else { sized < 1.001 * total },
            "{name}: {sized}"
        );
        assert!(sized >= total);
    }
}

#[test]
fn real_files_that_hold_no_raw_counts_are_refused_with_a_reason() {
    let Some(input) = shared("expression/pbmc68k_reduced_lognorm_700x765.h5ad") else { return };
    let (code, text) = refused(&Folder::new(), &[&input]);
    assert!(code == 3 && text.contains("raw/X: 1.591, 1.55, 1.374"), "{text}");
}
