//! Gene ids as they are compared: an Ensembl gene id without its version.

use std::borrow::Cow;

/// Strips the version of an Ensembl gene id, where the whole id has Ensembl's form: `ENS`, a species code
/// of up to four letters, `G`, eleven digits, `.`, digits, and perhaps `_PAR_Y`, which is kept.
///
/// ```
/// use mfdoom_artifact::normalise_gene_id;
/// assert_eq!(normalise_gene_id("ENSG00000000003.15"), "ENSG00000000003");
/// assert_eq!(normalise_gene_id("ENSMUSG00000051951.6"), "ENSMUSG00000051951");
/// assert_eq!(normalise_gene_id("ENSG00000182378.15_PAR_Y"), "ENSG00000182378_PAR_Y");
/// assert_eq!(normalise_gene_id("AC000068.10"), "AC000068.10");
/// assert_eq!(normalise_gene_id("ENST00000373020.9"), "ENST00000373020.9");
/// ```
pub fn normalise_gene_id(id: &str) -> Cow<'_, str> {
    strip(id).unwrap_or(Cow::Borrowed(id))
}

fn strip(id: &str) -> Option<Cow<'_, str>> {
    let (stable, rest) = id.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = stable.len().checked_sub(11)?;
    let (letters, number) = stable.is_char_boundary(prefix).then(|| stable.split_at(prefix))?;
    let species = letters.strip_prefix("ENS")?.strip_suffix('G')?;
    let known = species.len() <= 4 && species.bytes().all(|byte| byte.is_ascii_uppercase());
    if !known || !digits(number) {
        return None;
    }
    match rest.strip_suffix("_PAR_Y") {
        Some(version) if digits(version) => Some(Cow::Owned(format!("{stable}_PAR_Y"))),
        None if digits(rest) => Some(Cow::Borrowed(stable)),
        _ => None,
    }
}
