#!/usr/bin/env bash
# Scores a closed-form model, a trained one where asked for, and plain embeddings of real data sets.
#
#   workflows/evaluation.sh --data FOLDER --outdir OUT [--sets SET,...] [--network SET,...] [--epochs N] [--preset P] [--threads N]
#
# FOLDER holds the files of the list below; a set whose file is not there is left out. Each step writes one file or folder
# and is not done again where that is there. OUT/SET has tokens, models, scores (MODEL.json) and their reports; OUT/table.md has the
# scores of all sets, by workflows/evaluation_table.py. Cells are embedded and scored from all and from some of their modalities.
# --sets: these sets alone. --network: sets that a network is trained on too, in the blend of mfdoom-pretrain's default.
set -euo pipefail

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }
data='' outdir='' only='' network='' epochs=8 preset=tiny threads=2
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=$2 ;;
    --outdir) outdir=$2 ;;
    --sets) only=$2 ;;
    --network) network=$2 ;;
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

# NAME FILE LABEL BATCH REFERENCE, - for none; then what mfdoom-preprocess is told. REFERENCE: COLUMN=VALUES of the cells that labels
# are taken from, in place of those of other folds.
sets='
pancreas spliced/pancreas_3696x2000.h5ad clusters - -
baron expression/human_pancreas_baron_1937x20125.h5ad cell_type batch -
bonemarrow expression/mouse_bonemarrow_250x20243.h5ad cell_type - -
ifnb expression/pbmc_ifnb_2000x9015.h5ad - batch -
kang expression/kang_pbmc_muscat_4samples.h5ad cell_type batch -
mudan expression/pbmc_mudan_reference.h5ad cell_type - -
teaseq multimodal/teaseq_pbmc_matilda_train.h5ad cell_type - - --modality expression=X --modality protein=obsm/protein
mosaic multimodal/midas_quickstart_pbmc_mosaic.h5mu celltype batch batch=p3_0,p4_0
'

# Makes OUTPUT where it is not there: from a name beside it, so that what is there is whole.
step() { # step OUTPUT COMMAND...
  local output=$1
  shift
  [ -e "$output" ] || "$@" -o "$output" --threads "$threads" --force -q
}

score() { # score NAME FILE LABEL BATCH REFERENCE [PREPROCESS...]
  local name=$1 file=$data/$2 label=$3 out=$outdir/$1 batch=() groups=() models=(anchor) model
  [ "$4" = - ] || batch+=(--batch-key "$4") groups+=(--group-key "$4")
  [ "$5" = - ] || groups+=(--reference-key "$5")
  local batches=()
  [ "$4" = - ] || batches=(--batch-column "$4")
  shift 5
  [ -f "$file" ] || { echo "$name: no $file" >&2; return 0; }
  mkdir -p "$out"
  step "$out/tokens.parquet" mfdoom-preprocess "$file" --obs all "$@"
  step "$out/anchor" mfdoom-pretrain "$out/tokens.parquet" --anchor only --preset "$preset" ${batches[@]+"${batches[@]}"}
  case ,$network, in *,"$name",*)
    models+=(network)
    step "$out/network" mfdoom-pretrain "$out/tokens.parquet" --preset "$preset" --epochs "$epochs" \
      ${batches[@]+"${batches[@]}"} ;;
  esac
  for model in "${models[@]}"; do
    if [ "$label" != - ]; then
      step "$out/$model.json" mfdoom-evaluate retention "$out/tokens.parquet" --model "$out/$model" --label "$label" \
        ${groups[@]+"${groups[@]}"} --report "$out/$model.html"
      continue
    fi
    step "$out/$model.parquet" mfdoom-embed "$out/tokens.parquet" --model "$out/$model"
    step "$out/$model.json" mfdoom-evaluate embedding "$out/$model.parquet" --tokens "$out/tokens.parquet" \
      --model "$out/$model" ${batch[@]+"${batch[@]}"} --report "$out/$model.html"
  done
  echo "$name: $out"
}

while read -r name file label batch reference more; do
  # shellcheck disable=SC2086  # options of one set, split at blanks
  [ -z "$name" ] || { [ -n "$only" ] && [[ ,$only, != *,$name,* ]]; } || score "$name" "$file" "$label" "$batch" "$reference" $more
done <<< "$sets"
python3 "$(dirname "$0")/evaluation_table.py" "$outdir" > "$outdir/table.md"
echo "$outdir/table.md"
