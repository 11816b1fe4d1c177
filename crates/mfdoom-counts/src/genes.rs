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
    let annotated = !source.is_obsm();
    let (ids, symbols) = match id_column.filter(|_| annotated) {
        // A file may have no other names.
        Some(column) => {
            let names = file.var_names_of(source).ok();
            (id_values(file, source, column)?, names.map(|names| names.into_iter().map(Some).collect()))
        }
        None => (file.var_names_of(source)?, if annotated { symbols(file, source) } else { None }),
    };
    let ids = without_missing(ids);
    let prefixed = annotated && are_prefixed(file, source, &ids);
    let bare = |name: &str| if prefixed { without_genome(name).to_owned() } else { name.to_owned() };
    let mut genes: Vec<Gene> = ids
        .iter()
        .map(|id| normalise_gene_id(&bare(id)).into_owned())
        .map(|id| Gene::new(&*id, &*id))
        .collect();
    for (gene, symbol) in genes.iter_mut().zip(symbols.into_iter().flatten()) {
        if let Some(symbol) = symbol.filter(|symbol| !symbol.is_empty()) {
            gene.symbol = bare(&symbol);
        }
    }
    Ok(genes)
}

/// Texts that tables have where a name is missing.
const MISSING: [&str; 6] = ["nan", "NaN", "NA", "N/A", "None", "<NA>"];

/// Returns the names, empty where several have a text that stands for a missing one: one gene may be called so, as
/// nanchung is; several of one name are no names.
pub(crate) fn without_missing(mut names: Vec<String>) -> Vec<String> {
    for missing in MISSING {
        if names.iter().filter(|name| *name == missing).count() > 1 {
            names.iter_mut().filter(|name| *name == missing).for_each(String::clear);
        }
    }
    names
}

/// Genomes that Cell Ranger puts before the genes of a mixture of species.
const GENOMES: [&str; 8] = ["GRCh38", "GRCh37", "hg38", "hg19", "GRCm39", "GRCm38", "mm10", "mm39"];
/// Columns of `var` with the genome, and with ids where the names are symbols.
const GENOME: &str = "genome";
const IDS: &str = "gene_ids";

/// Whether genomes stand before the names of genes: where two of them do, where an id of Ensembl follows, or where
/// the file has a column that says so. A name such as `hg19_x` alone tells nothing.
fn are_prefixed(file: &dyn CountsFile, source: &Source, names: &[String]) -> bool {
    let mut genomes: Vec<&str> = Vec::new();
    for (genome, rest) in names.iter().filter_map(|name| split_genome(name)) {
        if is_ensembl(rest) || genomes.iter().any(|known| *known != genome) {
            return true;
        }
        if genomes.is_empty() {
            genomes.push(genome);
        }
    }
    let Some(genome) = genomes.first() else { return false };
    let has = |column: &str, fits: &dyn Fn(&str) -> bool| {
        let there = file.var_columns_of(source).iter().any(|name| name == column);
        let values = there.then(|| file.var_column_of(source, column).ok()).flatten();
        values.is_some_and(|values| values.to_strings().iter().flatten().any(|value| fits(value)))
    };
    has(GENOME, &|value| value == *genome)
        || has(IDS, &|value| split_genome(value).is_some_and(|(_, rest)| is_ensembl(rest)))
}

/// The name without the genome that stands before it, as in `GRCh38_ENSG00000000003` and `mm10___Actb`.
///
/// ```
/// use mfdoom_counts::without_genome;
///
/// assert_eq!(without_genome("GRCh38______CD4"), "CD4");
/// assert_eq!(without_genome("dm6_ENSG00000000003"), "ENSG00000000003");
/// assert_eq!(without_genome("RP11_206L10"), "RP11_206L10");
/// ```
pub fn without_genome(name: &str) -> &str {
    split_genome(name).map_or(name, |(_, rest)| rest)
}

/// A genome that is known, or has an id of Ensembl behind it, and the name.
fn split_genome(name: &str) -> Option<(&str, &str)> {
    let (genome, rest) = name.split_once('_')?;
    let rest = rest.trim_start_matches('_');
    (!rest.is_empty() && (GENOMES.contains(&genome) || is_ensembl(rest))).then_some((genome, rest))
}

/// Whether a name is an id of Ensembl: `ENSG00000139618`, `ENSMUSG00000064341.1`.
pub(crate) fn is_ensembl(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("ENS") else { return false };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let digits = digits.split('.').next().unwrap_or_default();
    digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
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
