//! Formats of text: random counts written as other programs write them, and read back.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use mfdoom_counts::{CountsFile, Source, open};

/// Counts of cells by genes, a third of them not 0.
fn counts(n_cells: usize, n_genes: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    (0..n_cells)
        .map(|_| (0..n_genes).map(|_| if next() % 3 == 0 { (next() % 90 + 1) as f32 } else { 0.0 }).collect())
        .collect()
}

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|at| format!("{prefix}{at}")).collect()
}

/// Entries (row, column, values) as a Matrix Market file.
fn mtx(path: &Path, shape: (usize, usize), entries: &[(usize, usize, String)]) {
    let mut text = "%%MatrixMarket matrix coordinate integer general\n%\n%      \n".to_owned();
    writeln!(text, "{} {} {}", shape.0, shape.1, entries.len()).unwrap();
    entries
        .iter()
        .for_each(|(row, column, value)| writeln!(text, "{} {} {value}", row + 1, column + 1).unwrap());
    put(path, &text);
}

fn put(path: &Path, text: &str) {
    if path.extension().is_some_and(|ending| ending == "gz") {
        let file = std::fs::File::create(path).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap();
    } else {
        std::fs::write(path, text).unwrap();
    }
}

fn list(path: &Path, names: &[String]) {
    put(path, &(names.join("\n") + "\n"));
}

/// Entries of a matrix, cells along the rows or the columns, cell by cell or gene by gene.
fn entries(rows: &[Vec<f32>], cells_first: bool, by_gene: bool) -> Vec<(usize, usize, String)> {
    let mut all: Vec<(usize, usize, f32)> = Vec::new();
    for (cell, row) in rows.iter().enumerate() {
        all.extend(
            row.iter()
                .enumerate()
                .filter(|(_, count)| **count > 0.0)
                .map(|(gene, count)| (cell, gene, *count)),
        );
    }
    if by_gene {
        all.sort_by_key(|(cell, gene, _)| (*gene, *cell));
    }
    all.into_iter()
        .map(
            |(cell, gene, count)| {
                if cells_first { (cell, gene, count.to_string()) } else { (gene, cell, count.to_string()) }
            },
        )
        .collect()
}

fn assert_rows(file: &dyn CountsFile, source: &str, wanted: &[Vec<f32>]) {
    let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
    for start in (0..wanted.len()).step_by(7) {
        let end = wanted.len().min(start + 7);
        let block = matrix.read_rows(start..end).unwrap();
        for (row, wanted) in wanted[start..end].iter().enumerate() {
            let mut dense = vec![0.0; matrix.n_cols()];
            let (columns, values) = block.row(row);
            columns.iter().zip(values).for_each(|(column, value)| dense[*column as usize] = *value);
            assert_eq!(dense, *wanted, "row {} of {source}", start + row);
        }
    }
    // Going back is allowed.
    assert_eq!(matrix.read_rows(0..1).unwrap().nnz(), wanted[0].iter().filter(|count| **count > 0.0).count());
}

#[test]
fn matrix_market_folders_are_read_in_any_order_of_entries() {
    for (by_gene, ending, list_of_genes) in [
        (false, "", "genes.tsv"),
        (true, "", "features.tsv"),
        (false, ".gz", "features.tsv"),
        (true, ".gz", "features.tsv"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(format!("GSM1_{name}{ending}"));
        let rows = counts(40, 13, 5);
        mtx(&at("matrix.mtx"), (13, 40), &entries(&rows, false, by_gene));
        list(&at("barcodes.tsv"), &names("AC", 40));
        let features: Vec<String> = (0..13)
            .map(|at| {
                format!(
                    "ENSG{at}\tname{at}\t{}",
                    if at < 11 { "Gene Expression" } else { "Antibody Capture" }
                )
            })
            .collect();
        list(&at(list_of_genes), &features);
        let file = open(folder.path()).unwrap();
        assert_rows(&*file, "X", &rows);
        let proteins: Vec<Vec<f32>> = rows.iter().map(|row| row[11..].to_vec()).collect();
        assert_rows(&*file, "X[Antibody Capture]", &proteins);
        assert_eq!(file.obs_names_in(38..40).unwrap(), ["AC38", "AC39"]);
        assert_eq!(file.var_names_of(&Source::X).unwrap()[12], "ENSG12");
        assert_eq!(file.parts().len(), 3);
    }
}

#[test]
fn several_features_called_nan_have_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    mtx(&at("matrix.mtx"), (4, 9), &entries(&counts(9, 4, 1), false, true));
    list(&at("barcodes.tsv"), &names("AC", 9));
    list(&at("features.tsv"), &["g1\tA", "nan\tB", "nan\tC", "NA\tD"].map(str::to_owned));
    let file = open(folder.path()).unwrap();
    let genes = mfdoom_counts::genes_of(&*file, &Source::X, None).unwrap();
    let ids: Vec<&str> = genes.iter().map(|gene| gene.id.as_str()).collect();
    assert_eq!(ids, ["g1", "", "", "NA"], "one may be called so, several of one name are no names");
}

#[test]
fn velocyto_of_star_is_read_from_three_files_and_from_one() {
    let (s, u, a) = (counts(9, 5, 1), counts(9, 5, 2), counts(9, 5, 3));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    list(&at("barcodes.tsv"), &names("AC", 9));
    list(&at("features.tsv"), &names("ENSG", 5));
    for (name, rows) in [("spliced.mtx", &s), ("unspliced.mtx", &u), ("ambiguous.mtx", &a)] {
        mtx(&at(name), (5, 9), &entries(rows, false, false));
    }
    let check = || {
        let file = open(folder.path()).unwrap();
        for (name, rows) in [("spliced", &s), ("unspliced", &u), ("ambiguous", &a)] {
            assert_rows(&*file, &format!("layers/{name}"), rows);
        }
    };
    check();
    for name in ["spliced.mtx", "unspliced.mtx", "ambiguous.mtx"] {
        std::fs::remove_file(at(name)).unwrap();
    }
    let all = (0..9).flat_map(|cell| (0..5).map(move |gene| (cell, gene)));
    let thrice: Vec<(usize, usize, String)> = all
        .map(|(cell, gene)| (gene, cell, format!("{} {} {}", s[cell][gene], u[cell][gene], a[cell][gene])))
        .collect();
    mtx(&at("matrix.mtx"), (5, 9), &thrice);
    check();
}

#[test]
fn bustools_matrices_are_joined_by_barcode() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (s, u) = (counts(6, 4, 1), counts(5, 4, 2));
    for (stem, rows, first) in [("spliced", &s, 0), ("unspliced", &u, 2)] {
        mtx(&at(&format!("{stem}.mtx")), (rows.len(), 4), &entries(rows, true, false));
        let cells: Vec<String> = (first..first + rows.len()).map(|cell| format!("AC{cell}")).collect();
        list(&at(&format!("{stem}.barcodes.txt")), &cells);
        list(&at(&format!("{stem}.genes.txt")), &names("ENSG", 4));
    }
    let file = open(folder.path()).unwrap();
    assert_eq!(file.obs_names_in(0..file.n_obs()).unwrap(), names("AC", 7));
    let empty = vec![0.0; 4];
    let mut spliced = s.clone();
    spliced.push(empty.clone());
    let mut unspliced = vec![empty.clone(), empty];
    unspliced.extend(u);
    let read = |layer: &str| file.matrix(&Source::Layer(layer.to_owned())).unwrap().read_rows(0..7).unwrap();
    for (layer, wanted) in [("spliced", &spliced), ("unspliced", &unspliced)] {
        let block = read(layer);
        for (row, wanted) in wanted.iter().enumerate() {
            let values: Vec<f32> = wanted.iter().copied().filter(|count| *count > 0.0).collect();
            assert_eq!(block.row(row).1, values, "{layer} of {row}");
        }
    }
}

#[test]
fn nascent_and_mature_share_their_lists() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(format!("cells_x_genes.{name}"));
    let rows = [counts(6, 4, 1), counts(6, 4, 2), counts(6, 4, 3)];
    for (name, rows) in ["mature", "nascent", "ambiguous"].iter().zip(&rows) {
        mtx(&at(&format!("{name}.mtx")), (6, 4), &entries(rows, true, true));
    }
    list(&at("barcodes.txt"), &names("AC", 6));
    list(&at("genes.txt"), &names("ENSG", 4));
    let file = open(folder.path()).unwrap();
    for (name, rows) in ["spliced", "unspliced", "ambiguous"].iter().zip(&rows) {
        assert_rows(&*file, &format!("layers/{name}"), rows);
    }
}

#[test]
fn alevin_fry_is_split_into_its_three_parts() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("alevin");
    std::fs::create_dir(&inner).unwrap();
    let rows = counts(8, 12, 4);
    mtx(&inner.join("quants_mat.mtx"), (8, 12), &entries(&rows, true, false));
    list(&inner.join("quants_mat_rows.txt"), &names("AC", 8));
    let mut genes = names("ENSG", 4);
    genes.extend(names("ENSG", 4).iter().map(|gene| format!("{gene}-U")));
    genes.extend(names("ENSG", 4).iter().map(|gene| format!("{gene}-A")));
    list(&inner.join("quants_mat_cols.txt"), &genes);
    for path in [folder.path(), &inner] {
        let file = open(path).unwrap();
        for (third, name) in ["spliced", "unspliced", "ambiguous"].iter().enumerate() {
            let part: Vec<Vec<f32>> = rows.iter().map(|row| row[4 * third..4 * third + 4].to_vec()).collect();
            assert_rows(&*file, &format!("layers/{name}"), &part);
        }
        assert_eq!(file.var_names_of(&Source::Layer("spliced".into())).unwrap(), names("ENSG", 4));
    }
}

#[test]
fn alevins_flags_and_values_are_read_and_their_number_is_checked() {
    for usa in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("alevin");
        std::fs::create_dir(&inner).unwrap();
        let rows = counts(8, 12, 4);
        let mut bytes = Vec::new();
        for row in &rows {
            let mut flags = [0_u8; 2];
            let set = row.iter().enumerate().filter(|(_, count)| **count > 0.0);
            set.for_each(|(gene, _)| flags[gene / 8] |= 128 >> (gene % 8));
            bytes.extend(flags);
            bytes.extend(row.iter().filter(|count| **count > 0.0).flat_map(|count| count.to_le_bytes()));
        }
        let pack = |bytes: &[u8]| {
            let file = std::fs::File::create(inner.join("quants_mat.gz")).unwrap();
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap();
        };
        pack(&bytes);
        list(&inner.join("quants_mat_rows.txt"), &names("AC", 8));
        list(&inner.join("quants_mat_cols.txt"), &names("ENSG", if usa { 4 } else { 12 }));
        if usa {
            put(&folder.path().join("quant.json"), "{\"usa_mode\":true,\"num_genes\":12}");
        }
        let parts: &[(&str, std::ops::Range<usize>)] = match usa {
            true => &[("layers/spliced", 0..4), ("layers/unspliced", 4..8), ("layers/ambiguous", 8..12)],
            false => &[("X", 0..12)],
        };
        let file = open(folder.path()).unwrap();
        for (source, columns) in parts {
            let part: Vec<Vec<f32>> = rows.iter().map(|row| row[columns.clone()].to_vec()).collect();
            assert_rows(&*file, source, &part);
        }
        for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
            pack(wrong);
            let read =
                open(folder.path()).unwrap().matrix(&parts[0].0.parse().unwrap()).unwrap().read_rows(0..8);
            let error = read.unwrap_err();
            assert!(error.exit_code() == 3 && error.to_string().contains("8 cells of 12 genes"), "{error}");
        }
        // A wrong checksum at the end, with all values whole.
        pack(&bytes);
        let path = inner.join("quants_mat.gz");
        let mut packed = std::fs::read(&path).unwrap();
        let at = packed.len() - 8;
        packed[at] ^= 1;
        std::fs::write(&path, packed).unwrap();
        let read = open(folder.path()).unwrap().matrix(&parts[0].0.parse().unwrap()).unwrap().read_rows(0..8);
        assert_eq!(read.unwrap_err().exit_code(), 3);
    }
}

#[test]
fn tables_whose_rows_are_genes_are_turned() {
    let rows = counts(30, 6, 8);
    let barcode =
        |cell: usize| format!("ACGTACGT{}{}-1", ["AC", "GT", "TT"][cell % 3], "ACGT".repeat(cell / 3));
    let genes: Vec<String> = (0..6).map(|gene| format!("ENSG{gene:011}")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.csv.gz");
    let cells: Vec<String> = (0..30).map(barcode).collect();
    let mut text = format!(",{}\n", cells.join(","));
    for (gene, name) in genes.iter().enumerate() {
        let values: Vec<String> = rows.iter().map(|row| row[gene].to_string()).collect();
        writeln!(text, "{name},{}", values.join(",")).unwrap();
    }
    put(&path, &text);
    let file = open(&path).unwrap();
    assert_eq!(file.obs_names_in(0..30).unwrap(), cells);
    assert_eq!(file.var_names_of(&Source::X).unwrap(), genes);
    assert_rows(&*file, "X", &rows);
}

#[test]
fn values_of_any_kind_of_matrix_market_are_read() {
    let rows = counts(9, 5, 3);
    let ones: Vec<Vec<f32>> =
        rows.iter().map(|row| row.iter().map(|count| count.min(1.0)).collect()).collect();
    for (kind, wanted) in [("real", &rows), ("double", &rows), ("pattern", &ones)] {
        let folder = tempfile::tempdir().unwrap();
        let entries = entries(&rows, false, true);
        let mut text = format!("%%MatrixMarket matrix coordinate {kind} general\n5 9 {}\n", entries.len());
        for (row, column, value) in entries {
            let value = if kind == "pattern" { String::new() } else { format!("{value}.000e0") };
            writeln!(text, "{} {} {value}", row + 1, column + 1).unwrap();
        }
        put(&folder.path().join("matrix.mtx.gz"), &text);
        list(&folder.path().join("barcodes.tsv"), &names("AC", 9));
        list(&folder.path().join("genes.tsv"), &names("ENSG", 5));
        assert_rows(&*open(folder.path()).unwrap(), "X", wanted);
    }
}

#[test]
fn tables_of_text_are_cells_by_genes() {
    let rows = counts(30, 6, 8);
    for (ending, delimiter, corner) in [("csv", ",", "cell,"), ("tsv.gz", "\t", "\t"), ("csv", ",", "")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("counts.{ending}"));
        let mut text = format!("{corner}{}\r\n", names("G", 6).join(delimiter));
        for (cell, row) in rows.iter().enumerate() {
            let values: Vec<String> = row.iter().map(f32::to_string).collect();
            write!(text, "\"AC{cell}\"{delimiter}{}\r\n", values.join(delimiter)).unwrap();
        }
        put(&path, &text);
        let file = open(&path).unwrap();
        assert_eq!(file.obs_names_in(0..30).unwrap(), names("AC", 30));
        assert_eq!(file.var_names_of(&Source::X).unwrap(), names("G", 6));
        assert_rows(&*file, "X", &rows);
    }
}

#[test]
fn matrices_that_lie_are_refused_with_the_line() {
    let header = "%%MatrixMarket matrix coordinate integer general\n";
    let cases = [
        ("1 1 1\n", "is not the banner"),
        ("%%MatrixMarket matrix coordinate complex general\n3 2 0\n", "is not the banner"),
        ("%%MatrixMarket matrix array integer general\n3 2\n1\n", "another number of entries"),
        (&format!("{header}3 2\n"), "is not the size"),
        (&format!("{header}3 2 2\n1 1 1\n"), "another number of entries"),
        (&format!("{header}3 2 1\n1 1 1\n2 1 1\n"), "another number of entries"),
        (&format!("{header}3 2 1\n4 1 1\n"), "line 3 is outside"),
        (&format!("{header}3 2 1\n0 1 1\n"), "line 3 is outside"),
        (&format!("{header}3 2 1\n1 x 1\n"), "line 3 is no entry"),
        (&format!("{header}7 9 1\n1 1 1\n"), "does not fit the lists"),
    ];
    for (text, part) in cases {
        let folder = tempfile::tempdir().unwrap();
        put(&folder.path().join("matrix.mtx"), text);
        list(&folder.path().join("barcodes.tsv"), &names("AC", 2));
        list(&folder.path().join("genes.tsv"), &names("ENSG", 3));
        let read = open(folder.path()).and_then(|file| file.matrix(&Source::X)?.read_rows(0..2));
        let error = read.unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn an_output_folder_of_starsolo_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let (gene, velocyto) = (folder.path().join("Gene/filtered"), folder.path().join("Velocyto/raw"));
    let rows = counts(4, 5, 1);
    let (s, u) = (counts(9, 5, 2), counts(9, 5, 3));
    for (at, cells) in
        [(&gene, names("AC", 4)), (&velocyto, (0..9).rev().map(|cell| format!("AC{cell}")).collect())]
    {
        std::fs::create_dir_all(at).unwrap();
        list(&at.join("barcodes.tsv"), &cells);
        list(&at.join("features.tsv"), &names("ENSG", 5));
    }
    mtx(&gene.join("matrix.mtx"), (5, 4), &entries(&rows, false, false));
    mtx(&velocyto.join("spliced.mtx"), (5, 9), &entries(&s, false, false));
    mtx(&velocyto.join("unspliced.mtx"), (5, 9), &entries(&u, false, false));
    let file = open(folder.path()).unwrap();
    assert_eq!(file.format(), "STARsolo folder (Solo.out)");
    assert_rows(&*file, "X", &rows);
    let back = |rows: &[Vec<f32>]| rows.iter().rev().take(4).cloned().collect::<Vec<_>>();
    for (layer, rows) in [("spliced", &s), ("unspliced", &u)] {
        let block = file.matrix(&Source::Layer(layer.to_owned())).unwrap().read_rows(0..4).unwrap();
        for (row, wanted) in back(rows).iter().enumerate() {
            let wanted: Vec<f32> = wanted.iter().copied().filter(|count| *count > 0.0).collect();
            assert_eq!(block.row(row).1, wanted, "{layer}");
        }
    }
    assert_eq!(file.parts().len(), 7);
}
