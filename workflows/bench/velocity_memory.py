"""Shows how the memory of mfdoom-velocity fit grows with the number of cells, on simulated files.

usage: velocity_memory.py [--bin FOLDER] [--genes 600] [--cells 2000,4000,8000]

Prints peak MB and CPU seconds of every size, and MB per million cells x genes beyond the smallest: a constant
means linear growth; a growth with cells squared would double it from one size to the next.
"""
import argparse, os, subprocess, sys, tempfile

ap = argparse.ArgumentParser()
ap.add_argument("--bin", default="target/release"); ap.add_argument("--genes", type=int, default=600)
ap.add_argument("--cells", default="2000,4000,8000")
o = ap.parse_args()


def measured(command):
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


print("| cells x genes kept | peak MB | CPU s | MB per million values beyond the smaller size |\n|---|---|---|---|")
before = None
with tempfile.TemporaryDirectory() as folder:
    for cells in map(int, o.cells.split(",")):
        counts = f"{folder}/{cells}.h5ad"
        measured([f"{o.bin}/mfdoom-simulate", "-o", counts, "--cells", str(cells), "--genes", str(o.genes), "--truth", "none", "-q"])
        command = [f"{o.bin}/mfdoom-velocity", "fit", counts, "-o", f"{folder}/v", "--force", "-q", "--threads", "2"]
        peak, cpu = measured(command + ["--min-shared-counts", "0"])
        values = cells * o.genes / 1e6
        slope = f"{(peak - before[0]) / (values - before[1]):.0f}" if before else ""
        print(f"| {cells} x {o.genes} | {peak:.0f} | {cpu:.1f} | {slope} |", flush=True)
        before = (peak, values)
