#!/usr/bin/env python3
"""mfdoom-evaluate embedding against scib-metrics on the same embedding with as many threads: wall and CPU seconds, peak memory.

    evaluate_speed.py [--cells 2000,20000] [--ours-only 100000] [--rounds 3] [--threads 2] [--bin target/release] [--work FOLDER]

The Python that runs it needs scib-metrics 0.5.10 and anndata. Both read one h5ad file (50 values a cell, 12 labels, 3 batches) and give
NMI, ARI, both silhouettes, LISI of labels and batches, graph connectivity, kBET and PCR; ours also label transfer, and intervals for all.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

SCIB = """
import sys, json, warnings, logging
warnings.filterwarnings("ignore"); logging.disable(logging.WARNING)
import anndata, numpy as np, scib_metrics as s
from scib_metrics.nearest_neighbors import pynndescent
a = anndata.read_h5ad(sys.argv[1])
x = np.ascontiguousarray(a.obsm["X"], dtype=np.float32)
labels, batches = a.obs["label"].astype(str).values, a.obs["batch"].astype(str).values
near = pynndescent(x, n_neighbors=90, random_state=0, n_jobs=int(sys.argv[2]))
first = near.subset_neighbors
found = dict(s.nmi_ari_cluster_labels_leiden(first(15), labels, n_jobs=int(sys.argv[2])))
found["asw_label"] = s.silhouette_label(x, labels)
found["clisi"] = s.clisi_knn(near, labels)
found["graph_connectivity"] = s.graph_connectivity(first(15), labels)
found["asw_batch"] = s.silhouette_batch(x, labels, batches)
found["ilisi"] = s.ilisi_knn(near, batches)
found["kbet"] = s.kbet_per_label(first(50), batches, labels)
found["pcr"] = s.utils.principal_component_regression(x, batches, categorical=True, n_components=x.shape[1])
print(json.dumps({k: float(v) for k, v in found.items()}))
"""


def embedding(n, path):
    """Gaussian clusters of unequal sizes, batches a little apart; a branch joins two of them."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(12, 2.0))
    label, batch = rng.choice(12, n, p=shares), rng.integers(0, 3, n)
    x = rng.normal(0, 2.2, (12, 50))[label] + rng.normal(0, 0.5, (3, 50))[batch] + rng.normal(0, 1, (n, 50)) * np.linspace(2, 0.5, 50)
    obs = pd.DataFrame({"label": [f"l{i}" for i in label], "batch": [f"b{i}" for i in batch]}, index=[f"c{i}" for i in range(n)])
    anndata.AnnData(np.zeros((n, 1), np.float32), obs=obs, obsm={"X": x.astype(np.float32)}).write_h5ad(path)


def timed(command, threads):
    """Returns what a process printed, its wall and CPU seconds and its peak memory in MiB."""
    threads = str(threads)
    env = {**os.environ, "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
           "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads != '1' else 'false'} intra_op_parallelism_threads={threads}",
           "JAX_PLATFORMS": "cpu"}
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    said, complaint = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]}: {complaint.decode()[-2000:]}")
    return said, time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", default="2000,20000")
    parser.add_argument("--ours-only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bin", default="target/release")
    parser.add_argument("--work", default=None)
    args = parser.parse_args()
    work = Path(args.work or tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    for n in [int(n) for n in (args.cells + "," + args.ours_only).split(",") if n]:
        path = work / f"{n}.h5ad"
        embedding(n, path)
        ours = [f"{args.bin}/mfdoom-evaluate", "embedding", str(path), "--obsm", "X", "--label", "label", "--batch-key", "batch",
                "--threads", str(args.threads), "--max-cells", str(n), "-q", "-o", "-"]
        theirs = [sys.executable, "-c", SCIB, str(path), str(args.threads)]
        both = {"ours": ours} if str(n) in args.ours_only.split(",") else {"ours": ours, "scib-metrics": theirs}
        runs = {name: [] for name in both}
        for _ in range(args.rounds):
            for name, command in both.items():
                runs[name].append(timed(command, args.threads))
        found = {}
        for name, some in runs.items():
            wall, cpu, memory = (statistics.median(run[i] for run in some) for i in (1, 2, 3))
            print(f"{n} cells, {name}: {wall:.2f} s, {cpu:.2f} CPU s, {memory:.0f} MiB", flush=True)
            said = json.loads(some[0][0])
            rows = said.get("scores", [])
            found[name] = {row["name"]: row["value"] for row in rows} if rows else said
        if len(found) == 2:
            for score, value in found["scib-metrics"].items():
                print(f"  {score}: {found['ours'][score]:.6f}, scib-metrics {value:.6f}")


if __name__ == "__main__":
    main()
