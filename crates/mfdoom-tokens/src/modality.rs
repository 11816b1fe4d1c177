//! Which names a modality may have, for every stage.

use mfdoom_error::{Error, Result};

/// Names of heads that are no modality's.
const HEADS: [&str; 2] = ["fusion", "global"];
/// Heads of fusion from some of the modalities begin so: `fusion_without_<modality>`, `fusion_of_<modality>_..`.
const FUSION: &str = "fusion_";

/// Checks that a name can stand in the names of columns and tensors, and belongs to no other head of a model.
///
/// # Errors
/// Usage, saying which names can.
pub fn check_modality_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(
            Error::usage(format!("{name:?} cannot name a modality")).wanted("letters, digits, '_' and '-'")
        );
    }
    match HEADS.contains(&name) || name.starts_with(FUSION) {
        true => Err(Error::usage(format!(
            "{name:?} cannot name a modality: the name belongs to a head of the model"
        ))
        .wanted(format!("another name than {}, not beginning with {FUSION}", HEADS.join(", ")))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_modality_name;

    #[test]
    fn heads_and_odd_characters_are_refused() {
        for name in ["expression", "shared", "H3K27ac", "adt-2", "profusion", "fusion2"] {
            assert!(check_modality_name(name).is_ok(), "{name}");
        }
        for name in ["", "fusion", "global", "fusion_x", "fusion_without_protein", "a b", "a/b", "é"] {
            assert!(check_modality_name(name).is_err(), "{name}");
        }
    }
}
