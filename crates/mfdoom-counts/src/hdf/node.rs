//! Groups and datasets.

use hdf5::{Dataset, Group, LocationType};
use mfdoom_error::Result;

use crate::place::Place;

/// A member of a group.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A group.
    Group(Group),
    /// A dataset.
    Dataset(Dataset),
}

impl Node {
    /// Opens a member, if there is one; a link that leads nowhere is none.
    pub(crate) fn find(group: &Group, name: &str) -> Option<Self> {
        if !group.link_exists(name) {
            return None;
        }
        match group.loc_type_by_name(name).ok()? {
            LocationType::Group => group.group(name).ok().map(Self::Group),
            LocationType::Dataset => group.dataset(name).ok().map(Self::Dataset),
            _ => None,
        }
    }

    /// Opens a member that must be there.
    pub(crate) fn open(group: &Group, name: &str, place: &Place) -> Result<Self> {
        Self::find(group, name).ok_or_else(|| {
            place.at(name).broken("is missing").found(listing(&members(group))).wanted(format!("'{name}'"))
        })
    }

    /// Opens a dataset that must be there.
    pub(crate) fn dataset(group: &Group, name: &str, place: &Place) -> Result<Dataset> {
        match Self::open(group, name, place)? {
            Self::Dataset(dataset) => Ok(dataset),
            Self::Group(_) => Err(place.at(name).broken("is a group").wanted("a dataset")),
        }
    }
}

/// Names of the members of a group, sorted.
pub(crate) fn members(group: &Group) -> Vec<String> {
    let names = group.member_names().unwrap_or_default();
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
