//! Every file of the shared data folder opens, and all of its columns and matrices can be read.

use mfdoom_counts::{H5ad, Source};
use mfdoom_testing::shared;

#[test]
fn probe() {
    let Some(data) = shared("data") else { return };
    for folder in ["encodings", "expression", "multimodal", "spliced"] {
        for entry in std::fs::read_dir(data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let file = H5ad::open(&path).unwrap();
            println!("{} {} x {}", path.display(), file.n_obs(), file.n_vars());
            for source in file.sources() {
                let mut m = file.matrix(&source).unwrap();
                let block = m.read_rows(0..m.n_rows()).unwrap();
                let sum: f64 = block.values.iter().map(|v| f64::from(*v)).sum();
                println!("  {source} {} {} {} {:?}", m.n_cols(), block.nnz(), sum, block.offending_counts());
                let _ = Source::X;
            }
        }
    }
}
