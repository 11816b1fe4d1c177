//! Settings that are one of a few names: the same in `config.json` and on the command line.

/// A setting with a fixed list of values; its names are those of its JSON form.
pub trait Choice: Copy + std::fmt::Display + std::str::FromStr<Err = String> + 'static {
    /// All values, the default or best known first.
    const ALL: &'static [Self];

    /// Returns the names of all values.
    fn names() -> Vec<String> {
        Self::ALL.iter().map(ToString::to_string).collect()
    }
}

/// Gives a setting the names that its JSON form has, and the list of its values.
#[macro_export]
macro_rules! choices {
    ($kind:ident { $($value:ident),* $(,)? }) => {
        impl $crate::Choice for $kind {
            const ALL: &'static [Self] = &[$(Self::$value),*];
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::String(name)) => f.pad(&name),
                    _ => Err(std::fmt::Error),
                }
            }
        }

        impl std::str::FromStr for $kind {
            type Err = String;

            fn from_str(name: &str) -> std::result::Result<Self, String> {
                serde_json::from_value(serde_json::Value::String(name.into())).map_err(|e| e.to_string())
            }
        }
    };
}

pub(crate) use choices;
