//! The sample sheet: what it stands for, what spreadsheets leave in it, and what is refused with its line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the made files serve other tests too")]

mod make;

use self::make::{File, Folder, Table, counts, spliced};

const SHEET: &str = "sample,counts,dataset,modalities,donor\n\
    one,a.h5ad,,,\"A, the first\"\n\
    two,sub/b.h5ad,pool,spliced=layers/kept;unspliced=layers/lost,\n";

/// A folder with two files and a sheet of both.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("a.h5ad", &spliced(5, 6));
    std::fs::create_dir(folder.path("sub")).unwrap();
    let b = File::new(4, 6).with("layers/kept", counts(4, 6, 3)).with("layers/lost", counts(4, 6, 4));
    b.write(&folder.path("sub/b.h5ad"));
    std::fs::write(folder.path("sheet.csv"), SHEET).unwrap();
    folder
}

fn full(folder: &Folder, sheet: &str) -> String {
    folder.run("full.tsv", &["--sheet", &folder.text(sheet), "--sheet-only"]).unwrap();
    let text = std::fs::read_to_string(folder.path("full.tsv")).unwrap();
    std::fs::remove_file(folder.path("full.tsv")).unwrap();
    text
}

/// Returns exit code and text of a sheet that must be refused.
fn refused(folder: &Folder, sheet: &[u8]) -> String {
    std::fs::write(folder.path("bad.csv"), sheet).unwrap();
    let error = folder.run("bad.tsv", &["--sheet", &folder.text("bad.csv"), "--sheet-only"]).unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    assert!(!folder.path("bad.tsv").exists());
    error.to_string()
}

#[test]
fn the_sheet_is_written_in_full() {
    let folder = folder();
    let (a, b) = (folder.text("a.h5ad"), folder.text("sub/b.h5ad"));
    let wanted = format!(
        "sample\tcounts\tdataset\tmodalities\tkind\tmeasured\tcells\tdonor\n\
         one\t{a}\tone\t\t\tspliced,unspliced,expression\t5\tA, the first\n\
         two\t{b}\tpool\tspliced=layers/kept;unspliced=layers/lost\t\tspliced,unspliced,expression\t4\t\n"
    );
    assert_eq!(full(&folder, "sheet.csv"), wanted);
}

#[test]
fn a_line_may_name_the_kind_of_measurement() {
    let folder = folder();
    let text = "sample,counts,kind\none,a.h5ad,velocity\ntwo,a.h5ad,\n";
    std::fs::write(folder.path("kinds.csv"), text).unwrap();
    let lines = full(&folder, "kinds.csv");
    let kinds: Vec<&str> = lines.lines().map(|line| line.split('\t').nth(4).unwrap()).collect();
    assert_eq!(kinds, ["kind", "velocity", ""]);
    let error = refused(&folder, b"sample,counts,kind\none,a.h5ad,velocities\n");
    assert!(error.contains("line 2") && error.contains("cite-seq, multiome, velocity"), "{error}");
}

#[test]
fn what_spreadsheets_leave_in_a_sheet_is_passed_over() {
    let folder = folder();
    let windows = format!("\u{feff}{}\r\n\r\n,,,,\r\n", SHEET.replace('\n', ",,\r\n"));
    std::fs::write(folder.path("windows.csv"), windows).unwrap();
    assert_eq!(full(&folder, "windows.csv"), full(&folder, "sheet.csv"));
}

#[test]
fn a_linked_sheet_finds_its_files() {
    let folder = folder();
    let other = Folder::new();
    std::os::unix::fs::symlink(folder.path("sheet.csv"), other.path("sheet.csv")).unwrap();
    let through = full(&other, "sheet.csv");
    assert_eq!(through.lines().count(), 3);
}

#[test]
fn a_sample_is_its_flags() {
    let folder = folder();
    let sheet = folder.text("sheet.csv");
    folder.run("sample.parquet", &["--sheet", &sheet, "--sample", "two"]).unwrap();
    let b = folder.text("sub/b.h5ad");
    let flags =
        ["--dataset", "pool", "--modality", "spliced=layers/kept", "--modality", "unspliced=layers/lost"];
    folder.run("flags.parquet", &[&[b.as_str()], flags.as_slice()].concat()).unwrap();
    let [a, b] = ["sample.parquet", "flags.parquet"].map(|name| std::fs::read(folder.path(name)).unwrap());
    assert!(a == b);
    folder.run("one.parquet", &["--sheet", &sheet, "--sample", "one"]).unwrap();
    let table = Table::read(&folder.path("one.parquet"));
    assert_eq!(table.schema.obs[0].name, "donor");
    let error = folder.run("x.parquet", &["--sheet", &sheet, "--sample", "three"]).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("one, two"), "{error}");
}

#[test]
fn a_whole_sheet_is_one_table() {
    let folder = folder();
    let table = folder.table(&["--sheet", &folder.text("sheet.csv")]);
    assert_eq!(table.batch.dataset[..5], ["one"; 5]);
    assert_eq!(table.batch.dataset[5..], ["pool"; 4]);
    let mfdoom_artifact::Column::String(donors) = &table.batch.obs[0] else { panic!("donor is text") };
    assert_eq!(donors[0].as_deref(), Some("A, the first"));
    assert_eq!(donors[5], None, "a sample without a value has none");
    folder
        .run("vocab.json", &["--sheet", &folder.text("sheet.csv"), "--vocab-only", "--top-genes", "3"])
        .unwrap();
}

#[test]
fn wrong_lines_are_named() {
    let folder = folder();
    File::new(0, 6).with("layers/spliced", counts(0, 6, 1)).write(&folder.path("empty.h5ad"));
    let cases: [(&str, &[&str]); 18] = [
        ("", &["is empty"]),
        ("sample,counts\n", &["no sample"]),
        ("name,counts\na,a.h5ad\n", &["line 1", "no column 'sample'", "name,counts"]),
        ("sample,count\na,a.h5ad\n", &["line 1", "no column 'counts'", "rename 'count' to 'counts'"]),
        ("sample,counts,x,x\na,a.h5ad,1,2\n", &["line 1", "'x' is there twice"]),
        ("sample,counts,cells\na,a.h5ad,1\n", &["line 1", "'cells' cannot name a column"]),
        (
            "sample,counts\n\na,nowhere.h5ad\n",
            &["line 3", "no such file", "nowhere.h5ad", "relative to the folder"],
        ),
        ("sample;counts\na;a.h5ad\n", &["line 1", "separate the columns by commas"]),
        ("sample\tcounts\na\ta.h5ad\n", &["line 1", "separate the columns by commas"]),
        ("sample,,counts\na,,a.h5ad\n", &["line 1", "'' cannot name a column"]),
        (
            "sample,counts\na,empty.h5ad\n",
            &["line 2", "empty.h5ad: no cell is in it", "leave the sample out"],
        ),
        ("sample,counts\na,sub\n", &["line 2", "a folder without counts"]),
        ("sample,counts\na,\n", &["line 2", "no file is named"]),
        (
            "sample,counts\na,a.h5ad\nb,a.h5ad\na,sub/b.h5ad\n",
            &["line 4", "'a' is there twice", "also in line 2"],
        ),
        ("sample,counts\na b,a.h5ad\n", &["line 2", "'a b' cannot name a sample"]),
        ("sample,counts\na,a.h5ad,3\n", &["line 2", "3 fields", "2: sample,counts"]),
        (
            "sample,counts,modalities\na,a.h5ad,spliced=table/x\n",
            &["line 2", "'table/x' is an unknown type of matrix", "layers/NAME"],
        ),
        (
            "sample,counts,modalities\na,a.h5ad,spliced=layers/none\n",
            &["line 2", "layers/none", "layers/spliced"],
        ),
    ];
    for (sheet, parts) in cases {
        let text = refused(&folder, sheet.as_bytes());
        assert!(text.contains("bad.csv"), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
    }
    assert!(refused(&folder, b"sample,counts\n\"a,a.h5ad\n").contains("a quote is opened"));
    assert!(refused(&folder, b"sample,counts\n\xff,a.h5ad\n").contains("not UTF-8"));
    std::fs::write(folder.path("text.txt"), "no counts").unwrap();
    let text = refused(&folder, b"sample,counts\na,text.txt\n");
    assert!(text.contains("line 2") && text.contains("text.txt"), "{text}");
}

#[test]
fn a_sheet_stands_alone() {
    let folder = folder();
    let sheet = folder.text("sheet.csv");
    let parse = |more: &[&str]| {
        let all = ["mfdoom-preprocess", "--sheet", &sheet].into_iter().chain(more.iter().copied());
        <mfdoom_preprocess::Args as clap::Parser>::try_parse_from(all).is_err()
    };
    assert!(parse(&[&folder.text("a.h5ad")]) && parse(&["--dataset", "x"]) && parse(&["--modality", "x=X"]));
    assert!(parse(&["--sheet-only", "--vocab-only"]) && !parse(&["--vocab-only"]));
}
