#!/usr/bin/env bash
# Runs both engines on the test sheet through a real Slurm, cancels a job in the middle, and holds the results to those
# of a run without Slurm. Opt-in: it needs `sbatch` with a running controller, or MFDOOM_SLURM=SCRIPT, which starts
# one (`SCRIPT start DIR`, `SCRIPT stop DIR`). What it finds goes to tests/README.md by hand.
#
#   tests/slurm.sh [FOLDER] [ENGINE]       [default: both, nextflow and snakemake]
set -euo pipefail
engines=${2:-nextflow snakemake}
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$folder"
. "$root/workflows/engines.sh"

if [ -n "${MFDOOM_SLURM:-}" ]; then
  "$MFDOOM_SLURM" start "$folder/slurm"
  export SLURM_CONF=$folder/slurm/slurm.conf
  # Steps of Snakemake's jobs forget SLURM_CONF and look here.
  default=/etc/slurm/slurm.conf
  [ -e "$default" ] || ln -s "$SLURM_CONF" "$default"
  trap '"$MFDOOM_SLURM" stop "$folder/slurm"; [ ! -L "$default" ] || rm "$default"' EXIT
elif ! sinfo -h >/dev/null 2>&1; then
  echo "skipped: no Slurm (sinfo does not answer) and MFDOOM_SLURM names no script that starts one"
  exit 0
fi
find_nextflow
find_snakemake_slurm
export PATH=$folder/bin:${CARGO_TARGET_DIR:-$root/target}/release:$PATH

mkdir -p bin
real=$(command -v mfdoom-pretrain)
# The first training of an engine waits to be cancelled.
cat > bin/mfdoom-pretrain <<T
#!/bin/sh
case "\$*" in --version) ;; *) [ -e "$folder/cancelled" ] || sleep 300 ;; esac
exec "$real" "\$@"
T
chmod +x bin/mfdoom-pretrain
"$root/workflows/test-sheet.sh" .
parameters=(preset=tiny epochs=1 max_tokens=32)

# Waits for the training to run, keeps what it asked for, cancels it, and keeps what the next attempt asks for.
cancel() { # cancel ENGINE
  local job again
  asked() { scontrol show job "$1" | tr ' ' '\n' | awk '/^(TimeLimit|MinMemoryNode|NumCPUs)=/' | tr '\n' ' '; }
  training() { squeue -h -t "$1" -o '%i %j %k' | awk 'tolower($0) ~ /pretrain/ { id = $1 } END { print id }'; }
  for _ in $(seq 900); do job=$(training R); [ -z "$job" ] || break; sleep 1; done
  [ -n "${job:-}" ] || { echo "$1: no training was seen" >&2; return 1; }
  echo "$1: attempt 1, job $job: $(asked "$job")"
  sleep 2
  touch cancelled
  scancel "$job"
  for _ in $(seq 1200); do
    again=$(training R,PD)
    [ -z "$again" ] || [ "$again" = "$job" ] || { echo "$1: attempt 2, job $again: $(asked "$again")"; return; }
    sleep 0.5
  done
  echo "$1: the training was not tried again" >&2
}

run_nextflow() {
  began=$(date +%s)
  rm -f cancelled
  cancel nextflow & canceller=$!
  "$NEXTFLOW" run "$root/nextflow" -profile test,slurm -ansi-log false --input sheet.csv --outdir nextflow \
    $(printf -- '--%s ' "${parameters[@]//=/ }") > nextflow.log 2>&1 || { cat nextflow.log; exit 1; }
  wait $canceller
  echo "nextflow: $(($(date +%s) - began)) seconds, $(grep -c COMPLETED nextflow/pipeline_info/execution_trace.txt) tasks completed"
}

run_snakemake() {
  began=$(date +%s)
  rm -f cancelled
  cancel snakemake & canceller=$!
  "$SNAKEMAKE" -s "$root/snakemake/workflow/Snakefile" --profile "$root/snakemake/profiles/slurm" --cores 2 \
    --slurm-no-account --slurm-status-command squeue --slurm-init-seconds-before-status-checks 2 --latency-wait 5 \
    --config input=sheet.csv outdir=snakemake "${parameters[@]}" > snakemake.log 2>&1 || { cat snakemake.log; exit 1; }
  wait $canceller
  echo "snakemake: $(($(date +%s) - began)) seconds"
}

for engine in $engines; do "run_$engine"; done

"$root/workflows/chain.sh" --input sheet.csv --outdir shell --preset tiny --epochs 1 --max-tokens 32 > shell.log 2>&1
for engine in $engines; do
  for result in vocab.json tokens embeddings velocity h5ad decoder model/model.safetensors; do
    diff -r -x .snakemake_timestamp -x metrics.parquet "shell/$result" "$engine/$result" || { echo "$engine: $result differs" >&2; exit 1; }
  done
done
echo "$engines through Slurm, a job cancelled in each: the same results as without"
