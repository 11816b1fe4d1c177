//! Highly variable genes against scanpy.

use mfdoom_matrix::Csr;
use mfdoom_matrix::variable_genes::{GeneSums, highly_variable, normalised_dispersion};

#[test]
fn dispersions_are_scanpys() {
    // scanpy 1.11.5: highly_variable_genes(log1p of these, flavor="seurat", n_top_genes=6)
    let value = |i: usize, j: usize| {
        let stored = (i * j).is_multiple_of(1 + j % 4);
        if stored { ((i * 7 + j * 13 + i * j) % (3 + j)) as f32 } else { 0.0 }
    };
    let dense: Vec<(Vec<u32>, Vec<f32>)> =
        (0..60).map(|i| (0..25).map(|j| (j as u32, value(i, j))).filter(|(_, x)| *x > 0.0).unzip()).collect();
    let genes = GeneSums::of(&Csr::from_rows(25, &dense));
    const ROOT: f64 = std::f64::consts::FRAC_1_SQRT_2;
    let expected = [
        1.0, -0.577_350, 1.154_700, 1.0, -ROOT, -0.577_350, 1.0, 1.0, 1.0, -1.147_118, 1.0, 1.0, 1.0,
        -0.499_485, 0.624_574, 1.022_029, -ROOT, -0.889_961, ROOT, ROOT, 1.0, -0.192_183, 1.082_144, 1.0,
        1.0,
    ];
    for (j, (found, expected)) in normalised_dispersion(&genes).iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-4, "gene {j}: {found}, not {expected}");
    }
    let marked = highly_variable(&genes, 2);
    assert_eq!((0..25).filter(|&j| marked[j]).collect::<Vec<_>>(), [2, 22]);
    // The third is in a class of many with exactly 1, all of which are kept.
    assert_eq!(highly_variable(&genes, 4).iter().filter(|&&gene| gene).count(), 14);
}
