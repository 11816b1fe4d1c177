"""Broken files of every input format through the stages that read counts.

    BIN=target/release python3 tests/broken/inputs.py [FOLDER]

Makes the files in FOLDER (a temporary one without it), runs `mfdoom-preprocess` and, where both layers are there,
`mfdoom-velocity fit` on each, and prints a line for each that went wrong: an exit code other than 0 or 3, a panic, a
message without its file, an output that stayed behind, more than 20 seconds or 1 GiB. Needs h5py, numpy, scipy, anndata.
"""
import gzip, os, resource, shutil, subprocess, sys, tempfile, time
from pathlib import Path
import anndata as ad, h5py, numpy as np, pandas as pd, scipy.sparse as sp

BIN = Path(os.environ["BIN"]).resolve()
R = np.random.default_rng(1)
N, G = 12, 9


def counts(n=N, g=G):
    return R.poisson(1.5, (n, g)).astype("f4")


def names(prefix, n):
    return [f"{prefix}{i}" for i in range(n)]


def h5ad(path, change=None):
    s, u = counts(), counts()
    a = ad.AnnData(sp.csr_matrix(s + u), pd.DataFrame(index=names("c", N)), pd.DataFrame(index=names("g", G)))
    a.layers["spliced"], a.layers["unspliced"] = sp.csr_matrix(s), sp.csr_matrix(u)
    a.write_h5ad(path)
    edit(path, change)


def edit(path, change):
    if change:
        with h5py.File(path, "r+") as f:
            change(f)


def replace(f, name, values):
    del f[name]
    f[name] = values


def h5mu(path, change=None):
    with h5py.File(path, "w") as f:
        f.attrs["encoding-type"] = "MuData"
        ad.io.write_elem(f, "obs", pd.DataFrame(index=names("c", N)))
        ad.io.write_elem(f, "var", pd.DataFrame(index=names("v", 2 * G)))
        for name, cells in (("rna", range(N)), ("adt", range(0, N, 2))):
            cells = list(cells)
            a = ad.AnnData(sp.csr_matrix(counts(len(cells))), pd.DataFrame(index=[f"c{i}" for i in cells]), pd.DataFrame(index=names(name, G)))
            ad.io.write_elem(f.require_group("mod"), name, a)
            rows = np.zeros(N, "u4")
            rows[cells] = np.arange(len(cells)) + 1
            f[f"obsmap/{name}"] = rows
    edit(path, change)


def loom(path, change=None):
    with h5py.File(path, "w") as f:
        f["matrix"] = counts(G, N)
        f["layers/spliced"], f["layers/unspliced"] = counts(G, N), counts(G, N)
        f["row_attrs/Gene"], f["col_attrs/CellID"] = np.array(names("g", G), "S"), np.array(names("c", N), "S")
    edit(path, change)


def tenx(path, change=None):
    x = sp.csr_matrix(counts())
    with h5py.File(path, "w") as f:
        g = f.create_group("matrix")
        g["data"], g["indices"], g["indptr"], g["shape"] = x.data.astype("i4"), x.indices, x.indptr, [G, N]
        g["barcodes"] = np.array(names("AC", N), "S")
        g["features/id"] = g["features/name"] = np.array(names("ENSG", G), "S")
        g["features/feature_type"] = np.array(["Gene Expression"] * G, "S")
    edit(path, change)


def folder(path, matrix=None, cells=None, genes=None, packed=False):
    path.mkdir()
    x = counts().astype(int)
    rows = [f"{g + 1} {c + 1} {x[c, g]}" for c in range(N) for g in range(G) if x[c, g]]
    text = matrix if matrix is not None else "%%MatrixMarket matrix coordinate integer general\n" + f"{G} {N} {len(rows)}\n" + "\n".join(rows) + "\n"
    put = lambda name, data: (path / name).write_bytes(data)
    data = text if isinstance(text, bytes) else text.encode()
    put("matrix.mtx.gz", gzip.compress(data)) if packed else put("matrix.mtx", data)
    put("barcodes.tsv", ("\n".join(cells or names("AC", N)) + "\n").encode("latin-1"))
    put("features.tsv", ("\n".join(genes or names("ENSG", G)) + "\n").encode("latin-1"))


def values(v):
    def change(f):
        data = f["X/data"][:].astype("f8")
        data[len(data) // 2] = v
        replace(f, "X/data", data)
        for layer in ("spliced", "unspliced"):
            del f[f"layers/{layer}"]
    return change


def huge(name, shape):
    """A dataset that declares far more than the file holds."""
    def change(f):
        dtype = f[name].dtype
        del f[name]
        f.create_dataset(name, shape, dtype, chunks=True)
    return change


def lines(text):
    return "%%MatrixMarket matrix coordinate integer general\n" + text


def make(d):
    ad.settings.allow_write_nullable_strings = True
    for name, write in (("h5ad", h5ad), ("h5mu", h5mu), ("loom", loom), ("h5", tenx)):
        write(d / f"whole.{name}")
        whole = (d / f"whole.{name}").read_bytes()
        for part in range(1, 12):
            (d / f"cut{part}.{name}").write_bytes(whole[: len(whole) * part // 12])
        for seed in range(12):
            at = bytearray(whole)
            for _ in range(4):
                at[int(R.integers(len(at)))] = int(R.integers(256))
            (d / f"flipped{seed}.{name}").write_bytes(at)
    for name, v in dict(nan=np.nan, negative=-3, infinite=np.inf, half=0.5, big=2.0**60).items():
        h5ad(d / f"value-{name}.h5ad", values(v))
    x = "X/indices"
    h5ad(d / "index-out.h5ad", lambda f: replace(f, x, np.where(np.arange(len(f[x])) == 3, 10**6, f[x][:])))
    h5ad(d / "index-negative.h5ad", lambda f: replace(f, "layers/spliced/indices", -1 - f["layers/spliced/indices"][:]))
    h5ad(d / "pointers-fall.h5ad", lambda f: replace(f, "X/indptr", f["X/indptr"][:][::-1]))
    h5ad(d / "pointers-huge.h5ad", lambda f: replace(f, "X/indptr", f["X/indptr"][:].astype("i8") * 2**40))
    h5ad(d / "shape-lies.h5ad", lambda f: f["layers/spliced"].attrs.__setitem__("shape", [N, 2**40]))
    h5ad(d / "no-var.h5ad", lambda f: f.__delitem__("var"))
    h5ad(d / "no-index.h5ad", lambda f: f["obs"].__delitem__(f["obs"].attrs["_index"]))
    h5ad(d / "same-cell.h5ad", lambda f: replace(f, "obs/_index", ["c0"] * N))
    h5ad(d / "absurd-cells.h5ad", huge("obs/_index", (2**40,)))
    h5ad(d / "absurd-values.h5ad", huge("X/data", (2**40,)))
    h5ad(d / "external.h5ad", lambda f: (f.__delitem__("X"), f.__setitem__("X", h5py.ExternalLink("/etc/hostname", "/X"))))
    h5ad(d / "circle.h5ad", lambda f: f.__setitem__("layers/loop", h5py.SoftLink("/layers")))
    loom(d / "wrong-genes.loom", lambda f: replace(f, "row_attrs/Gene", np.array(["g"], "S")))
    loom(d / "wrong-layer.loom", lambda f: replace(f, "layers/spliced", counts(3, 3)))
    loom(d / "texts.loom", lambda f: replace(f, "matrix", np.array([["a"] * N] * G, "S")))
    tenx(d / "index-out.h5", lambda f: replace(f, "matrix/indices", f["matrix/indices"][:] + G))
    tenx(d / "shape-lies.h5", lambda f: replace(f, "matrix/shape", [2**50, N]))
    tenx(d / "no-features.h5", lambda f: f["matrix"].__delitem__("features"))
    h5mu(d / "map-out.h5mu", lambda f: replace(f, "obsmap/adt", np.full(N, 2**31, "u4")))
    h5mu(d / "map-short.h5mu", lambda f: replace(f, "obsmap/adt", np.zeros(3, "u4")))
    h5mu(d / "no-modality.h5mu", lambda f: [f["mod"].__delitem__(m) for m in ("rna", "adt")])
    for name, text in {
        "banner": "nothing\n", "no-size": lines(""), "size": lines("x y z\n"), "zero": lines(f"{G} {N} 1\n0 1 1\n"), "out": lines(f"{G} {N} 1\n{G + 1} 1 1\n"),
        "few": lines(f"{G} {N} 5\n1 1 1\n"), "many": lines(f"{G} {N} 1\n1 1 1\n2 1 1\n"), "word": lines(f"{G} {N} 1\n1 1 one\n"), "fraction": lines(f"{G} {N} 1\n1 1 1.5\n"),
        "absurd": lines(f"{2**62} {2**62} {2**62}\n1 1 1\n"), "other": lines("3 4 1\n1 1 1\n"), "array": "%%MatrixMarket matrix array real general\n1 1\n1\n", "bytes": b"\xff\xfe%%\x00",
    }.items():
        folder(d / f"mtx-{name}", text)
    folder(d / "mtx-latin", genes=["\xe9" + n for n in names("g", G)])
    folder(d / "mtx-few-genes", genes=["g0"])
    folder(d / "mtx-same-cell", cells=["AC"] * N)
    folder(d / "mtx-bomb", lines(f"{G} {N} 1\n") + "1" * (1 << 28), packed=True)
    folder(d / "mtx-cut", packed=True)
    data = (d / "mtx-cut/matrix.mtx.gz").read_bytes()
    (d / "mtx-cut/matrix.mtx.gz").write_bytes(data[: len(data) // 2])
    for name, text in dict(ragged="a,b,c\nx,1,2\ny,1\n", words="a,b,c\nx,1,2\ny,1,two\n", nan="a,b,c\nx,1,2\ny,1,nan\n", negative="a,b,c\nx,1,-2\n", header="a,b,c\n", same="a,b,c\nx,1,2\nx,1,2\n").items():
        (d / f"table-{name}.csv").write_text(text)
    (d / "empty.h5ad").write_bytes(b"")
    os.symlink("nowhere", d / "dangling.h5ad")


def run(command, target):
    out = Path(tempfile.mkdtemp()) / "out"
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    begin = time.time()
    try:
        done = subprocess.run([*command, "-o", str(out)], capture_output=True, timeout=60, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return ["took more than 60 s"]
    finally:
        left = out.exists() or len(list(out.parent.iterdir())) > 0
        shutil.rmtree(out.parent)
    text, wrong = done.stderr.decode(errors="replace"), []
    if done.returncode not in (0, 3):
        wrong.append(f"exit {done.returncode}: {text.strip().splitlines()[-1:]}")
    if "panicked" in text:
        wrong.append("panic")
    if done.returncode and target.name.split(".")[0] not in text:
        wrong.append("its file is not named")
    if done.returncode and left:
        wrong.append("something was left behind")
    if time.time() - begin > 20:
        wrong.append(f"{time.time() - begin:.0f} s")
    return wrong


def main():
    d = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    make(d)
    n = bad = 0
    for target in sorted(d.iterdir()):
        commands = [[BIN / "mfdoom-preprocess", "-q", target]]
        if target.suffix in (".h5ad", ".loom"):
            commands.append([BIN / "mfdoom-velocity", "fit", "-q", target, "--n-neighbors", "3", "--min-shared-counts", "1"])
        for command in commands:
            n += 1
            wrong = run([str(part) for part in command], target)
            if wrong:
                bad += 1
                print(f"{command[0].name} {target.name}: {'; '.join(wrong)}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"{n} runs, {bad} wrong, {peak} MiB at most")
    sys.exit(bad > 0 or peak > 1024)


main()
