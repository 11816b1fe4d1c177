//! Which cells take part in a fit.

/// Returns at most `most` of the cells, drawn evenly over groups: a small group keeps all its cells before a large one
/// gets more than its share. Within a group every so many cells are taken, so no random number is needed.
///
/// ```
/// let group = [0, 0, 0, 0, 0, 0, 1, 1];
/// assert_eq!(mfdoom_anchor::evenly(&[0, 1, 2, 3, 4, 5, 6, 7], &group, 4), [0, 3, 6, 7]);
/// ```
pub fn evenly(cells: &[usize], group: &[u32], most: usize) -> Vec<usize> {
    if cells.len() <= most {
        return cells.to_vec();
    }
    let mut by_group = std::collections::BTreeMap::<u32, Vec<usize>>::new();
    cells.iter().for_each(|cell| by_group.entry(group[*cell]).or_default().push(*cell));
    let mut groups: Vec<Vec<usize>> = by_group.into_values().collect();
    groups.sort_by_key(Vec::len);
    let mut left = most;
    let mut taken = Vec::with_capacity(most);
    for (k, cells) in groups.iter().enumerate() {
        let share = (left / (groups.len() - k)).min(cells.len());
        taken.extend((0..share).map(|i| cells[i * cells.len() / share]));
        left -= share;
    }
    taken.sort_unstable();
    taken
}
