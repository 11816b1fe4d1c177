//! Barcodes in the names of cells: `sample:AAACx`, `sample_AAAC-1` and `AAAC` are one.

use std::collections::HashMap;

/// Fewest letters of a barcode.
const MIN_LETTERS: usize = 8;

/// A way of taking the barcode out of a name.
type Rule = (&'static str, fn(&str) -> Option<&str>);

/// The rules, the least daring first.
const RULES: [Rule; 5] = [
    ("name", whole),
    ("name without suffix (-1, x)", |name| Some(without_suffix(name))),
    ("name without suffix and 'sample:'", |name| Some(after(without_suffix(name), ':'))),
    ("name without suffix and 'sample_'", |name| Some(after(after(without_suffix(name), ':'), '_'))),
    ("barcode in the name", letters),
];

/// Cells that were found.
pub(crate) struct Matched {
    /// Row of each cell in the other list, from 1; 0 where there is none.
    pub(crate) rows: Vec<u32>,
    /// The rule that found most of them.
    pub(crate) rule: &'static str,
}

/// Finds cells in another list by the rule that finds most; a barcode that is there twice stands for no cell.
///
/// ```ignore
/// let found = matched(&["AAAC-1".into(), "CCCG-1".into()], &["s:CCCGx".into()]);
/// assert_eq!(found.rows, [0, 1]);
/// ```
pub(crate) fn matched(cells: &[String], theirs: &[String]) -> Matched {
    let mut best = Matched { rows: vec![0; cells.len()], rule: RULES[0].0 };
    let mut most = 0;
    for (name, rule) in RULES {
        let mine = unique(cells, rule);
        let others = unique(theirs, rule);
        let found: Vec<(usize, u32)> =
            mine.iter().filter_map(|(key, row)| Some(((*row)? as usize, (*others.get(key)?)? + 1))).collect();
        if found.len() > most {
            most = found.len();
            best = Matched { rows: vec![0; cells.len()], rule: name };
            found.into_iter().for_each(|(row, theirs)| best.rows[row] = theirs);
        }
    }
    best
}

/// The row of each key; none where several rows have it.
fn unique(names: &[String], rule: fn(&str) -> Option<&str>) -> HashMap<&str, Option<u32>> {
    let mut rows: HashMap<&str, Option<u32>> = HashMap::with_capacity(names.len());
    for (row, name) in names.iter().enumerate() {
        if let Some(key) = rule(name) {
            rows.entry(key).and_modify(|known| *known = None).or_insert(Some(row as u32));
        }
    }
    rows
}

fn whole(name: &str) -> Option<&str> {
    Some(name)
}

fn without_suffix(name: &str) -> &str {
    let digits = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match digits.strip_suffix('-') {
        Some(stem) if digits.len() < name.len() && !stem.is_empty() => stem,
        _ => name.strip_suffix('x').filter(|stem| !stem.is_empty()).unwrap_or(name),
    }
}

fn after(name: &str, mark: char) -> &str {
    name.rsplit(mark).next().unwrap_or(name)
}

/// The longest run of A, C, G, T and N.
pub(crate) fn letters(name: &str) -> Option<&str> {
    let runs = name.split(|c| !matches!(c, 'A' | 'C' | 'G' | 'T' | 'N'));
    runs.filter(|run| run.len() >= MIN_LETTERS).max_by_key(|run| run.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_programs_put_around_a_barcode_is_passed_over() {
        let cells = names(&["AAACCTGA-1", "CCCGTTAA-1", "GGGTTTAA-1"]);
        for theirs in [
            ["CCCGTTAA-1", "GGGTTTAA-1"],
            ["CCCGTTAA", "GGGTTTAA"],
            ["CCCGTTAAx", "GGGTTTAAx"],
            ["possorted:CCCGTTAAx", "possorted:GGGTTTAAx"],
            ["sample_1_CCCGTTAA-2", "sample_1_GGGTTTAA-2"],
            ["s#CCCGTTAA#3", "s#GGGTTTAA#3"],
        ] {
            assert_eq!(matched(&cells, &names(&theirs)).rows, [0, 1, 2], "{theirs:?}");
        }
    }

    #[test]
    fn one_barcode_in_two_samples_stays_two_cells() {
        let cells = names(&["AAACCTGA-1", "AAACCTGA-2", "GGGTTTAA-1"]);
        let found = matched(&cells, &names(&["AAACCTGA-2", "GGGTTTAA-1", "AAACCTGA-1"]));
        assert_eq!((found.rows, found.rule), (vec![3, 1, 2], "name"));
        let found = matched(&cells, &names(&["s:AAACCTGAx", "s:GGGTTTAAx"]));
        assert_eq!(found.rows, [0, 0, 2], "which of the two it is cannot be told");
    }
}
