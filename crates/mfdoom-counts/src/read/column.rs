//! One column of a frame, in every encoding that anndata 0.5 to 0.12 wrote.
//!
//! | stored as | since |
//! |---|---|
//! | field of a record array, categories in `uns/NAME_categories` | 0.5 |
//! | dataset, categories behind an object reference into `__categories` | 0.7 |
//! | dataset, or group `categorical`, `nullable-*` | 0.8 |

use std::ops::Range;

use hdf5::{Dataset, Group, ObjectReference1, ReferencedObject};
use mfdoom_error::Result;

use crate::frame::Column;
use crate::hdf::{Class, Line, Node, Number, attribute, refused};
use crate::keys;
use crate::place::Place;

/// Reads rows of a column; `frame` is the group that holds it.
pub(super) fn read(node: Node, frame: &Group, place: &Place, rows: Range<usize>) -> Result<Column> {
    let column = match node {
        Node::Group(group) => read_group(&group, place, rows.clone())?,
        Node::Dataset(dataset) => read_dataset(dataset, frame, place, rows.clone())?,
        Node::Outside(target) => return Err(refused(place, &target)),
    };
    if column.len() == rows.len() {
        Ok(column)
    } else {
        Err(place
            .broken("has the wrong length")
            .found(column.len().to_string())
            .wanted(rows.len().to_string()))
    }
}

/// Number of rows of a column.
pub(super) fn length(node: &Node, place: &Place) -> Result<usize> {
    let dataset = match node {
        Node::Dataset(dataset) => dataset.clone(),
        Node::Group(group) => {
            let part = [keys::CODES, keys::VALUES].into_iter().find(|part| group.link_exists(part));
            Node::dataset(group, part.unwrap_or(keys::VALUES), place)?
        }
        Node::Outside(target) => return Err(refused(place, target)),
    };
    match dataset.shape()[..] {
        [len] => Ok(len),
        ref shape => Err(place.broken("has the wrong shape").found(format!("{shape:?}")).wanted("[n]")),
    }
}

/// Reads a line of values that stands for itself.
pub(crate) fn read_line(line: &Line, place: &Place, rows: Range<usize>) -> Result<Column> {
    if rows.end > line.len() {
        return Err(place
            .broken("is too short")
            .found(line.len().to_string())
            .wanted(format!("{} rows", rows.end)));
    }
    if let Some(filter) = line.missing_filter() {
        return Err(place.packed(&filter));
    }
    let read = || -> hdf5::Result<Column> {
        Ok(match line.class() {
            Class::Text | Class::AsciiText | Class::FixedText(_) => {
                Column::String(line.texts(rows)?.into_iter().map(Some).collect())
            }
            Class::Bool => Column::Bool(line.read::<u8>(rows)?.into_iter().map(|b| Some(b != 0)).collect()),
            Class::Number(Number::Float32 | Number::Float64) => Column::Float(line.read(rows)?),
            Class::Number(Number::Unsigned) => unsigned(line.read(rows)?),
            Class::Number(_) => Column::Int(line.read(rows)?.into_iter().map(Some).collect()),
            other => return Err(other.describe().into()),
        })
    };
    match line.class() {
        Class::Numbers(..) | Class::Other(_) => Err(unknown(place, &line.class().describe())),
        _ => read().map_err(|error| place.unreadable(error)),
    }
}

/// uint64, as floating point numbers where `i64` is too small.
fn unsigned(values: Vec<u64>) -> Column {
    match values.iter().map(|value| i64::try_from(*value).map(Some)).collect() {
        Ok(values) => Column::Int(values),
        Err(_) => Column::Float(values.into_iter().map(|value| value as f64).collect()),
    }
}

/// Joins codes to their categories; -1, and whatever is negative, is missing.
pub(super) fn categorical(
    codes: &Line,
    categories: Vec<String>,
    place: &Place,
    rows: Range<usize>,
) -> Result<Column> {
    let codes: Vec<i64> = match read_line(codes, place, rows)? {
        Column::Int(codes) => codes.into_iter().map(Option::unwrap_or_default).collect(),
        other => return Err(place.broken("has no codes").found(other.describe()).wanted("integers")),
    };
    let n = categories.len();
    if let Some(code) = codes.iter().find(|code| **code >= n as i64) {
        return Err(place
            .broken("has a code without a category")
            .found(format!("code {code}"))
            .wanted(format!("codes below {n}, the number of categories")));
    }
    let codes = codes.into_iter().map(|code| u32::try_from(code).ok()).collect();
    Ok(Column::Categorical { codes, categories })
}

fn read_dataset(dataset: Dataset, frame: &Group, place: &Place, rows: Range<usize>) -> Result<Column> {
    let categories = old_categories(&dataset, frame, place);
    let line = Line::new(dataset).map_err(|error| place.unreadable(error))?;
    match categories {
        Some(node) => categorical(&line, all_texts(node, frame, &place.at(keys::CATEGORIES))?, place, rows),
        None => read_line(&line, place, rows),
    }
}

/// Follows the reference of anndata 0.7 to the categories, or finds them by name where it leads nowhere.
fn old_categories(dataset: &Dataset, frame: &Group, place: &Place) -> Option<Node> {
    let attribute = attribute::find(dataset, keys::CATEGORIES)?;
    let reference = attribute.read_scalar::<ObjectReference1>();
    if let Ok(ReferencedObject::Dataset(dataset)) = reference.and_then(|to| dataset.dereference(&to)) {
        return Some(Node::Dataset(dataset));
    }
    let group = Node::group(frame, keys::OLD_CATEGORIES)?;
    Node::find(&group, place.name())
}

fn read_group(group: &Group, place: &Place, rows: Range<usize>) -> Result<Column> {
    let part = |name: &str| -> Result<Line> {
        let dataset = Node::dataset(group, name, place)?;
        Line::new(dataset).map_err(|error| place.at(name).unreadable(error))
    };
    if group.link_exists(keys::CODES) {
        let categories = Node::open(group, keys::CATEGORIES, place)?;
        let categories = all_texts(categories, group, &place.at(keys::CATEGORIES))?;
        return categorical(&part(keys::CODES)?, categories, place, rows);
    }
    if group.link_exists(keys::VALUES) && group.link_exists(keys::MASK) {
        let values = read_line(&part(keys::VALUES)?, &place.at(keys::VALUES), rows.clone())?;
        let mask = read_line(&part(keys::MASK)?, &place.at(keys::MASK), rows)?;
        return masked(values, &mask, place);
    }
    let encoding = attribute::text(group, keys::ENCODING_TYPE);
    Err(unknown(place, &encoding.unwrap_or_else(|| "a group".to_owned())))
}

fn masked(values: Column, mask: &Column, place: &Place) -> Result<Column> {
    let Column::Bool(mask) = mask else {
        return Err(place.at(keys::MASK).broken("is no mask").found(mask.describe()).wanted("booleans"));
    };
    fn keep<T>(values: Vec<Option<T>>, mask: &[Option<bool>]) -> Vec<Option<T>> {
        let masked = mask.iter().map(|masked| *masked == Some(true));
        values.into_iter().zip(masked).map(|(value, masked)| value.filter(|_| !masked)).collect()
    }
    Ok(match values {
        Column::String(values) => Column::String(keep(values, mask)),
        Column::Int(values) => Column::Int(keep(values, mask)),
        Column::Bool(values) => Column::Bool(keep(values, mask)),
        Column::Float(values) => {
            let values = keep(values.into_iter().map(Some).collect(), mask);
            Column::Float(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        }
        Column::Categorical { codes, categories } => {
            Column::Categorical { codes: keep(codes, mask), categories }
        }
    })
}

/// Every element as text: categories and names may be numbers.
pub(super) fn all_texts(node: Node, frame: &Group, place: &Place) -> Result<Vec<String>> {
    let rows = 0..length(&node, place)?;
    Ok(names(&read(node, frame, place, rows)?))
}

/// Values as names; a missing one is written as pandas writes it.
pub(crate) fn names(column: &Column) -> Vec<String> {
    column.to_strings().into_iter().map(|name| name.unwrap_or_else(|| "nan".to_owned())).collect()
}

fn unknown(place: &Place, found: &str) -> mfdoom_error::Error {
    place
        .broken("has an encoding that is not read")
        .found(found)
        .wanted("text, categories, integers, numbers or booleans")
        .help("drop the column, or rewrite it with anndata")
}
