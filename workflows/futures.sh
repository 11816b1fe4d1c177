#!/usr/bin/env bash
# Generated futures on one data set with spliced and unspliced counts: how like real cells are the cells of each step, where do
# trajectories end, and does pseudotime rise along them? Beside random walks on the velocity graph, a negative binomial of each
# label, and real cells.
#
#   workflows/futures.sh --counts pancreas.h5ad --label clusters --start Ductal --terminal Alpha,Beta,Delta,Epsilon \
#       --train train.txt --test test.txt [--outdir out/futures] [--steps N] [--trajectories N] [--threads N]
#
# --train and --test list the cells (one id a line) that everything is learned from, and those that the generated are held against.
# Every step is kept: a run that was stopped goes on where it was. Needs the stages on the PATH, or built.
set -euo pipefail

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0"; }

root=$(cd "$(dirname "$0")/.." && pwd)
counts='' label='' start='' terminal='' train='' test='' outdir=out/futures steps=40 trajectories=200 threads=2
while [ $# -gt 0 ]; do
  case $1 in
    --counts|--label|--start|--terminal|--train|--test|--outdir|--steps|--trajectories|--threads)
      [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    -h|--help) usage; exit ;;
    *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done
for needed in counts train test; do
  [ -f "${!needed}" ] || { echo "--$needed: no such file: '${!needed}'" >&2; exit 2; }
done
for needed in label start terminal; do
  [ -n "${!needed}" ] || { echo "--$needed is missing" >&2; exit 2; }
done

PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
mkdir -p "$outdir"
out=$outdir
export MFDOOM_THREADS=$threads
made() { # made OUTPUT COMMAND...: makes OUTPUT unless it is there
  local output=$1
  shift
  [ -e "$output" ] || { printf '\n== %s\n' "$output" >&2; "$@" -o "$output"; }
}

for part in train test; do
  made "$out/$part.parquet" mfdoom-preprocess -q "$counts" --cells "${!part}" --obs "$label" --dataset data
done
made "$out/fit" mfdoom-velocity fit "$counts" --cells "$train" --obs "$label" --dataset data
made "$out/graph" mfdoom-velocity graph "$out/fit" --cluster-key "$label" --embedding umap
made "$out/model" mfdoom-pretrain "$out/train.parquet" --anchor only
tune() { # tune OUTPUT TASK TARGETS MORE...
  local output=$1 task=$2 targets=$3
  shift 3
  made "$output" mfdoom-finetune-decoder "$out/train.parquet" --model "$out/model" --task "$task" --targets "$targets" "$@"
}
tune "$out/velocity" velocity "$out/fit" --epochs 0
tune "$out/counts" generative spliced,unspliced --epochs 10
tune "$out/next" next-state "$out/graph/" --epochs 10

generate() { # generate NAME DECODERS MORE...
  local name=$1 decoders=$2
  shift 2
  made "$out/$name" mfdoom-generate "$out/train.parquet" --model "$out/model" --decoder "$decoders" --obs "$label" \
    --start "$label=$start" --n-trajectories "$trajectories" --steps "$steps" "$@"
  made "$out/$name.fates.json" mfdoom-evaluate trajectories "$out/$name" --graph "$out/graph" --label "$label" \
    --terminal "$terminal" --plot "$out/$name.paths.png"
  made "$out/$name.cells.json" mfdoom-evaluate generated "$out/$name/states.parquet" --real "$out/test.parquet" \
    --train "$out/train.parquet" --label "$label" --per step
}
generate by-velocity "$out/velocity,$out/counts"
generate free "$out/velocity" --anchor 0 --max-drift 1000
generate by-next-state "$out/next"
