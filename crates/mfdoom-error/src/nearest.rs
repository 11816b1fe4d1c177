//! Names that are not there, and the known name that a user most likely meant.

use std::fmt::Display;

use crate::Error;

/// Returns the candidate nearest to `name` by edits, ignoring case, if it is near enough to be worth suggesting.
///
/// ```
/// assert_eq!(mfdoom_error::nearest("min-count", ["min-counts", "min-genes"]), Some("min-counts"));
/// assert_eq!(mfdoom_error::nearest("zebra", ["min-counts", "min-genes"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the error for a name that is not there: says what is, and which of it was most likely meant.
///
/// ```
/// let error = mfdoom_error::missing("a.h5ad", "column of obs", "celltype", ["cell_type", "n"], "--label ");
/// assert_eq!(
///     error.to_string(),
///     "a.h5ad: no column of obs 'celltype'\n   found: cell_type, n\n    help: did you mean --label cell_type?"
/// );
/// ```
pub fn missing<'a>(
    place: impl Display,
    what: &str,
    name: &str,
    there: impl IntoIterator<Item = &'a str>,
    flag: &str,
) -> Error {
    let there: Vec<&str> = there.into_iter().collect();
    let error = Error::contract(format!("{place}: no {what} '{name}'")).found(listed(&there));
    match nearest(name, there.iter().copied()) {
        Some(near) => error.help(format!("did you mean {flag}{near}?")),
        None => error,
    }
}

/// Names shown of a long list.
const SHOWN: usize = 40;

fn listed(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [first @ .., _] if first.len() >= SHOWN => {
            format!("{}, ... ({} in all)", names[..SHOWN].join(", "), names.len())
        }
        all => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count() {
        assert_eq!(nearest("spliced", ["Spliced", "unspliced"]), Some("Spliced"));
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..100).map(|i| format!("column{i}")).collect();
        let error = missing("x", "column", "zebra", names.iter().map(String::as_str), "");
        assert!(error.found_text().unwrap().ends_with("column39, ... (100 in all)"));
        assert!(error.help_text().is_none());
    }
}
