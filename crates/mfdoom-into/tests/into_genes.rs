//! Genes are joined one by one, on the column that the counts were read by.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part")]
mod make;

use mfdoom_artifact::{Column, Gene};
use mfdoom_error::Kind;

use self::make::{Parts, World, genes, layer, texts};

/// Returns the velocities of the second cell, which are 100 for the first gene of the folder, 101 for the second.
fn joined(
    index: &[&str],
    columns: &[(&str, Column)],
    genes: &[Gene],
) -> mfdoom_error::Result<Vec<Option<f32>>> {
    joined_by(None, index, columns, genes)
}

/// As [`joined`], of counts that were read by a column.
fn joined_by(
    gene_column: Option<&'static str>,
    index: &[&str],
    columns: &[(&str, Column)],
    genes: &[Gene],
) -> mfdoom_error::Result<Vec<Option<f32>>> {
    let world = World::new();
    let parts = Parts { gene_column, ..Parts::default() };
    let (file, folder) = (world.file("a.h5ad", index, columns), world.fit("v", genes, &parts));
    mfdoom_into::velocity::add(&folder, &file)?;
    let row = layer(&file, "velocity")[index.len()..2 * index.len()].to_vec();
    Ok(row.into_iter().map(|value| Some(value).filter(|value| !value.is_nan())).collect())
}

fn all(values: [f32; 4]) -> Vec<Option<f32>> {
    values.map(Some).to_vec()
}

#[test]
fn the_column_that_knows_most_decides() {
    let ids = ["ENSG00000000001", "ENSG00000000002", "ENSG00000000003", "ENSG00000000004"];
    // One gene has no symbol, and its id in the index.
    let index = ["A", "B", "ENSG00000000003", "D"];
    let table: Vec<Gene> = ids.iter().zip(index).map(|(id, symbol)| Gene::new(*id, symbol)).collect();
    let found = joined(&index, &[("gene_ids", texts(ids))], &table).unwrap();
    assert_eq!(found, all([100.0, 101.0, 102.0, 103.0]));
}

#[test]
fn a_column_that_names_the_same_genes_otherwise_does_not_mislead() {
    let (index, alias) = (["A", "B", "C", "D"], ["D", "C", "B", "A"]);
    let columns = [("alias", texts(alias)), ("other", texts(["B", "A", "D", "C"]))];
    let found = joined(&index, &columns, &genes(&index)).unwrap();
    assert_eq!(found, all([100.0, 101.0, 102.0, 103.0]), "the index, by which counts are read unless asked");
    // Read by the column: the first gene is called D there, and A is its symbol.
    let table: Vec<Gene> = alias.iter().zip(index).map(|(id, symbol)| Gene::new(*id, symbol)).collect();
    let found = joined_by(Some("alias"), &index, &columns, &table).unwrap();
    assert_eq!(found, all([100.0, 101.0, 102.0, 103.0]), "the column of --gene-column");
    let found = joined_by(Some("alias"), &alias, &[], &table).unwrap();
    assert_eq!(found, all([100.0, 101.0, 102.0, 103.0]), "a file without that column");
}

#[test]
fn versions_do_not_count_and_order_does_not_matter() {
    let index = ["ENSG00000000002.7", "ENSG00000000001.1", "ENSG00000000004", "ENSG00000000003"];
    let table = genes(&["ENSG00000000001", "ENSG00000000002", "ENSG00000000003", "ENSG00000000004"]);
    assert_eq!(joined(&index, &[], &table).unwrap(), all([101.0, 100.0, 103.0, 102.0]));
}

#[test]
fn a_gene_without_a_symbol_is_found_by_its_id() {
    let index = ["A", "B", "ENSG00000000003", "D"];
    let table = [("x1", "A"), ("x2", "B"), ("ENSG00000000003", "C"), ("x4", "D")]
        .map(|(id, name)| Gene::new(id, name));
    assert_eq!(joined(&index, &[], &table).unwrap(), all([100.0, 101.0, 102.0, 103.0]));
}

#[test]
fn duplicates_are_told_apart_by_their_other_name_or_refused() {
    let ids = ["i1", "i2", "i2", "i4"];
    let symbols = ["A", "B", "C", "D"];
    let table = [Gene::new("i1", "A"), Gene::new("i2", "C"), Gene::new("i4", "D")];
    let found = joined(&symbols, &[("id", texts(ids))], &table).unwrap();
    assert_eq!(found, [Some(100.0), None, Some(101.0), Some(102.0)]);

    let error = joined(&["A", "B", "B", "D"], &[], &genes(&["A", "B", "D"])).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("'B' 2 times"), "{error}");
    // A duplicate that the results do not have harms nobody.
    assert!(joined(&["A", "B", "B", "D"], &[], &genes(&["A", "D"])).is_ok());
}

#[test]
fn most_genes_must_be_there() {
    let error = joined(&["A", "B", "C", "D"], &[], &genes(&["A", "x", "y", "z"])).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("1 of 4"), "{error}");
    let few = joined(&["A", "B", "C", "D"], &[], &genes(&["A", "B", "y"])).unwrap();
    assert_eq!(few, [Some(100.0), Some(101.0), None, None]);
}
