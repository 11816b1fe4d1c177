"""Fixtures of the anchor's parity test, from simulated counts.

    python make_fixtures.py FOLDER_OF_factor_model.py     writes anchor.npz beside this script

`factor_model.py` holds the float64 reference of the factor analysis. What is fitted: four modalities over one vocabulary
(spliced, unspliced, their sum expression, protein), five data sets that measured different modalities and, in two
of them, fewer features.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from factor_model import FactorModel  # noqa: E402

GENES, PROTEINS, DIM, ITERATIONS, POWER = 60, 20, 6, 20, 0.5
NAMES = ["spliced", "unspliced", "expression", "protein"]
HAS = [(1, 1, 1, 1), (0, 0, 1, 0), (1, 1, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1)]
CELLS = [70, 40, 50, 40, 45]
rng = np.random.default_rng(3)


def simulate():
    n = sum(CELLS)
    dataset = np.repeat(np.arange(len(CELLS)), CELLS)
    z = rng.normal(size=(n, DIM))
    depth = rng.lognormal(0, 0.3, n)[:, None]

    def rate(features, mean):
        base = rng.normal(mean, 0.6, features)
        return depth * np.exp(base + z @ rng.normal(0, 0.35, (DIM, features)))

    counts = {
        "spliced": rng.poisson(rate(GENES, 0.4)),
        "unspliced": rng.poisson(rate(GENES, -0.4)),
        "protein": rng.poisson(rate(PROTEINS, 2.0)),
    }
    counts["expression"] = counts["spliced"] + counts["unspliced"]
    totals = {m: c.sum(1) + rng.integers(20, 60, n) for m, c in counts.items()}
    return dataset, counts, totals


def panels():
    """measured[dataset][modality], all but some genes of data set 2 and some proteins of data set 3"""
    seen = {(d, m): np.ones(PROTEINS if m == "protein" else GENES, bool) for d in range(len(HAS)) for m in NAMES}
    seen[2, "spliced"][rng.permutation(GENES)[:15]] = False
    seen[3, "protein"][rng.permutation(PROTEINS)[:5]] = False
    return seen


def values(dataset, counts, totals, seen):
    """[n, f] with NaN where not measured, and the median library size of each modality"""
    blocks, scale = {}, {}
    for j, m in enumerate(NAMES):
        has = np.array([HAS[d][j] for d in dataset], bool)
        mask = np.array([seen[d, m] for d in dataset]) & has[:, None]
        scale[m] = np.median(totals[m][has])
        if m == "protein":
            x = np.where(mask, np.log1p(counts[m]), np.nan)
            x = x - np.nansum(np.nan_to_num(x), 1, keepdims=True) / np.maximum(mask.sum(1, keepdims=True), 1)
        else:
            x = np.where(mask, np.log1p(counts[m] / totals[m][:, None] * scale[m]), np.nan)
        blocks[m] = x
        counts[m] = np.where(mask, counts[m], 0)
    return blocks, scale


def axes(model):
    """the axes of the predicted variance and their weights"""
    predicted = sum(w.T @ w / (w**2).sum() for w in model.W.values())
    lengths, turn = np.linalg.eigh(predicted)
    lengths, turn = lengths[::-1], turn[:, ::-1]
    return turn * (np.maximum(lengths, 0) / lengths[0]) ** (POWER / 2)


def unit(z):
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return z / np.where(length > 0, length, 1)


def kernel(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(2))


def smoother(joint, alone):
    """kernel ridge from coordinates to the mean of the 15 nearest joint ones; `alone` holds (cells, coordinates)"""
    near = np.argsort(-joint @ joint.T, 1, kind="stable")[:, :15]
    target = joint[near].mean(1)
    inputs = np.vstack([joint, *(z for _, z in alone)])
    outputs = np.vstack([target, *(target[cells] for cells, _ in alone)])
    n, size = len(inputs), min(len(inputs), 512)
    landmarks = inputs[np.arange(size) * n // size]
    centre, k = outputs.mean(0), kernel(inputs, landmarks)
    left = k.T @ k + 3 * kernel(landmarks, landmarks) + 1e-6 * np.eye(size)
    c = np.linalg.solve(left, k.T @ (outputs - centre))
    return lambda z: unit(centre + kernel(z, landmarks) @ c)


def embedding(z, smooth, has):
    return np.hstack([z, smooth(z)]) * has[:, None] / np.sqrt(2)


dataset, counts, totals = simulate()
seen = panels()
blocks, scale = values(dataset, counts, totals, seen)
model = FactorModel(DIM, ITERATIONS, derived={"expression": ("spliced", "unspliced")}).fit(blocks)
turn = axes(model)
has = np.array(HAS, bool)[dataset]
alone = [unit(model.embed(blocks, [m])[0] @ turn) for m in NAMES]
joint = unit(model.embed(blocks)[0] @ turn)
smooth = smoother(joint, [(np.flatnonzero(has[:, j]), z[has[:, j]]) for j, z in enumerate(alone)])
out = {"dataset": dataset.astype("i4"), "all.embedding": embedding(joint, smooth, has.any(1))}
for j, m in enumerate(NAMES):
    first = 1 + (GENES if m == "protein" else 0)
    rows, columns = np.nonzero(counts[m])
    out[f"{m}.present"] = np.array([HAS[d][j] for d in dataset], "i4")
    out[f"{m}.total"] = totals[m].astype("f8")
    out[f"{m}.offsets"] = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dataset)))]).astype("i4")
    out[f"{m}.feature"] = (columns + first).astype("i4")
    out[f"{m}.count"] = counts[m][rows, columns].astype("f4")
    out[f"{m}.measured"] = np.array([seen[d, m] for d in range(len(HAS))]).astype("i4")
    out[f"{m}.means"] = model.embed(blocks, [m])[0]
    out[f"{m}.embedding"] = embedding(alone[j], smooth, has[:, j])
fused, _ = model.embed(blocks)
out["all.means"] = fused
for m in NAMES:
    out[f"{m}.predicted"] = model.predict(fused[::9], m)
np.savez_compressed(Path(__file__).with_name("anchor.npz"), **out)
