#!/usr/bin/env python3
"""mfdoom-evaluate embedding next to scib-metrics on embeddings of many kinds: every score of both, and which differ.

    evaluate_parity.py --data DATA [--bin target/release] [--work FOLDER] [--only "PART OF A NAME;..."]

The Python that runs it needs scib-metrics 0.5.10, anndata, scikit-learn and umap-learn. DATA holds expression/ (human_pancreas_baron,
kang_pbmc, pbmc_ifnb, pbmc_mudan, mouse_bonemarrow). scib-metrics gets the neighbours
that an exact search finds, equal distances by row, also where kBET searches its diffusion map: its own search is approximate, and what
it makes of the same embedding stands in the last column. Ends with 1 where a score differs by more than 1e-4 (NMI and ARI: .02).
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scanpy
import scib_metrics as scib
import umap
from scib_metrics import nearest_neighbors
from scib_metrics.nearest_neighbors import NeighborsResults
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
NEAREST = 90
LEIDEN = ("nmi", "ari")
APPROXIMATE = nearest_neighbors.pynndescent


def components(path, d):
    """Returns d principal components of log-normalised counts, and the obs table."""
    cells = anndata.read_h5ad(path)
    cells.var_names_make_unique()
    scanpy.pp.normalize_total(cells, target_sum=1e4)
    scanpy.pp.log1p(cells)
    x = cells.X.toarray() if hasattr(cells.X, "toarray") else np.asarray(cells.X)
    return PCA(d, random_state=0).fit_transform(x).astype(np.float32), cells.obs


def real(data):
    """Returns makers of embeddings of real cells by name: embedding, the one before integration, labels and batches."""
    rng = np.random.default_rng(0)

    def file(name):
        return next(iter(sorted((Path(data) / "expression").glob(f"*{name}*.h5ad"))))

    def baron():
        x, obs = components(file("baron"), 50)
        return x, x + rng.normal(0, 1, x.shape), obs["cell_type"], obs["batch"]

    def kang():
        x, obs = components(file("kang"), 5)
        return x, rng.normal(0, 1, x.shape), obs["cell_type"], obs["batch"]

    def twice():
        x, obs = components(file("kang"), 5)
        unused = obs["cell_type"].astype(str).astype("category").cat.add_categories(["none has it"])
        rows = np.tile(np.arange(len(x) // 2), 2)
        return x[rows], x[rows], unused.iloc[rows], obs["batch"].iloc[rows]

    def mudan():
        x, obs = components(file("mudan"), 30)
        flat = umap.UMAP(random_state=0).fit_transform(x).astype(np.float32)
        return flat, x, obs["cell_type"].astype(str), rng.integers(0, 3, len(x))

    def ifnb():
        x, obs = components(file("ifnb"), 20)
        types, conditions = KMeans(9, random_state=0, n_init=1).fit_predict(x), obs["batch"].astype(str).values
        return x + 40 * (conditions == conditions[0])[:, None], x, types, conditions

    def bone_marrow():
        x, obs = components(file("bonemarrow"), 50)
        return x, x, obs["cell_type"], np.arange(len(x)) % 2 == 0

    return {
        "Baron, PCA-50, categorical labels": baron,
        "Kang, PCA-5, categorical labels": kang,
        "Kang, each cell twice": twice,
        "MUDAN, UMAP, batches of integers": mudan,
        "ifnb, conditions 40 apart, integer labels": ifnb,
        "bone marrow, 250 cells": bone_marrow,
    }


def made_up():
    """Returns the same of embeddings that are drawn."""
    rng = np.random.default_rng(1)

    def noise():
        x = rng.normal(0, 1, (1500, 10))
        return x, x, rng.integers(0, 12, len(x)), rng.random(len(x)) < 0.5

    def few_points():
        x = rng.integers(0, 4, (2000, 3)).astype(np.float32)
        return x, x * [1, 2, 3], x[:, 0] > 1, rng.integers(0, 2, len(x))

    def lattice():
        x = np.stack(np.meshgrid(*[np.arange(40)] * 2), -1).reshape(-1, 2).astype(np.float32)
        return x, x, x[:, 0] // 8, rng.integers(0, 3, len(x))

    def rare():
        sizes = [400, 350, 300, 120, 60, 30, 14, 11, 10, 9, 5, 2, 1]
        labels = np.repeat(np.arange(len(sizes)), sizes)
        x = rng.normal(0, 3, (len(sizes), 8))[labels] + rng.normal(0, 1, (len(labels), 8))
        batches = np.where(np.arange(len(labels)) % 331 == 0, "tiny", rng.choice(["a", "b"], len(labels)))
        return x, x + 2 * (batches == "a")[:, None], labels, batches

    def far():
        x = rng.normal(0, 1, (600, 200)) * 1000
        return x, x, rng.choice(list("abc"), 600), rng.integers(0, 2, 600)

    return {
        "noise, integer labels, boolean batches": noise,
        "grid of 64 points, boolean labels": few_points,
        "grid of 40 by 40, no two alike": lattice,
        "labels of 1 to 400 cells, a batch of 4": rare,
        "200 dimensions, distances of 20,000": far,
    }


def exact(x, n_neighbors, random_state=0, n_jobs=1):
    """Returns the nearest cells, the cell itself first, equal distances by row."""
    x = np.asarray(x, dtype=np.float64)
    k = min(n_neighbors, len(x))
    indices, distances = np.empty((len(x), k), np.int64), np.empty((len(x), k))
    for row in range(len(x)):
        squares = np.square(x - x[row]).sum(1)
        squares[row] = -1
        indices[row] = np.argsort(squares, kind="stable")[:k]
        distances[row] = np.sqrt(np.maximum(squares[indices[row]], 0))
    return NeighborsResults(indices=indices, distances=distances.astype(np.float32))


def theirs(x, before, labels, batches, search):
    nearest_neighbors.pynndescent = search
    near = search(x, n_neighbors=NEAREST)
    first = near.subset_neighbors
    found = scib.nmi_ari_cluster_labels_leiden(first(15), labels)
    found |= {
        "asw_label": scib.silhouette_label(x, labels),
        "clisi": scib.clisi_knn(near, labels),
        "graph_connectivity": scib.graph_connectivity(first(15), labels),
        "asw_batch": scib.silhouette_batch(x, labels, batches),
        "ilisi": scib.ilisi_knn(near, batches),
        "kbet": scib.kbet_per_label(first(50), batches, labels),
        "pcr": scib.utils.principal_component_regression(x, batches, categorical=True),
        "pcr_comparison": scib.pcr_comparison(before, x, batches, categorical=True),
    }
    return {name: float(value) for name, value in found.items()}


def ours(binary, path):
    command = [f"{binary}/mfdoom-evaluate", "embedding", str(path), "--obsm", "X", "--before", "before", "--label", "label",
               "--batch-key", "batch", "-q", "-o", "-"]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["scores"]
    return {row["name"]: row for row in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--bin", default="target/release")
    parser.add_argument("--work", default=None)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    work = Path(args.work or tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    n_different = 0
    for at, (name, make) in enumerate({**real(args.data), **made_up()}.items()):
        if args.only and not any(part in name for part in args.only.split(";")):
            continue
        x, before, labels, batches = make()
        names = [f"c{row}" for row in range(len(x))]
        obs = pd.DataFrame({"label": np.asarray(labels), "batch": np.asarray(batches)}, index=names)
        if isinstance(getattr(labels, "dtype", None), pd.CategoricalDtype):
            obs["label"] = pd.Categorical(labels)
        x, before = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(before, np.float32)
        path = work / f"{at}.h5ad"
        anndata.AnnData(np.zeros((len(x), 1), np.float32), obs=obs, obsm={"X": x, "before": before}).write_h5ad(path)
        found = ours(args.bin, path)
        labels, batches = np.asarray(labels), np.asarray(batches)
        wanted, own = (theirs(x, before, labels, batches, search) for search in (exact, APPROXIMATE))
        print(f"\n{name}: {len(x)} cells, {x.shape[1]} values\n\n| | ours | scib-metrics | difference | by its own search |\n|---|---|---|---|---|")
        for score, value in wanted.items():
            row = found[score]
            if row["value"] is None:
                difference, shown = "", f"none: {row['reason']}"
                n_different += int(not np.isnan(value))
            else:
                gap = abs(row["value"] - value)
                is_different = not gap <= (0.02 if score in LEIDEN else 1e-4)
                n_different += int(is_different)
                difference, shown = f"{gap:.1e}" + (" **differs**" if is_different else ""), f"{row['value']:.6f}"
            print(f"| {score} | {shown} | {value:.6f} | {difference} | {own[score]:.6f} |", flush=True)
    print(f"\n{n_different} scores differ")
    sys.exit(1 if n_different else 0)


if __name__ == "__main__":
    main()
