//! Where in a file a matrix lies: `X`, `raw/X`, `layers/K`, `obsm/K`.

use std::fmt;
use std::str::FromStr;

use mfdoom_error::Error;

use crate::keys;

/// Path of a matrix in an AnnData file.
///
/// ```
/// use mfdoom_counts::Source;
///
/// let source: Source = "layers/spliced".parse()?;
/// assert_eq!(source, Source::Layer("spliced".into()));
/// assert_eq!(source.to_string(), "layers/spliced");
/// # Ok::<(), mfdoom_error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `X`, the main matrix.
    X,
    /// `raw/X`, which has its own genes.
    RawX,
    /// `layers/K`, shaped like `X`.
    Layer(String),
    /// `obsm/K`, one row per cell and columns of its own.
    Obsm(String),
}

impl Source {
    /// Returns the first of the layers of these names that is among `sources`.
    pub fn layer_of(names: &[&str], sources: &[Self]) -> Option<Self> {
        names.iter().map(|name| Self::Layer((*name).to_owned())).find(|source| sources.contains(source))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X => f.write_str(keys::X),
            Self::RawX => f.write_str(keys::RAW_X),
            Self::Layer(key) => write!(f, "{}/{key}", keys::LAYERS),
            Self::Obsm(key) => write!(f, "{}/{key}", keys::OBSM),
        }
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('/') {
            None if text == keys::X => Ok(Self::X),
            Some((keys::RAW, keys::X)) => Ok(Self::RawX),
            Some((keys::LAYERS, key)) if !key.is_empty() => Ok(Self::Layer(key.to_owned())),
            Some((keys::OBSM, key)) if !key.is_empty() => Ok(Self::Obsm(key.to_owned())),
            _ => Err(Error::usage(format!("'{text}' names no matrix of an AnnData file"))
                .wanted("X, raw/X, layers/NAME or obsm/NAME")),
        }
    }
}
