//! scVelo reads, draws and works on what we wrote. Skipped, saying so, where Python has no scvelo.

use std::process::Command;

use crate::world::{Place, World};

const SCRIPT: &str = r#"
import os, sys, warnings
warnings.filterwarnings("ignore")
os.environ["MPLBACKEND"] = "Agg"
import anndata, numpy as np, scvelo as scv
scv.settings.verbosity = 0
path, pictures = sys.argv[1], sys.argv[2]
read = lambda: anndata.read_h5ad(path)
a = read()
assert {"spliced", "unspliced", "Ms", "Mu", "velocity"} <= set(a.layers), list(a.layers)
assert a.layers["velocity"].dtype == np.float32 and np.isnan(a.layers["velocity"][:, 3]).all()
assert a.var["velocity_genes"].dtype == bool and a.var["velocity_genes"].any()
assert list(a.uns["velocity_params"]["embeddings"]) == ["flat"], a.uns["velocity_params"]
assert a.obsp["distances"].shape == a.obsp["connectivities"].shape == (a.n_obs, a.n_obs)
assert (a.uns["velocity_graph_neg"].data < 0).all() and (a.uns["velocity_graph"].data > 0).all()
draw = lambda b, name: scv.pl.velocity_embedding_stream(b, basis="flat", color="stage", show=False, save=f"{pictures}/{name}.png")
draw(a, "a_ours")                                    # case A: our vectors
ours = a.obsm["velocity_flat"].copy()
b = read(); del b.obsm["velocity_flat"]              # case B: scVelo projects our graph
scv.tl.velocity_embedding(b, basis="flat")
draw(b, "b_projected")
assert np.abs(b.obsm["velocity_flat"] - ours).max() < 1e-3, np.abs(b.obsm["velocity_flat"] - ours).max()
d = read()                                           # case D: its own tools on our layers and neighbours
del d.uns["velocity_graph"], d.uns["velocity_graph_neg"]
scv.tl.velocity_graph(d, n_jobs=1, show_progress_bar=False)
assert abs(d.uns["velocity_graph"] - a.uns["velocity_graph"]).max() < 1e-3
scv.tl.velocity_confidence(d)
assert np.nanmax(np.abs(d.obs["velocity_confidence"] - a.obs["velocity_confidence"])) < 1e-3
scv.tl.velocity_pseudotime(d)
assert a.obs["stage"].dtype == "category"
print("ok")
"#;

#[test]
fn scvelo_draws_the_file_as_it_is() {
    let Some(python) = mfdoom_testing::python("scvelo") else { return };
    let place = Place::new(&World { silent: Some(3), ..World::default() });
    place.run("fit @counts.h5ad -o @v --mode stochastic --obs stage").unwrap();
    place.run("graph @v -o @g --embedding @counts.h5ad:X_flat --into @counts.h5ad").unwrap();
    let pictures = std::env::var("MFDOOM_PICTURES").map_or_else(|_| place.at(""), std::path::PathBuf::from);
    let output = Command::new(python)
        .args(["-c", SCRIPT, place.at("counts.h5ad").to_str().unwrap(), pictures.to_str().unwrap()])
        .output()
        .unwrap();
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("ok"), "{told}");
    assert!(pictures.join("a_ours.png").exists() && pictures.join("b_projected.png").exists());
}
