//! The pancreas set against scVelo, with our own principal components and neighbours.

use clap::Parser;
use mfdoom_artifact::VelocityDir;
use mfdoom_testing::{Npz, shared};

/// Least median over the cells of the cosine with scVelo's velocities.
const LEAST: f64 = 0.98;

/// Reads scVelo's velocities, [n_cells, n_genes], which lie in three parts by genes.
fn theirs() -> Option<(usize, Vec<f32>)> {
    let parts: Option<Vec<Npz>> = (1..=3)
        .map(|part| Npz::shared(&format!("reference/velocity/P_velocity_stochastic_part{part}of3.npz")))
        .collect();
    let parts = parts?;
    let key = "velocity_stochastic";
    let widths: Vec<usize> = parts.iter().map(|part| part.array(key).shape[1]).collect();
    let total: usize = widths.iter().sum();
    let n = parts[0].array(key).shape[0];
    let mut all = vec![0.0; n * total];
    let mut first = 0;
    for (part, &width) in parts.iter().zip(&widths) {
        for (cell, row) in part.f32(key).chunks_exact(width).enumerate() {
            all[cell * total + first..][..width].copy_from_slice(row);
        }
        first += width;
    }
    Some((total, all))
}

#[test]
fn velocities_are_scvelos_with_our_own_neighbours() {
    let Some(counts) = shared("data/spliced/pancreas_3696x2000.h5ad") else { return };
    let (Some((n_genes, theirs)), Some(summary)) =
        (theirs(), Npz::shared("reference/velocity/P_stochastic.npz"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("v");
    let words = ["mfdoom-velocity", "fit", counts.to_str().unwrap(), "-o", output.to_str().unwrap()];
    mfdoom_velocity::run(mfdoom_velocity::Args::try_parse_from(words).unwrap()).unwrap();
    let dir = VelocityDir::open(&output).unwrap();
    let ours = dir.velocities().unwrap().read_all().unwrap();
    let kinetics = dir.kinetics().unwrap().unwrap();
    let genes = summary.bool("velocity_genes");
    assert_eq!(kinetics.len(), n_genes);
    let differ = genes.iter().zip(&kinetics.velocity_gene).filter(|(a, b)| a != b).count();
    let mut cosines: Vec<f64> = ours.matrices[0]
        .chunks_exact(n_genes)
        .zip(theirs.chunks_exact(n_genes))
        .map(|(a, b)| {
            let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
            for gene in (0..n_genes).filter(|&gene| genes[gene] && a[gene].is_finite()) {
                let (a, b) = (f64::from(a[gene]), f64::from(b[gene]));
                (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
            }
            ab / (aa * bb).sqrt()
        })
        .collect();
    cosines.sort_by(f64::total_cmp);
    let (middle, low) = (cosines[cosines.len() / 2], cosines[cosines.len() / 20]);
    eprintln!(
        "cosine with scVelo: {middle:.5} in the median, {low:.5} in the lowest twentieth; {differ} velocity genes differ"
    );
    assert!(middle >= LEAST, "{middle}");
    assert!(differ * 20 < genes.iter().filter(|gene| **gene).count(), "{differ} velocity genes differ");
}
