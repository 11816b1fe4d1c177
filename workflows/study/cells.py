#!/usr/bin/env python3
"""Writes the cells of the study as h5mu files, some of them reduced to one modality.

    python3 cells.py DATA SET SHARE MOST OUT.h5mu        SET: pancreas, teaseq, mosaic, bonemarrow, baron, kang

A share of the cells (0 to 100 per cent, drawn with seed 0) keeps one modality, drawn evenly. The mosaic and the sets of one
modality are taken as they are. Of more than MOST cells (0: all are taken) as many are drawn with seed 0, for every share the
same. Every cell has obs columns `label` and `donor`. Needs anndata and mudata.
"""
import sys
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
from scipy import sparse

md.set_options(pull_on_update=False)
DATA, SET, SHARE, MOST, OUT = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) / 100, int(sys.argv[4]), sys.argv[5]

# file, column of labels, column of donors
ALONE = {
    "bonemarrow": ("expression/mouse_bonemarrow_250x20243.h5ad", "cell_type", None),
    "baron": ("expression/human_pancreas_baron_1937x20125.h5ad", "cell_type", "batch"),
    "kang": ("expression/kang_pbmc_muscat_4samples.h5ad", "cell_type", "batch"),
}


def counts(x, a, label, donor, genes=None):
    obs = pd.DataFrame({"label": a.obs[label].astype(str).values, "donor": SET}, index=a.obs_names)
    if donor:
        obs["donor"] = a.obs[donor].astype(str).values
    genes = a.var_names if genes is None else genes
    return ad.AnnData(sparse.csr_matrix(x, dtype="float32"), obs=obs, var=pd.DataFrame(index=genes))


def modalities():
    if SET == "pancreas":
        a = ad.read_h5ad(DATA / "spliced/pancreas_3696x2000.h5ad")
        s, u = a.layers["spliced"], a.layers["unspliced"]
        size = {k: a.obs[f"nCount.{k}"].values.astype(float) for k in ("spliced", "unspliced")}
        size["expression"] = size["spliced"] + size["unspliced"]
        found = {k: counts(x, a, "clusters", None) for k, x in {"spliced": s, "unspliced": u, "expression": s + u}.items()}
        for of in found.values():
            of.obs = of.obs.assign(**{f"size_{k}": x for k, x in size.items()})  # over all genes, not these 2,000
        return found
    if SET == "teaseq":
        a = ad.read_h5ad(DATA / "multimodal/teaseq_pbmc_matilda_train.h5ad")
        protein = np.asarray(a.obsm["protein"], dtype=float)
        names = [f"protein{j}" for j in range(protein.shape[1])]
        return {"expression": counts(a.X, a, "cell_type", None), "protein": counts(protein, a, "cell_type", None, names)}
    if SET == "mosaic":
        m = md.read_h5mu(DATA / "multimodal/midas_quickstart_pbmc_mosaic.h5mu")
        of = {"expression": "rna", "protein": "adt"}
        return {k: counts(m[of[k]].X, m[of[k]], "celltype", "batch") for k in of}
    file, label, donor = ALONE[SET]
    a = ad.read_h5ad(DATA / file)
    return {"expression": counts(a.X, a, label, donor)}


def drawn(found):
    """the same cells of every modality, no more than are wanted"""
    cells = pd.Index([]).append([a.obs_names for a in found.values()]).unique()
    if not 0 < MOST < len(cells):
        return found
    kept = cells[np.random.default_rng(0).permutation(len(cells))[:MOST]]
    return {k: a[a.obs_names.isin(kept)].copy() for k, a in found.items()}


def main():
    found = drawn(modalities())
    if SHARE > 0:
        rng = np.random.default_rng(0)
        cells = next(iter(found.values())).obs_names
        kept = np.where(rng.random(len(cells)) < SHARE, rng.integers(0, len(found), len(cells)), -1)
        found = {k: a[np.isin(kept, [-1, m])].copy() for m, (k, a) in enumerate(found.items())}
    mdata = md.MuData(found)
    obs = pd.concat([a.obs for a in found.values()])
    obs = obs[~obs.index.duplicated()].loc[mdata.obs_names]
    for name in obs:
        mdata.obs[name] = obs[name].values
    mdata.write(OUT)


main()
