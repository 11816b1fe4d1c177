"""Fixture of the anchor's defaults beyond the factor analysis: least variances, and batch effects that are removed.

    python make_effects.py FOLDER_OF_factor_model.py     writes effects.npz beside this script

Two data sets of expression and protein; in the second, a sixth of the genes stands higher in every cell, and kinds of cells
have other shares.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from factor_model import FactorModel  # noqa: E402

GENES, PROTEINS, DIM, ITERATIONS, POWER = 60, 20, 6, 20, 0.5
NAMES, CELLS, KINDS = ["expression", "protein"], [150, 110], 4
CLUSTERS, ROUNDS, FEWEST, RATIOS = 20, (5, 20), 5, (2.0, 1.0)
rng = np.random.default_rng(5)


def simulate():
    n = sum(CELLS)
    dataset = np.repeat([0, 1], CELLS)
    kind = np.concatenate([rng.choice(KINDS, CELLS[0], p=[0.4, 0.3, 0.2, 0.1]), rng.choice(KINDS, CELLS[1])])
    z = np.eye(KINDS)[kind] * 2 + rng.normal(0, 0.4, (n, KINDS))
    depth = rng.lognormal(0, 0.3, n)[:, None]
    shift = np.zeros((n, GENES))
    shift[dataset == 1, ::6] = 1.2

    def rate(features, mean, shift):
        return depth * np.exp(rng.normal(mean, 0.6, features) + z @ rng.normal(0, 0.5, (KINDS, features)) + shift)

    counts = {"expression": rng.poisson(rate(GENES, 0.0, shift)), "protein": rng.poisson(rate(PROTEINS, 2.0, 0))}
    counts["expression"][:, -6:] = rng.random((n, 6)) < 0.02  # genes that hardly vary
    return dataset, counts, {m: c.sum(1) + rng.integers(20, 60, n) for m, c in counts.items()}


class Lifted(FactorModel):
    """every feature counts as having at least the variance 1; nothing may be missing"""

    def fit(self, blocks):
        rounds, self.iterations = self.iterations, 0
        super().fit(blocks)
        X = {m: (B - self.mu[m]) / self.sd[m] for m, B in blocks.items()}
        n = len(next(iter(X.values())))
        least = {m: np.maximum((x**2).mean(0), 1) for m, x in X.items()}
        for m in X:
            self.psi[m] = np.maximum(least[m] - (self.W[m] ** 2).sum(1), self.floor)
        every = {m: np.ones(x.shape[1], bool) for m, x in X.items()}
        for _ in range(rounds):
            Z, cov = self._posterior(X, every)
            for m, x in X.items():
                cross = x.T @ Z
                self.W[m] = np.linalg.solve(Z.T @ Z + n * cov + 1e-6 * np.eye(self.d), cross.T).T
                self.psi[m] = np.maximum(least[m] - (self.W[m] * cross).sum(1) / n, self.floor)
        return self


def unit(z):
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return z / np.where(length > 0, length, 1)


def clusters(x):
    """spherical k-means from rows that lie far from each other"""
    centres = [np.argmax(x @ x.sum(0))]
    for _ in range(CLUSTERS - 1):
        centres.append(np.argmin((x @ x[centres].T).max(1)))
    C = x[centres]
    for _ in range(ROUNDS[1]):
        own = np.argmax(x @ C.T, 1)
        C = unit(np.stack([x[own == c].mean(0) if (own == c).any() else C[c] for c in range(CLUSTERS)]))
    return np.argmax(x @ C.T, 1)


def directions(x, batch):
    """orthonormal columns in which batches lie apart, [d, r]"""
    d = x.shape[1]
    alike, found = x.copy(), np.zeros((d, 0))
    for b in np.unique(batch):
        alike[batch == b] -= x[batch == b].mean(0)
    for turn in range(1, ROUNDS[0] + 1):
        own, between, within, inside = clusters(unit(alike)), np.zeros((d, d)), np.zeros((d, d)), 0
        for c in range(CLUSTERS):
            groups = [x[(own == c) & (batch == b)] for b in np.unique(batch)]
            groups = [g for g in groups if len(g) >= FEWEST]
            if len(groups) < 2:
                continue
            means = np.stack([g.mean(0) for g in groups])
            off = means - means.mean(0)
            between += sum(map(len, groups)) / len(groups) / len(x) * off.T @ off
            within += sum((g - g.mean(0)).T @ (g - g.mean(0)) for g in groups)
            inside += sum(map(len, groups))
        values, axes = np.linalg.eigh(between)
        ratio = np.array([v / (a @ within @ a / max(inside, 1)) for v, a in zip(values, axes.T)])
        found = axes[:, ::-1][:, (ratio > RATIOS[turn < ROUNDS[0]])[::-1]][:, : d // 2]
        if not found.shape[1]:
            break
        alike = x - x @ found @ found.T
    return found


def kernel(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(2))


def smoother(joint, alone):
    near = np.argsort(-joint @ joint.T, 1, kind="stable")[:, :15]
    target = joint[near].mean(1)
    inputs, outputs = np.vstack([joint, *alone]), np.vstack([target] * (1 + len(alone)))
    n, size = len(inputs), min(len(inputs), 512)
    landmarks = inputs[np.arange(size) * n // size]
    centre, k = outputs.mean(0), kernel(inputs, landmarks)
    c = np.linalg.solve(k.T @ k + 3 * kernel(landmarks, landmarks) + 1e-6 * np.eye(size), k.T @ (outputs - centre))
    return lambda z: unit(centre + kernel(z, landmarks) @ c)


dataset, counts, totals = simulate()
logs = np.log1p(counts["protein"])
scale = np.median(totals["expression"])
blocks = {
    "expression": np.log1p(counts["expression"] / totals["expression"][:, None] * scale),
    "protein": logs - logs.mean(1, keepdims=True),
}
model = Lifted(DIM, ITERATIONS).fit(blocks)
lengths, turn = np.linalg.eigh(sum(w.T @ w / (w**2).sum() for w in model.W.values()))
turn = turn * (np.maximum(lengths, 0) / lengths[-1]) ** (POWER / 2)
apart = directions(model.embed(blocks)[0] @ turn, dataset)
assert apart.shape[1] == 1, apart.shape
turn = turn @ (np.eye(DIM) - apart @ apart.T)
alone = [unit(model.embed(blocks, [m])[0] @ turn) for m in NAMES]
joint = unit(model.embed(blocks)[0] @ turn)
smooth = smoother(joint, alone)
out = {"dataset": dataset.astype("i4"), "removed": np.array([apart.shape[1]], "i4")}
for name, z in [("all", joint), *zip(NAMES, alone)]:
    out[f"{name}.embedding"] = np.hstack([z, smooth(z)]) / np.sqrt(2)
for m in NAMES:
    first = 1 + (GENES if m == "protein" else 0)
    rows, columns = np.nonzero(counts[m])
    out[f"{m}.total"] = totals[m].astype("f8")
    out[f"{m}.offsets"] = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dataset)))]).astype("i4")
    out[f"{m}.feature"] = (columns + first).astype("i4")
    out[f"{m}.count"] = counts[m][rows, columns].astype("f4")
np.savez_compressed(Path(__file__).with_name("effects.npz"), **out)
