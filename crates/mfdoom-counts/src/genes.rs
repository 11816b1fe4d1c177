//! Ids and symbols of the columns of a matrix.

use mfdoom_artifact::{Gene, normalise_gene_id};
use mfdoom_error::{Result, missing};

use crate::file::CountsFile;
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
pub fn genes_of(file: &dyn CountsFile, source: &Source, id_column: Option<&str>) -> Result<Vec<Gene>> {
    let names = file.var_names_of(source)?;
    let annotated = !source.is_obsm();
    let (ids, symbols) = match id_column.filter(|_| annotated) {
        Some(column) => (id_values(file, source, column)?, Some(names.into_iter().map(Some).collect())),
        None => (names, if annotated { symbols(file, source) } else { None }),
    };
    let mut genes: Vec<Gene> =
        ids.iter().map(|id| normalise_gene_id(without_species(id))).map(|id| Gene::new(&*id, &*id)).collect();
    for (gene, symbol) in genes.iter_mut().zip(symbols.into_iter().flatten()) {
        if let Some(symbol) = symbol.filter(|symbol| !symbol.is_empty()) {
            gene.symbol = without_species(&symbol).to_owned();
        }
    }
    Ok(genes)
}

/// Genomes that Cell Ranger puts before the genes of a mixture of species.
const GENOMES: [&str; 8] = ["GRCh38", "GRCh37", "hg38", "hg19", "GRCm39", "GRCm38", "mm10", "mm39"];

/// The name without the genome that stands before it, as in `GRCh38_ENSG00000000003` and `mm10___Actb`.
fn without_species(name: &str) -> &str {
    let rest = GENOMES.iter().find_map(|genome| name.strip_prefix(genome)?.strip_prefix('_'));
    rest.map(|rest| rest.trim_start_matches('_')).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

fn id_values(file: &dyn CountsFile, source: &Source, column: &str) -> Result<Vec<String>> {
    let columns = file.var_columns_of(source);
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
fn symbols(file: &dyn CountsFile, source: &Source) -> Option<Vec<Option<String>>> {
    let columns = file.var_columns_of(source);
    let known = SYMBOLS.iter().filter(|name| columns.iter().any(|column| column == *name));
    known.filter_map(|name| file.var_column_of(source, name).ok()).map(|column| column.to_strings()).next()
}
