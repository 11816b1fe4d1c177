//! Ids and symbols of the columns of a matrix.

use mfdoom_artifact::{Gene, normalise_gene_id};
use mfdoom_error::{Result, missing};

use crate::read::H5ad;
use crate::source::Source;

/// Columns of `var` that hold symbols where the ids are something else.
const SYMBOLS: [&str; 8] = [
    "gene_symbol",
    "gene_symbols",
    "gene_name",
    "gene_names",
    "symbol",
    "feature_name",
    "gene_short_name",
    "Gene",
];

/// Returns the gene of each column of `source`; the id is empty where the file has none.
///
/// # Errors
/// Contract: no such column in `var`.
pub fn genes_of(file: &H5ad, source: &Source, id_column: Option<&str>) -> Result<Vec<Gene>> {
    let names = file.var_names_of(source)?;
    let annotated = !matches!(source, Source::Obsm(_));
    let (ids, symbols) = match id_column.filter(|_| annotated) {
        Some(column) => (id_values(file, source, column)?, Some(names.into_iter().map(Some).collect())),
        None => (names, if annotated { symbols(file, source) } else { None }),
    };
    let mut genes: Vec<Gene> =
        ids.iter().map(|id| normalise_gene_id(id)).map(|id| Gene::new(&*id, &*id)).collect();
    for (gene, symbol) in genes.iter_mut().zip(symbols.into_iter().flatten()) {
        if let Some(symbol) = symbol.filter(|symbol| !symbol.is_empty()) {
            gene.symbol = symbol;
        }
    }
    Ok(genes)
}

fn id_values(file: &H5ad, source: &Source, column: &str) -> Result<Vec<String>> {
    let columns = file.var_columns();
    match file.var_column_of(source, column) {
        Ok(values) => Ok(values.to_strings().into_iter().map(Option::unwrap_or_default).collect()),
        Err(error) if columns.iter().any(|name| name == column) => Err(error),
        Err(_) => {
            let there = columns.iter().map(String::as_str);
            Err(missing(file.name(), "column of var", column, there, "--gene-column ")
                .or_help("leave out --gene-column to take the index"))
        }
    }
}

/// Returns the symbols of the genes, where a column of a known name holds them.
fn symbols(file: &H5ad, source: &Source) -> Option<Vec<Option<String>>> {
    let columns = file.var_columns();
    let known = SYMBOLS.iter().filter(|name| columns.iter().any(|column| column == *name));
    known.filter_map(|name| file.var_column_of(source, name).ok()).map(|column| column.to_strings()).next()
}
