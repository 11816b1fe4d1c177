#!/usr/bin/env bash
# Simulates a large set and takes it through preprocess and embed in shards, measuring each stage; begun again, it
# goes on where it was stopped, and a shard that was killed is simply made again.
#
#   workflows/million.sh DIR [CELLS] [SHARDS]      [default: 1000000 cells in 20 shards]
#
# DIR/measures.tsv has a line per run of a stage: name, cells, seconds of wall time and of CPU, peak memory in MiB, bytes
# written. On a machine that others use too, rates by CPU time count.
set -euo pipefail
folder=${1:?a folder for data and measures} cells=${2:-1000000} shards=${3:-20} genes=2000
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:${CARGO_TARGET_DIR:-$root/target}/release
mkdir -p "$folder"
cd "$folder"
[ -f measures.tsv ] || printf 'stage\tcells\tseconds\tcpu_seconds\tpeak_mib\tbytes\n' > measures.tsv

# Runs a command that makes OUTPUT, unless OUTPUT is there, and adds a line to the measures.
measure() { # measure NAME CELLS OUTPUT COMMAND...
  [ ! -e "$3" ] || return 0
  mkdir -p "$(dirname "$3")"
  python3 - "$@" <<'P'
import os, resource, subprocess, sys, time
name, cells, output, *command = sys.argv[1:]
began = time.monotonic()
code = subprocess.call(command)
seconds = time.monotonic() - began
if code != 0:
    sys.exit(code if code > 0 else 128 - code)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = usage.ru_utime + usage.ru_stime
peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
paths = [output]
if os.path.isdir(output):
    paths = [os.path.join(output, file) for file in os.listdir(output)]
size = sum(os.path.getsize(path) for path in paths)
with open("measures.tsv", "a") as file:
    file.write(f"{name}\t{cells}\t{seconds:.1f}\t{cpu:.1f}\t{peak:.0f}\t{size}\n")
P
}

# The size of shard I of N.
rows() { echo $((cells * $1 / shards - cells * ($1 - 1) / shards)); }

measure simulate "$cells" sim.h5ad mfdoom-simulate -o sim.h5ad --cells "$cells" --genes "$genes" --truth cells --seed 1
measure vocabulary "$cells" vocab.json mfdoom-preprocess sim.h5ad --vocab-only -o vocab.json
for ((i = 1; i <= shards; i++)); do
  measure preprocess "$(rows "$i")" "tokens/$i.parquet" \
    mfdoom-preprocess -q sim.h5ad --vocab vocab.json --shard "$i/$shards" -o "tokens/$i.parquet"
done
parts=()
for ((i = 1; i <= shards; i++)); do parts+=("tokens/$i.parquet"); done
measure gather "$cells" tokens.parquet mfdoom-gather "${parts[@]}" -o tokens.parquet

# The rate of embedding does not hang on what the weights are: the model is trained on a few thousand cells.
measure few 5000 few.h5ad mfdoom-simulate -o few.h5ad --cells 5000 --genes "$genes" --seed 1
measure few_tokens 5000 few.parquet mfdoom-preprocess few.h5ad --vocab vocab.json -o few.parquet
measure pretrain 5000 model mfdoom-pretrain few.parquet --preset tiny --max-tokens 128 --epochs 1 -o model
parts=()
for ((i = 1; i <= shards; i++)); do
  measure embed "$(rows "$i")" "embeddings/$i.parquet" \
    mfdoom-embed -q tokens.parquet --model model --shard "$i/$shards" -o "embeddings/$i.parquet"
  parts+=("embeddings/$i.parquet")
done
measure gather "$cells" embeddings.parquet mfdoom-gather "${parts[@]}" -o embeddings.parquet

# Sums up: seconds are added, memory is the highest of a stage.
awk -F '\t' 'NR > 1 { n[$1] += $2; s[$1] += $3; c[$1] += $4; b[$1] += $6; if ($5 > m[$1]) m[$1] = $5; if (!($1 in o)) o[$1] = ++k }
  END { printf "%-11s %9s %8s %8s %9s %9s %8s %10s\n", "stage", "cells", "seconds", "CPU s", "cells/s", "a CPU s", "peak MiB", "bytes/cell"
    for (i = 1; i <= k; i++) for (x in o) if (o[x] == i)
      printf "%-11s %9d %8.1f %8.1f %9.0f %9.0f %8d %10.0f\n", x, n[x], s[x], c[x], n[x] / s[x], n[x] / c[x], m[x], b[x] / n[x] }' measures.tsv
