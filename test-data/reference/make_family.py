#!/usr/bin/env python3
"""Makes a parity fixture for each published system: a float64 model in numpy, gradients by central differences.

    python3 test-data/reference/make_family.py        (needs numpy and safetensors)

Each cell goes through by itself, as lists of matrices; passes and blocks are written out as the publications say.
Hidden states, pooled vectors, every term and every gradient are stored in family/.
"""

import json
import math
from itertools import combinations
from pathlib import Path

import numpy as np
from family_model import apply, attention_shapes, blocks, forward, heads, linear_shapes, model_shapes
from make_fixtures import attend, norm, unit
from safetensors.numpy import save_file

HERE = Path(__file__).parent / "family"


# ---- objectives: shapes of their parameters, terms by name


def softmax_log(x):
    return x - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)) - x.max(-1, keepdims=True)


def info_nce(x, y, scale):
    """Mean negative log share of the own cell, over unit vectors of the same cells."""
    return -np.diag(softmax_log(scale * unit(x) @ unit(y).T)).mean()


class Cells:
    """What the terms of a batch are made of."""

    def __init__(self, c, w, v):
        self.c, self.w, self.v, self.cells = c, w, v, v["cells"]
        self.pooled = self.run(self.cells)
        self.names = c["modalities"]

    def run(self, cells):
        return np.stack([forward(self.c, self.w, cell)[1] for cell in cells])

    def head(self, name, pooled=None):
        return (self.pooled if pooled is None else pooled)[:, heads(self.c).index(name)]

    def has(self, name):
        of = {"fusion": self.names, "global": self.names} | blocks(self.c) | {m: (m,) for m in self.names}
        if name == "fusion" and "contrastive" in self.c["objectives"]:
            return np.ones(len(self.cells), bool)  # every cell has the root of the contrastive objective
        return np.array([any(len(cell[m][0]) for m in of[name]) for cell in self.cells])

    def both(self, a, b):
        return np.flatnonzero(self.has(a) & self.has(b))


def contrastive(b):
    names, c = b.names, b.c
    pairs = list(combinations(names, 2))
    if c["among"] != "modalities":
        pairs += [(m, "fusion") for m in names]
    if c["among"] == "blocks":
        pairs += [("fusion", k) for k in list(blocks(c))[1:]]
    out, scale = {}, np.exp(b.w["loss.logit_scale"])
    for x, y in pairs:
        rows = b.both(x, y)
        x_, y_ = b.head(x)[rows], b.head(y)[rows]
        out[f"{x}|{y}"] = (info_nce(x_, y_, scale) + info_nce(y_, x_, scale)) / 2 if len(rows) else None
    return out


def combinatorial(b):
    names = b.names
    sides = list(combinations(names, 2))
    sides += [(m, k) for m in names for k, of in blocks(b.c).items() if k != "fusion" and m not in of]
    out = {}
    for x, y in sides:
        rows = b.both(x, y)
        x_, y_ = b.head(x)[rows], b.head(y)[rows]
        out[f"{x}|{y}"] = info_nce(x_, y_, 20.0) + info_nce(y_, x_, 20.0) if len(rows) else None
    return out


def masked_value(b):
    own, fused = {m: [] for m in b.names}, {m: [] for m in b.names}
    for cell, hidden in zip(b.cells, b.v["hidden"]):
        there = [m for m in b.names if len(cell[m][0])]
        masked = {m: (ids, np.where(np.isin(np.arange(len(ids)), hidden[m]), 0.0, x)) for m, (ids, x) in cell.items()}
        final, _ = forward(b.c, b.w, masked)
        for m in there:
            ids, counts = cell[m]
            wanted = np.log1p(1e4 * counts[hidden[m]] / max(counts.sum(), 1.0))
            if len(there) == 1:
                own[m] += list((apply(b.w, f"masked_value.own.{m}", final[m][hidden[m]])[:, 0] - wanted) ** 2)
            if len(there) == len(b.names) and len(hidden[m]):
                genes = b.w[f"encoders.{m}.gene.weight"][ids[hidden[m]]]
                asked = norm(genes, b.w["masked_value.attn.norm.weight"])
                read = genes + attend(b.c, b.w, "masked_value.attn", asked, final["fusion"])
                fused[m] += list((apply(b.w, f"masked_value.fusion.{m}", read)[:, 0] - wanted) ** 2)
    mean = lambda x: np.mean(x) if len(x) else None
    return {m: mean(own[m]) for m in b.names} | {f"{m}|fusion": mean(fused[m]) for m in b.names}


def matching(b):
    head = "global" if "global" in heads(b.c) else "fusion"
    judged = [i for i, matched in enumerate(b.v["matched"]) if matched >= 0]
    said = softmax_log(apply(b.w, "matching", b.head(head, b.run(b.v["mixed"]))[judged]))
    return {head: -np.mean([said[row, b.v["matched"][i]] for row, i in enumerate(judged)])}


def multiple_positives(b):
    p, first, w = "multiple_positives.", b.names[0], b.w
    to = lambda name, x: x @ w[f"{p}{name}.weight"].T
    rows = b.both(first, b.names[1])
    x, y = (to(f"first.{m}", b.head(m)[rows]) for m in b.names[:2])
    out = {f"{first}|{b.names[1]}": (info_nce(x, y, 1 / 0.07) + info_nce(y, x, 1 / 0.07)) / 2}
    again = b.run(b.v["again"])
    for m in b.names[1:] if len(b.names) == 2 else b.names[2:]:
        rows = b.both(first, m)
        on = to("onwards.out", np.maximum(to("onwards.in", to(f"first.{first}", b.head(first)[rows])), 0))
        scores = [np.exp(unit(on) @ unit(to(f"second.{m}", b.head(m, x)[rows])).T / 0.07) for x in (None, again)]
        positive, all_of = sum(np.diag(s) for s in scores), sum(s.sum(1) for s in scores)
        out[f"{first}|draws of {m}"] = -np.log(positive / all_of).mean()
    return out


def pseudo_numbers(b):
    """The same of numbers in place of classes: squared errors, and no centres."""
    said = lambda name, x: apply(b.w, f"pseudo_supervision.{name}", x)
    known, out = ~np.isnan(b.v["numbers"]).any(1), {}
    for term, name in [("fusion", "labels")] + [(m, f"own.{m}") for m in b.names]:
        rows = np.flatnonzero(known & b.has(term))
        out[term] = ((said(name, b.head(term)[rows]) - b.v["numbers"][rows]) ** 2).mean()
    for m in b.names:
        rows = np.flatnonzero(b.has(m))
        out[f"fusion|{m}"] = ((said("pseudo_labels", b.head("fusion")[rows]) - b.v["said"][m][rows]) ** 2).mean()
    return out


def pseudo_supervision(b):
    if b.c["numbers"]:
        return pseudo_numbers(b)
    p, label = "pseudo_supervision.", np.array(b.v["classes"])
    said = lambda name, x: softmax_log(apply(b.w, p + name, x))
    out = {}
    for term, name in [("fusion", "labels")] + [(m, f"own.{m}") for m in b.names]:
        rows = np.flatnonzero((label >= 0) & b.has(term))
        out[term] = -said(name, b.head(term)[rows])[np.arange(len(rows)), label[rows]].mean()
    for m in b.names:
        rows = np.flatnonzero(b.has(m))
        before, now = b.v["said"][m][rows], said("pseudo_labels", b.head("fusion")[rows])
        out[f"fusion|{m}"] = (before * (np.log(before) - now)).sum(1).mean()
    rows = np.flatnonzero((label >= 0) & b.has("fusion"))
    out["centres"] = ((b.head("fusion")[rows] - b.w[p + "centres"][label[rows]]) ** 2).mean()
    return out


def masked_shapes(c):
    out = {f"masked_value.attn.{k}.weight": s for k, s in attention_shapes(c).items()}
    for m in c["modalities"]:
        out |= linear_shapes(f"masked_value.own.{m}", 1, c["dim"])
        out |= linear_shapes(f"masked_value.fusion.{m}", 1, c["dim"])
    return out


def positives_shapes(c):
    names, d = c["modalities"], c["dim"]
    maps = [f"first.{m}" for m in names[:2]] + ["onwards.in", "onwards.out"]
    maps += [f"second.{m}" for m in (names[1:] if len(names) == 2 else names[2:])]
    return {f"multiple_positives.{name}.weight": (d, d) for name in maps}


def pseudo_shapes(c):
    p, k, d = "pseudo_supervision.", c["numbers"] or c["classes"], c["dim"]
    out = {} if c["numbers"] else {p + "centres": (k, d)}
    for name in ["labels", "pseudo_labels"] + [f"own.{m}" for m in c["modalities"]]:
        out |= linear_shapes(p + name, k, d)
    return out


OBJECTIVES = {
    "contrastive": (lambda c: {"loss.logit_scale": ()}, contrastive),
    "combinatorial": (lambda c: {}, combinatorial),
    "masked-value": (masked_shapes, masked_value),
    "matching": (lambda c: linear_shapes("matching", 2, c["dim"]), matching),
    "multiple-positives": (positives_shapes, multiple_positives),
    "pseudo-supervision": (pseudo_shapes, pseudo_supervision),
}


def shapes(c):
    out = model_shapes(c)
    for objective in c["objectives"]:
        out |= OBJECTIVES[objective][0](c)
    return out


def weight_of(c, objective, term):
    leading = "|".join(c["modalities"][:2])
    return {
        "combinatorial": 1.0 if term == leading else c["other_pairs"],
        "pseudo-supervision": 0.001 if term == "centres" else 1.0,
    }.get(objective, 1.0)


def losses(c, w, v):
    cells, terms, total = Cells(c, w, v), {}, 0.0
    for objective, share in c["objectives"].items():
        found = OBJECTIVES[objective][1](cells)
        valid = {k: x for k, x in found.items() if x is not None}
        weights = {k: weight_of(c, objective, k) for k in valid}
        total += share * sum(weights[k] * x for k, x in valid.items()) / sum(weights.values())
        terms |= {f"{objective}/{k}": x for k, x in found.items()}
    return cells.pooled, terms, total


def gradient(c, w, v, step=1e-5):
    grads = {}
    for name, value in w.items():
        flat, grad = value.reshape(-1), np.zeros(value.size)
        for i in range(flat.size):
            keep = flat[i]
            at = []
            for moved in (keep + step, keep - step):
                flat[i] = moved
                at.append(losses(c, w, v)[2])
            grad[i], flat[i] = (at[0] - at[1]) / (2 * step), keep
        grads[name] = grad.reshape(value.shape)
    return grads


# ---- fixtures


def draw_cells(rng, c, lengths):
    n = len(next(iter(lengths.values())))
    cells = [{} for _ in range(n)]
    for m, counts in lengths.items():
        for b, k in enumerate(counts):
            ids = np.sort(rng.choice(np.arange(1, c["vocab"]), k, replace=False))
            cells[b][m] = (ids, rng.geometric(0.1, k).astype(float))
    return cells


def stored_batch(prefix, cells, names):
    out = {}
    for m in names:
        longest = max(len(cell[m][0]) for cell in cells)
        ids, values = np.zeros((len(cells), longest), np.int64), np.zeros((len(cells), longest))
        for b, cell in enumerate(cells):
            ids[b, : len(cell[m][0])], values[b, : len(cell[m][0])] = cell[m]
        lengths = np.array([len(cell[m][0]) for cell in cells])
        out |= {f"{prefix}.{m}.ids": ids, f"{prefix}.{m}.values": values, f"{prefix}.{m}.lengths": lengths}
    return out


def make(name, seed, lengths, **settings):
    names = list(lengths)
    c = {"modalities": names, "vocab": 6, "dim": 4, "depth": 1, "heads": 2, "dim_head": 2, "ff_mult": 1.5}
    c |= {"ff_inner": 4, "fusion_tokens": 2, "max_value": 50.0, "ln_eps": 1e-5, "layer_style": "prenorm"}
    c |= {"l2_normalize": True, "negatives": "present", "reduction": "mean", "temperature": "shared"}
    c |= {"logit_scale_min": 0.0, "logit_scale_max": math.log(100), "embed_max_norm": None, "shared_genes": False}
    c |= {"value_transform": "log1p", "among": "fusion", "other_pairs": 1.0, "classes": 0, "numbers": 0} | settings
    rng = np.random.default_rng(seed)
    start = {n: float(n.endswith("norm.weight")) for n in shapes(c)}
    w = {n: start[n] + 0.4 * rng.standard_normal(s) for n, s in shapes(c).items()}
    if "loss.logit_scale" in w:
        w["loss.logit_scale"] = np.array(1.0)
    w = {n: np.array(x, dtype=np.float32).astype(float) for n, x in w.items()}

    cells = draw_cells(rng, c, lengths)
    v = {"cells": cells, "again": draw_cells(rng, c, lengths)}
    v["hidden"] = [{m: np.arange(len(cell[m][0]))[::2] for m in names} for cell in cells]
    exchanged = [len(cells[b][names[-1]][0]) > 0 and b % 2 == 1 for b in range(len(cells))]
    donor = next(b for b in range(len(cells)) if len(cells[b][names[-1]][0]))
    source = [donor if e else b for b, e in enumerate(exchanged)]
    v["mixed"] = [cell | {names[-1]: cells[source[b]][names[-1]]} for b, cell in enumerate(cells)]
    several = [sum(len(cell[m][0]) > 0 for m in names) > 1 for cell in cells]
    v["matched"] = [int(not e) if s else -1 for e, s in zip(exchanged, several)]
    v["classes"] = [b % max(c["classes"], 1) if b != 1 else -1 for b in range(len(cells))]
    said = {m: rng.dirichlet(np.ones(max(c["classes"], c["numbers"], 1)), len(cells)) for m in names}
    v["said"] = {m: s.astype(np.float32).astype(float) for m, s in said.items()}
    v["numbers"] = rng.standard_normal((len(cells), c["numbers"])).astype(np.float32).astype(float)
    v["numbers"][1] = np.nan

    pooled, terms, total = losses(c, w, v)
    tensors = {"loss.total": np.array(total), "source": np.array(source), "matched": np.array(v["matched"])}
    tensors |= stored_batch("input", cells, names) | stored_batch("again", v["again"], names)
    tensors |= {f"said.{m}": s for m, s in v["said"].items()} | {"classes": np.array(v["classes"])}
    tensors |= {"numbers": v["numbers"]} if c["numbers"] else {}
    for b, cell in enumerate(cells):
        for key, rows in forward(c, w, cell)[0].items():
            if len(rows):
                tensors[f"hidden.{key}.{b}"] = rows
    tensors |= {f"pooled.{n}": pooled[:, j] for j, n in enumerate(heads(c))}
    tensors |= {f"weight.{n}": x for n, x in w.items()}
    tensors |= {f"grad.{n}": g for n, g in gradient(c, w, v).items()}
    stored = {n: (t.astype(np.float32) if t.dtype == float else t).copy(order="C") for n, t in tensors.items()}
    HERE.mkdir(exist_ok=True)
    save_file(stored, HERE / f"{name}.safetensors")
    record = {"name": name, "config": c, "terms": {k: None if x is None else float(x) for k, x in terms.items()}}
    (HERE / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(name, f"{sum(x.size for x in w.values())} weights, loss {total:.4f}")


THREE = {"a": [3, 0, 2, 0, 2], "b": [2, 3, 0, 0, 1], "c": [2, 2, 2, 3, 0]}

if __name__ == "__main__":
    make("mca", 1, THREE, fusion="modal-channel", among="blocks", objectives={"contrastive": 1.0})
    make("everything_at_once", 2, THREE, fusion="everything-at-once", other_pairs=0.1, objectives={"combinatorial": 1.0})
    make(
        "flava",
        3,
        {"a": [3, 2, 2, 0, 4], "b": [2, 3, 0, 3, 2]},
        fusion="zorro",
        among="modalities",
        objectives={"contrastive": 1.0, "masked-value": 4.0, "matching": 1.0},
    )
    make("unseen_modality", 4, THREE, fusion="projection", classes=3, objectives={"pseudo-supervision": 1.0})
    make("unseen_modality_numbers", 6, THREE, fusion="projection", numbers=2, objectives={"pseudo-supervision": 1.0})
    make("vatt", 5, THREE, fusion="none", objectives={"multiple-positives": 1.0})
