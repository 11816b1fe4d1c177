#!/usr/bin/env bash
# From a fresh checkout to trained embeddings: builds, takes or simulates data, runs the stages, sums up.
#
#   workflows/quickstart.sh                                   on simulated data
#   workflows/quickstart.sh --input A.h5ad B.h5ad --label cell_type    on your own
#
# Tried on Debian 12; written for macOS too, where it has not been tried.
set -euo pipefail

usage() {
  cat <<'T'
Usage: workflows/quickstart.sh [--input FILE...] [--label COLUMN] [--outdir DIR] [--preset NAME] [--epochs N]

  --input FILE...   h5ad files with raw counts [default: a data set is simulated]
  --label COLUMN    obs column that the summary scores [default: cell_type]
  --outdir DIR      where results go [default: out/quickstart]
  --preset NAME     size of the model: tiny, small, base [default: that of mfdoom-pretrain]
  --epochs N        passes over the cells [default: those of mfdoom-pretrain]
T
}

root=$(cd "$(dirname "$0")/.." && pwd)
inputs=() label=cell_type outdir=out/quickstart preset= epochs=
while [ $# -gt 0 ]; do
  case $1 in
    --input)
      shift
      while [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; do inputs+=("$1"); shift; done
      [ ${#inputs[@]} -gt 0 ] || { echo "--input needs a file" >&2; exit 2; }
      ;;
    --label|--outdir|--preset|--epochs)
      [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    -h|--help) usage; exit ;;
    *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done

step() { printf '\n== %s\n' "$*" >&2; }

step "building in release (the first time takes about 15 minutes on two cores)"
. "$root/workflows/toolchain.sh"
check_toolchain
target=${CARGO_TARGET_DIR:-$root/target}
(cd "$root" && cargo build --release --locked --workspace)
PATH=$target/release:$PATH

mkdir -p "$outdir"
started=$(date +%s)
if [ ${#inputs[@]} -eq 0 ]; then
  step "simulating a branching lineage in two batches, one of them expression-only"
  mfdoom-simulate -o "$outdir/sim.h5ad" --batches 2 --drop-modalities 0.5 --seed 1 --force
  inputs=("$outdir/sim.h5ad" "$outdir/sim.expression.h5ad")
fi

step "counts to tokens"
mfdoom-preprocess "${inputs[@]}" --obs "$label" -o "$outdir/tokens.parquet" --force

step "training"
training=(${preset:+--preset "$preset"})
mfdoom-pretrain "$outdir/tokens.parquet" ${training[@]+"${training[@]}"} ${epochs:+--epochs "$epochs"} -o "$outdir/model" --force
mfdoom-pretrain "$outdir/tokens.parquet" ${training[@]+"${training[@]}"} --epochs 0 -o "$outdir/closed_form" --force -q

step "embedding from all modalities, from expression alone, and by the closed form without training"
embed() { mfdoom-embed "$outdir/tokens.parquet" --model "$outdir/$1" -o "$outdir/$2.parquet" --force -q "${@:3}"; }
embed model embeddings
embed model from_expression --use-modalities expression
embed closed_form closed_form

step "scoring"
score() { # score NAME EMBEDDINGS ARGUMENT...
  mfdoom-evaluate embedding "$outdir/$2.parquet" --label "$label" -o "$outdir/$1.json" --force -q "${@:3}"
}
score metrics embeddings --tokens "$outdir/tokens.parquet" \
  --scatter "$outdir/scatter.svg" --report "$outdir/report.html"
score metrics_from_expression from_expression --head fusion
score metrics_closed_form closed_form --head fusion
finished=$(date +%s)

# Prints the accuracy of a head from a metrics file: the value of the first row of that head with this name.
accuracy() { # accuracy FILE HEAD
  awk -v head="\"$2\"" '
    /"head":/ { here = index($0, head) > 0 }
    /"name":/ { named = index($0, "\"accuracy\"") > 0 }
    here && named && /"value":/ { gsub(/[^0-9.eE+-]/, "", $2); printf "%.3f", $2; exit }' "$outdir/$1.json"
}

cat <<T

MFDOOM quickstart: done in $((finished - started)) seconds after the build.

label accuracy ($label, 15 nearest neighbours, five folds)
  all modalities, trained      $(accuracy metrics fusion)
  expression alone, trained    $(accuracy metrics_from_expression fusion)
  closed form, no training     $(accuracy metrics_closed_form fusion)
  PCA-50 of expression         $(accuracy metrics pca50_expression)

made in $outdir
  tokens.parquet               counts as tokens
  model/                       the trained model (see model/README.md)
  embeddings.parquet           a vector for each cell and head
  scatter.svg  report.html     what it looks like
  metrics.json                 every score

next: mfdoom-embed --help, or your own files: workflows/quickstart.sh --input YOUR.h5ad --label COLUMN
T
