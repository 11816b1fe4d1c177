"""Times mfdoom-velocity fit + graph against scVelo's steps on the same file and threads, in turns.

usage: velocity_speed.py COUNTS.h5ad --peer scvelo_pipeline.py [--bin FOLDER] [--python PYTHON] [--modes M,..] [--rounds 2] [--threads 2]

--peer is a script that runs scVelo's pipeline and prints one JSON line a step ({"step", "wall_s", "cpu_s",
"peak_rss_mb"}; steps of a mode begin with "MODE: "); its imports and reading are not counted. Ours is whole
processes, start to end. Prints medians: wall seconds, CPU seconds, peak MB, and the ratios.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

ap = argparse.ArgumentParser()
ap.add_argument("counts"); ap.add_argument("--peer", required=True); ap.add_argument("--bin", default="target/release")
ap.add_argument("--python", default=sys.executable); ap.add_argument("--modes", default="deterministic,stochastic")
ap.add_argument("--rounds", type=int, default=2); ap.add_argument("--threads", type=int, default=2)
o = ap.parse_args()
modes, threads = o.modes.split(","), str(o.threads)


def measured(command):
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def ours(mode, folder):
    tool = os.path.join(o.bin, "mfdoom-velocity")
    fit = measured([tool, "fit", o.counts, "-o", f"{folder}/fit", "--mode", mode, "--threads", threads, "--force", "-q"])
    graph = measured([tool, "graph", f"{folder}/fit", "-o", f"{folder}/graph", "--threads", threads, "--force", "-q"])
    return [fit[0] + graph[0], fit[1] + graph[1], max(fit[2], graph[2])]


def peer():
    command = [o.python, o.peer, o.counts, "--modes", ",".join(modes), "--jobs", threads]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    shared = [s for s in steps if ":" not in s["step"]]
    def total(mode):
        mine = shared + [s for s in steps if s["step"].startswith(f"{mode}: ")]
        return [sum(s["wall_s"] for s in mine), sum(s["cpu_s"] for s in mine), max(s["peak_rss_mb"] for s in mine)]
    return {mode: total(mode) for mode in modes}


runs = {mode: ([], []) for mode in modes}
with tempfile.TemporaryDirectory() as folder:
    for _ in range(o.rounds):
        for mode in modes:
            runs[mode][0].append(ours(mode, folder))
        for mode, total in peer().items():
            runs[mode][1].append(total)
print("| mode | ours: wall s, CPU s, MB | scVelo: wall s, CPU s, MB | times faster: wall, CPU; times less memory |\n|---|---|---|---|")
for mode, (a, b) in runs.items():
    a, b = ([statistics.median(column) for column in zip(*rows)] for rows in (a, b))
    cell = lambda x: f"{x[0]:.2f}, {x[1]:.2f}, {x[2]:.0f}"
    print(f"| {mode} | {cell(a)} | {cell(b)} | {b[0] / a[0]:.1f}, {b[1] / a[1]:.1f}; {b[2] / a[2]:.1f} |")
