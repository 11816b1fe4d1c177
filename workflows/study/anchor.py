#!/usr/bin/env python3
"""Scores the closed form of mfdoom-pretrain on real sets, by its own commands, on cells or donors that were never fitted.

    python3 anchor.py DATA WORK [TASK...]      tasks: mosaic hidden teaseq pancreas reapseq kang baron ifnb
                                              mudan bonemarrow

DATA is the folder of data (multimodal/, spliced/, expression/), WORK keeps what was made: a run that was stopped goes on where it was,
and WORK/results.json has all scores. MFDOOM_BIN is the folder of the commands, MFDOOM_PRETRAIN further flags of
mfdoom-pretrain (default: --anchor only). Needs anndata, scikit-learn and pyarrow.
"""
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from anndata.io import read_elem
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

warnings.filterwarnings("ignore")
DATA, WORK = Path(sys.argv[1]), Path(sys.argv[2])
BIN = Path(os.environ.get("MFDOOM_BIN", ""))
TASKS = ["mosaic", "hidden", "teaseq", "pancreas", "reapseq", "kang", "baron", "ifnb", "mudan", "bonemarrow"]
FLAGS = os.environ.get("MFDOOM_PRETRAIN", "--anchor only").split()


def run(stage, *arguments):
    subprocess.run([BIN / f"mfdoom-{stage}", *map(str, arguments), "-q"], check=True)


def dense(x):
    return np.asarray(x.todense() if sparse.issparse(x) else x, dtype=float)


def unit(z):
    return z / (np.linalg.norm(z, axis=1, keepdims=True) + 1e-12)


def write(name, counts, obs, layers=None, obsm=None, genes=None):
    path = WORK / f"{name}.h5ad"
    if not path.exists():
        a = ad.AnnData(
            None if counts is None else sparse.csr_matrix(counts, dtype="float32"),
            obs=obs,
            var=pd.DataFrame(index=genes),
            layers={k: sparse.csr_matrix(v, dtype="float32") for k, v in (layers or {}).items()},
            obsm=obsm or {},
        )
        a.write_h5ad(path)
    return path


def tokens(path, *modalities, obs=("label", "fold"), more=()):
    out = path.with_suffix(".parquet")
    if not out.exists():
        flags = [f for m in modalities for f in ("--modality", m)] + [f for o in obs for f in ("--obs", o)]
        run("preprocess", path, *flags, *more, "-o", out)
    return out


def pretrain(name, tables, validation="0", more=()):
    out = WORK / name
    if not out.exists():
        run("pretrain", *tables, "--validation", validation, "--preset", "tiny", *FLAGS, *more, "-o", out)
    return out


def embed(table, model, *modalities):
    """fusion of every cell from the modalities (all where none is named), in the table's order, and the obs columns"""
    out = WORK / f"{model.name}.{table.stem}.{'_'.join(modalities) or 'all'}.parquet"
    if not out.exists():
        use = ["--use-modalities", ",".join(modalities)] if modalities else []
        run("embed", table, "--model", model, "--heads", "fusion", *use, "-o", out)
    t = pq.read_table(out)
    return np.stack(t["fusion"].to_numpy()), {c: np.array(t[c].to_pylist()) for c in ("label", "fold")}


def knn(train, y, test, truth):
    guess = KNeighborsClassifier(15).fit(unit(train), y).predict(unit(test))
    return float((guess == truth).mean())


def logistic(train, y, test, truth):
    train, test = unit(train), unit(test)
    mean, deviation = train.mean(0), train.std(0) + 1e-9
    fit = LogisticRegression(max_iter=300).fit((train - mean) / deviation, y)
    return float((fit.predict((test - mean) / deviation) == truth).mean())


def pairs(a, b, y=None):
    s = unit(a) @ unit(b).T
    own = np.diag(s)
    rank = np.concatenate([(s > own[:, None]).sum(1), (s.T > own[:, None]).sum(1)])
    scores = {"FOSCTTM": float((rank / len(a)).mean()), "R@1": float((rank < 1).mean()), "R@10": float((rank < 10).mean())}
    if y is not None:
        scores["nearest same label"] = float((y[s.argmax(1)] == y).mean())
    return scores


def kernel_ridge(x, t, query, penalty=3.0):
    """RBF kernel ridge on unit vectors"""
    k = lambda a, b: np.exp(-np.maximum(2 - 2 * a @ b.T, 0))
    x, query, mean = unit(x), unit(query), t.mean(0)
    return mean + k(query, x) @ np.linalg.solve(k(x, x) + penalty * np.eye(len(x)), t - mean)


def smoothed(z):
    """the second half of the closed form's coordinates, from which proteins are predicted best wherever that was tried"""
    return z[:, z.shape[1] // 2 :]


def pearson(guess, truth):
    with np.errstate(all="ignore"):
        r = [np.corrcoef(guess[:, j], truth[:, j])[0, 1] for j in range(truth.shape[1])]
    return float(np.median(np.nan_to_num(r)))


def clr(x):
    logs = np.log1p(x)
    return logs - logs.mean(1, keepdims=True)


def log_normalised(x, total=None):
    total = x.sum(1) if total is None else total
    return np.log1p(x / np.maximum(total, 1)[:, None] * np.median(total))


def mosaic_tables():
    with h5py.File(DATA / "multimodal/midas_quickstart_pbmc_mosaic.h5mu") as f:
        rna, adt = (read_elem(f["mod"][k]) for k in ("rna", "adt"))
    made, protein = {}, {}
    for donor in ("p1_0", "p2_0", "p3_0", "p4_0"):
        r, p = rna[rna.obs.batch == donor], adt[adt.obs.batch == donor]
        frame = lambda a: pd.DataFrame({"label": a.obs.celltype.astype(str).values, "fold": donor}, index=a.obs_names)
        if not r.n_obs:
            made[donor] = tokens(write(donor, dense(p.X), frame(p), genes=p.var_names), "protein=X")
            continue
        both = p.n_obs > 0
        if both:
            protein[donor] = dense(p[r.obs_names].X)
        obsm = {"protein": pd.DataFrame(protein[donor], index=r.obs_names, columns=p.var_names)} if both else None
        path = write(donor, dense(r.X), frame(r), obsm=obsm, genes=r.var_names)
        made[donor] = tokens(path, "expression=X", *(["protein=obsm/protein"] if both else []))
        if both:
            path = write(f"{donor}_rna", dense(r.X), frame(r), genes=r.var_names)
            made[f"{donor}_rna"] = tokens(path, "expression=X")
    return made, protein


def mosaic():
    made, _ = mosaic_tables()
    donors = ["p1_0", "p2_0", "p3_0", "p4_0"]
    model = pretrain("mosaic.model", [made[d] for d in donors])
    z = {d: embed(made[d], model) for d in donors}
    both = lambda ds: (np.vstack([z[d][0] for d in ds]), np.concatenate([z[d][1]["label"] for d in ds]))
    score = lambda refs, q: knn(*both(refs), z[q][0], z[q][1]["label"])
    out = {f"p3, p4 to {q}": score([d for d in ("p3_0", "p4_0") if d != q], q) for q in donors}
    out["p1 to p2"], out["p2 to p1"] = score(["p1_0"], "p2_0"), score(["p2_0"], "p1_0")
    return {**out, "mean": float(np.mean(list(out.values())))}


def hidden():
    """the protein of one donor takes no part in the fit"""
    made, protein = mosaic_tables()
    out = {}
    for donor, other in (("p4_0", "p3_0"), ("p3_0", "p4_0")):
        model = pretrain(f"hidden.{donor}", [made["p1_0"], made["p2_0"], made[other], made[f"{donor}_rna"]])
        rna, obs = embed(made[donor], model, "expression")
        scores = pairs(rna, embed(made[donor], model, "protein")[0], obs["label"])
        known = embed(made[other], model, "expression")[0]
        guess = kernel_ridge(smoothed(known), clr(protein[other]), smoothed(rna))
        out[donor] = {**scores, "protein from RNA, Pearson": pearson(guess, clr(protein[donor]))}
    return out


def teaseq_table():
    """the token table, labels and values of the proteins"""
    a = ad.read_h5ad(DATA / "multimodal/teaseq_pbmc_matilda_train.h5ad")
    y = a.obs.cell_type.astype(str).values
    fold = np.empty(len(y), dtype=object)
    for k, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y)):
        fold[test] = str(k)
    obs = pd.DataFrame({"label": y, "fold": fold}, index=a.obs_names)
    protein = pd.DataFrame(np.asarray(a.obsm["protein"], dtype=float), index=a.obs_names)
    protein.columns = [f"protein{j}" for j in range(protein.shape[1])]
    path = write("teaseq", dense(a.X), obs, obsm={"protein": protein}, genes=a.var_names)
    return tokens(path, "expression=X", "protein=obsm/protein"), y, clr(protein.values)


def teaseq():
    table, y, values = teaseq_table()
    out = {}
    add = lambda name, value: out.setdefault(name, []).append(value)
    for k in "01234":
        model = pretrain(f"teaseq.{k}", [table], f"fold={k}")
        fold = embed(table, model)[1]["fold"]
        z = {n: embed(table, model, *u)[0] for n, u in (("both", ()), ("RNA", ["expression"]), ("protein", ["protein"]))}
        test, rna = fold == k, smoothed(z["RNA"])
        for name, of in z.items():
            add(f"{name}, kNN", knn(of[~test], y[~test], of[test], y[test]))
            add(f"{name}, logistic", logistic(of[~test], y[~test], of[test], y[test]))
        add("protein from RNA, Pearson", pearson(kernel_ridge(rna[~test], values[~test], rna[test]), values[test]))
        add("FOSCTTM", pairs(z["RNA"][test], z["protein"][test])["FOSCTTM"])
    return out


def pancreas_table():
    """the token table, labels and log-normalised counts by modality"""
    a = ad.read_h5ad(DATA / "spliced/pancreas_3696x2000.h5ad")
    y = a.obs.clusters.astype(str).values
    s, u = dense(a.layers["spliced"]), dense(a.layers["unspliced"])
    ts, tu = (a.obs[c].values.astype(float) for c in ("nCount.spliced", "nCount.unspliced"))
    known = DATA / "../reference/velocity/P_kfold5.npz"
    if known.exists():
        tests = [np.load(known)[f"test{k}"] for k in range(5)]
    else:
        tests = [t for _, t in StratifiedKFold(5, shuffle=True, random_state=0).split(y, y)]
    fold = np.empty(len(y), dtype=object)
    for k, test in enumerate(tests):
        fold[test] = str(k)
    obs = pd.DataFrame({"label": y, "fold": fold, "ts": ts, "tu": tu, "te": ts + tu}, index=a.obs_names)
    path = write("pancreas", s + u, obs, layers={"spliced": s, "unspliced": u}, genes=a.var_names)
    sizes = [f for m in ("spliced=ts", "unspliced=tu", "expression=te") for f in ("--library-size", m)]
    table = tokens(path, more=sizes)
    logs = {"spliced": log_normalised(s, ts), "unspliced": log_normalised(u, tu), "expression": log_normalised(s + u, ts + tu)}
    return table, y, logs


def pancreas():
    table, y, logs = pancreas_table()
    out = {}
    add = lambda name, value: out.setdefault(name, []).append(value)
    for k in "01234":
        model = pretrain(f"pancreas.{k}", [table], f"fold={k}")
        z, obs = embed(table, model)
        test, z = obs["fold"] == k, {"all": z, **{m: embed(table, model, m)[0] for m in logs}}
        for m, x in logs.items():
            p = PCA(50, random_state=0).fit(x[~test])
            z[f"PCA-50 {m}"] = p.transform(x)
        for name, of in z.items():
            add(f"{name}, kNN", knn(of[~test], y[~test], of[test], y[test]))
            add(f"{name}, logistic", logistic(of[~test], y[~test], of[test], y[test]))
        for name, value in biology(f"pancreas.{k}", {n.replace(" ", "_"): of[test] for n, of in z.items()}, y[test]).items():
            add(name, value)
        for name, value in pairs(z["spliced"][test], z["unspliced"][test]).items():
            add(f"spliced to unspliced {name}", value)
    return out


def reapseq():
    a = ad.read_h5ad(DATA / "multimodal/reapseq_pbmc_2batches.h5ad")
    batch = a.obs.batch.astype(str).values
    obs = pd.DataFrame({"label": batch, "fold": batch}, index=a.obs_names)
    protein = pd.DataFrame(np.asarray(a.obsm["protein"], dtype=float), index=a.obs_names)
    protein.columns = [f"protein{j}" for j in range(protein.shape[1])]
    path = write("reapseq", a.X, obs, obsm={"protein": protein}, genes=a.var_names)
    table, values, out = tokens(path, "expression=X", "protein=obsm/protein"), clr(protein.values), {}
    for k in sorted(set(batch)):
        model, test = pretrain(f"reapseq.{k}", [table], f"fold={k}"), batch == k
        z = embed(table, model, "expression")[0]
        rna = smoothed(z)
        scores = pairs(z[test], embed(table, model, "protein")[0][test])
        out[f"{k} held out"] = {**scores, "protein from RNA, Pearson": pearson(kernel_ridge(rna[~test], values[~test], rna[test]), values[test])}
    return out


def biology(name, heads, y):
    """AvgBIO (mean of NMI, ARI and label silhouette) of embeddings of the same cells, by mfdoom-evaluate"""
    path, out = WORK / f"{name}.heads.parquet", WORK / f"{name}.scores.json"
    column = lambda z: pa.FixedSizeListArray.from_arrays(pa.array(unit(z).ravel(), pa.float32()), z.shape[1])
    cells = {"cell": [f"cell{i}" for i in range(len(y))], "label": list(y)}
    pq.write_table(pa.table({**cells, **{head: column(z) for head, z in heads.items()}}), path)
    run("evaluate", "embedding", path, "--label", "label", "--force", "-o", out)
    scores = {(s["head"], s["name"]): s["value"] for s in json.loads(out.read_text())["scores"] if s["kind"] == "head"}
    return {f"{head}, AvgBIO": scores[head, "avg_bio"] for head in heads}


def mixing(z, batch, k=30):
    """inverse Simpson index of the batches among the nearest, from 0 to 1"""
    s = unit(z) @ unit(z).T
    np.fill_diagonal(s, -9)
    near = np.argpartition(-s, k, 1)[:, :k]
    names = np.unique(batch)
    shares = np.stack([(batch[near] == name).mean(1) for name in names], 1)
    return float(((1 / (shares**2).sum(1) - 1) / (len(names) - 1)).mean())


def of_batches(z, y, batch):
    """how far batches mix, and labels from the other batches and in five folds; no cell's label takes part in a fit"""
    scores = {"iLISI": mixing(z, batch)}
    if len(np.unique(y)) > 1:
        scores["labels across"] = float(np.mean([knn(z[batch != b], y[batch != b], z[batch == b], y[batch == b]) for b in np.unique(batch)]))
        folds = np.random.default_rng(0).permutation(len(y)) % 5
        scores["labels"] = float(np.mean([knn(z[folds != k], y[folds != k], z[folds == k], y[folds == k]) for k in range(5)]))
    return scores


def batches(name, file):
    """a model of all batches, with and without removal, beside principal components as they are and centred by batch"""
    a = ad.read_h5ad(DATA / "expression" / file)
    y = a.obs.cell_type.astype(str).values if "cell_type" in a.obs else np.array(["-"] * a.n_obs)
    batch = a.obs.batch.astype(str).values
    fold = np.where(np.char.startswith(batch.astype(str), "ctrl"), "control", "other")
    table = tokens(write(name, a.X, pd.DataFrame({"label": y, "fold": fold, "batch": batch}, index=a.obs_names), genes=a.var_names), "expression=X", obs=("label", "fold", "batch"))
    x = log_normalised(dense(a.X))
    order = np.argsort(-x.var(0), kind="stable")[:2000]
    x, centred = x[:, order], x[:, order].copy()
    for b in np.unique(batch):
        centred[batch == b] -= centred[batch == b].mean(0)
    embeddings = {"PCA-50": PCA(50, random_state=0).fit_transform(x), "PCA-50, centred": PCA(50, random_state=0).fit_transform(centred)}
    for effects in ("remove", "keep"):
        model = pretrain(f"{name}.{effects}", [table], more=["--batch-column", "batch", "--batch-effects", effects])
        embeddings[f"closed form, {effects}"] = embed(table, model)[0]
    out = {form: of_batches(z, y, batch) for form, z in embeddings.items()}
    if len(np.unique(y)) > 1:
        heads = {form.replace(", ", "_").replace(" ", "_"): form for form in embeddings}
        for head, value in biology(name, {head: embeddings[form] for head, form in heads.items()}, y).items():
            out[heads[head.removesuffix(", AvgBIO")]]["AvgBIO"] = value
    if name == "kang":
        control = fold == "control"
        for form, z in embeddings.items():
            out[form]["control to stimulated"] = knn(z[control], y[control], z[~control], y[~control])
        z = embed(table, pretrain(f"{name}.control", [table], "fold=other"))[0]
        p = PCA(50, random_state=0).fit(x[control]).transform(x)
        for form, z in (("closed form of control", z), ("PCA-50 of control", p)):
            out[form] = {"control to stimulated": knn(z[control], y[control], z[~control], y[~control])}
    return {f"{form}, {score}": value for form, scores in out.items() for score, value in scores.items()}


def labelled(name, file):
    """expression alone, five folds"""
    a = ad.read_h5ad(DATA / "expression" / file)
    y = a.obs.cell_type.astype(str).values
    fold = np.empty(len(y), dtype=object)
    for k, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(y, y)):
        fold[test] = str(k)
    table = tokens(write(name, a.X, pd.DataFrame({"label": y, "fold": fold}, index=a.obs_names), genes=a.var_names), "expression=X")
    x, out = log_normalised(dense(a.X)), {}
    for k in "01234":
        test = fold == k
        p = PCA(50, random_state=0).fit(x[~test]).transform(x)
        for form, z in (("closed form", embed(table, pretrain(f"{name}.{k}", [table], f"fold={k}"))[0]), ("PCA-50", p)):
            out.setdefault(f"{form}, kNN", []).append(knn(z[~test], y[~test], z[test], y[test]))
            out.setdefault(f"{form}, logistic", []).append(logistic(z[~test], y[~test], z[test], y[test]))
    return out


def mudan():
    return labelled("mudan", "pbmc_mudan_reference.h5ad")


def bonemarrow():
    return labelled("bonemarrow", "mouse_bonemarrow_250x20243.h5ad")


def kang():
    return batches("kang", "kang_pbmc_muscat_4samples.h5ad")


def baron():
    return batches("baron", "human_pancreas_baron_1937x20125.h5ad")


def ifnb():
    return batches("ifnb", "pbmc_ifnb_2000x9015.h5ad")


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for task in sys.argv[3:] or TASKS:
        results[task] = globals()[task]()
        path.write_text(json.dumps(results, indent=1))
        for name, value in results[task].items():
            if isinstance(value, list):
                # normal interval of the mean over folds
                value = f"{np.mean(value):.4f} +- {1.96 * np.std(value, ddof=1) / len(value) ** 0.5:.4f}"
            print(task, name, value, flush=True)


if __name__ == "__main__":
    main()
