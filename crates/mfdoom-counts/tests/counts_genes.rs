//! Genomes before the names of genes: passed over where something says that they are genomes.

mod make;

use make::{Packing, Sparse, columns, frame, line, sparse, texts};
use mfdoom_counts::{Source, genes_of, open};

/// Returns ids and symbols of the genes of a file, whose var may have a column of one value.
fn genes(names: &[&str], column: Option<(&str, &str)>) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5ad");
    let file = hdf5::File::create(&path).unwrap();
    frame(&file, "obs", "_index", &["cell"]);
    let var = frame(&file, "var", "_index", names);
    if let Some((name, value)) = column {
        columns(&var, &[name]);
        line(&var, name, &texts(&vec![value; names.len()]));
    }
    let shape = [1, names.len() as i64];
    let empty = Sparse::<f32> { encoding: "csr_matrix", shape, indptr: &[0, 0], indices: &[], data: &[] };
    sparse(&file, "X", &empty, Packing::None);
    drop(file);
    let found = genes_of(&*open(&path).unwrap(), &Source::X, None).unwrap();
    found.into_iter().map(|gene| (gene.id, gene.symbol)).collect()
}

fn ids(names: &[&str], column: Option<(&str, &str)>) -> Vec<String> {
    genes(names, column).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn a_name_that_only_looks_prefixed_stays_as_it_is() {
    for names in [["GRCh38_A1", "GRCh38_B2"], ["RP11_206L10", "RP4_669L17"], ["hg19_x", "Actb"]] {
        assert_eq!(ids(&names, None), names);
        assert_eq!(ids(&names, Some(("genome", "GRCz11"))), names);
    }
}

#[test]
fn two_genomes_an_id_of_ensembl_or_a_column_tell_that_names_are_prefixed() {
    assert_eq!(ids(&["GRCh38______CD4", "mm10___Cd4"], None), ["CD4", "Cd4"]);
    assert_eq!(ids(&["hg19_ENSG00000010610.9", "hg19_x"], None), ["ENSG00000010610", "x"]);
    assert_eq!(ids(&["dm6_ENSG00000010610"], None), ["ENSG00000010610"]);
    assert_eq!(ids(&["GRCh38_CD4", "GRCh38_CD8A"], Some(("genome", "GRCh38"))), ["CD4", "CD8A"]);
    let by_ids = ids(&["GRCh38_CD4"], Some(("gene_ids", "GRCh38_ENSG00000010610")));
    assert_eq!(by_ids, ["CD4"]);
    let symbols = genes(&["GRCh38_ENSG00000010610"], Some(("gene_symbols", "GRCh38_CD4")));
    assert_eq!(symbols, [("ENSG00000010610".to_owned(), "CD4".to_owned())]);
}
