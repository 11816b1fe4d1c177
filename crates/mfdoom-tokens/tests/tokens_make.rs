//! From counts to tokens: vocabulary, gene ids, tokenising, filters, top genes, vocabulary maps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use mfdoom_error::Kind;
use mfdoom_matrix::Csr;
use mfdoom_tokens::filter::genes_in_cells;
use mfdoom_tokens::{
    CellFilter, CellTotals, FilterReport, Gene, GeneMap, GeneMoments, Measured, ModalityTokens, Vocabulary,
    VocabularyMap, normalise_gene_id, tokenise,
};

/// A small generator of test cases (SplitMix64).
struct Cases(u64);

impl Cases {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn vocabulary(ids: &[&str]) -> Vocabulary {
    Vocabulary::new(ids.iter().map(|id| Gene::new(*id, *id)))
}

#[test]
fn ensembl_versions_are_stripped_and_nothing_else() {
    let cases = [
        ("ENSG00000000003.15", "ENSG00000000003"),
        ("ENSMUSG00000051951.6", "ENSMUSG00000051951"),
        ("ENSG00000182378.15_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("ENSG00000000003", "ENSG00000000003"),
        ("ENSG00000182378_PAR_Y", "ENSG00000182378_PAR_Y"),
    ];
    for (id, wanted) in cases {
        assert_eq!(normalise_gene_id(id), wanted);
    }
    let untouched = [
        "ENSA",
        "ENSA.1",
        "AC000068.10",
        "ENST00000373020.9",
        "ENSP00000362111.4",
        "ENSG0000000003.15",
        "ENSG000000000031.1",
        "ENSG00000000003.",
        "ENSG00000000003.x",
        "ENSG00000000003.1.2",
        "ENSG00000000003.15_PAR_X",
        "xENSG00000000003.1",
        "ensg00000000003.1",
        "ENSABCDEG00000000003.1",
        "RP11-34P13.7",
        "é.1",
        "",
        ".",
        "ÉÉÉÉÉÉÉÉÉÉÉ.1",
    ];
    for id in untouched {
        assert_eq!(normalise_gene_id(id), id);
    }
}

#[test]
fn a_vocabulary_is_sorted_whatever_the_order() {
    let genes = ["b", "a", "c", "a"].map(|id| Gene::new(id, id.to_uppercase()));
    let one = Vocabulary::new(genes.clone());
    let two = Vocabulary::new(genes.into_iter().rev());
    assert_eq!(one, two);
    assert_eq!(one.sha256(), two.sha256());
    assert_eq!(["a", "b", "c", "d"].map(|id| one.lookup(id)), [Some(1), Some(2), Some(3), None]);
    assert_eq!(one.gene(3).unwrap().symbol, "C");
    assert!(one.gene(0).is_none() && one.gene(4).is_none());
}

#[test]
fn the_better_symbol_wins_in_either_order() {
    let genes = [Gene::new("g", "g"), Gene::new("g", "Ins1"), Gene::new("g", ""), Gene::new("g", "Zzz")];
    for genes in [genes.clone().to_vec(), genes.into_iter().rev().collect()] {
        assert_eq!(Vocabulary::new(genes).genes()[0].symbol, "Ins1");
    }
}

#[test]
fn vocab_json_is_read_back() {
    let genes = [Gene::new("g\"1", "Ü"), Gene::new("g2", "x")];
    let vocabulary = Vocabulary::new(genes);
    assert_eq!(Vocabulary::from_json(&vocabulary.to_json(), "x").unwrap(), vocabulary);
    let json: serde_json::Value = serde_json::from_str(&vocabulary.to_json()).unwrap();
    assert_eq!(json["genes"][1]["id"], "g2");
    let empty = Vocabulary::default();
    assert_eq!(Vocabulary::from_json(&empty.to_json(), "x").unwrap(), empty);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.json");
    vocabulary.save(&path, false).unwrap();
    assert_eq!(Vocabulary::load(&path).unwrap(), vocabulary);
    assert_eq!(Vocabulary::load(folder.path()).unwrap(), vocabulary);
    std::fs::write(&path, "{").unwrap();
    assert_eq!(Vocabulary::load(&path).unwrap_err().kind(), Kind::Contract, "a list of genes");
    assert_eq!(Vocabulary::load(folder.path()).unwrap_err().kind(), Kind::Incompatible, "a model");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Vocabulary::load(folder.path()).unwrap_err().kind(), Kind::Incompatible);
}

#[test]
fn broken_vocabularies_are_refused() {
    let cases = [
        ("", Kind::Contract),
        ("[]", Kind::Contract),
        (r#"{"format":"vocab/2","genes":[]}"#, Kind::Incompatible),
        (r#"{"format":"other","genes":[]}"#, Kind::Contract),
        (r#"{"format":"vocab/1","genes":[{"id":"b","symbol":""},{"id":"a","symbol":""}]}"#, Kind::Contract),
        (r#"{"format":"vocab/1","genes":[{"id":"a","symbol":""},{"id":"a","symbol":""}]}"#, Kind::Contract),
    ];
    for (text, kind) in cases {
        assert_eq!(Vocabulary::from_json(text, "x").unwrap_err().kind(), kind, "{text}");
    }
}

#[test]
fn union_and_subset() {
    let (a, b) = (vocabulary(&["a", "c"]), vocabulary(&["b", "c"]));
    assert_eq!(Vocabulary::union([&a, &b]), vocabulary(&["a", "b", "c"]));
    assert_eq!(Vocabulary::union([&b, &a]), Vocabulary::union([&a, &b]));
    assert_eq!(b.subset([2, 9]), vocabulary(&["c"]));
}

/// Rows of a random sparse matrix with `n_cols` columns, in which some values are zero.
fn random(cases: &mut Cases, n_rows: usize, n_cols: u64) -> Csr {
    let mut matrix = Csr::empty(n_cols as usize);
    for _ in 0..n_rows {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for column in 0..n_cols as u32 {
            if cases.below(3) == 0 {
                columns.push(column);
                values.push(cases.below(6) as f32);
            }
        }
        matrix.push_row(&columns, &values);
    }
    matrix
}

#[test]
fn tokens_hold_the_counts_of_the_matrix() {
    let mut cases = Cases(1);
    let vocabulary = vocabulary(&["a", "b", "c", "d", "e"]);
    for _ in 0..200 {
        let n_cols = 1 + cases.below(12);
        // Letters outside the vocabulary, and the same letter in several columns, both occur.
        let genes: Vec<String> =
            (0..n_cols).map(|_| char::from(b'a' + cases.below(8) as u8).to_string()).collect();
        let matrix = random(&mut cases, 6, n_cols);
        let map = GeneMap::new(&genes, &vocabulary);
        let tokens = tokenise(&matrix, &map).unwrap();
        for row in 0..6 {
            let mut wanted: BTreeMap<u32, f32> = BTreeMap::new();
            let mut total = 0.0;
            let (columns, values) = matrix.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                total += f64::from(value);
                if let Some(token) = vocabulary.lookup(&genes[column as usize]).filter(|_| value > 0.0) {
                    *wanted.entry(token).or_default() += value;
                }
            }
            let (index, count) = tokens.cell(row);
            assert!(index.iter().copied().eq(wanted.keys().copied()));
            assert!(count.iter().copied().eq(wanted.values().copied()));
            assert_eq!(tokens.library_size[row], total);
            assert!(tokens.present[row]);
        }
        let measured: Vec<u32> =
            (1..=5).filter(|&token| genes.contains(&vocabulary.gene(token).unwrap().id)).collect();
        assert_eq!(map.measured(), measured);
        let known = genes.iter().filter(|gene| vocabulary.lookup(gene).is_some()).count();
        assert_eq!(map.n_merged(), known - measured.len());
    }
}

#[test]
fn a_column_without_a_gene_is_an_error() {
    let map = GeneMap::new(&["a"], &vocabulary(&["a"]));
    let block = Csr::from_rows(2, &[(vec![1], vec![1.0])]);
    assert_eq!(tokenise(&block, &map).unwrap_err().kind(), Kind::Contract);
}

#[test]
fn filters_count_what_they_drop() {
    let filter = CellFilter { min_counts: 10.0, min_genes: 2 };
    let mut report = FilterReport::default();
    let rows: [&[(u32, f32)]; 4] = [&[(0, 5.0), (3, 5.0)], &[(0, 10.0), (1, 0.0)], &[(0, 9.0)], &[]];
    let kept: Vec<bool> =
        rows.iter().map(|row| filter.keep(&CellTotals::of(row.iter().copied()), &mut report)).collect();
    assert_eq!(kept, [true, false, false, false]);
    assert_eq!(report, FilterReport { kept: 1, few_counts: 2, few_genes: 1 });
    assert_eq!((report.seen(), report.dropped()), (4, 3));
    // Off by default: an empty cell stays.
    assert!(CellFilter::default().keep(&CellTotals::default(), &mut report));
    assert_eq!(genes_in_cells(&[3, 0, 2], 2), [1, 3]);
    assert_eq!(genes_in_cells(&[3, 0, 2], 0), [1, 2, 3]);
}

/// Counts whose dispersions are far apart: gene g has mean about g + 1 and a burst of its own size.
fn moments() -> GeneMoments {
    let mut cases = Cases(3);
    let mut moments = GeneMoments::new(60);
    for block in 0..4 {
        let mut tokens = ModalityTokens::default();
        for cell in 0..50 {
            let counts: Vec<(u32, f32)> = (0..59)
                .map(|gene| {
                    let burst =
                        if (cell + gene) % 10 == 0 { cases.below(5 + 7 * u64::from(gene % 6)) } else { 0 };
                    (gene + 1, (cases.below(2 + u64::from(gene) / 2) + burst) as f32)
                })
                .filter(|&(_, count)| count > 0.0)
                .collect();
            let total = counts.iter().map(|&(_, count)| f64::from(count)).sum();
            tokens.push(total, counts);
        }
        tokens.push_absent();
        if block == 0 {
            tokens.push(0.0, []);
        }
        moments.add(&tokens);
    }
    moments
}

#[test]
fn top_genes_are_those_of_highest_dispersion() {
    let moments = moments();
    let scores = mfdoom_matrix::variable_genes::normalised_dispersion(&moments.gene_sums());
    assert_eq!(scores.len(), 60);
    assert!(scores[59].is_nan(), "a gene without counts has no dispersion");
    let top = moments.top_genes(10);
    assert_eq!(top.len(), 10);
    assert!(top.windows(2).all(|pair| pair[0] < pair[1]));
    let lowest = top.iter().map(|&token| scores[token as usize - 1]).fold(f64::INFINITY, f64::min);
    let others = (1..=60).filter(|token| !top.contains(token));
    let others = others.map(|token| scores[token as usize - 1]).filter(|score| !score.is_nan());
    assert!(others.into_iter().all(|score| score < lowest));
    assert_eq!(
        moments.top_genes(100),
        (1..=59).collect::<Vec<u32>>(),
        "a gene without dispersion is no choice"
    );
    assert_eq!(moments, self::moments());
}

#[test]
fn dispersions_are_scanpys() {
    // Counts 10,000 per cell, so that scaling changes nothing. In scanpy's terms: two bins are used, the
    // first with genes 1 and 2, the last with gene 3 alone, whose score is 1.
    let mut tokens = ModalityTokens::default();
    for (a, b) in [(2.0, 1.0), (4.0, 9.0), (6.0, 2.0)] {
        tokens.push(1e4, [(1, a), (2, b), (3, 1e4 - a - b)]);
    }
    let mut moments = GeneMoments::new(3);
    moments.add(&tokens);
    let scores = mfdoom_matrix::variable_genes::normalised_dispersion(&moments.gene_sums());
    // Means are 4, 4 and 9992; variances (ddof 1) 4, 19 and 21. Of two values, the scores are
    // -1 and 1 over the square root of 2.
    let wanted = [-(0.5f64.sqrt()), 0.5f64.sqrt(), 1.0];
    for (score, wanted) in scores.iter().zip(wanted) {
        assert!((score - wanted).abs() < 1e-9, "{scores:?}");
    }
}

#[test]
fn no_cells_have_no_dispersion() {
    let moments = GeneMoments::new(3);
    assert!(
        mfdoom_matrix::variable_genes::normalised_dispersion(&moments.gene_sums())
            .iter()
            .all(|score| score.is_nan())
    );
    assert!(moments.top_genes(2).is_empty());
}

#[test]
fn tokens_move_to_another_vocabulary_by_gene_id() {
    let (from, to) = (vocabulary(&["a", "b", "c", "d"]), vocabulary(&["aa", "b", "d", "e", "f"]));
    let map = VocabularyMap::new(&from, &to);
    let mut tokens = ModalityTokens::default();
    tokens.push(50.0, [(1, 1.0), (2, 2.0), (4, 4.0)]);
    tokens.push_absent();
    tokens.push(0.0, []);
    let mut coverage = map.coverage();
    let mapped = map.apply(&tokens, &mut coverage);
    assert_eq!(mapped.cell(0), (&[2, 3][..], &[2.0, 4.0][..]));
    assert_eq!(mapped.present, [true, false, true]);
    assert_eq!(mapped.library_size, tokens.library_size);
    assert_eq!((coverage.input_genes, coverage.vocabulary_genes, coverage.shared_genes), (4, 5, 2));
    assert_eq!(coverage.genes(), 0.5);
    assert_eq!(coverage.counts(), 6.0 / 7.0);
    coverage.check(0.5, "x").unwrap();
    let error = coverage.check(0.6, "x").unwrap_err();
    assert_eq!(error.kind(), Kind::Incompatible);
    assert!(error.help_text().is_some() && error.to_string().contains("2 of 4 genes"), "{error}");

    let mut measured = Measured::default();
    measured.insert("s", "spliced", vec![1, 2, 4]);
    assert_eq!(**map.apply_measured(&measured).get("s", "spliced").unwrap(), [2, 3]);
}

#[test]
fn the_same_vocabulary_changes_nothing() {
    let from = vocabulary(&["a", "b"]);
    let map = VocabularyMap::new(&from, &from);
    assert!(map.is_identity());
    assert!(!VocabularyMap::new(&from, &vocabulary(&["b", "c"])).is_identity());
    assert!(VocabularyMap::new(&from, &vocabulary(&["x"])).coverage().check(0.0, "x").is_err());
    let mut tokens = ModalityTokens::default();
    tokens.push(3.0, [(1, 1.0), (2, 2.0)]);
    let mut coverage = map.coverage();
    assert_eq!(map.apply(&tokens, &mut coverage), tokens);
    assert_eq!((coverage.genes(), coverage.counts()), (1.0, 1.0));
}

#[test]
fn measured_genes_are_written_as_runs() {
    let mut measured = Measured::default();
    measured.insert("a", "spliced", vec![5, 1, 2, 3, 3]);
    measured.insert("a", "unspliced", vec![1, 2, 3, 5]);
    measured.insert("b", "expression", (1..=2000).collect::<Vec<u32>>());
    measured.insert("c", "expression", Vec::new());
    let text = measured.to_json();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["sets"], serde_json::json!(["1-3,5", "1-2000", ""]));
    assert_eq!(json["datasets"]["a"], serde_json::json!({"spliced": 0, "unspliced": 0}));
    assert_eq!(Measured::from_json(&text, 2000, "x").unwrap(), measured);
    assert!(measured.get("b", "spliced").is_none(), "not measured is not an empty set");
    assert_eq!(measured.get("c", "expression").unwrap().len(), 0);
    assert_eq!(measured.datasets().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn random_measured_sets_are_read_back() {
    let mut cases = Cases(4);
    for _ in 0..100 {
        let density = 1 + cases.below(5);
        let tokens: Vec<u32> = (1..=300).filter(|_| cases.below(6) < density).collect();
        let mut measured = Measured::default();
        measured.insert("a", "m", tokens.clone());
        let read = Measured::from_json(&measured.to_json(), 300, "x").unwrap();
        assert_eq!(**read.get("a", "m").unwrap(), *tokens);
    }
}

#[test]
fn broken_measured_sets_are_refused() {
    for runs in ["0-3", "3-1", "1-3,2", "1,1", "1-11", "x", "-", "1-", "4294967296"] {
        let text = format!(r#"{{"sets":["{runs}"],"datasets":{{"a":{{"m":0}}}}}}"#);
        assert_eq!(Measured::from_json(&text, 10, "x").unwrap_err().kind(), Kind::Contract, "{runs}");
    }
    let no_such_set = r#"{"sets":[],"datasets":{"a":{"m":0}}}"#;
    assert!(Measured::from_json(no_such_set, 10, "x").is_err());
}
