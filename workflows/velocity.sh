#!/usr/bin/env bash
# Held-out RNA velocity: how well is the velocity of a cell predicted that the model has never seen, also when only its
# total expression was measured? Folds, targets, plain baselines and scores come from a judge outside the project, so
# that nothing here marks its own work.
#
#   workflows/velocity.sh --counts pancreas.h5ad --kinetics stochastic.npz --genes base.npz --folds kfold5.npz \
#       --judge velocity_targets.py [--fold I] [--outdir out/velocity] [--preset P] [--epochs N] [--decoder-epochs N] [--views N]
#
# --label COLUMN and --edges 'A>B,...' name the clusters and the steps between them that directions are scored by.
# --decoder-epochs 0 leaves the decoder at its closed-form start, which does not use the pre-trained network; --views are
# those of a cell that a decoder is trained on.
#
# Every step is kept: a run that was stopped goes on where it was. One result file a fold: OUTDIR/foldI/result.txt.
# Needs the stages on the PATH (or built), and a Python (MFDOOM_PYTHON, else python3) with anndata, pyarrow,
# scikit-learn and scipy.
set -euo pipefail

usage() { sed -n '2,16s/^# \{0,1\}//p' "$0"; }

root=$(cd "$(dirname "$0")/.." && pwd)
python=${MFDOOM_PYTHON:-python3}
counts='' kinetics='' genes='' folds='' judge='' fold='' outdir=out/velocity
label=clusters
edges='Ngn3 low EP>Ngn3 high EP,Ngn3 high EP>Pre-endocrine,Pre-endocrine>Alpha,Pre-endocrine>Beta,Pre-endocrine>Delta,Pre-endocrine>Epsilon'
preset=small epochs=6 decoder_epochs=30 views=2 max_tokens=128 threads=2
while [ $# -gt 0 ]; do
  case $1 in
    --counts|--kinetics|--genes|--folds|--judge|--fold|--outdir|--preset|--epochs|--views|--threads)
      [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --label) label=$2; shift 2 ;;
    --edges) edges=$2; shift 2 ;;
    --max-tokens) max_tokens=$2; shift 2 ;;
    --decoder-epochs) decoder_epochs=$2; shift 2 ;;
    -h|--help) usage; exit ;;
    *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done
for needed in counts kinetics genes folds judge; do
  [ -f "${!needed}" ] || { echo "--$needed: no such file: '${!needed}'" >&2; exit 2; }
done

PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
step() { printf '\n== %s\n' "$*" >&2; }
judged() { "$python" "$judge" "$@"; }

mkdir -p "$outdir"
[ -d "$outdir/targets" ] || {
  step "targets of every fold"
  judged make "$counts" "$kinetics" "$folds" --genes "$genes" --dataset P -o "$outdir/targets.part"
  mv "$outdir/targets.part" "$outdir/targets"
}
[ -f "$outdir/baselines.txt" ] || {
  step "plain baselines"
  judged baselines "$outdir/targets" > "$outdir/baselines.part"
  mv "$outdir/baselines.part" "$outdir/baselines.txt"
}
# The same cells as one who measured total expression alone has them.
[ -f "$outdir/total.h5ad" ] || "$python" - "$counts" "$outdir/total.h5ad" <<'P'
import sys, anndata
a = anndata.read_h5ad(sys.argv[1])
anndata.AnnData(a.layers["spliced"] + a.layers["unspliced"], obs=a.obs[[]], var=a.var[[]]).write_h5ad(sys.argv[2])
P

tokens() { # tokens COUNTS PART OUTPUT
  [ -f "$3" ] || mfdoom-preprocess "$1" --cells "$outdir/targets/fold${i}_$2.txt" --dataset P -o "$3" -q
}
pretrained() { # pretrained TOKENS MODEL
  [ -d "$2" ] || mfdoom-pretrain "$1" --preset "$preset" --max-tokens "$max_tokens" --batch-cells 64 \
    --value-transform log_normalized --epochs "$epochs" --lr 2e-3 --resume --threads "$threads" -o "$2"
}
decoder() { # decoder TOKENS MODEL TARGETS DECODER
  [ -d "$4" ] || mfdoom-finetune-decoder "$1" --model "$2" --task velocity --targets "$3" --resume \
    --epochs "$decoder_epochs" --views "$views" --threads "$threads" -o "$4"
}
predicted() { # predicted TOKENS MODEL DECODER OUTPUT [MODALITY]
  [ -d "$4" ] || mfdoom-velocity predict "$1" --model "$2" --decoder "$3" ${5:+--use-modalities "$5"} \
    --threads "$threads" -o "$4"
}
scored() { # scored NAME TARGETS TABLE...
  printf '%-40s ' "$1"
  judged score "$2" "${@:3}" | paste -sd'|'
}

one_fold() { # one_fold I
  i=$1
  local f=$outdir/fold$i t=$outdir/targets
  [ -f "$f/result.txt" ] && return
  mkdir -p "$f"
  tokens "$counts" train "$f/train.parquet"
  tokens "$counts" test "$f/test.parquet"
  tokens "$outdir/total.h5ad" train "$f/train_x.parquet"
  tokens "$outdir/total.h5ad" test "$f/test_x.parquet"
  step "fold $i: pre-training on all modalities, and on expression alone"
  pretrained "$f/train.parquet" "$f/model"
  pretrained "$f/train_x.parquet" "$f/model_x"
  step "fold $i: velocity decoders"
  decoder "$f/train.parquet" "$f/model" "$t/fold${i}_train_unsmoothed.parquet" "$f/decoder"
  decoder "$f/train_x.parquet" "$f/model_x" "$t/fold${i}_train_unsmoothed.parquet" "$f/decoder_x"
  step "fold $i: rates and genes refitted on the training cells"
  refitted "$f"
  decoder "$f/train.parquet" "$f/model" "$f/refit/fold${i}_train_unsmoothed.parquet" "$f/decoder_refit"
  step "fold $i: predicting cells that were never seen"
  predicted "$f/test.parquet" "$f/model" "$f/decoder" "$f/all"
  for m in spliced unspliced expression; do
    predicted "$f/test.parquet" "$f/model" "$f/decoder" "$f/$m" "$m"
  done
  predicted "$f/test_x.parquet" "$f/model_x" "$f/decoder_x" "$f/expression_x"
  predicted "$f/test.parquet" "$f/model" "$f/decoder_refit" "$f/refit_all"
  predicted "$f/test.parquet" "$f/model" "$f/decoder_refit" "$f/refit_expression" expression
  {
    for input in all spliced unspliced expression expression_x; do
      scored "$input" "$t" "$f/$input/velocity.parquet"
    done
    for input in all expression; do
      scored "refit: $input" "$f/refit" "$f/refit_$input/velocity.parquet"
    done
  } > "$f/result.part"
  mv "$f/result.part" "$f/result.txt"
}

refitted() { # refitted FOLDER: targets whose gamma and genes come from the training cells
  [ -d "$1/refit" ] && return
  [ -d "$1/fit" ] || mfdoom-velocity fit "$counts" --cells "$outdir/targets/fold${i}_train.txt" --dataset P \
    --mode stochastic --threads "$threads" -o "$1/fit"
  "$python" - "$1/fit/kinetics.parquet" "$1/kinetics.npz" <<'P'
import sys, numpy, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
numpy.savez(sys.argv[2], genes=numpy.array(t["gene_id"].to_pylist()), gamma=t["gamma"].to_numpy(),
            velocity_genes=t["velocity_gene"].to_numpy(zero_copy_only=False).astype(bool))
P
  judged make "$counts" "$1/kinetics.npz" "$folds" --dataset P -o "$1/refit.part"
  mv "$1/refit.part" "$1/refit"
}

if [ -n "$fold" ]; then
  one_fold "$fold"
  cat "$outdir/fold$fold/result.txt"
  exit
fi
for n in 0 1 2 3 4; do one_fold "$n"; done

step "all folds"
{
  cat "$outdir/baselines.txt"
  for input in all spliced unspliced expression expression_x; do
    scored "$input" "$outdir/targets" "$outdir"/fold[0-4]/"$input"/velocity.parquet
  done
} | tee "$outdir/result.txt"

step "directions on UMAPs: held-out predictions of every cell beside the fit of all cells"
[ -d "$outdir/fit" ] || mfdoom-velocity fit "$counts" --dataset P --mode stochastic --threads "$threads" -o "$outdir/fit"
for input in all expression; do
  held=$outdir/held_out_$input.parquet
  [ -f "$held" ] || "$python" - "$held" "$outdir"/fold[0-4]/"$input"/velocity.parquet <<'P'
import json, sys, pyarrow as pa, pyarrow.parquet as pq
parts = [pq.read_table(path) for path in sys.argv[2:]]
genes = parts[0].schema.metadata[b"mfdoom.genes"]
assert all(part.schema.metadata[b"mfdoom.genes"] == genes for part in parts), "folds of different genes"
table = pa.concat_tables(part.select(["dataset", "cell_id", "velocity"]).replace_schema_metadata() for part in parts)
pq.write_table(table.replace_schema_metadata({"mfdoom.genes": genes}), sys.argv[1])
P
  [ -f "$outdir/directions_$input.json" ] || mfdoom-evaluate velocity "$held" --fitted "$outdir/fit" \
    --label "$label" --label-source "$counts" --edges "$edges" --square-root true --threads "$threads" \
    --plot "$outdir/stream_$input.png" -o "$outdir/directions_$input.json"
done
