//! Lists of text in `uns`, where anndata up to 0.6 kept categories and others keep names of features.

use hdf5::Group;

use crate::hdf::{Line, Node};
use crate::keys;

/// Reads `uns/KEY` as texts, where it is a list of them.
pub(crate) fn uns_texts(root: &Group, key: &str) -> Option<Vec<String>> {
    let uns = Node::group(root, keys::UNS)?;
    let Node::Dataset(dataset) = Node::find(&uns, key)? else { return None };
    let line = Line::new(dataset).ok()?;
    line.texts(0..line.len()).ok()
}
