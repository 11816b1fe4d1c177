#!/usr/bin/env bash
# Scores a model and plain embeddings of real data sets: a report and metrics.json for each, and one table of all.
#
#   workflows/evaluation.sh --data FOLDER --outdir OUT [--epochs N] [--preset P] [--threads N]
#
# FOLDER holds the files of the list below; a set whose file is not there is left out.
set -euo pipefail

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }
data='' outdir='' epochs=8 preset=tiny threads=2
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=$2 ;;
    --outdir) outdir=$2 ;;
    --epochs) epochs=$2 ;;
    --preset) preset=$2 ;;
    --threads) threads=$2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "evaluation.sh: no option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$data" ] && [ -n "$outdir" ] || { usage >&2; exit 2; }
mkdir -p "$outdir"

# NAME FILE LABEL BATCH, - for none; then what mfdoom-preprocess is told.
sets='
pancreas spliced/pancreas_3696x2000.h5ad clusters -
baron expression/human_pancreas_baron_1937x20125.h5ad cell_type batch
bonemarrow expression/mouse_bonemarrow_250x20243.h5ad cell_type -
ifnb expression/pbmc_ifnb_2000x9015.h5ad - batch
kang expression/kang_pbmc_muscat_4samples.h5ad cell_type batch
mudan expression/pbmc_mudan_reference.h5ad cell_type -
teaseq multimodal/teaseq_pbmc_matilda_train.h5ad cell_type - --modality expression=X --modality protein=obsm/protein
'

score() { # score NAME FILE LABEL BATCH [PREPROCESS...]
  local name=$1 file=$data/$2 label=$3 batch=$4
  shift 4
  local out=$outdir/$name
  [ -f "$file" ] || { echo "$name: no $file" >&2; return 0; }
  mkdir -p "$out"
  [ -f "$out/tokens.parquet" ] || mfdoom-preprocess "$file" --obs all "$@" -o "$out/tokens.parquet" -q
  [ -d "$out/model" ] || mfdoom-pretrain "$out/tokens.parquet" -o "$out/model" --preset "$preset" \
    --epochs "$epochs" --threads "$threads" -q
  [ -f "$out/embeddings.parquet" ] || mfdoom-embed "$out/tokens.parquet" --model "$out/model" \
    -o "$out/embeddings.parquet" --threads "$threads" -q
  local more=()
  [ "$label" = - ] || more+=(--label "$label")
  [ "$batch" = - ] || more+=(--batch-key "$batch")
  mfdoom-evaluate embedding "$out/embeddings.parquet" --tokens "$out/tokens.parquet" "${more[@]}" --threads "$threads" \
    -o "$out/metrics.json" --table "$out/metrics.parquet" --report "$out/report.html" --force -q
  echo "$name: $out/report.html"
}

while read -r name file label batch more; do
  # shellcheck disable=SC2086  # options of one set, split at blanks
  [ -z "$name" ] || score "$name" "$file" "$label" "$batch" $more
done <<< "$sets"
