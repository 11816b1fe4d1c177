//! Attributes as text or integers, whatever way a program wrote them.

use hdf5::types::{VarLenAscii, VarLenUnicode};
use hdf5::{Attribute, Location, Result};

use super::class::Class;
use super::line::{fixed_texts, lossy};
use super::raw::read_attribute_bytes;
use super::watch::watched;

/// Reads an attribute as one text; an absent, empty or numeric one is `None`.
pub(crate) fn text(of: &Location, name: &str) -> Option<String> {
    texts(of, name)?.into_iter().next()
}

/// Reads an attribute as texts; an absent one is `None`.
///
/// One that holds no text is empty: anndata writes the order of no columns as an empty array of float64.
pub(crate) fn texts(of: &Location, name: &str) -> Option<Vec<String>> {
    let attribute = find(of, name)?;
    watched(|| read_texts(&attribute)).ok()
}

/// Reads an attribute as integers; an absent or other one is `None`.
pub(crate) fn integers(of: &Location, name: &str) -> Option<Vec<i64>> {
    let attribute = find(of, name)?;
    match Class::of(&attribute.dtype().ok()?) {
        Class::Number(_) => watched(|| attribute.read_raw()).ok(),
        _ => None,
    }
}

/// Finds an attribute.
pub(crate) fn find(of: &Location, name: &str) -> Option<Attribute> {
    watched(|| of.attr(name)).ok()
}

fn read_texts(attribute: &Attribute) -> Result<Vec<String>> {
    Ok(match Class::of(&attribute.dtype()?) {
        Class::Text => attribute.read_raw::<VarLenUnicode>()?.iter().map(|t| lossy(t.as_bytes())).collect(),
        Class::AsciiText => {
            attribute.read_raw::<VarLenAscii>()?.iter().map(|t| lossy(t.as_bytes())).collect()
        }
        Class::FixedText(ty) => fixed_texts(&read_attribute_bytes(attribute, &ty)?, ty.size()),
        _ => Vec::new(),
    })
}
