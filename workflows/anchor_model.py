"""The closed form of a model of mfdoom-pretrain in Python: what `mfdoom-embed` gives where heads are the closed form's.

    anchor = Anchor("model/")
    z = anchor.embed({"expression": counts, "protein": proteins})   # [n, 2 d]; counts [n, len(anchor.genes["expression"])]

Columns are `anchor.genes[modality]`, positions in vocab.json from 1 (0 is no gene). A NaN was not measured; a modality that is
left out, or all NaN in a cell, says nothing of it. `totals` gives library sizes where the columns are not all genes.
Needs numpy and safetensors.
"""
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


class Anchor:
    def __init__(self, folder):
        self.config = json.loads((Path(folder) / "config.json").read_text())
        tensors = load_file(Path(folder) / "model.safetensors")
        self.tensor = {k[7:]: v.astype("f8") for k, v in tensors.items() if k.startswith("anchor.")}
        self.genes = {m: self.tensor[f"{m}.features"].astype(int) for m in self.config["modalities"]}
        self.derived = self.config["anchor"].get("derived", {})

    def values(self, m, counts, total):
        """counts to values, NaN where not measured"""
        kind, scale = self.tensor[f"{m}.transform"]
        if kind in (0, 4):  # log_normalized, tf_idf
            total = np.nansum(counts, 1) if total is None else np.asarray(total, float)
            rarity = self.tensor[f"{m}.rarity"] if kind == 4 else 1
            return np.log1p(counts * rarity * (scale / np.maximum(total, 1))[:, None])
        if kind == 3:  # binary
            return np.where(np.isnan(counts), np.nan, counts > 0)
        logs = np.log1p(counts)  # log1p, clr
        measured = np.maximum((~np.isnan(logs)).sum(1, keepdims=True), 1)
        return logs - np.nansum(logs, 1, keepdims=True) / measured if kind == 2 else logs

    def means(self, counts, totals=None):
        """posterior means [n, d] given the counts of some modalities, and whether a cell has any"""
        n, d = len(next(iter(counts.values()))), len(self.tensor["weights"])
        x = {m: self.values(m, np.asarray(c, float), (totals or {}).get(m)) for m, c in counts.items()}
        has = {m: ~np.isnan(v).all(1) for m, v in x.items()}
        precision, h = np.tile(np.eye(d), (n, 1, 1)), np.zeros((n, d))
        for m, v in x.items():
            parts = self.derived.get(m, [])
            silent = bool(parts) * np.all([has.get(p, np.zeros(n, bool)) for p in parts or [m]], 0)
            seen = ~np.isnan(v) & has[m][:, None] & ~np.asarray(silent, bool)[..., None]
            w, noise = self.tensor[f"{m}.loadings"], self.tensor[f"{m}.noise"]
            scaled = np.where(seen, (v - self.tensor[f"{m}.mean"]) / self.tensor[f"{m}.deviation"], 0)
            precision += np.einsum("ng,gd,ge->nde", seen / noise, w, w, optimize=True)
            h += (scaled / noise) @ w
        return np.linalg.solve(precision, h[..., None])[..., 0], np.any(list(has.values()), 0)

    def embed(self, counts, totals=None):
        """coordinates by which cells are compared, [n, 2 d]: own and smoothed, of unit length together"""
        z, known = self.means(counts, totals)
        own = unit(z * self.tensor["weights"])
        landmarks, coefficients = self.tensor["smooth.landmarks"], self.tensor["smooth.coefficients"]
        kernel = np.exp(-np.maximum((own**2).sum(1)[:, None] + (landmarks**2).sum(1) - 2 * own @ landmarks.T, 0))
        smooth = unit(self.tensor["smooth.centre"] + kernel @ coefficients)
        return np.hstack([own, smooth]) * known[:, None] / np.sqrt(2)

    def predict(self, z, m):
        """expected values [n, f] of a modality given posterior means"""
        return self.tensor[f"{m}.mean"] + self.tensor[f"{m}.deviation"] * (z @ self.tensor[f"{m}.loadings"].T)


def unit(z):
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-300)
