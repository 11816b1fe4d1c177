//! Groups and datasets.

use hdf5::{Dataset, Group, LocationType};
use mfdoom_error::{Error, Result};

use super::link;
use super::watch::watched;
use crate::place::Place;

/// A member of a group.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A group.
    Group(Group),
    /// A dataset.
    Dataset(Dataset),
    /// Something that lies in another file, which is not followed; what it is.
    Outside(String),
}

impl Node {
    /// Finds a member, or a member of members (`raw/X`), if there is one; a link that leads nowhere is none.
    pub(crate) fn find(group: &Group, name: &str) -> Option<Self> {
        let (name, rest) = name.split_once('/').map_or((name, None), |(name, rest)| (name, Some(rest)));
        watched(|| Self::find_member(group, name, rest))
    }

    fn find_member(group: &Group, name: &str, rest: Option<&str>) -> Option<Self> {
        if !group.link_exists(name) {
            return None;
        }
        if let Some(target) = link::outside(group, name) {
            return Some(Self::Outside(target));
        }
        let found = match group.loc_type_by_name(name).ok()? {
            LocationType::Group => Self::Group(group.group(name).ok()?),
            LocationType::Dataset => {
                let dataset = group.dataset(name).ok()?;
                link::stored_outside(&dataset).map_or(Self::Dataset(dataset), Self::Outside)
            }
            _ => return None,
        };
        match (rest, found) {
            (None, found) => Some(found),
            (Some(rest), Self::Group(inner)) => Self::find(&inner, rest),
            (Some(_), Self::Outside(target)) => Some(Self::Outside(target)),
            (Some(_), Self::Dataset(_)) => None,
        }
    }

    /// Finds a group.
    pub(crate) fn group(group: &Group, name: &str) -> Option<Group> {
        match Self::find(group, name)? {
            Self::Group(group) => Some(group),
            _ => None,
        }
    }

    /// Opens a member that must be there.
    pub(crate) fn open(group: &Group, name: &str, place: &Place) -> Result<Self> {
        match Self::find(group, name) {
            Some(Self::Outside(target)) => Err(refused(&place.at(name), &target)),
            Some(found) => Ok(found),
            None => Err(place
                .at(name)
                .broken("is missing")
                .found(listing(&members(group)))
                .wanted(format!("'{name}'"))),
        }
    }

    /// Opens a dataset that must be there.
    pub(crate) fn dataset(group: &Group, name: &str, place: &Place) -> Result<Dataset> {
        match Self::open(group, name, place)? {
            Self::Dataset(dataset) => Ok(dataset),
            Self::Group(_) | Self::Outside(_) => Err(place.at(name).broken("is a group").wanted("a dataset")),
        }
    }
}

/// The error for something that lies in another file.
pub(crate) fn refused(place: &Place, target: &str) -> Error {
    place
        .broken("lies in another file, which is not read")
        .found(target)
        .wanted("a file that holds all of its data")
        .help("copy the data into one file, e.g. anndata.read_h5ad(FILE).write_h5ad(NEW)")
}

/// Names of the members of a group, sorted.
pub(crate) fn members(group: &Group) -> Vec<String> {
    let names = watched(|| group.member_names()).unwrap_or_default();
    // The wrapper does not check that names are UTF-8.
    let mut names: Vec<_> =
        names.iter().map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned()).collect();
    names.sort();
    names
}

/// Names for a message.
pub(crate) fn listing(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
