"""Takes many simulated cells through every stage and measures each step; begun again, it goes on where it was.

usage: scale.py DIR [--cells 1000000] [--shards 20] [--genes 2000] [--bin FOLDER] [--threads 2] [--only STEP,..]
                [--evaluated 50000] [--max-memory SIZE]

Each step leaves its output and DIR/measures/STEP.json (cells, wall seconds, CPU seconds, peak MiB, bytes); a step whose
measure is there is not run again, and one that was killed is made anew. `preprocess`, `embed` and `predict` run in
shards, one process each; `gather` puts them together. Models are trained on 5,000 cells: how fast they are does not
hang on their weights. Prints a table of what is there so far. A million cells take about 25 GB of disk. On a machine
that others use too, CPU seconds count.
"""
import argparse, json, os, shutil, subprocess, sys, time

ap = argparse.ArgumentParser()
ap.add_argument("folder"); ap.add_argument("--cells", type=int, default=1_000_000); ap.add_argument("--shards", type=int, default=20)
ap.add_argument("--genes", type=int, default=2000); ap.add_argument("--bin", default="target/release"); ap.add_argument("--threads", default="2")
ap.add_argument("--only", default=""); ap.add_argument("--evaluated", type=int, default=50_000); ap.add_argument("--max-memory")
o = ap.parse_args()
os.makedirs(f"{o.folder}/measures", exist_ok=True)
only = [name for name in o.only.split(",") if name]


def at(name):
    return os.path.join(o.folder, name)


def size(path):
    if os.path.isdir(path):
        return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))
    return os.path.getsize(path)


def step(name, cells, output, tool, *arguments):
    """Runs a stage that makes `output`, unless its measure is there."""
    measure = at(f"measures/{name}.json")
    if os.path.exists(measure) or (only and name.split("-")[0] not in only):
        return
    path = at(output)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    command = [os.path.join(o.bin, tool), *map(str, arguments), "-o", path, "--force", "-q", "--threads", o.threads]
    if o.max_memory:
        command += ["--max-memory", o.max_memory]
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{name} failed ({child.returncode}): {' '.join(command)}")
    found = dict(cells=cells, seconds=time.perf_counter() - start, cpu=usage.ru_utime + usage.ru_stime,
                 peak_mib=usage.ru_maxrss / 1024, bytes=size(path))
    with open(measure + ".part", "w") as file:
        json.dump(found, file)
    os.replace(measure + ".part", measure)


def shards(name, folder, tool, *arguments):
    """Runs a stage once for each shard; returns the parts."""
    parts = [f"{folder}/{i}.parquet" for i in range(1, o.shards + 1)]
    for i, part in enumerate(parts, 1):
        rows = o.cells * i // o.shards - o.cells * (i - 1) // o.shards
        step(f"{name}-{i}", rows, part, tool, *arguments, "--shard", f"{i}/{o.shards}")
    return [at(part) for part in parts]


def table():
    rows = {}
    for name in sorted(os.listdir(at("measures")), key=lambda name: os.path.getmtime(at(f"measures/{name}"))):
        if name.endswith(".json"):
            with open(at(f"measures/{name}")) as file:
                rows.setdefault(name[:-5].split("-")[0], []).append(json.load(file))
    print("| step | cells | runs | CPU s | cells per CPU s | wall s | peak MiB | MB written |\n|---|---|---|---|---|---|---|---|")
    for name, runs in rows.items():
        total = lambda key: sum(run[key] for run in runs)
        print(f"| {name} | {total('cells'):,} | {len(runs)} | {total('cpu'):.1f} | {total('cells') / max(total('cpu'), 1e-9):,.0f} "
              f"| {total('seconds'):.1f} | {max(run['peak_mib'] for run in runs):.0f} | {total('bytes') / 1e6:.0f} |")


few, n = min(5000, o.cells), o.cells
step("simulate", n, "all.h5ad", "mfdoom-simulate", "--cells", n, "--genes", o.genes, "--truth", "none", "--seed", 1)
step("vocabulary", n, "vocab.json", "mfdoom-preprocess", at("all.h5ad"), "--vocab-only")
tokens = shards("preprocess", "tokens", "mfdoom-preprocess", at("all.h5ad"), "--vocab", at("vocab.json"), "--obs", "cell_type")
step("gather_tokens", n, "tokens.parquet", "mfdoom-gather", *tokens)
step("few", few, "few.h5ad", "mfdoom-simulate", "--cells", few, "--genes", o.genes, "--seed", 1)
step("few_tokens", few, "few.parquet", "mfdoom-preprocess", at("few.h5ad"), "--vocab", at("vocab.json"), "--obs", "cell_type")
step("few_fit", few, "few_velocity", "mfdoom-velocity", "fit", at("few.h5ad"))
step("pretrain", few, "model", "mfdoom-pretrain", at("few.parquet"), "--preset", "tiny", "--max-tokens", 128, "--epochs", 1)
step("decoder", few, "decoder", "mfdoom-finetune-decoder", at("few.parquet"), "--task", "velocity", "--model", at("model"),
     "--targets", at("few_velocity"), "--epochs", 0)
embeddings = shards("embed", "embeddings", "mfdoom-embed", at("tokens.parquet"), "--model", at("model"))
step("gather_embeddings", n, "embeddings.parquet", "mfdoom-gather", *embeddings)
step("fit", n, "velocity", "mfdoom-velocity", "fit", at("all.h5ad"), "--obs", "cell_type")
step("graph", n, "graph", "mfdoom-velocity", "graph", at("velocity"))
step("predict", n, "predicted", "mfdoom-velocity", "predict", at("tokens.parquet"), "--model", at("model"), "--decoder", at("decoder"))
step("evaluate", min(n, o.evaluated), "scores.json", "mfdoom-evaluate", "embedding", at("embeddings.parquet"), "--tokens",
     at("tokens.parquet"), "--label", "cell_type", "--max-cells", o.evaluated)
table()
