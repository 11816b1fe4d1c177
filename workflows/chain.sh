#!/usr/bin/env bash
# From a sample sheet to tokens, a model, embeddings, velocities and h5ad files: the stages one after another, and
# the plain reference of what snakemake/ and nextflow/ do in parallel.
#
#   workflows/chain.sh --input sheet.csv --outdir out
#
# Everything is made again only where it is missing or older than what it is made from; of the sheet, every sample's
# own line counts.
set -euo pipefail

usage() {
  cat <<'T'
Usage: workflows/chain.sh --input SHEET.csv --outdir DIR [OPTION VALUE]...

  --input SHEET.csv   samples: columns sample, counts, optionally dataset, modalities, kind, and any further column
  --outdir DIR        where results go
  --model DIR         use this model; nothing is pre-trained
  --decoder DIR       use this velocity decoder; nothing is fine-tuned
  --preset NAME       size of the model: tiny, small, base, paper [default: that of mfdoom-pretrain]
  --epochs N          passes over the cells in each training [default: those of the stages]
  --max-tokens N      tokens that a cell keeps of a modality [default: of the preset]
  --top-genes N       genes of highest dispersion [default: all]
  --shards N          parts that a sample is worked on in [default: 1]
  --velocity BOOL     whether velocities are made: true or false [default: true]
  --generate BOOL     whether trajectories along the velocity are generated [default: false]
  --start VALUE       generate from the cells with this value of --label [default: from any cell]
  --label COLUMN      obs column that the report scores and draws the cells by [default: none]
  --seed N            [default: 0]
  --device NAME       auto, cpu, cuda, cuda:N or metal [default: auto]

Stages are looked for on the PATH, then in the checkout's build.
T
}

fail() { echo "error: $1" >&2; exit "${2:-2}"; }
step() { printf '\n== %s\n' "$*" >&2; }

input= outdir= model= decoder= preset= epochs= max_tokens= top_genes= label= shards=1 velocity=true generate=false start= seed=0 device=auto
while [ $# -gt 0 ]; do
  case $1 in
    --input|--outdir|--model|--decoder|--preset|--epochs|--max-tokens|--top-genes|--label|--shards|--velocity|--generate|--start|--seed|--device)
      [ $# -gt 1 ] || fail "$1 needs a value"
      name=${1#--}
      printf -v "${name//-/_}" '%s' "$2"
      shift 2
      ;;
    -h|--help) usage; exit ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done
[ -n "$input" ] || { usage >&2; fail "--input is missing"; }
[ -n "$outdir" ] || { usage >&2; fail "--outdir is missing"; }
number() { case $2 in ''|*[!0-9]*) fail "--$1 $2: a number was wanted" ;; esac; }
for name in seed shards; do number "$name" "${!name}"; done
[ -z "$epochs" ] || number epochs "$epochs"
[ -z "$max_tokens" ] || number max-tokens "$max_tokens"
[ -z "$top_genes" ] || number top-genes "$top_genes"
[ "$shards" -gt 0 ] || fail "--shards 0: a number from 1 was wanted"
case $velocity in true|false) ;; *) fail "--velocity $velocity: true or false was wanted" ;; esac
case $generate in true|false) ;; *) fail "--generate $generate: true or false was wanted" ;; esac
[ "$generate" = false ] || [ "$velocity" = true ] || fail "--generate true needs --velocity true: trajectories run along velocities"
[ -z "$start" ] || { [ "$generate" = true ] && [ -n "$label" ]; } || fail "--start $start needs --generate true and --label: it is a value of that column"
case $preset in ''|tiny|small|base|paper) ;; *) fail "--preset $preset: tiny, small, base or paper was wanted" ;; esac
case $device in auto|cpu|cuda|cuda:[0-9]*|metal) ;; *) fail "--device $device: auto, cpu, cuda, cuda:N or metal was wanted" ;; esac
for given in ${model:+"model=$model"} ${decoder:+"decoder=$decoder"}; do
  [ -f "${given#*=}/config.json" ] || fail "--${given%%=*} ${given#*=}: no such folder, or no config.json in it" 3
done

root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:${CARGO_TARGET_DIR:-$root/target}/release
command -v mfdoom-preprocess >/dev/null || fail "mfdoom-preprocess is not on the PATH: cargo build --release --workspace"

info=$outdir/pipeline_info
mkdir -p "$info"

# Results of other parameters are not mixed with these.
parameters="model=$model decoder=$decoder preset=$preset epochs=$epochs max_tokens=$max_tokens top_genes=$top_genes"
parameters="$parameters label=$label shards=$shards velocity=$velocity generate=$generate start=$start seed=$seed"
if [ -f "$info/parameters.txt" ] && [ "$(cat "$info/parameters.txt")" != "$parameters" ]; then
  fail "$outdir holds results of other parameters: $(cat "$info/parameters.txt")
  wanted: $parameters
    help: give another --outdir, or remove this one"
fi

# Returns whether OUTPUT is there and not older than any INPUT.
fresh() { # fresh OUTPUT INPUT...
  local output=$1 from
  shift
  [ -e "$output" ] || return 1
  for from; do [ ! "$from" -nt "$output" ] || return 1; done
}

# Makes OUTPUT from INPUTs where it is not fresh; the command gets -o OUTPUT --force.
make() { # make OUTPUT INPUT... -- COMMAND...
  local output=$1 inputs=()
  shift
  while [ "$1" != -- ]; do inputs+=("$1"); shift; done
  shift
  if fresh "$output" ${inputs[@]+"${inputs[@]}"}; then return; fi
  mkdir -p "$(dirname "$output")"
  step "$output"
  "$@" -o "$output" --force
}

# Makes OUTPUT as make does, in shards that are gathered where there are several.
scatter() { # scatter OUTPUT INPUT... -- COMMAND...
  [ "$shards" -gt 1 ] || { make "$@"; return; }
  local output=$1 inputs=() parts=() i part
  shift
  while [ "$1" != -- ]; do inputs+=("$1"); shift; done
  shift
  if fresh "$output" "${inputs[@]}"; then return; fi
  for ((i = 1; i <= shards; i++)); do
    part=$outdir/shards/$i-of-$shards/${output#"$outdir"/}
    make "$part" "${inputs[@]}" -- "$@" --shard "$i/$shards" || return
    parts+=("$part")
  done
  make "$output" "${parts[@]}" -- mfdoom-gather "${parts[@]}"
}

# Runs STEP for every sample; one that fails does not keep the others from being done, but the chain ends then.
for_each_sample() { # for_each_sample STEP
  local i code status=0
  for ((i = 0; i < ${#samples[@]}; i++)); do
    code=0
    "$1" "${samples[i]}" "${counts[i]}" "${measured[i]}" "${datasets[i]}" "${modalities[i]}" || code=$?
    if [ "$code" -ne 0 ]; then
      echo "error: sample ${samples[i]}: $1 failed with exit code $code" >&2
      [ "$status" -ne 0 ] || status=$code
    fi
  done
  [ "$status" -eq 0 ] || exit "$status"
}

# Takes a new file where it differs from the old one, which keeps its age where it does not.
renew() { # renew FILE: from FILE.new
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

step "checking the sample sheet"
sheet=$info/samples.tsv
mfdoom-preprocess -q --sheet "$input" --sheet-only -o "$sheet.new" --force
renew "$sheet"
echo "$parameters" > "$info/parameters.txt"
mkdir -p "$info/samples"
samples=() counts=() datasets=() modalities=() measured=()
while IFS=$'\037' read -r sample file dataset modality kind has more; do
  samples+=("$sample") counts+=("$file") datasets+=("$dataset") modalities+=("$modality") measured+=("$has")
  printf '%s\n' "$file" "$dataset" "$modality" "$kind" "$has" "$more" > "$info/samples/$sample.new"
  renew "$info/samples/$sample"
done < <(tail -n +2 "$sheet" | tr '\t' '\037')

if [ -n "$model" ]; then
  fresh "$outdir/vocab.json" "$model/vocab.json" || cp "$model/vocab.json" "$outdir/vocab.json"
else
  IFS=';' read -ra files <<< "$(IFS=';'; echo "${counts[*]}")"
  make "$outdir/vocab.json" "${files[@]}" "$sheet" -- \
    mfdoom-preprocess --sheet "$input" --vocab-only ${top_genes:+--top-genes "$top_genes"}
fi

preprocess() {
  local files
  IFS=';' read -ra files <<< "$2"
  scatter "$outdir/tokens/$1.parquet" "${files[@]}" "$info/samples/$1" "$outdir/vocab.json" -- \
    mfdoom-preprocess --sheet "$input" --sample "$1" --vocab "$outdir/vocab.json" ${label:+--obs "$label"}
}
for_each_sample preprocess
tokens=()
for sample in "${samples[@]}"; do tokens+=("$outdir/tokens/$sample.parquet"); done

if [ -z "$model" ]; then
  model=$outdir/model
  make "$model" "${tokens[@]}" -- mfdoom-pretrain "${tokens[@]}" ${preset:+--preset "$preset"} \
    ${epochs:+--epochs "$epochs"} ${max_tokens:+--max-tokens "$max_tokens"} --seed "$seed" --device "$device"
fi

embed() {
  scatter "$outdir/embeddings/$1.parquet" "$outdir/tokens/$1.parquet" "$model" -- \
    mfdoom-embed "$outdir/tokens/$1.parquet" --model "$model" --device "$device"
}
for_each_sample embed

both_layers() { case ,$1, in *,spliced,*) case ,$1, in *,unspliced,*) return 0 ;; esac ;; esac; return 1; }

fit() {
  both_layers "$3" || return 0
  local arguments=(--dataset "$4") parts=() files=() part
  IFS=';' read -ra files <<< "$2"
  for part in "${files[@]:1}"; do arguments+=(--with "$part"); done
  IFS=';' read -ra parts <<< "$5"
  for part in ${parts[@]+"${parts[@]}"}; do arguments+=(--modality "$part"); done
  make "$outdir/velocity/$1/fit" "${files[@]}" "$info/samples/$1" -- \
    mfdoom-velocity fit "${files[0]}" "${arguments[@]}" || return
  fits+=("$outdir/velocity/$1/fit") targets+=(--targets "$outdir/velocity/$1/fit") fitted+=("$outdir/tokens/$1.parquet")
}
predict() {
  scatter "$outdir/velocity/$1/predict" "$outdir/tokens/$1.parquet" "$model" "$decoder" -- \
    mfdoom-velocity predict "$outdir/tokens/$1.parquet" --model "$model" --decoder "$decoder" --device "$device"
}

fits=() targets=() fitted=()
[ "$velocity" = false ] || for_each_sample fit
if [ "$velocity" = true ] && [ -z "$decoder" ]; then
  if [ ${#fits[@]} -eq 0 ]; then
    echo "warning: no sample has spliced and unspliced counts and no --decoder is given: no velocities" >&2
    velocity=false
  else
    decoder=$outdir/decoder/velocity
    make "$decoder" "${fitted[@]}" "${fits[@]}" "$model" -- mfdoom-finetune-decoder "${fitted[@]}" --model "$model" \
      --task velocity "${targets[@]}" ${epochs:+--epochs "$epochs"} --seed "$seed" --device "$device"
  fi
fi
[ "$velocity" = false ] || for_each_sample predict

generate() {
  make "$outdir/trajectories/$1" "$outdir/tokens/$1.parquet" "$model" "$decoder" -- \
    mfdoom-generate "$outdir/tokens/$1.parquet" --model "$model" --decoder "$decoder" --seed "$seed" --device "$device" \
    ${label:+--obs "$label"} ${start:+--start "$label=$start"}
}
[ "$velocity" = false ] || [ "$generate" = false ] || for_each_sample generate

annotate() {
  local from=("$outdir/embeddings/$1.parquet") arguments=(--embeddings "$outdir/embeddings/$1.parquet") kind
  for kind in fit predict; do
    [ "$velocity" = true ] && [ -d "$outdir/velocity/$1/$kind" ] || continue
    from+=("$outdir/velocity/$1/$kind") arguments+=(--velocity "$outdir/velocity/$1/$kind")
  done
  # Results go into the first of several files of one sample.
  make "$outdir/h5ad/$1.h5ad" "${2%%;*}" "$info/samples/$1" "${from[@]}" -- mfdoom-annotate "${2%%;*}" "${arguments[@]}"
}
for_each_sample annotate

embedded=()
while IFS= read -r sample; do embedded+=("$outdir/embeddings/$sample.parquet"); done \
  < <(printf '%s\n' "${samples[@]}" | LC_ALL=C sort)
pages=(--report "$outdir/report/report.html" --multiqc "$outdir/report/mfdoom_mqc.json")
make "$outdir/report/metrics.json" "${embedded[@]}" -- mfdoom-evaluate embedding "${embedded[@]}" --batch-key dataset \
  ${label:+--label "$label"} --model "$model" --max-cells 10000 --seed "$seed" "${pages[@]}"

rm -rf "$outdir/shards"
for stage in preprocess pretrain embed velocity finetune-decoder generate gather annotate evaluate; do "mfdoom-$stage" --version; done > "$info/versions.txt"
step "done: $outdir"
