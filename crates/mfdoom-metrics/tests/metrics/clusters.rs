//! Leiden against igraph 1.0, called as scib-metrics 0.5.10 does: the same clusters from the same graph and seed.

use mfdoom_matrix::{Csr, connectivities, connectivities_with_own};
use mfdoom_metrics::{Leiden, ari, leiden, nmi};

use crate::close;
use crate::stored::Reference;

/// A ring of cliques: each is a cluster, whatever the seed, and the same seed gives the same clusters.
#[test]
fn leiden_finds_cliques() {
    let clique = |node: usize| {
        let own = (0..6).map(move |at| node / 6 * 6 + at).filter(move |&to| to != node);
        let ends = match node % 6 {
            0 => Some((node + 59) % 60),
            5 => Some((node + 1) % 60),
            _ => None,
        };
        let mut to: Vec<u32> = own.chain(ends).map(|to| to as u32).collect();
        to.sort_unstable();
        let weights = vec![1.0; to.len()];
        (to, weights)
    };
    let graph = Csr::from_rows(60, &(0..60).map(clique).collect::<Vec<_>>());
    for seed in 0..5 {
        let found = leiden(&graph, 1.0, seed);
        let wanted: Vec<u32> = (0..60).map(|node| node / 6).collect();
        close(nmi(&found, &wanted).unwrap(), 1.0, 1e-12);
        assert_eq!(found, leiden(&graph, 1.0, seed));
    }
    assert_eq!(leiden(&Csr::empty(3), 1.0, 0).len(), 0);
    let apart = Csr::from_rows(3, &[(vec![], vec![]), (vec![], vec![]), (vec![], vec![])]);
    assert_eq!(leiden(&apart, 1.0, 0), [0, 1, 2]);
}

/// Returns a number of 64 bits that depends on every bit of another (SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut state = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

/// A graph of 300 nodes in five groups that hardly stand out, so that any other step leads elsewhere.
fn hazy() -> Csr {
    let edge = |i: u64, j: u64| {
        let drawn = mixed(i.max(j) * 1000 + i.min(j));
        let share = if i % 5 == j % 5 { 0.12 } else { 0.03 };
        let there = i != j && ((drawn >> 40) as f64 / f64::from(1 << 24)) < share;
        there.then_some((j as u32, (((drawn >> 8) & 0xFFFF) + 1) as f32 / 65_536.0))
    };
    Csr::from_rows(300, &(0..300).map(|i| (0..300).filter_map(|j| edge(i, j)).unzip()).collect::<Vec<_>>())
}

/// Number of clusters, and the sum over nodes of the first node of the cluster times node % 97 + 1.
#[test]
fn clusters_are_those_of_igraph() {
    let graph = Leiden::new(&hazy());
    let wanted = [
        (1.0, 42, 11, 151_471),
        (1.0, 43, 11, 149_843),
        (1.0, 7, 9, 188_479),
        (2.0, 42, 25, 334_509),
        (2.0, 43, 24, 335_058),
        (2.0, 7, 27, 314_491),
    ];
    for (resolution, seed, n, sum) in wanted {
        let found = graph.clusters(resolution, seed);
        let first = |cluster: u32| found.iter().position(|other| *other == cluster).unwrap();
        let sums = found.iter().enumerate().map(|(node, &cluster)| first(cluster) * (node % 97 + 1));
        let clusters = *found.iter().max().unwrap() + 1;
        assert_eq!((clusters, sums.sum::<usize>()), (n, sum), "resolution {resolution}, seed {seed}");
    }
}

/// NMI and ARI at the resolution of the highest NMI.
fn sweep(graph: &Csr, labels: &[u32], seed: u64) -> [f64; 2] {
    let graph = Leiden::new(graph);
    let of = |step: u32| {
        let clusters = graph.clusters(f64::from(step) / 5.0, seed);
        [nmi(labels, &clusters).unwrap(), ari(labels, &clusters).unwrap()]
    };
    (1..=10).map(of).reduce(|best, found| if found[0] > best[0] { found } else { best }).unwrap()
}

/// scib-metrics with its seed and the two after it, on the stored neighbours and on those without the rounding of a cell's
/// distance to itself.
#[test]
fn sweeps_score_as_in_scib_metrics() {
    let wanted = [
        (
            ("emb_P_spliced_pca50", 3696),
            [(0.720_242, 0.602_274), (0.740_821, 0.657_610), (0.721_827, 0.607_328)],
            [(0.712_434, 0.555_626), (0.734_511, 0.619_767), (0.747_172, 0.658_822)],
        ),
        (
            ("emb_B_expr_pca50", 1937),
            [(0.930_024, 0.960_961), (0.925_079, 0.960_884), (0.925_079, 0.960_884)],
            [(0.895_687, 0.850_623), (0.932_261, 0.963_845), (0.896_246, 0.851_375)],
        ),
    ];
    for ((name, n), stored, exact) in wanted {
        let Some(reference) = Reference::open(name, n) else { return };
        let near = reference.near.first(14).unwrap();
        let graphs = [connectivities_with_own(&near, &reference.own), connectivities(&near)];
        for (graph, wanted) in graphs.iter().zip([stored, exact]) {
            for (seed, wanted) in (42..).zip(wanted) {
                let found = sweep(graph, &reference.labels, seed);
                eprintln!("{name}, seed {seed}: {found:.6?}, scib-metrics {wanted:?}");
                close(found[0], wanted.0, 1e-5);
                close(found[1], wanted.1, 1e-5);
            }
        }
    }
}
