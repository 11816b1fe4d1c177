"""The published systems in float64 numpy: shapes of their parameters, and one cell through the model."""

import math
from itertools import combinations

import numpy as np
from make_fixtures import ERF, attend, encode, norm, unit

def blocks(c):
    """Fusion blocks by name, with the modalities that each reads."""
    names = c["modalities"]
    of = lambda s: "fusion_of_" + "_".join(s)
    sets = [s for k in range(len(names) - 1, 1, -1) for s in combinations(names, k)]
    found = {"fusion": tuple(names)}
    if c["fusion"] == "modal-channel":
        found |= {of(s): s for s in sets}
    if c["fusion"] == "everything-at-once":
        found |= {of(s): s for s in combinations(names, 2)} if len(names) > 2 else {}
    if c["fusion"] == "projection":
        found |= {m: (m,) for m in names}
    return {} if c["fusion"] == "none" else found


def heads(c):
    names, found = c["modalities"], list(blocks(c))
    if c["fusion"] == "projection":
        return names + ["fusion"]
    if c["fusion"] == "everything-at-once":
        return names + found
    return names + (["fusion", "global"] + found[1:] if found else [])


def layer_shapes(c, prefix, depth):
    d, ff = c["dim"], c["ff_inner"]
    out = {prefix + "norm.weight": (d,)}
    for i in range(depth):
        out |= {f"{prefix}layers.{i}.attn.{k}.weight": s for k, s in attention_shapes(c).items()}
        out[f"{prefix}layers.{i}.ff.norm.weight"] = (d,)
        out[f"{prefix}layers.{i}.ff.proj_in.weight"] = (2 * ff, d)
        out[f"{prefix}layers.{i}.ff.proj_out.weight"] = (d, ff)
    return out


def attention_shapes(c):
    d, inner = c["dim"], c["heads"] * c["dim_head"]
    return {"norm": (d,), "to_q": (inner, d), "to_kv": (2 * inner, d), "to_out": (d, inner)}


def linear_shapes(name, outputs, inputs):
    return {name + ".weight": (outputs, inputs), name + ".bias": (outputs,)}


def model_shapes(c):
    d, names, k = c["dim"], c["modalities"], c["fusion_tokens"]
    out = layer_shapes(c, "", c["depth"])
    for m in names:
        v = f"encoders.{m}.value."
        out |= {f"encoders.{m}.gene.weight": (c["vocab"], d), v + "norm.weight": (d,), v + "norm.bias": (d,)}
        out |= linear_shapes(v + "linear1", d, 1) | linear_shapes(v + "linear2", d, d)
    if c["fusion"] == "everything-at-once":
        out["missing.token"] = (1, d)
        for m in names:
            out |= linear_shapes(f"pool.{m}.project", d, d) | linear_shapes(f"pool.{m}.gate", d, d)
    else:
        out |= {f"pool.{n}.weight": s for n, s in attention_shapes(c).items()}
        out["pool.queries"] = (len(heads(c)), d)
    if c["fusion"] in ("zorro", "modal-channel"):
        out["fusion.tokens"] = (len(blocks(c)) * k, d)
    if c["fusion"] == "projection":
        out |= layer_shapes(c, "projection.", math.ceil(c["depth"] / 2))
        for m in names:
            out |= linear_shapes(f"projection.{m}", k, d)
    return out


# ---- the model


def layers(c, w, prefix, now, reads, depth):
    """Lets rows by name pass layers in which each name reads others."""
    for i in range(depth):
        p = f"{prefix}layers.{i}"
        normed = {k: norm(x, w[p + ".attn.norm.weight"]) for k, x in now.items()}
        after = {}
        for k, x in now.items():
            x = x + attend(c, w, p + ".attn", normed[k], np.concatenate([normed[r] for r in reads[k]]))
            value, gate = np.split(norm(x, w[p + ".ff.norm.weight"]) @ w[p + ".ff.proj_in.weight"].T, 2, axis=-1)
            gelu = 0.5 * gate * (1 + ERF(gate / math.sqrt(2))) if gate.size else gate
            after[k] = x + (gelu * value) @ w[p + ".ff.proj_out.weight"].T
        now = after
    return {k: norm(x, w[prefix + "norm.weight"]) for k, x in now.items()}


def tokens(c, w, m, cell):
    ids, counts = cell[m]
    genes = w[f"encoders.{m}.gene.weight"][ids]
    return genes + (encode(c, w, m, ids, counts) - genes) * (counts != 0)[:, None]


def apply(w, name, x):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def forward(c, w, cell):
    """Final rows by name, and the pooled vector of each head."""
    names, k = c["modalities"], c["fusion_tokens"]
    now = {m: tokens(c, w, m, cell) for m in names}
    reads = {m: [m] for m in names}
    if c["fusion"] == "everything-at-once":
        return everything_at_once(c, w, now)
    if c["fusion"] in ("zorro", "modal-channel"):
        for i, (block, of) in enumerate(blocks(c).items()):
            now[block], reads[block] = w["fusion.tokens"][i * k : (i + 1) * k], [*of, block]
    final = layers(c, w, "", now, reads, c["depth"])
    context = dict(final)
    if c["fusion"] == "projection":
        final, context = projection(c, w, final)
    if "global" in heads(c):
        context["global"] = np.concatenate(list(final.values()))
    queries = norm(w["pool.queries"], w["pool.norm.weight"])
    read = [attend(c, w, "pool", queries[j : j + 1], context[n])[0] for j, n in enumerate(heads(c))]
    return final, w["pool.queries"] + np.stack(read)


def everything_at_once(c, w, start):
    final, pooled = {}, []
    passes = {m: (m,) for m in c["modalities"]} | blocks(c)
    for name, members in passes.items():
        missing = w["missing.token"] if name in blocks(c) else np.zeros((0, c["dim"]))
        rows = {m: start[m] if len(start[m]) else missing for m in members}
        # one pass: all of its rows read each other
        out = layers(c, w, "", {"rows": np.concatenate(list(rows.values()))}, {"rows": ["rows"]}, c["depth"])["rows"]
        final[name] = out
        units, at = {}, 0
        for m in members:
            mine = out[at : at + len(rows[m])]
            at += len(rows[m])
            mean = mine.mean(0) if len(mine) else np.zeros(c["dim"])
            y = apply(w, f"pool.{m}.project", mean)
            units[m] = unit(y / (1 + np.exp(-apply(w, f"pool.{m}.gate", y))))
        there = [m for m in members if len(start[m])] or members
        pooled.append(np.mean([units[m] for m in there], axis=0))
    return final, np.stack(pooled)


def projection(c, w, first):
    places = {}
    for m in c["modalities"]:
        logits = apply(w, f"projection.{m}", first[m])
        share = np.exp(logits - logits.max(-1, keepdims=True)) if len(logits) else logits
        share = share / share.sum(-1, keepdims=True) if len(logits) else share
        places[m] = share.T @ first[m]
    sums = {f"sum {b}": sum(places[m] for m in of) for b, of in blocks(c).items()}
    depth = math.ceil(c["depth"] / 2)
    read = layers(c, w, "projection.", sums, {k: [k] for k in sums}, depth)
    nothing = np.zeros((0, c["dim"]))
    has = lambda of: any(len(first[m]) for m in of)
    context = {b: read[f"sum {b}"] if has(of) else nothing for b, of in blocks(c).items()}
    return first | read, context
