#!/usr/bin/env python3
"""Says what training adds to the closed form on cells that neither was fitted to, by the commands of this project.

    python3 network.py DATA WORK [--runs N] [--set NAME]... [--try NAME]... [--table]

Five folds and two seeds of three sets (mosaic, teaseq, pancreas). Each run trains one model, embeds all cells and scores the
fold held back three ways: by the closed form in the heads, by the network in them, by both. So all differences are paired.
WORK/network.json keeps the scores of each run: a call makes at most N more runs (default: all) and the next goes on there.
--table prints means and, beside each difference to the closed form, the half width of its 95 % interval over the runs.
DATA, WORK and MFDOOM_BIN are as in anchor.py, which makes the token tables.
"""
import argparse
import json
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq

import anchor as study

NEIGHBOURS = ["--objective", "contrastive=0", "--objective", "invariance=0", "--objective", "neighbours=1"]
PROFILE = ["--profile-tokens", "4", "--max-tokens", "0"]
GENES = ["--max-tokens", "64", "--token-dropout", "0.5"]
BASE = ["--preset", "tiny", "--lr", "3e-3"]
MASK = ["--modality-dropout", "0.5"]
# What is tried: the flags of mfdoom-pretrain, and cells of a batch.
TRIES = {
    "neighbours": (PROFILE + NEIGHBOURS + MASK, 256),
    "with reconstruction": (PROFILE + NEIGHBOURS + MASK + ["--objective", "reconstruction=1"], 256),
    "with contrastive": (PROFILE + NEIGHBOURS + MASK + ["--objective", "contrastive=0.1"], 512),
    "masking .2": (PROFILE + NEIGHBOURS + ["--modality-dropout", "0.2"], 256),
    "masking .8": (PROFILE + NEIGHBOURS + ["--modality-dropout", "0.8"], 256),
    "genes and profiles": (GENES + ["--profile-tokens", "4"] + NEIGHBOURS + MASK, 256),
    "genes": (GENES + NEIGHBOURS + MASK, 256),
    "the default": ([], 64),
}
EPOCHS = {"mosaic": 30, "teaseq": 30, "pancreas": 10}


def both_halves(model):
    """the heads of closed form and network, whatever the cells held back said of them"""
    path = model / "config.json"
    config = json.loads(path.read_text())
    config["anchor"]["heads"] = "blend"
    path.write_text(json.dumps(config))
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["files"] = {}
    (model / "manifest.json").write_text(json.dumps(manifest))
    return 2 * config["anchor"]["dim"]


def heads(table, model, width, *modalities):
    """fusion from some modalities, as (closed form, network, both), with label and fold"""
    out = study.WORK / "network.parquet"
    use = ["--use-modalities", ",".join(modalities)] if modalities else []
    study.run("embed", table, "--model", model, "--heads", "fusion", *use, "--force", "-o", out)
    t = pq.read_table(out)
    z = np.stack(t["fusion"].to_numpy())
    return (z[:, :width], z[:, width:], z), {c: np.array(t[c].to_pylist()) for c in ("label", "fold")}


def fold_of(n):
    return np.random.default_rng(0).permutation(n) % 5


def mosaic_tables():
    """the donors' tables with a column of folds"""
    made, protein = study.mosaic_tables()
    tables = {}
    for donor in ("p1_0", "p2_0", "p3_0", "p4_0"):
        cells = study.ad.read_h5ad(study.WORK / f"{donor}.h5ad")
        cells.obs["fold"] = [f"{k}" for k in fold_of(cells.n_obs)]
        path = study.WORK / f"{donor}_folds.h5ad"
        if not path.exists():
            cells.write_h5ad(path)
        columns = {"p1_0": ["expression=X"], "p2_0": ["protein=X"]}.get(donor, ["expression=X", "protein=obsm/protein"])
        tables[donor] = study.tokens(path, *columns)
    return tables, protein


def mosaic():
    tables, protein = mosaic_tables()

    def score(model, width, fold, part):
        z = {d: heads(t, model, width) for d, t in tables.items()}
        y = {d: of[1]["label"] for d, of in z.items()}
        test = {d: of[1]["fold"] == fold for d, of in z.items()}
        z = {d: of[0] for d, of in z.items()}

        def transfer(references, query):
            train = np.vstack([z[d][part][~test[d]] for d in references])
            labels = np.concatenate([y[d][~test[d]] for d in references])
            return study.knn(train, labels, z[query][part][test[query]], y[query][test[query]])

        scores = [transfer([d for d in ("p3_0", "p4_0") if d != q], q) for q in tables]
        scores += [transfer(["p1_0"], "p2_0"), transfer(["p2_0"], "p1_0")]
        out = {"labels": float(np.mean(scores))}
        paired = ("p3_0", "p4_0")
        sides = [[heads(tables[d], model, width, m)[0][part] for d in paired] for m in ("expression", "protein")]
        inside = np.concatenate([test[d] for d in paired])
        rna, adt = (np.vstack(side) for side in sides)
        out |= study.pairs(rna[inside], adt[inside])
        values = np.vstack([study.clr(protein[d]) for d in paired])
        guess = study.kernel_ridge(rna[~inside], values[~inside], rna[inside])
        return {**out, "protein from RNA": study.pearson(guess, values[inside])}

    return list(tables.values()), score


def teaseq():
    table, y, values = study.teaseq_table()

    def score(model, width, fold, part):
        out = {}
        for name, using in (("both", ()), ("RNA", ("expression",)), ("protein", ("protein",))):
            halves, obs = heads(table, model, width, *using)
            z, test = halves[part], obs["fold"] == fold
            out[name] = study.knn(z[~test], y[~test], z[test], y[test])
            if name == "RNA":
                guess = study.kernel_ridge(z[~test], values[~test], z[test])
                out["protein from RNA"] = study.pearson(guess, values[test])
                rna = z[test]
            if name == "protein":
                out |= study.pairs(rna, z[test])
        return out

    return [table], score


def pancreas():
    table, y, _ = study.pancreas_table()

    def score(model, width, fold, part):
        out, side = {}, {}
        for name in ("all", "spliced", "unspliced", "expression"):
            halves, obs = heads(table, model, width, *(() if name == "all" else (name,)))
            z, test = halves[part], obs["fold"] == fold
            out[name] = study.knn(z[~test], y[~test], z[test], y[test])
            out[f"{name}, logistic"] = study.logistic(z[~test], y[~test], z[test], y[test])
            side[name] = z[test]
        return out | study.pairs(side["spliced"], side["unspliced"])

    return [table], score


def make_run(name, fold, seed, what, sets):
    tables, score = sets[name]
    flags, cells = TRIES[what]
    model = study.WORK / "network.model"
    clock = time.time()
    size = ["--epochs", EPOCHS[name], "--batch-cells", cells, "--validation", f"fold={fold}", "--seed", seed]
    study.run("pretrain", *tables, *BASE, *flags, *size, "--threads", "1", "--force", "-o", model)
    seconds = time.time() - clock
    width = both_halves(model)
    # The scores need the embeddings of each part: three passes keep the code plain.
    halves = {part: score(model, width, str(fold), k) for k, part in enumerate(("closed form", "network", "both"))}
    return {"set": name, "fold": fold, "seed": seed, "try": what, "seconds": seconds, **halves}


def table(results):
    for name in EPOCHS:
        for what in TRIES:
            runs = [r for r in results if r["set"] == name and r["try"] == what]
            if not runs:
                continue
            print(f"\n{name}, {what}: {len(runs)} runs, {np.mean([r['seconds'] for r in runs]):.0f} s each")
            for score in runs[0]["closed form"]:
                of = {p: np.array([r[p][score] for r in runs]) for p in ("closed form", "network", "both")}
                line = f"  {score:22} closed form {of['closed form'].mean():.4f}"
                for part in ("network", "both"):
                    gain = of[part] - of["closed form"]
                    wide = 1.96 * gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else float("nan")
                    line += f"   {part} {of[part].mean():.4f} ({gain.mean():+.4f} +- {wide:.4f})"
                print(line)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data")
    arguments.add_argument("work")
    arguments.add_argument("--runs", type=int, default=10**9)
    arguments.add_argument("--set", action="append")
    arguments.add_argument("--try", action="append", dest="tries")
    arguments.add_argument("--table", action="store_true")
    wanted = arguments.parse_args()
    study.WORK.mkdir(parents=True, exist_ok=True)
    path = study.WORK / "network.json"
    results = json.loads(path.read_text()) if path.exists() else []
    if wanted.table:
        return table(results)
    done = {(r["set"], r["fold"], r["seed"], r["try"]) for r in results}
    names, tries = wanted.set or list(EPOCHS), wanted.tries or list(TRIES)
    plan = [(n, f, s, t) for s in range(2) for t in tries for n in names for f in range(5)]
    todo = [run for run in plan if run not in done][: wanted.runs]
    sets = {name: globals()[name]() for name in {run[0] for run in todo}}
    for run in todo:
        try:
            results.append(make_run(*run, sets))
        except subprocess.CalledProcessError as error:
            print(run, error, flush=True)
            continue
        path.write_text(json.dumps(results, indent=1))
        print(run, {k: round(v, 4) for k, v in list(results[-1]["both"].items())[:3]}, flush=True)


if __name__ == "__main__":
    main()
