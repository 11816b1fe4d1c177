//! Name and type of an annotation column in a table: string, int64, float64 or bool, with nulls.

use std::collections::BTreeSet;

use arrow_schema::{DataType, Field};
use mfdoom_error::{Error, Result};

/// Type of an obs column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObsType {
    /// UTF-8 text.
    String,
    /// 64-bit integers.
    Int,
    /// 64-bit floats.
    Float,
    /// Truth values.
    Bool,
}

/// Name and type of an obs column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObsField {
    /// Name in the table.
    pub name: String,
    /// Type of the values.
    pub kind: ObsType,
}

impl ObsType {
    /// Returns the Arrow type of the column.
    pub fn data_type(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
        }
    }

    /// Returns the obs type of an Arrow type, where it is one.
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Utf8 => Some(Self::String),
            DataType::Int64 => Some(Self::Int),
            DataType::Float64 => Some(Self::Float),
            DataType::Boolean => Some(Self::Bool),
            _ => None,
        }
    }

    /// Returns the obs type that holds an Arrow type of any writer without loss, where one does.
    pub fn of_any(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => Some(Self::String),
            DataType::Dictionary(_, value) => Self::of_any(value),
            integer if integer.is_integer() => Some(Self::Int),
            float if float.is_floating() => Some(Self::Float),
            other => Self::of(other),
        }
    }
}

impl ObsField {
    /// Returns a field.
    pub fn new(name: impl Into<String>, kind: ObsType) -> Self {
        Self { name: name.into(), kind }
    }

    /// Returns the Arrow field; obs columns may hold nulls.
    pub fn to_arrow(&self) -> Field {
        Field::new(&self.name, self.kind.data_type(), true)
    }

    /// Reads the Arrow field of an obs column.
    ///
    /// # Errors
    /// Contract, when its type is not one of an obs column.
    pub fn from_arrow(field: &Field, source: &str) -> Result<Self> {
        match ObsType::of(field.data_type()) {
            Some(kind) => Ok(Self::new(field.name(), kind)),
            None => Err(Error::contract(format!("{source}: column {:?} has an unknown type", field.name()))
                .found(field.data_type().to_string())
                .wanted("string, int64, float64 or bool")),
        }
    }
}

/// Returns the names obs columns get in a table whose own columns are `reserved`: a colliding name gets
/// the prefix `obs_`, as often as it takes, and a line in the log says so.
pub fn free_names<'a>(names: &[String], reserved: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken: BTreeSet<String> = reserved.into_iter().map(str::to_owned).collect();
    let plain: BTreeSet<&String> = names.iter().filter(|name| !taken.contains(*name)).collect();
    let renamed: Vec<String> = names
        .iter()
        .map(|name| {
            let mut free = name.clone();
            while taken.contains(&free) || (free != *name && plain.contains(&free)) {
                free = format!("obs_{free}");
            }
            if free != *name {
                tracing::warn!("obs column '{name}' becomes '{free}': the table has a column of that name");
                taken.insert(free.clone());
            }
            free
        })
        .collect();
    renamed
}

/// Returns the position of the obs column that a user calls `name`: under that name, or under the one that
/// [`free_names`] gave it.
pub fn position<'a>(names: impl IntoIterator<Item = &'a str>, name: &str) -> Option<usize> {
    let names: Vec<&str> = names.into_iter().collect();
    let renamed = |known: &str| known.strip_prefix("obs_").is_some_and(|rest| is_renamed(rest, name));
    let plain = names.iter().position(|known| *known == name);
    plain.or_else(|| names.iter().position(|known| renamed(known)))
}

fn is_renamed(rest: &str, name: &str) -> bool {
    rest == name || rest.strip_prefix("obs_").is_some_and(|rest| is_renamed(rest, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_column_is_found_under_its_own_name() {
        let names = ["dataset", "x", "obs_x"].map(str::to_owned);
        let free = free_names(&names, ["dataset", "cell_id"]);
        assert_eq!(free, ["obs_dataset", "x", "obs_x"]);
        let find = |name| position(free.iter().map(String::as_str), name);
        assert_eq!([find("dataset"), find("x"), find("obs_x"), find("y")], [Some(0), Some(1), Some(2), None]);
    }
}
