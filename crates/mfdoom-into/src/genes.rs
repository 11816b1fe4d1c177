//! Which column of a file is which gene of a table.
//!
//! Counts may have been read by the index of `var` or by any column of it, so the column that knows most of the genes
//! decides. In it each gene is looked up by itself: by the id, or where more genes are known so, by the symbol. What
//! is not found that way is looked up the other way, in columns that are still free.

use std::collections::HashMap;

use mfdoom_artifact::{Gene, ObsType, normalise_gene_id};
use mfdoom_counts::{H5ad, Source};
use mfdoom_error::{Error, Result};

/// One way to name the genes of a file.
struct Names {
    /// `the index of var`, or `var/COLUMN`.
    place: String,
    values: Vec<String>,
    columns: HashMap<String, Vec<usize>>,
}

impl Names {
    fn new(place: String, values: Vec<String>) -> Self {
        let values: Vec<String> =
            values.into_iter().map(|name| normalise_gene_id(&name).into_owned()).collect();
        let mut columns: HashMap<String, Vec<usize>> = HashMap::new();
        for (column, name) in values.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            columns.entry(name.clone()).or_default().push(column);
        }
        Self { place, values, columns }
    }

    /// Reads the index and every column of text or integers.
    fn all(file: &H5ad) -> Result<Vec<Self>> {
        let mut all = vec![Self::new("the index of var".into(), file.var_names_of(&Source::X)?)];
        for name in file.var_columns() {
            // A column that cannot be read names no genes.
            let Ok(column) = file.var_column_of(&Source::X, &name) else { continue };
            if matches!(column.kind(), ObsType::String | ObsType::Int) {
                let values = column.to_strings().into_iter().map(Option::unwrap_or_default).collect();
                all.push(Self::new(format!("var/{name}"), values));
            }
        }
        Ok(all)
    }

    fn n_known(&self, genes: &[Gene], key: Key) -> usize {
        genes.iter().filter(|gene| self.columns.contains_key(key.of(gene))).count()
    }
}

/// What of a gene is looked up.
#[derive(Clone, Copy)]
enum Key {
    Id,
    Symbol,
}

impl Key {
    fn of(self, gene: &Gene) -> &str {
        match self {
            Self::Id => &gene.id,
            Self::Symbol => &gene.symbol,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Id => Self::Symbol,
            Self::Symbol => Self::Id,
        }
    }
}

/// Returns the column of the file of each gene; nothing for one that the file does not have. `read_by` is the column of
/// `var` that the counts were read by, where that is known and not the index: names may be those of other genes in another.
///
/// # Errors
/// Contract: less than half of the genes that could be in both are, or a gene may be any of several columns.
pub(crate) fn columns_of(genes: &[Gene], read_by: Option<&str>, file: &H5ad) -> Result<Vec<Option<usize>>> {
    if genes.is_empty() {
        return Ok(Vec::new());
    }
    let names = Names::all(file)?;
    let possible = genes.len().min(file.n_vars());
    let read_by = read_by.map(|column| format!("var/{column}"));
    let known = names.iter().find(|names| Some(&names.place) == read_by.as_ref());
    let known = known.filter(|names| 2 * names.n_known(genes, Key::Id) >= possible);
    let ways = match known {
        Some(names) => vec![(names, Key::Id)],
        None => names.iter().flat_map(|names| [(names, Key::Id), (names, Key::Symbol)]).collect(),
    };
    let mut best: Option<(usize, &Names, Key)> = None;
    for (names, key) in ways {
        let n = names.n_known(genes, key);
        // Of equals the first: the index before columns, ids before symbols.
        if best.is_none_or(|(most, ..)| n > most) {
            best = Some((n, names, key));
        }
    }
    let Some((_, chosen, key)) = best else { return Ok(vec![None; genes.len()]) };
    let mut columns = Vec::with_capacity(genes.len());
    for gene in genes {
        columns.push(pick(chosen, &names, gene, key, file)?);
    }
    let mut taken = vec![0_u32; file.n_vars()];
    columns.iter().flatten().for_each(|&column| taken[column] += 1);
    if let Some(twice) = columns.iter().position(|column| column.is_some_and(|at| taken[at] > 1)) {
        return Err(Error::contract(format!("{}: two genes have one column", file.name()))
            .found(format!("'{}' and another gene in {}", genes[twice].id, chosen.place))
            .help("make the gene names unique: adata.var_names_make_unique()"));
    }
    for (gene, column) in genes.iter().zip(&mut columns).filter(|(_, column)| column.is_none()) {
        let found = chosen.columns.get(key.other().of(gene)).map(Vec::as_slice);
        if let Some(&[at]) = found
            && taken[at] == 0
        {
            taken[at] = 1;
            *column = Some(at);
        }
    }
    check(genes, &columns, chosen, file)?;
    Ok(columns)
}

/// Returns the column of one gene; of several of its name the one whose other names are the gene's too.
fn pick(chosen: &Names, all: &[Names], gene: &Gene, key: Key, file: &H5ad) -> Result<Option<usize>> {
    let Some(found) = chosen.columns.get(key.of(gene)) else { return Ok(None) };
    if let [only] = found[..] {
        return Ok(Some(only));
    }
    let also = |column: usize| all.iter().any(|names| names.values[column] == key.other().of(gene));
    let matching: Vec<usize> = found.iter().copied().filter(|&column| also(column)).collect();
    match (matching[..].as_ref(), gene.id == gene.symbol) {
        ([only], false) => Ok(Some(*only)),
        _ => Err(Error::contract(format!("{}: several columns are one gene", file.name()))
            .found(format!("'{}' {} times in {}", key.of(gene), found.len(), chosen.place))
            .wanted("one column for each gene of the results")
            .help("make the gene names unique before counts are read: adata.var_names_make_unique()")),
    }
}

/// Checks that most of the genes that could be in both are.
fn check(genes: &[Gene], columns: &[Option<usize>], chosen: &Names, file: &H5ad) -> Result<()> {
    let found = columns.iter().flatten().count();
    let possible = genes.len().min(file.n_vars());
    if 2 * found < possible {
        let ids = genes.iter().take(3).map(|gene| gene.id.as_str()).collect::<Vec<_>>().join(", ");
        let there = chosen.values.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Error::contract(format!("{}: most of the genes are not in it", file.name()))
            .found(format!("{found} of {possible} in {}, where names are {there}", chosen.place))
            .wanted(format!("genes such as {ids}"))
            .help("give the file that the counts were read from, with the column of --gene-column"));
    }
    if found < genes.len() {
        tracing::warn!("{} of {} genes are not in {}", genes.len() - found, genes.len(), file.name());
    }
    Ok(())
}
