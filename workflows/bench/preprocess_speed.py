"""Times mfdoom-preprocess against scanpy's read_h5ad, normalize_total and log1p on the same files, in turns.

usage: preprocess_speed.py FILE.h5ad [FILE.h5ad ..] [--bin FOLDER] [--before FOLDER] [--python PYTHON] [--rounds 3] [--threads 2]

Ours is the whole process, which also writes the tokens; scanpy's imports are not counted, as in a warm notebook. --before
names the binaries of an earlier commit. Prints medians: wall seconds, CPU seconds, peak MB, and scanpy's over ours.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

SCANPY = """
import json, resource, sys, time, warnings; warnings.filterwarnings("ignore")
import numpy as np, scanpy as sc
wall, cpu = time.perf_counter(), time.process_time()
a = sc.read_h5ad(sys.argv[1])
a.X = a.X.astype(np.float32) if a.X.dtype.kind != "f" else a.X
sc.pp.normalize_total(a, target_sum=1e4); sc.pp.log1p(a)
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
ap = argparse.ArgumentParser()
ap.add_argument("files", nargs="+"); ap.add_argument("--bin", default="target/release"); ap.add_argument("--before")
ap.add_argument("--python", default=sys.executable); ap.add_argument("--rounds", type=int, default=3); ap.add_argument("--threads", default="2")
o = ap.parse_args()
environment = {**os.environ, **{f"{name}_NUM_THREADS": o.threads for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}}


def ours(folder, path, output):
    command = [f"{folder}/mfdoom-preprocess", path, "-o", output, "--force", "-qq", "--threads", o.threads]
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def scanpy(path):
    done = subprocess.run([o.python, "-c", SCANPY, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


print("| file | MB | ours: wall s, CPU s, MB | before | scanpy | scanpy over ours: wall, CPU, memory |\n|---|---|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    for path in o.files:
        rows = {"ours": [], "before": [], "scanpy": []}
        for _ in range(o.rounds):
            rows["ours"].append(ours(o.bin, path, f"{folder}/tokens.parquet"))
            if o.before:
                rows["before"].append(ours(o.before, path, f"{folder}/before.parquet"))
            rows["scanpy"].append(scanpy(path))
        middle = {who: [statistics.median(column) for column in zip(*found)] for who, found in rows.items()}
        cell = lambda who: "{:.2f}, {:.2f}, {:.0f}".format(*middle[who]) if middle[who] else "-"
        times = ", ".join(f"{a / b:.2f}" for a, b in zip(middle["scanpy"], middle["ours"]))
        print(f"| {os.path.basename(path)} | {os.path.getsize(path) / 1e6:.1f} | {cell('ours')} | {cell('before')} | {cell('scanpy')} | {times} |", flush=True)
