//! Where in a file a matrix lies: `X`, `raw/X`, `layers/K`, `obsm/K`, in a modality, of one feature type.

use std::fmt;
use std::str::FromStr;

use mfdoom_error::Error;

use crate::keys;

/// Path of a matrix in a file of counts, in AnnData's words whatever the format.
///
/// ```
/// use mfdoom_counts::Source;
///
/// let source: Source = "layers/spliced".parse()?;
/// assert_eq!(source, Source::Layer("spliced".into()));
/// assert_eq!(source.to_string(), "layers/spliced");
/// let part: Source = "mod/rna/X[Antibody Capture]".parse()?;
/// assert_eq!(part, Source::X.of_modality("rna").of_type("Antibody Capture"));
/// assert_eq!(part.to_string(), "mod/rna/X[Antibody Capture]");
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
    /// `mod/M/...`, a matrix of a modality that has features, and perhaps cells, of its own.
    Modality(String, Box<Self>),
    /// `...[T]`, the columns of a matrix whose feature type is `T`.
    Features(Box<Self>, String),
}

impl Source {
    /// Returns the first of the layers of these names that is among `sources`, be it in a modality.
    pub fn layer_of(names: &[&str], sources: &[Self]) -> Option<Self> {
        let is =
            |source: &&Self, name: &str| matches!(source.split_modality().1, Self::Layer(key) if key == name);
        names.iter().find_map(|name| sources.iter().find(|source| is(source, name)).cloned())
    }

    /// Returns this matrix of a modality.
    pub fn of_modality(self, name: &str) -> Self {
        Self::Modality(name.to_owned(), Box::new(self))
    }

    /// Returns the columns of one feature type.
    pub fn of_type(self, name: &str) -> Self {
        Self::Features(Box::new(self), name.to_owned())
    }

    /// Returns the modality that the matrix belongs to, and the matrix within it.
    pub fn split_modality(&self) -> (Option<&str>, Self) {
        match self {
            Self::Modality(name, inner) => (Some(name), (**inner).clone()),
            Self::Features(inner, kind) => {
                let (name, inner) = inner.split_modality();
                (name, inner.of_type(kind))
            }
            other => (None, other.clone()),
        }
    }

    /// Returns whether the columns have no annotation beyond their names.
    pub fn is_obsm(&self) -> bool {
        match self {
            Self::Obsm(_) => true,
            Self::Modality(_, inner) | Self::Features(inner, _) => inner.is_obsm(),
            _ => false,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X => f.write_str(keys::X),
            Self::RawX => f.write_str(keys::RAW_X),
            Self::Layer(key) => write!(f, "{}/{key}", keys::LAYERS),
            Self::Obsm(key) => write!(f, "{}/{key}", keys::OBSM),
            Self::Modality(name, inner) => write!(f, "{}/{name}/{inner}", keys::MOD),
            Self::Features(inner, kind) => write!(f, "{inner}[{kind}]"),
        }
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some((inner, kind)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            return Ok(inner.parse::<Self>()?.of_type(kind));
        }
        match text.split_once('/') {
            None if text == keys::X => Ok(Self::X),
            Some((keys::RAW, keys::X)) => Ok(Self::RawX),
            Some((keys::LAYERS, key)) if !key.is_empty() => Ok(Self::Layer(key.to_owned())),
            Some((keys::OBSM, key)) if !key.is_empty() => Ok(Self::Obsm(key.to_owned())),
            Some((keys::MOD, rest)) if !rest.is_empty() => match rest.split_once('/') {
                None => Ok(Self::X.of_modality(rest)),
                Some((name, inner)) => Ok(inner.parse::<Self>()?.of_modality(name)),
            },
            _ => Err(Error::usage(format!("'{text}' names no matrix"))
                .wanted("X, raw/X, layers/NAME, obsm/NAME or mod/NAME, perhaps with [FEATURE TYPE]")),
        }
    }
}
