#!/usr/bin/env bash
# Generated futures where the truth is known: cells are simulated, some of them go on along their velocity, and what they become is
# held against real cells that are so much later, beside cells that do not move and cells moved along their own velocity.
#
#   workflows/futures_truth.sh [--outdir out/futures-truth] [--cells N] [--genes N] [--steps N] [--step-size TIME] [--seed N]
#
# Every step is kept: a run that was stopped goes on where it was. Needs the stages on the PATH, or built.
set -euo pipefail

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0"; }

root=$(cd "$(dirname "$0")/.." && pwd)
outdir=out/futures-truth cells=2000 genes=400 steps=16 step_size=0.5 seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --outdir|--cells|--genes|--steps|--step-size|--seed)
      [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
      name=${1#--}
      printf -v "${name//-/_}" '%s' "$2"
      shift 2
      ;;
    -h|--help) usage; exit ;;
    *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
  esac
done

PATH=${CARGO_TARGET_DIR:-$root/target}/release:$PATH
mkdir -p "$outdir"
cd "$outdir"
made() { # made OUTPUT COMMAND...: makes OUTPUT unless it is there
  local output=$1
  shift
  [ -e "$output" ] || { printf '\n== %s\n' "$output" >&2; "$@" -o "$output"; }
}

made sim.h5ad mfdoom-simulate --cells "$cells" --genes "$genes" --batches 1 --capture 0.6 --dynamic-genes 0.9 --seed "$seed"
made tokens.parquet mfdoom-preprocess -q sim.h5ad --obs cell_type --obs true_t --obs lineage
made model mfdoom-pretrain tokens.parquet --anchor only
made fit mfdoom-velocity fit sim.h5ad --obs cell_type
made graph mfdoom-velocity graph fit --embedding umap
made velocity mfdoom-finetune-decoder tokens.parquet --model model --task velocity --targets fit --epochs 0
made trajectories mfdoom-generate tokens.parquet --model model --decoder velocity --obs cell_type --start cell_type=progenitor \
  --n-trajectories 300 --steps "$steps" --step-size "$step_size"
made scores.json mfdoom-evaluate trajectories trajectories --graph graph --label cell_type --terminal fate_1,fate_2 \
  --truth tokens.parquet --time true_t --lineage lineage --plot paths.png
