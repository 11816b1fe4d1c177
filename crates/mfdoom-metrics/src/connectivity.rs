//! Graph connectivity: are the cells of a label one piece of the neighbour graph?

use mfdoom_matrix::Neighbors;
use mfdoom_matrix::error::{Result, at_least, same};

/// Returns for each label, from 0 on, the share of its cells in the largest strongly connected component of the directed
/// neighbour graph between them; labels without cells are left out.
///
/// The mean over labels is the score of scib-metrics, on 15 neighbours with the cell itself, thus on 14 others; scib
/// takes the symmetric graph, which is nearly always connected.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), [`Error::TooFew`](crate::Error::TooFew): other or no cells.
pub fn connected_shares(near: &Neighbors, labels: &[u32]) -> Result<Vec<f64>> {
    same("labels", labels.len(), near.n_rows())?;
    at_least("cells", labels.len(), 1)?;
    let n_labels = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut largest = vec![0usize; n_labels];
    let mut sizes = vec![0usize; n_labels];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    for component in components(near, labels) {
        let label = labels[component[0] as usize] as usize;
        largest[label] = largest[label].max(component.len());
    }
    let shares = largest.iter().zip(&sizes).filter(|(_, size)| **size > 0);
    Ok(shares.map(|(&largest, &size)| largest as f64 / size as f64).collect())
}

/// Returns the mean of [`connected_shares`].
///
/// # Errors
/// Those of [`connected_shares`].
pub fn graph_connectivity(near: &Neighbors, labels: &[u32]) -> Result<f64> {
    let shares = connected_shares(near, labels)?;
    Ok(shares.iter().sum::<f64>() / shares.len() as f64)
}

/// Returns the strongly connected components of the edges within labels (Tarjan 1972, without recursion).
fn components(near: &Neighbors, labels: &[u32]) -> Vec<Vec<u32>> {
    const NEW: u32 = u32::MAX;
    let n = near.n_rows();
    let (mut order, mut low, mut on_stack) = (vec![NEW; n], vec![0u32; n], vec![false; n]);
    let (mut stack, mut found, mut clock) = (Vec::new(), Vec::new(), 0);
    for root in 0..n {
        if order[root] != NEW {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some(&mut (node, ref mut edge)) = path.last_mut() {
            if *edge == 0 && order[node] == NEW {
                (order[node], low[node]) = (clock, clock);
                clock += 1;
                stack.push(node as u32);
                on_stack[node] = true;
            }
            let next = near.indices(node)[*edge..].iter().position(|&to| labels[to as usize] == labels[node]);
            if let Some(skipped) = next {
                let to = near.indices(node)[*edge + skipped] as usize;
                *edge += skipped + 1;
                if order[to] == NEW {
                    path.push((to, 0));
                } else if on_stack[to] {
                    low[node] = low[node].min(order[to]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == order[node] {
                let start = stack.iter().rposition(|&member| member as usize == node).unwrap_or(0);
                let component = stack.split_off(start);
                component.iter().for_each(|&member| on_stack[member as usize] = false);
                found.push(component);
            }
        }
    }
    found
}
