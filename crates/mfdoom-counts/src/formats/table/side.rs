//! What the names along one side of a table tell: whether they are of cells or of genes.

use crate::barcode;
use crate::genes::is_ensembl;

/// Names that are looked at.
const LOOKED_AT: usize = 4096;
/// Share of names of a kind from which all are taken to be of it.
const MOST: f64 = 0.5;
/// Genes that nearly every table of a mammal has, in capitals.
const COMMON: [&str; 16] = [
    "ACTB", "ACTG1", "B2M", "CD74", "EEF1A1", "FTH1", "FTL", "FTL1", "GAPDH", "HSP90AB1", "MALAT1", "RPL13",
    "RPLP0", "RPS18", "TMSB4X", "VIM",
];
/// How many of these are enough.
const ENOUGH: usize = 3;

/// The names along one side.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Side {
    /// Most are barcodes.
    barcodes: bool,
    /// Most are ids of Ensembl, or some are symbols that every table has.
    genes: bool,
    /// All are numbers behind one text, as `cell_17`.
    numbered: bool,
}

impl Side {
    /// Looks at names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let first = || names.clone().take(LOOKED_AT);
        let n = first().count();
        let most = |count: usize| n > 0 && count as f64 > MOST * n as f64;
        let common = |name: &&str| COMMON.contains(&name.to_uppercase().as_str());
        let stem = |name: &'a str| name.trim_end_matches(|c: char| c.is_ascii_digit());
        let same = first().next().map(stem);
        Self {
            barcodes: most(first().filter(|name| barcode::letters(name).is_some()).count()),
            genes: most(first().filter(|name| is_ensembl(name)).count())
                || names.clone().filter(common).count() >= ENOUGH,
            numbered: n > 1 && first().all(|name| Some(stem(name)) == same && stem(name).len() < name.len()),
        }
    }

    /// Whether these are cells, and those along the other side genes.
    pub(super) fn cells_against(&self, other: &Self) -> bool {
        if self.genes != other.genes {
            return other.genes;
        }
        if self.barcodes != other.barcodes {
            return self.barcodes;
        }
        self.numbered && !other.numbered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells_in_columns(rows: &[&str], columns: &[&str]) -> bool {
        let side = |names: &[&str]| Side::of(names.iter().copied());
        side(columns).cells_against(&side(rows))
    }

    #[test]
    fn names_tell_which_side_the_cells_are() {
        let ids = ["ENSG00000139618", "ENSMUSG00000064341.1", "spike"];
        let barcodes = ["AAACCTGAGAAACCAT-1", "s_CCCGTTAATTGACCAG", "GGGTTTAACCATTGAC"];
        let symbols = ["Actb", "Gapdh", "Malat1", "Xkr4"];
        for genes in [&ids[..], &symbols] {
            for cells in [&barcodes[..], &["cell_1", "cell_2"], &["day 1", "other"]] {
                assert!(
                    cells_in_columns(genes, cells) && !cells_in_columns(cells, genes),
                    "{genes:?} {cells:?}"
                );
            }
        }
        assert!(cells_in_columns(&["Xkr4", "Sox17"], &barcodes));
        assert!(cells_in_columns(&["Xkr4", "Sox17"], &["C1", "C2"]));
        assert!(!cells_in_columns(&["AC1", "AC2"], &["G1", "G2"]), "neither side tells");
    }
}
