"""Compares fitted rates and velocities with the truth of simulated sets, beside scVelo's.

usage: velocity_truth.py -o RESULTS [--bin FOLDER] [--sets 10] [--cells 500] [--genes 200] [--modes M,..] [--simulate "--capture 0.3"]
needs: scvelo anndata pyarrow (the Python that runs this)

One JSON file a set and mode in RESULTS, made only where missing: a run that was stopped goes on. Per set: Pearson
of fitted and true gamma / beta over the velocity genes, the same of their logarithms, and the mean over cells of the
cosine between fitted and true velocity (molecules per time) over the velocity genes. Ours and scVelo's see the same file.
"""
import argparse, json, os, subprocess, tempfile, warnings
warnings.filterwarnings("ignore")
import numpy as np

ap = argparse.ArgumentParser()
ap.add_argument("-o", "--out", required=True); ap.add_argument("--bin", default="target/release")
ap.add_argument("--sets", type=int, default=10); ap.add_argument("--cells", type=int, default=500)
ap.add_argument("--genes", type=int, default=200); ap.add_argument("--simulate", default="", help="more arguments of mfdoom-simulate")
ap.add_argument("--modes", default="deterministic,stochastic,dynamical")
o = ap.parse_args()
os.makedirs(o.out, exist_ok=True)


def scores(ratio, velocity, chosen, a):
    truth = (a.var["true_gamma"] / a.var["true_beta"]).to_numpy(float)
    ok = chosen & np.isfinite(ratio) & (ratio > 0)
    true_velocity = np.asarray(a.layers["true_velocity"])[:, ok]
    v = np.nan_to_num(velocity[:, ok])
    norm = np.linalg.norm(v, axis=1) * np.linalg.norm(true_velocity, axis=1)
    cosine = (v * true_velocity).sum(1)[norm > 0] / norm[norm > 0]
    pearson = lambda f: float(np.corrcoef(f(ratio[ok]), f(truth[ok]))[0, 1])
    return {"pearson": pearson(lambda x: x), "log": pearson(np.log), "cosine": float(cosine.mean()), "genes": int(ok.sum())}


def ours(path, mode, a, folder):
    import pyarrow.parquet as pq
    fit = f"{folder}/fit"
    subprocess.run([f"{o.bin}/mfdoom-velocity", "fit", path, "-o", fit, "--mode", mode, "--force", "-qq"], check=True)
    k, t = pq.read_table(f"{fit}/kinetics.parquet").to_pandas(), pq.read_table(f"{fit}/velocity.parquet")
    at = a.var_names.get_indexer(k["gene_id"])
    full = lambda x, fill: (lambda y: (y.__setitem__(at, x), y)[1])(np.full(a.n_vars, fill))
    velocity = np.full(a.shape, np.nan)
    velocity[:, at] = t["velocity"].combine_chunks().flatten().to_numpy().reshape(a.n_obs, -1)
    ratio = k["fit_gamma"] / k["fit_beta"] if mode == "dynamical" else k["gamma"]
    return scores(full(ratio.to_numpy(float), np.nan), velocity, full(k["velocity_gene"].to_numpy(bool), False), a)


def theirs(path, mode):
    import anndata, scanpy as sc, scvelo as scv
    warnings.filterwarnings("ignore")
    scv.settings.verbosity = 0
    a = anndata.read_h5ad(path)
    a.X = a.layers["spliced"].copy()
    scv.pp.filter_and_normalize(a, min_shared_counts=20)
    sc.pp.log1p(a)
    scv.pp.moments(a, n_pcs=30, n_neighbors=30)
    if mode == "dynamical":
        scv.tl.recover_dynamics(a, n_jobs=1, show_progress_bar=False)
    scv.tl.velocity(a, mode=mode)
    ratio = a.var["fit_gamma"] / a.var["fit_beta"] if mode == "dynamical" else a.var["velocity_gamma"]
    return scores(ratio.to_numpy(float), np.asarray(a.layers["velocity"]), a.var["velocity_genes"].to_numpy(bool), a)


modes = o.modes.split(",")
with tempfile.TemporaryDirectory() as folder:
    for seed in range(o.sets):
        path = f"{folder}/{seed}.h5ad"
        for mode in modes:
            result = f"{o.out}/{mode}_{seed}.json"
            if os.path.exists(result):
                continue
            if not os.path.exists(path):
                subprocess.run([f"{o.bin}/mfdoom-simulate", "-o", path, "--cells", str(o.cells), "--genes", str(o.genes), "--truth", "full", "--seed", str(seed), "-q", *o.simulate.split()], check=True)
            import anndata
            row = {"ours": ours(path, mode, anndata.read_h5ad(path), folder), "scvelo": theirs(path, mode)}
            json.dump(row, open(result + ".part", "w"))
            os.replace(result + ".part", result)
print("| mode | Pearson of gamma / beta: ours | scVelo | of logarithms: ours | scVelo | cosine with true velocity: ours | scVelo | velocity genes: ours, scVelo |\n|---|---|---|---|---|---|---|---|")
for mode in modes:
    rows = [json.load(open(f"{o.out}/{mode}_{seed}.json")) for seed in range(o.sets)]
    mean = lambda who, what: np.mean([row[who][what] for row in rows])
    print(f"| {mode} | {mean('ours', 'pearson'):.3f} | {mean('scvelo', 'pearson'):.3f} | {mean('ours', 'log'):.3f} | {mean('scvelo', 'log'):.3f} | {mean('ours', 'cosine'):.3f} | {mean('scvelo', 'cosine'):.3f} | {mean('ours', 'genes'):.0f}, {mean('scvelo', 'genes'):.0f} |")
