#!/usr/bin/env python3
"""Makes the project's own parity fixtures: a float64 model in numpy, gradients by central differences.

    python3 test-data/reference/make_fixtures.py        (needs numpy and safetensors)

`make_family.py` makes those of the published systems.

The model here knows nothing of packing, plans or automatic differentiation: each cell is a list of matrices,
and each gradient is measured by moving one weight. It covers what the golden test needs to be sure of
without any other file: leave-one-out blocks, invariance, shared gene tables, value transforms, missing
modalities, rows projected into a ball, temperatures that are clamped.
"""

import json
import math
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
ERF = np.vectorize(math.erf)


def outputs(c):
    names = list(c["modalities"])
    blocks = ["fusion"]
    if c["fusion"] == "leave-one-out":
        blocks += [f"fusion_without_{m}" for m in names]
    return names + ["fusion", "global"] + blocks[1:], blocks


def shapes(c):
    d, inner, ff, names = c["dim"], c["heads"] * c["dim_head"], c["ff_inner"], c["modalities"]
    heads, blocks = outputs(c)
    out = {}
    for m in ["shared"] if c["shared_genes"] else names:
        out[f"encoders.{m}.gene.weight"] = (c["vocab"], d)
    for m in names:
        v = f"encoders.{m}.value."
        out |= {v + "linear1.weight": (d, 1), v + "linear1.bias": (d,), v + "linear2.weight": (d, d)}
        out |= {v + "linear2.bias": (d,), v + "norm.weight": (d,), v + "norm.bias": (d,)}
    attention = {"norm": (d,), "to_q": (inner, d), "to_kv": (2 * inner, d), "to_out": (d, inner)}
    for i in range(c["depth"]):
        out |= {f"layers.{i}.attn.{k}.weight": s for k, s in attention.items()}
        out[f"layers.{i}.ff.norm.weight"] = (d,)
        out[f"layers.{i}.ff.proj_in.weight"] = (2 * ff, d)
        out[f"layers.{i}.ff.proj_out.weight"] = (d, ff)
    out |= {"fusion.tokens": (len(blocks) * c["fusion_tokens"], d), "norm.weight": (d,)}
    out |= {f"pool.{k}.weight": s for k, s in attention.items()}
    out["pool.queries"] = (len(heads), d)
    out["loss.logit_scale"] = () if c["temperature"] == "shared" else (len(pairs(c)),)
    return out


def pairs(c):
    m = c["modalities"]
    return [(a, b) for i, a in enumerate(m) for b in m[i + 1 :]] + [(a, "fusion") for a in m]


def norm(x, gain, bias=0.0):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + bias


def transform(c, counts):
    clamped = np.minimum(counts, c["max_value"])
    kind = c["value_transform"]
    if kind == "log_normalized":  # the test gives the sum of a cell's own counts as its library size
        return np.log1p(1e4 * clamped / max(counts.sum(), 1.0))
    return np.log1p(clamped) if kind == "log1p" else clamped


def encode(c, w, m, ids, counts):
    p = f"encoders.{m}.value."
    hidden = np.maximum(np.outer(transform(c, counts), w[p + "linear1.weight"][:, 0]) + w[p + "linear1.bias"], 0)
    value = norm(hidden @ w[p + "linear2.weight"].T + w[p + "linear2.bias"], w[p + "norm.weight"], w[p + "norm.bias"])
    table = "shared" if c["shared_genes"] else m
    return w[f"encoders.{table}.gene.weight"][ids] + value


def attend(c, w, prefix, queries, context):
    n, h, k = len(queries), c["heads"], c["dim_head"]
    if len(context) == 0:
        return np.zeros((n, c["dim"]))
    q = (queries @ w[prefix + ".to_q.weight"].T).reshape(n, h, k)
    kv = (context @ w[prefix + ".to_kv.weight"].T).reshape(len(context), 2, h, k)
    score = np.einsum("nhk,mhk->hnm", q, kv[:, 0]) / np.sqrt(k)
    weight = np.exp(score - score.max(-1, keepdims=True))
    weight /= weight.sum(-1, keepdims=True)
    return np.einsum("hnm,mhk->nhk", weight, kv[:, 1]).reshape(n, h * k) @ w[prefix + ".to_out.weight"].T


def cell_states(c, w, cell):
    """Hidden states of one cell by stage: {modality: rows, block: rows}."""
    names, (_, blocks) = c["modalities"], outputs(c)
    now = {m: encode(c, w, m, *cell[m]) for m in names}
    for k, block in enumerate(blocks):
        now[block] = w["fusion.tokens"][k * c["fusion_tokens"] : (k + 1) * c["fusion_tokens"]]
    reads = {m: [m] for m in names}
    for block in blocks:
        reads[block] = [m for m in names if block != f"fusion_without_{m}"] + [block]
    stages = [now]
    for i in range(c["depth"]):
        p = f"layers.{i}"
        normed = {k: norm(x, w[p + ".attn.norm.weight"]) for k, x in now.items()}
        after = {}
        for k, x in now.items():
            x = x + attend(c, w, p + ".attn", normed[k], np.concatenate([normed[r] for r in reads[k]]))
            value, gate = np.split(norm(x, w[p + ".ff.norm.weight"]) @ w[p + ".ff.proj_in.weight"].T, 2, axis=-1)
            gelu = 0.5 * gate * (1 + ERF(gate / math.sqrt(2))) if gate.size else gate
            after[k] = x + (gelu * value) @ w[p + ".ff.proj_out.weight"].T
        stages.append(now := after)
    stages.append({k: norm(x, w["norm.weight"]) for k, x in now.items()})
    return stages


def pool(c, w, final):
    names, _ = outputs(c)
    queries = norm(w["pool.queries"], w["pool.norm.weight"])
    everything = np.concatenate(list(final.values()))
    context = [everything if n == "global" else final[n] for n in names]
    read = [attend(c, w, "pool", queries[j : j + 1], x)[0] for j, x in enumerate(context)]
    return w["pool.queries"] + np.stack(read)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def losses(c, w, pooled, present):
    """Every term in the order contrastive, invariance; None where no cell can be compared."""
    head = {n: pooled[:, j] for j, n in enumerate(outputs(c)[0])}
    have = {n: np.array(p) for n, p in present.items()} | {"fusion": np.ones(len(pooled), bool)}
    contrast, invariance = [], []
    for k, (a, b) in enumerate(pairs(c)):
        both = np.flatnonzero(have[a] & have[b])
        scale = np.exp(w["loss.logit_scale"] if c["temperature"] == "shared" else w["loss.logit_scale"][k])
        x, y = (unit(head[n]) if c["l2_normalize"] else head[n] for n in (a, b))
        columns = both if c["negatives"] == "present" else np.arange(len(pooled))

        def direction(x, y):
            logits = scale * x[both] @ y[columns].T
            top = logits.max(1, keepdims=True)
            lse = np.log(np.exp(logits - top).sum(1)) + top[:, 0]
            return (lse - scale * (x[both] * y[both]).sum(1)).mean()

        contrast.append((direction(x, y) + direction(y, x)) / 2 if len(both) else None)
    if c["objectives"].get("invariance"):
        for block in outputs(c)[1][1:] + ["global"]:
            read = [m for m in c["modalities"] if block != f"fusion_without_{m}"]
            rows = np.flatnonzero(np.any([have[m] for m in read], axis=0))
            gap = unit(head[block][rows]) - unit(head["fusion"][rows])
            invariance.append((gap**2).sum(1).mean() if len(rows) else None)
    total = 0.0
    for terms, weight in [(contrast, c["objectives"]["contrastive"]), (invariance, c["objectives"].get("invariance", 0))]:
        valid = [t for t in terms if t is not None]
        if valid:
            total += weight * sum(valid) / (len(valid) if c["reduction"] == "mean" else 1)
    return contrast + invariance, total


def total_loss(c, w, cells, present):
    pooled = np.stack([pool(c, w, cell_states(c, w, cell)[-1]) for cell in cells])
    return losses(c, w, pooled, present)[1]


def measured_gradient(c, w, cells, present, step=1e-5):
    grads = {}
    for name, value in w.items():
        flat, grad = value.reshape(-1), np.zeros(value.size)
        for i in range(flat.size):
            keep = flat[i]
            flat[i] = keep + step
            up = total_loss(c, w, cells, present)
            flat[i] = keep - step
            grad[i] = (up - total_loss(c, w, cells, present)) / (2 * step)
            flat[i] = keep
        grads[name] = grad.reshape(value.shape)
    return grads


def project(c, w, cells):
    """What training does to weights before it uses them: long rows of the genes of the batch, and temperatures."""
    w = {n: x.copy() for n, x in w.items()}
    for m in c["modalities"] if c["embed_max_norm"] else []:
        table = w[f"encoders.{'shared' if c['shared_genes'] else m}.gene.weight"]
        for row in {i for cell in cells for i in cell[m][0]}:
            length = np.linalg.norm(table[row])
            if length > c["embed_max_norm"]:
                table[row] *= c["embed_max_norm"] / (length + 1e-7)
    w["loss.logit_scale"] = np.array(np.clip(w["loss.logit_scale"], c["logit_scale_min"], c["logit_scale_max"]))
    return w


def make(name, note, seed, lengths, **settings):
    c = {"modalities": list(lengths), "vocab": 9, "dim": 8, "depth": 2, "heads": 2, "dim_head": 3, "ff_mult": 2.0}
    c |= {"ff_inner": 10, "fusion_tokens": 2, "max_value": 50.0, "ln_eps": 1e-5, "layer_style": "prenorm"}
    c |= {"l2_normalize": True, "negatives": "present", "reduction": "mean", "temperature": "shared"}
    c |= {"logit_scale_min": 0.0, "logit_scale_max": math.log(100), "embed_max_norm": None, "shared_genes": False}
    c |= {"value_transform": "log1p", "fusion": "zorro", "objectives": {"contrastive": 1.0}} | settings
    rng = np.random.default_rng(seed)
    start = {n: float(n.endswith("norm.weight")) for n in shapes(c)}
    w = {n: start[n] + 0.3 * rng.standard_normal(s) for n, s in shapes(c).items()}
    w["loss.logit_scale"] = np.abs(w["loss.logit_scale"]) + 0.5
    w = {n: np.array(x, dtype=np.float32).astype(float) for n, x in w.items()}

    n_cells = len(next(iter(lengths.values())))
    tensors, cells = {}, [{} for _ in range(n_cells)]
    for m, counts in lengths.items():
        ids, values = np.zeros((n_cells, max(counts)), np.int64), np.zeros((n_cells, max(counts)), np.float32)
        for b, n in enumerate(counts):
            ids[b, :n] = np.sort(rng.choice(np.arange(1, c["vocab"]), n, replace=False))
            values[b, :n] = rng.geometric(0.08, n)
            cells[b][m] = (ids[b, :n], values[b, :n].astype(float))
        tensors |= {f"input.{m}.ids": ids, f"input.{m}.values": values, f"input.{m}.lengths": np.array(counts)}
    present = {m: [n > 0 for n in counts] for m, counts in lengths.items()}

    stored, w = w, project(c, w, cells)
    stages = [cell_states(c, w, cell) for cell in cells]
    pooled = np.stack([pool(c, w, s[-1]) for s in stages])
    _, blocks = outputs(c)
    for i in range(c["depth"] + 2):
        stage = "final" if i > c["depth"] else str(i)
        for m, counts in lengths.items():
            hidden = np.zeros((n_cells, max(counts), c["dim"]))
            for b, s in enumerate(stages):
                hidden[b, : counts[b]] = s[i][m]
            tensors[f"hidden.{stage}.{m}"] = hidden
        tensors[f"hidden.{stage}.fusion"] = np.stack([np.concatenate([s[i][k] for k in blocks]) for s in stages])
    tensors |= {f"pooled.{n}": pooled[:, j] for j, n in enumerate(outputs(c)[0])}
    terms, total = losses(c, w, pooled, present)
    tensors["loss.terms"] = np.array([t or 0.0 for t in terms])
    tensors["loss.valid"] = np.array([t is not None for t in terms], np.uint8)
    tensors["loss.total"] = np.array(total)
    tensors |= {f"grad.{n}": g for n, g in measured_gradient(c, w, cells, present).items()}
    tensors |= {f"weight.{n}": x for n, x in stored.items()}
    stored = {n: (t.astype(np.float32) if t.dtype == float else t).copy(order="C") for n, t in tensors.items()}
    save_file(stored, HERE / f"{name}.safetensors")
    record = {"name": name, "note": note, "kind": "forward_backward", "config": c}
    (HERE / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def main():
    make(
        "leave_one_out",
        "three modalities, cells with all, some and none of them; contrastive and invariance",
        1,
        {"spliced": [4, 0, 3, 0, 2], "unspliced": [2, 5, 0, 0, 3], "expression": [3, 4, 2, 0, 0]},
        fusion="leave-one-out",
        objectives={"contrastive": 1.0, "invariance": 0.7},
    )
    make(
        "zorro_shared_genes",
        "one gene table, a temperature for each pair, all cells as negatives, log-normalised values",
        2,
        {"spliced": [4, 1, 3], "unspliced": [2, 5, 0]},
        shared_genes=True,
        temperature="per_pair",
        negatives="all",
        reduction="sum",
        value_transform="log_normalized",
        objectives={"contrastive": 1.0, "invariance": 0.5},
    )
    make(
        "projected_per_pair",
        "missing modalities with a temperature for each pair, some of them clamped; gene rows projected into a ball",
        3,
        {"spliced": [4, 0, 3, 2], "unspliced": [2, 5, 0, 3], "expression": [3, 4, 2, 0]},
        temperature="per_pair",
        logit_scale_min=0.6,
        logit_scale_max=0.8,
        embed_max_norm=0.7,
    )


if __name__ == "__main__":
    main()
