#!/usr/bin/env python3
"""Predicts the expression profiles of pancreas cells that no fit saw, by the commands of this project.

    python3 decoders.py DATA WORK [--folds K...] [--inner] [--from MODALITY]... [FLAGS of mfdoom-finetune-decoder]

For each fold a decoder learns from the training cells' tokens of one modality and predicts all three of the cells held out;
mfdoom-evaluate scores it beside ridge regression and nearest neighbours. --inner splits the training cells of fold 0 once
more, to choose by. WORK keeps what was made; WORK/decoders.json has the scores by fold, modality and flags. MFDOOM_BIN is the
folder of the commands. Needs anndata and scikit-learn.
"""
import argparse
import json
import os
import subprocess
from pathlib import Path

import anndata as ad
import numpy as np
from sklearn.model_selection import StratifiedKFold

BIN = Path(os.environ.get("MFDOOM_BIN", ""))


def run(stage, *arguments):
    subprocess.run([BIN / f"mfdoom-{stage}", *map(str, arguments), "-q"], check=True)


def split(data, work, fold, inner):
    """the token tables of training and held-out cells with all three modalities"""
    name = "inner" if inner else f"fold{fold}"
    made = [work / f"{name}.{part}.parquet" for part in ("train", "test")]
    if all(path.exists() for path in made):
        return made
    a = ad.read_h5ad(data / "spliced/pancreas_3696x2000.h5ad")
    labels = a.obs.clusters.astype(str).values
    a.X = a.layers["spliced"] + a.layers["unspliced"]
    a.obs["te"] = a.obs["nCount.spliced"] + a.obs["nCount.unspliced"]
    known = data / "../reference/velocity/P_kfold5.npz"
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    tests = [np.load(known)[f"test{k}"] for k in range(5)] if known.exists() else [t for _, t in folds.split(labels, labels)]
    test = tests[fold]
    train = np.setdiff1d(np.arange(a.n_obs), test)
    if inner:
        fit, test = next(StratifiedKFold(5, shuffle=True, random_state=1).split(train, labels[train]))
        train, test = train[fit], train[test]
    sizes = [f"spliced=nCount.spliced", "unspliced=nCount.unspliced", "expression=te"]
    for path, cells in zip(made, (train, test)):
        a[cells].copy().write_h5ad(path.with_suffix(".h5ad"))
        run("preprocess", path.with_suffix(".h5ad"), *(f for s in sizes for f in ("--library-size", s)), "--dataset", "pancreas", "--force", "-o", path)
        path.with_suffix(".h5ad").unlink()
    return made


def scores(tables, modality, flags, work):
    train, test = tables
    model, decoder, profiles, metrics = (work / n for n in ("model", "decoder", "profiles.parquet", "metrics.json"))
    run("pretrain", train, "--anchor", "only", "--preset", "tiny", "--threads", 1, "--force", "-o", model)
    given = ["--task", "expression", "--use-modalities", modality, "--threads", 1, *flags]
    run("finetune-decoder", train, "--model", model, *given, "--force", "-o", decoder)
    run("decode", test, "--model", model, "--decoder", decoder, "--use-modalities", modality, "--threads", 1, "--force", "-o", profiles)
    run("evaluate", "expression", profiles, "--tokens", test, "--train", train, "--input", modality, "--force", "-o", metrics)
    return json.loads(metrics.read_text())


def summary(metrics):
    """Pearson / share of the deviance explained, of the decoder and of ridge regression on 50 components"""
    of = {(s["set"], s["head"], s["name"]): s["value"] for s in metrics["scores"]}
    row = lambda m, head: f"{of[m, head, 'pearson']:.4f} / {of[m, head, 'explained']:.4f}"
    sets = ("spliced", "unspliced", "expression")
    return "; ".join(f"{m}: {row(m, 'predicted')} (ridge {row(m, 'ridge_pca50')})" for m in sets)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("data", type=Path)
    arguments.add_argument("work", type=Path)
    arguments.add_argument("--folds", type=int, nargs="*", default=range(5))
    arguments.add_argument("--inner", action="store_true")
    arguments.add_argument("--from", action="append", dest="modalities")
    wanted, flags = arguments.parse_known_args()
    flags = flags or ["--epochs", "0"]
    wanted.work.mkdir(parents=True, exist_ok=True)
    path = wanted.work / "decoders.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for fold in [0] if wanted.inner else wanted.folds:
        for modality in wanted.modalities or ["expression"]:
            key = f"{'inner' if wanted.inner else fold} {modality} {' '.join(flags)}"
            if key not in known:
                known[key] = scores(split(wanted.data, wanted.work, fold, wanted.inner), modality, flags, wanted.work)
                path.write_text(json.dumps(known, indent=1))
            print(key, summary(known[key]), flush=True)


if __name__ == "__main__":
    main()
