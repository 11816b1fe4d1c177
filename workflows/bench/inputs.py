#!/usr/bin/env python3
"""Time and memory of reading every input format: mfdoom-preprocess next to Python reading and normalising the same file.

    BIN=target/release python3 workflows/bench/inputs.py --cells 20000 100000 [--genes 2000] [--formats h5ad loom ...]

Needs scanpy, mudata, loompy and zarr. Writes a Markdown table to standard output, both measured one after the other, each in
a process of its own. Ours is the whole of preprocess, its start and the table of tokens included, and in the column "checks"
the seconds of processor time of --check, which reads and hashes everything and writes nothing; Python reads, normalises each
cell to 10,000 and takes log1p, its start left out. Processor time is what other work on the machine changes least.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

READ = {
    "h5ad": "a = sc.read_h5ad(p)",
    "h5ad gzip": "a = sc.read_h5ad(p)",
    "h5ad dense": "a = sc.read_h5ad(p)",
    "h5ad csc": "a = sc.read_h5ad(p)",
    "h5mu": "import mudata; a = mudata.read_h5mu(p)['rna']",
    "loom": "a = sc.read_loom(p, sparse=True, X_name='')",
    "loom (loompy)": "import loompy; c = loompy.connect(p, 'r', validate=False); a = ad.AnnData(c.sparse().T.tocsr()); c.close()",
    "10x h5": "a = sc.read_10x_h5(p)",
    "10x mtx": "a = sc.read_10x_mtx(p, cache=False)",
    "zarr 2": "a = ad.read_zarr(p)",
    "zarr 3": "a = ad.read_zarr(p)",
    "zarr 3 zip": "import zarr; a = ad.read_zarr(zarr.storage.ZipStore(p, mode='r'))",
    "csv": "a = ad.AnnData(sp.csr_matrix(sc.read_csv(p).X))",
    "csv turned": "a = ad.AnnData(sp.csr_matrix(sc.read_csv(p).X.T))",
}
PYTHON = """
import sys, warnings; warnings.filterwarnings('ignore')
import scanpy as sc, anndata as ad, numpy as np, scipy.sparse as sp
import resource
import time
cpu = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
p = sys.argv[1]; begin = cpu(); clock = time.perf_counter()
{read}
a.X = a.X.astype(np.float32); sc.pp.normalize_total(a, target_sum=1e4); sc.pp.log1p(a)
peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(time.perf_counter() - clock, cpu() - begin, int(peak) / 1024)
"""
# A process of its own: what a large one starts would be said to have its memory.
LAUNCH = """
import resource, subprocess, sys, time
clock = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - clock, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def counts(cells, genes):
    """Returns counts of cells by genes, about an eighth of them not 0."""
    import numpy
    import scipy.sparse

    random = numpy.random.default_rng(1)
    mean = random.gamma(0.5, 0.4, genes)
    blocks = []
    for start in range(0, cells, 5000):
        n = min(5000, cells - start)
        size = random.lognormal(0, 0.4, (n, 1))
        blocks.append(scipy.sparse.csr_matrix(random.poisson(size * mean).astype("float32")))
    return scipy.sparse.vstack(blocks).tocsr()


def write(kind, X, folder):
    """Writes counts in a format; returns the path."""
    import anndata
    import h5py
    import numpy
    import pandas

    anndata.settings.zarr_write_format = 2 if kind == "zarr 2" else 3
    n, g = X.shape
    random = numpy.random.default_rng(2)
    barcodes = ["".join(b) + f"-{i}" for i, b in enumerate(random.choice(list("ACGT"), (n, 16)))]
    names = [f"ENSG{i:011d}" for i in range(g)]
    data = anndata.AnnData(X, obs=pandas.DataFrame(index=barcodes), var=pandas.DataFrame(index=names))
    path = folder / kind.replace(" ", "_").replace("(", "").replace(")", "")
    if kind.startswith("h5ad"):
        if kind.endswith("dense"):
            data.X = X.toarray()
        if kind.endswith("csc"):
            data.X = X.tocsc()
        path = path.with_suffix(".h5ad")
        data.write_h5ad(path, compression="gzip" if kind.endswith("gzip") else None)
    elif kind == "h5mu":
        import mudata

        path = path.with_suffix(".h5mu")
        mudata.MuData({"rna": data}).write_h5mu(path)
    elif kind.startswith("loom"):
        path = path.with_suffix(".loom")
        data.var["Gene"], data.obs["CellID"] = data.var_names, data.obs_names
        data.write_loom(path)
    elif kind == "10x h5":
        path = path.with_suffix(".h5")
        with h5py.File(path, "w") as file:
            m = file.create_group("matrix")
            m["barcodes"] = numpy.array(barcodes, "S")
            m.create_dataset("data", data=X.data.astype("int32"), compression="gzip", chunks=True)
            m.create_dataset("indices", data=X.indices.astype("int64"), compression="gzip", chunks=True)
            m["indptr"], m["shape"] = X.indptr.astype("int64"), numpy.array([g, n])
            f = m.create_group("features")
            f["id"], f["name"] = numpy.array(names, "S"), numpy.array(names, "S")
            f["feature_type"] = numpy.array(["Gene Expression"] * g, "S")
            f["genome"] = numpy.array(["GRCh38"] * g, "S")
    elif kind == "10x mtx":
        path.mkdir()
        with gzip.open(path / "matrix.mtx.gz", "wt", compresslevel=4) as file:
            file.write(f"%%MatrixMarket matrix coordinate integer general\n%\n{g} {n} {X.nnz}\n")
            coo = X.tocoo()
            table = pandas.DataFrame({"g": coo.col + 1, "c": coo.row + 1, "x": coo.data.astype(int)})
            table.to_csv(file, sep=" ", header=False, index=False)
        with gzip.open(path / "barcodes.tsv.gz", "wt") as file:
            file.writelines(f"{b}\n" for b in barcodes)
        with gzip.open(path / "features.tsv.gz", "wt") as file:
            file.writelines(f"{name}\t{name}\tGene Expression\n" for name in names)
    elif kind == "zarr 3 zip":
        import zarr

        path = path.with_suffix(".zarr.zip")
        store = zarr.storage.ZipStore(path, mode="w")
        data.write_zarr(store)
        store.close()
    elif kind.startswith("zarr"):
        path = path.with_suffix(".zarr")
        data.write_zarr(path)
    else:
        path = path.with_suffix(".csv")
        frame = pandas.DataFrame(X.toarray().astype(int), index=barcodes, columns=names)
        (frame.T if kind == "csv turned" else frame).to_csv(path)
    return path


def ours(path, threads, *more):
    """Returns seconds, seconds of processor time and peak MB of mfdoom-preprocess."""
    program = str(Path(os.environ["BIN"], "mfdoom-preprocess"))
    command = [program, path, "-qq", "--threads", threads, *more]
    ran = subprocess.run([sys.executable, "-c", LAUNCH, *map(str, command)], capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{path}: {ran.stderr}")
    return tuple(map(float, ran.stdout.split()))


def theirs(kind, path):
    """Returns seconds, seconds of processor time and peak MB of Python, its start left out."""
    command = [sys.executable, "-c", PYTHON.format(read=READ[kind]), str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{kind}: {ran.stderr}")
    return tuple(map(float, ran.stdout.split()[-3:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[20000, 100000])
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--formats", nargs="+", default=list(READ))
    args = parser.parse_args()
    print("| format | cells | non-zeros | MB | cells a second | wall s | CPU s | checks | Python: wall s, CPU s, MB | wall | CPU | memory |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in args.formats:
        for cells in args.cells:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                X = counts(cells, args.genes)
                nnz = X.nnz
                path = write(kind, X, folder)
                del X
                _, checks, _ = ours(path, args.threads, "--check")
                wall, cpu, peak = ours(path, args.threads, "-o", folder / "t.parquet", "--force")
                python = theirs(kind, path)
                print(
                    f"| {kind} | {cells:,} | {nnz:,} | {peak:.0f} | {cells / wall:,.0f} | {wall:.2f} | {cpu:.2f} | {checks:.2f} | "
                    f"{python[0]:.2f}, {python[1]:.2f}, {python[2]:.0f} | {python[0] / wall:.1f} | {python[1] / cpu:.1f} | "
                    f"{python[2] / peak:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
