//! Files of every format and of several modalities through the stage, and which matrix is taken of several.

mod make;

use mfdoom_counts::Column;
use mfdoom_preprocess::Args;

use self::make::{File, Folder, counts, plus, spliced};

fn shared(name: &str) -> Option<String> {
    mfdoom_testing::shared(&format!("data/{name}")).map(|path| path.to_str().unwrap().to_owned())
}

#[test]
fn a_mosaic_in_one_file_keeps_missing_modalities_missing() {
    let Some(input) = shared("multimodal/midas_quickstart_pbmc_mosaic.h5mu") else { return };
    let table = Folder::new().table(&[&input, "--obs", "celltype", "--obs", "batch"]);
    assert_eq!(table.schema.modalities, ["adt", "rna"]);
    let present = |name: &str| {
        let tokens = &table.batch.modalities[table.schema.modality(name).unwrap()];
        tokens.present.iter().filter(|present| **present).count()
    };
    assert_eq!((table.batch.len(), present("adt"), present("rna")), (1600, 1200, 1200));
    assert_eq!(table.genes().len(), 724);
    assert!(table.genes().iter().filter(|gene| gene.starts_with("adt:")).count() == 224);
    let named =
        Folder::new().table(&[&input, "--modality", "expression=mod/rna", "--modality", "protein=mod/adt/X"]);
    assert_eq!(named.schema.modalities, ["expression", "protein"]);
}

#[test]
fn open_chromatin_is_found_by_the_names_of_its_features() {
    let Some(input) = shared("multimodal/mouse_kidney_rna_atac_554x1482.h5ad") else { return };
    let table = Folder::new().table(&[&input, "--kind", "multiome", "--allow-non-integer"]);
    assert_eq!(table.schema.modalities, ["expression", "atac"]);
    assert_eq!((table.batch.len(), table.genes().len()), (554, 1482 + 1499));
}

#[test]
fn cells_and_counts_are_those_of_the_folder_in_any_form() {
    let Some(folder) = shared("formats/cellranger_v3") else { return };
    let place = Folder::new();
    let (hdf5, text) =
        (format!("{folder}/filtered_feature_bc_matrix.h5"), format!("{folder}/filtered_feature_bc_matrix"));
    let (hdf5, text) = (place.table(&[&hdf5, "--dataset", "d"]), place.table(&[&text, "--dataset", "d"]));
    assert_eq!((hdf5.batch.len(), hdf5.genes().len()), (1107, 507));
    assert_eq!(hdf5.batch.modalities, text.batch.modalities);
    let table = place.table(&[&shared("formats/kb_lamanno_counts").unwrap()]);
    assert_eq!(table.schema.modalities, ["spliced", "unspliced", "expression"]);
}

#[test]
fn antibodies_in_x_are_a_modality_and_never_rna() {
    let types = |n_genes: usize, n: usize| {
        let kind = |at: usize| if at < n_genes { "Gene Expression" } else { "Antibody Capture" };
        Column::String((0..n).map(|at| Some(kind(at).to_owned())).collect())
    };
    let folder = Folder::new();
    let rows = counts(5, 7, 1);
    let mut file = File::new(5, 7).with("X", rows.clone());
    file.var.push(("feature_types", types(4, 7)));
    let input = folder.put("cite.h5ad", &file);
    for more in [&[][..], &["--modality", "expression=X"]] {
        let table = folder.table(&[&[input.as_str()], more].concat());
        assert_eq!(table.schema.modalities, ["expression", "protein"]);
        let part =
            |range: std::ops::Range<usize>| rows.iter().map(|row| row[range.clone()].to_vec()).collect();
        table.assert_counts("expression", 0, &file.genes[..4], &part(0..4));
        let proteins: Vec<String> = file.genes[4..].iter().map(|gene| format!("protein:{gene}")).collect();
        table.assert_counts("protein", 0, &proteins, &part(4..7));
    }
    let mut biotypes = File::new(5, 7).with("X", rows.clone());
    biotypes.var.push(("feature_type", Column::String(vec![Some("protein_coding".into()); 7])));
    let table = folder.table(&[&folder.put("atlas.h5ad", &biotypes)]);
    table.assert_counts("expression", 0, &biotypes.genes, &rows);
}

#[test]
fn one_name_in_two_modalities_is_two_features() {
    let folder = Folder::new();
    let mut file = File::new(4, 3).with("X", counts(4, 3, 1));
    file.genes = ["CD4", "CD8A", "ACTB"].map(String::from).to_vec();
    let first = folder.put("rna.h5ad", &file);
    file.matrices = vec![("X", counts(4, 3, 2))];
    let sheet = "sample,counts,modalities\nr,rna.h5ad,\np,protein.h5ad,protein=X;expression=none\n";
    folder.put("protein.h5ad", &file);
    std::fs::write(folder.path("sheet.csv"), sheet).unwrap();
    let table = folder.table(&["--sheet", &folder.text("sheet.csv")]);
    assert_eq!(table.genes(), ["ACTB", "CD4", "CD8A", "protein:ACTB", "protein:CD4", "protein:CD8A"]);
    assert_eq!(table.schema.vocabulary.gene(5).unwrap().symbol, "CD4");
    assert!(first.ends_with("rna.h5ad"));
}

#[test]
fn the_matrix_with_the_counts_is_taken_whatever_stands_before_it() {
    let folder = Folder::new();
    let rows = counts(6, 8, 1);
    let empty = vec![vec![0.0; 8]; 6];
    let binary: Vec<Vec<f32>> =
        rows.iter().map(|row| row.iter().map(|count| f32::from(u8::from(*count > 0.0))).collect()).collect();
    for (name, x) in [("empty.h5ad", &empty), ("binary.h5ad", &binary)] {
        let file = File::new(6, 8).with("X", x.clone()).with("layers/counts", rows.clone());
        let table = folder.table(&[&folder.put(name, &file)]);
        table.assert_counts("expression", 0, &file.genes, &rows);
    }
    // Nothing but 0 and 1 is taken where there is nothing else.
    let file = File::new(6, 8).with("X", binary.clone());
    folder.table(&[&folder.put("b.h5ad", &file)]).assert_counts("expression", 0, &file.genes, &binary);
}

#[test]
fn genes_without_a_name_are_left_out_and_stay_apart() {
    let folder = Folder::new();
    let rows = counts(5, 6, 1);
    for (name, missing) in [("none.h5ad", ""), ("nan.h5ad", "nan")] {
        let mut file = File::new(5, 6).with("X", rows.clone());
        (file.genes[1], file.genes[4]) = (missing.to_owned(), missing.to_owned());
        let table = folder.table(&[&folder.put(name, &file)]);
        assert_eq!(table.genes(), ["g00", "g02", "g03", "g05"]);
        let totals: Vec<f64> =
            rows.iter().map(|row| row.iter().map(|count| f64::from(*count)).sum()).collect();
        assert_eq!(table.library_size("expression"), totals);
    }
    let mut file = File::new(5, 6).with("X", rows.clone());
    file.genes[1] = "nan".to_owned();
    assert_eq!(folder.table(&[&folder.put("b.h5ad", &file)]).genes().len(), 6, "nanchung is a gene");
}

#[test]
fn counts_beyond_2_to_the_24_are_taken() {
    let folder = Folder::new();
    let mut rows = counts(4, 5, 1);
    rows[2][3] = 30_565_380.0;
    let file = File::new(4, 5).with("X", rows.clone());
    let table = folder.table(&[&folder.put("a.h5ad", &file)]);
    assert_eq!(table.cell("expression", 2).unwrap()["g03"], 30_565_380.0);
    let exact: f64 = rows[2].iter().map(|count| f64::from(*count)).sum();
    assert_eq!(table.library_size("expression")[2], exact);
}

#[test]
fn library_sizes_are_found_where_they_hold() {
    let folder = Folder::new();
    let rows = counts(3, 4, 1);
    let sums: Vec<f64> = rows.iter().map(|row| row.iter().map(|count| f64::from(*count)).sum()).collect();
    let above: Vec<f64> = sums.iter().map(|sum| sum + 100.0).collect();
    let below: Vec<f64> = sums.iter().map(|sum| sum - 1.0).collect();
    let write = |name: &str, sizes: &[f64]| {
        let file = File::new(3, 4).with("X", rows.clone()).obs("n_counts", Column::Float(sizes.to_vec()));
        folder.put(name, &file)
    };
    let (good, bad) = (write("good.h5ad", &above), write("bad.h5ad", &below));
    assert_eq!(folder.table(&[&good]).library_size("expression"), above);
    assert_eq!(folder.table(&[&good, "--library-size", "expression=none"]).library_size("expression"), sums);
    assert_eq!(folder.table(&[&bad]).library_size("expression"), sums);
}

#[test]
fn lists_of_cells_are_those_of_spreadsheets() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(6, 4));
    std::fs::write(folder.path("cells.txt"), "\u{feff}c1\r\nc3 \r\n\r\n").unwrap();
    let table = folder.table(&[&input, "--cells", &folder.text("cells.txt")]);
    assert_eq!(table.batch.cell_id, ["c1", "c3"]);
    let total = plus(&counts(6, 4, 1), &counts(6, 4, 2));
    table.assert_counts("expression", 1, &spliced(6, 4).genes, &total[3..4].to_vec());
}

#[test]
fn a_data_set_is_not_named_like_a_flag() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(3, 4));
    for name in ["--dataset=-x", "--dataset=a\tb"] {
        assert_eq!(folder.run("t.parquet", &[&input, name]).unwrap_err().exit_code(), 2);
    }
    assert!(<Args as clap::Parser>::try_parse_from(["mfdoom-preprocess", &input, "--dataset=-x"]).is_ok());
}

/// Limits the files that the process may have open.
#[test]
fn more_files_than_may_be_open_are_taken() {
    let folder = Folder::new();
    let inputs: Vec<String> = (0..40)
        .map(|at| folder.put(&format!("f{at}.h5ad"), &File::new(2, 3).with("X", counts(2, 3, at + 1))))
        .collect();
    let output = folder.text("t.parquet");
    let binary = env!("CARGO_BIN_EXE_mfdoom-preprocess");
    let script = "ulimit -n 24; exec \"$0\" \"$@\"";
    let status = std::process::Command::new("bash")
        .args(["-c", script, binary, "-qq", "-o", &output])
        .args(&inputs)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(make::Table::read(&folder.path("t.parquet")).batch.len(), 80);
}

/// Writes counts as Cell Ranger's folder does.
fn cell_ranger(folder: &Folder, name: &str, cells: &[String], genes: &[String], rows: &make::Rows) -> String {
    let path = folder.path(name);
    std::fs::create_dir(&path).unwrap();
    let mut entries = Vec::new();
    for (cell, row) in rows.iter().enumerate() {
        for (gene, count) in row.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            entries.push(format!("{} {} {count}", gene + 1, cell + 1));
        }
    }
    let header = "%%MatrixMarket matrix coordinate integer general";
    let size = format!("{} {} {}", genes.len(), cells.len(), entries.len());
    std::fs::write(path.join("matrix.mtx"), format!("{header}\n{size}\n{}\n", entries.join("\n"))).unwrap();
    std::fs::write(path.join("barcodes.tsv"), cells.join("\n") + "\n").unwrap();
    std::fs::write(path.join("features.tsv"), genes.join("\n") + "\n").unwrap();
    folder.text(name)
}

fn barcodes(n: usize) -> Vec<String> {
    let letter = |at: usize, digit: u32| ["A", "C", "G", "T"][at / 4_usize.pow(digit) % 4];
    (0..n).map(|at| (0..8).map(|digit| letter(at, digit)).collect()).collect()
}

#[test]
fn files_of_one_sample_are_joined_by_barcode() {
    let folder = Folder::new();
    let codes = barcodes(6);
    let cells: Vec<String> = codes.iter().map(|code| format!("{code}-1")).collect();
    let genes: Vec<String> = (0..4).map(|at| format!("g{at:02}\tname{at}")).collect();
    let total = counts(6, 4, 7);
    let input = cell_ranger(&folder, "outs", &cells, &genes, &total);
    let mut velocyto = spliced(5, 4);
    velocyto.cells = codes[1..].iter().rev().map(|code| format!("possorted_genome:{code}x")).collect();
    let loom = folder.put("velocyto.h5ad", &velocyto);
    let table = folder.table(&[&input, "--with", &loom]);
    assert_eq!(table.schema.modalities, ["spliced", "unspliced", "expression"]);
    assert_eq!(table.batch.cell_id, cells);
    table.assert_counts("expression", 0, &velocyto.genes, &total);
    assert_eq!(table.cell("spliced", 0), None, "the first cell is not in the other file");
    let back: make::Rows = counts(5, 4, 1).into_iter().rev().collect();
    let rest = make::Table { batch: table.batch.take(&[1, 2, 3, 4, 5]), schema: table.schema.clone() };
    rest.assert_counts("spliced", 0, &velocyto.genes, &back);
    // A sheet says it on one line.
    std::fs::write(folder.path("sheet.csv"), "sample,counts\na,outs;velocyto.h5ad\n").unwrap();
    let of_sheet = folder.table(&["--sheet", &folder.text("sheet.csv")]);
    assert_eq!(of_sheet.batch.modalities, table.batch.modalities);
    let path = folder.text("unmatched.tsv");
    let mut genes = File::new(3, 3).with("X", counts(3, 3, 2));
    genes.genes = ["elsewhere", "g01", "g03"].map(str::to_owned).to_vec();
    folder.run("known.json", &[&folder.put("genes.h5ad", &genes), "--vocab-only"]).unwrap();
    let known = folder.text("known.json");
    folder.table(&[&input, "--with", &loom, "--unmatched", &path, "--vocab", &known]);
    let lines: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let of = |kind: &str| lines.iter().filter(|line| line.starts_with(kind)).cloned().collect::<Vec<_>>();
    assert_eq!(of("cell"), [format!("cell\touts\t\t{}\t\t{input}\t{loom}", cells[0])]);
    let genes = of("gene");
    assert!(genes.contains(&format!("gene\touts\texpression\tg00\tname0\t{input}\tvocabulary")), "{genes:?}");
    assert!(genes.contains(&format!("gene\touts\t\telsewhere\telsewhere\tvocabulary\t{input}")), "{genes:?}");
    assert!(!genes.iter().any(|line| line.contains("\tg01\t")), "{genes:?}");
    let mut other = spliced(5, 4);
    other.cells = (0..5).map(|at| format!("TTTTTTTT{at}")).collect();
    let error = folder.run("t.parquet", &[&input, "--with", &folder.put("other.h5ad", &other)]).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("its cells are not those of"), "{error}");
}

#[test]
fn genes_are_joined_by_symbol_where_one_file_has_ids() {
    let folder = Folder::new();
    let genes: Vec<String> =
        ["ENSG00000000001\tACTB", "ENSG00000000002\tCD4", "ENSG00000000003\tCD4"].map(String::from).to_vec();
    let cells: Vec<String> = (0..3).map(|at| format!("c{at}")).collect();
    let input = cell_ranger(&folder, "ids", &cells, &genes, &counts(3, 3, 1));
    let mut symbols = File::new(3, 2).with("X", counts(3, 2, 2));
    symbols.genes = vec!["ACTB".into(), "CD4".into()];
    let table = folder.table(&[&input, &folder.put("symbols.h5ad", &symbols)]);
    // CD4 is the symbol of two ids: which of them is meant cannot be told.
    assert_eq!(table.genes(), ["CD4", "ENSG00000000001", "ENSG00000000002", "ENSG00000000003"]);
    assert_eq!(table.measured("symbols", "expression").unwrap(), ["CD4", "ENSG00000000001"]);
}

#[test]
fn kinds_find_their_modalities() {
    let folder = Folder::new();
    let file = spliced(4, 5).with("X", counts(4, 5, 4)).with("obsm/protein_counts", counts(4, 2, 3));
    let input = folder.put("a.h5ad", &file);
    let modalities = |kind: &str| folder.table(&[&input, "--kind", kind]).schema.modalities.clone();
    assert_eq!(modalities("velocity"), ["spliced", "unspliced", "expression"]);
    assert_eq!(modalities("cite-seq"), ["expression", "protein"]);
    let Some(tea) = shared("multimodal/teaseq_pbmc_matilda_train.h5ad") else { return };
    let table = folder.table(&[&tea, "--kind", "cite-seq"]);
    assert_eq!(table.schema.modalities, ["expression", "protein"]);
    let mosaic = shared("multimodal/midas_quickstart_pbmc_mosaic.h5mu").unwrap();
    assert_eq!(folder.table(&[&mosaic, "--kind", "cite-seq"]).schema.modalities, ["expression", "protein"]);
}
