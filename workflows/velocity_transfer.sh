#!/usr/bin/env bash
# Velocity across data sets, on simulated cells whose true velocity is known: a decoder that learned from fitted
# velocities predicts, from total expression alone, (1) another experimental batch of the same tissue and (2) a tissue
# with other rates and lineages.
#
#   workflows/velocity_transfer.sh [--outdir out/velocity_transfer] [--cells N] [--genes N] [--epochs N] [--decoder-epochs N]
#
# Every step is kept: a run that was stopped goes on where it was. Needs the stages on the PATH (or built), and a Python
# (MFDOOM_PYTHON, else python3) with anndata and pyarrow.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=${MFDOOM_PYTHON:-python3}
outdir=out/velocity_transfer cells=2000 genes=500 epochs=6 decoder_epochs=30 threads=2
while [ $# -gt 0 ]; do
  case $1 in
    --outdir|--cells|--genes|--epochs|--threads) printf -v "${1#--}" '%s' "$2"; shift 2 ;;
    --decoder-epochs) decoder_epochs=$2; shift 2 ;;
    -h|--help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit ;;
    *) echo "unknown argument: $1" >&2; exit 2 ;;
  esac
done
PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
mkdir -p "$outdir"
cd "$outdir"

[ -f a.h5ad ] || mfdoom-simulate -o a.h5ad --cells "$cells" --genes "$genes" --batches 2 --lineages 2 --seed 1 --truth full
[ -f b.h5ad ] || mfdoom-simulate -o b.h5ad --cells "$cells" --genes "$genes" --batches 1 --lineages 3 --seed 2 --truth full

# Cells of each batch, expression-only copies, and the true velocities as a table that lists its genes.
[ -f truth_b.parquet ] || "$python" - <<'P'
import json, anndata, numpy as np, pyarrow as pa, pyarrow.parquet as pq
def truth(a, dataset, path):
    v = np.ascontiguousarray(a.layers["true_velocity"], dtype=np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(v.ravel()), v.shape[1])
    t = pa.table({"dataset": [dataset] * a.n_obs, "cell_id": list(a.obs_names), "velocity": column})
    pq.write_table(t.replace_schema_metadata({"mfdoom.genes": json.dumps(list(a.var_names))}), path)
def expression(a, path):
    anndata.AnnData(a.layers["spliced"] + a.layers["unspliced"], obs=a.obs[["cell_type"]], var=a.var[[]]).write_h5ad(path)
a, b = anndata.read_h5ad("a.h5ad"), anndata.read_h5ad("b.h5ad")
for n in (1, 2):
    part = a[a.obs["batch"] == f"batch_{n}"].copy()
    open(f"a{n}.txt", "w").write("\n".join(part.obs_names) + "\n")
    expression(part, f"a{n}_expression.h5ad")
    truth(part, "a", f"truth_a{n}.parquet")
expression(b, "b_expression.h5ad")
truth(b, "b", "truth_b.parquet")
P

[ -f train.parquet ] || mfdoom-preprocess a.h5ad --cells a1.txt --dataset a -o train.parquet -q
[ -f a2.parquet ] || mfdoom-preprocess a2_expression.h5ad --dataset a --obs cell_type -o a2.parquet -q
[ -f a1.parquet ] || mfdoom-preprocess a1_expression.h5ad --dataset a --obs cell_type -o a1.parquet -q
[ -f b.parquet ] || mfdoom-preprocess b_expression.h5ad --dataset b --obs cell_type -o b.parquet -q
[ -d fit ] || mfdoom-velocity fit a.h5ad --cells a1.txt --dataset a --threads "$threads" -o fit
[ -d model ] || mfdoom-pretrain train.parquet --preset small --max-tokens 128 --batch-cells 64 \
  --value-transform log_normalized --epochs "$epochs" --lr 2e-3 --resume --threads "$threads" -o model
[ -d decoder ] || mfdoom-finetune-decoder train.parquet --model model --task velocity --targets fit --resume \
  --epochs "$decoder_epochs" --threads "$threads" -o decoder
for set in a1 a2 b; do
  [ -d "predict_$set" ] || mfdoom-velocity predict "$set.parquet" --model model --decoder decoder \
    --threads "$threads" -o "predict_$set"
  [ -f "$set.json" ] || mfdoom-evaluate velocity "predict_$set" --truth "truth_$set.parquet" --umap-seeds 1 -o "$set.json"
done
# What the fit itself gets right on its own cells: the ceiling of a decoder that learns from it.
[ -f fit.json ] || mfdoom-evaluate velocity fit --truth truth_a1.parquet --umap-seeds 1 -o fit.json
