#!/usr/bin/env python3
"""Velocities of a file that scVelo saved with some of its genes: mfdoom-velocity fit next to scVelo.

    BIN=target/release python3 workflows/bench/velocity_subset.py COUNTS.h5ad [--genes 700]
    python3 workflows/bench/velocity_subset.py --fixture crates/mfdoom-velocity/tests/velocity_stage/subset.json

scVelo keeps the sizes of cells over all genes in obs (initial_size_spliced, initial_size_unspliced) and normalises by them
ever after. Prints the cosine of the velocities of each cell, over scVelo's velocity genes: by these sizes, and by the sums of
the genes that are left. --fixture writes a small made-up file of counts, sizes and scVelo's velocities for the tests.
"""

import argparse
import json
import os
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")


def subset(data, genes):
    """Returns the genes of highest dispersion with raw counts, as scVelo saves them."""
    import scanpy
    import scvelo as scv

    scv.settings.verbosity = 0
    scv.pp.filter_genes(data, min_shared_counts=20)
    chosen = data.copy()
    scv.pp.normalize_per_cell(chosen)
    # The sizes over all genes, which scVelo sets and keeps.
    data.obs = chosen.obs
    scanpy.pp.log1p(chosen)
    scanpy.pp.highly_variable_genes(chosen, n_top_genes=genes)
    return data[:, chosen.var["highly_variable"]].copy()


def theirs(data, n_neighbors=30, n_pcs=30):
    """Returns scVelo's stochastic velocities and velocity genes."""
    import scanpy
    import scvelo as scv

    data = data.copy()
    scv.pp.normalize_per_cell(data)
    scanpy.pp.log1p(data)
    scv.pp.moments(data, n_neighbors=n_neighbors, n_pcs=n_pcs)
    scv.tl.velocity(data, mode="stochastic")
    return data.layers["velocity"], data.var["velocity_genes"].to_numpy()


def ours(path, folder, *more):
    """Returns our velocities, cells by genes."""
    import pyarrow.parquet

    command = [f"{os.environ['BIN']}/mfdoom-velocity", "fit", path, "-o", folder / "v", "--force", "-qq"]
    command += ["--min-shared-counts", "0", "--top-genes", "100000", *more]
    subprocess.run(list(map(str, command)), check=True)
    table = pyarrow.parquet.read_table(folder / "v" / "velocity.parquet")
    name = next(name for name in table.column_names if name.startswith("velocity"))
    return np.stack(table[name].to_numpy())


def cosines(a, b, genes):
    a, b = (np.nan_to_num(x[:, genes]) for x in (a, b))
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def fixture(path):
    """Writes a made-up trajectory of 80 cells, of whose 30 genes 14 are kept."""
    import anndata

    random = np.random.default_rng(1)
    time = np.sort(random.uniform(0, 8, 80))[:, None]
    start, alpha, gamma = random.uniform(0, 3, 30), random.uniform(10, 40, 30), random.uniform(0.4, 0.9, 30)
    t = np.clip(time - start, 0, None)
    u = alpha * (1 - np.exp(-t))
    s = alpha / gamma * (1 - np.exp(-gamma * t)) + alpha / (gamma - 1) * (np.exp(-gamma * t) - np.exp(-t))
    # Genes that are left out are as large as the others, and come late: the sums of the rest are no sizes.
    layers = {"spliced": random.poisson(s + 0.5), "unspliced": random.poisson(u + 0.2)}
    layers = {name: layer.astype("float32") for name, layer in layers.items()}
    data = anndata.AnnData(layers["spliced"].copy(), layers=layers)
    import scvelo as scv

    scv.settings.verbosity = 0
    scv.pp.normalize_per_cell(data.copy())
    for name, layer in layers.items():
        data.obs[f"initial_size_{name}"] = layer.sum(1)
    data.obs["initial_size"] = data.obs["initial_size_spliced"]
    kept = data[:, np.argsort(start)[:14]].copy()
    velocity, genes = theirs(kept, n_neighbors=15, n_pcs=10)
    lists = {name: kept.layers[name].astype(int).tolist() for name in layers}
    lists |= {f"size_{name}": kept.obs[f"initial_size_{name}"].astype(int).tolist() for name in layers}
    lists["velocity"] = [[round(float(v), 5) for v in row] for row in np.nan_to_num(velocity)]
    lists["velocity_genes"] = genes.tolist()
    Path(path).write_text(json.dumps(lists, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="?")
    parser.add_argument("--genes", type=int, default=700)
    parser.add_argument("--fixture")
    args = parser.parse_args()
    if args.fixture:
        return fixture(args.fixture)
    import anndata

    data = subset(anndata.read_h5ad(args.counts), args.genes)
    velocity, genes = theirs(data)
    print("| sizes | median cosine | lowest twentieth |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data.write_h5ad(folder / "subset.h5ad")
        none = ["--library-size", "spliced=none", "--library-size", "unspliced=none"]
        for name, more in [("of all genes, from obs", []), ("of the genes that are left", none)]:
            found = cosines(ours(folder / "subset.h5ad", folder, *more), velocity, genes)
            print(f"| {name} | {np.median(found):.4f} | {np.quantile(found, 0.05):.4f} |")


if __name__ == "__main__":
    main()
