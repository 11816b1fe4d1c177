#!/usr/bin/env bash
# Training and embedding on a GPU, on a bare machine: no network, no cargo, under eight minutes.
#
#   workflows/bench/gpu.sh pack CPU_BIN CUDA_BIN FOLDER   on a machine with both builds: strips what is needed into FOLDER
#   workflows/bench/gpu.sh run FOLDER OUT                 on the machine with the GPU
#
# FOLDER gets the stages of both builds and this script, and `pack` refuses more than 60 MB as .tar.gz. A CUDA build wants
# libcuda.so.1 (the driver) and the libraries of its CUDA version (cublas, curand, nvrtc); what is missing is named first.
# `run` trains a small model on the CPU, embeds with it on both devices and compares (the largest difference and the least
# cosine of a cell); then it trains and embeds at PRESET on the GPU. OUT/result.md has the table. With a Python that has
# torch, TORCH_BENCH=torch_bench.py adds PyTorch's figures (float32 and bfloat16).
# Our stages compute in float32 alone; there is no bfloat16 to measure.
#
# DEVICE (cuda), PRESET (base), CELLS (4096) and BATCH (64) can be set. DEVICE=cpu PRESET=tiny CELLS=256 is a dry run: every
# step but the GPU. What it shows says nothing about GPUs.
set -euo pipefail
stages=(mfdoom-pretrain mfdoom-embed)
device=${DEVICE:-cuda} preset=${PRESET:-base} cells=${CELLS:-4096} batch=${BATCH:-64}

pack() { # pack CPU_BIN CUDA_BIN FOLDER
  mkdir -p "$3/cpu" "$3/gpu"
  for stage in mfdoom-simulate mfdoom-preprocess "${stages[@]}"; do strip -o "$3/cpu/$stage" "$1/$stage"; done
  for stage in "${stages[@]}"; do strip -o "$3/gpu/$stage" "$2/$stage"; done
  cp "$0" "$3/gpu.sh"
  local bytes
  bytes=$(tar -C "$3" -cz . | wc -c)
  echo "$bytes bytes as .tar.gz"
  [ "$bytes" -le 60000000 ] || { echo "more than 60 MB" >&2; exit 1; }
}

# Runs a command, and adds its wall seconds to the table.
timed() { # timed NAME CELLS COMMAND...
  local name=$1 n=$2 start end
  shift 2
  start=$(date +%s.%N)
  "$@"
  end=$(date +%s.%N)
  awk -v name="$name" -v n="$n" -v s="$start" -v e="$end" \
    'BEGIN { printf "| %s | %d | %.2f | %.1f |\n", name, n, e - s, n / (e - s) }' >> "$out/result.md"
}

# Compares two safetensors files of embeddings; fails where they are not those of one model.
compare() { # compare A B
  python3 - "$1" "$2" <<'P'
import json, math, struct, sys
def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    tensors, body = json.loads(data[8:8 + size]), data[8 + size:]
    found = {}
    for name, tensor in tensors.items():
        if name != "__metadata__" and tensor["dtype"] == "F32" and len(tensor["shape"]) == 2:
            a, b = tensor["data_offsets"]
            found[name] = (tensor["shape"], struct.unpack(f"<{(b - a) // 4}f", body[a:b]))
    return found
one, other = map(read, sys.argv[1:])
assert one.keys() == other.keys() and one, (one.keys(), other.keys())
worst, least = 0.0, 1.0
for name, ((n, dim), a) in one.items():
    shape, b = other[name]
    assert shape == [n, dim], name
    for row in range(n):
        x, y = a[row * dim:(row + 1) * dim], b[row * dim:(row + 1) * dim]
        if any(map(math.isnan, x)) or any(map(math.isnan, y)):
            assert all(map(math.isnan, x)) and all(map(math.isnan, y)), (name, row)
            continue
        worst = max(worst, max(abs(p - q) for p, q in zip(x, y)))
        norm = math.sqrt(sum(p * p for p in x) * sum(q * q for q in y))
        least = min(least, sum(p * q for p, q in zip(x, y)) / norm) if norm else least
print(f"\nThe same model on both devices: largest difference {worst:.2e}, least cosine of a cell {least:.7f}.\n")
sys.exit(0 if least > 0.9999 else "the devices disagree")
P
}

run() { # run FOLDER OUT
  local bin=$1
  out=$2
  mkdir -p "$out"
  local gpu="$bin/gpu"
  [ "$device" != cpu ] || gpu="$bin/cpu"
  if [ "$device" != cpu ]; then
    nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader | sed 's/^/Device: /' > "$out/result.md"
    missing=$(ldd "${stages[@]/#/$gpu/}" | awk '/not found/ { print $1 }' | sort -u | paste -sd ' ')
    [ -z "$missing" ] || { echo "libraries that the CUDA build wants and this machine lacks: $missing" >&2; exit 1; }
  else
    printf 'Dry run on the CPU: nothing here ran on a GPU.\n' > "$out/result.md"
  fi
  "$bin/cpu/mfdoom-simulate" -q --force --cells "$cells" --genes 2000 --seed 1 -o "$out/counts.h5ad"
  "$bin/cpu/mfdoom-preprocess" -q --force "$out/counts.h5ad" -o "$out/tokens.parquet"
  local common=(-q --force --seed 0)
  "$bin/cpu/mfdoom-pretrain" "${common[@]}" "$out/tokens.parquet" --anchor none --preset tiny --max-tokens 128 --epochs 1 --device cpu -o "$out/small"
  for where in cpu "$device"; do
    local of=$gpu
    [ "$where" != cpu ] || of="$bin/cpu"
    "$of/mfdoom-embed" -q --force "$out/tokens.parquet" --model "$out/small" --device "$where" -o "$out/$where.safetensors"
  done
  compare "$out/cpu.safetensors" "$out/$device.safetensors" >> "$out/result.md"
  printf '| step at %s, float32, %s | cells | wall s | cells / s |\n|---|---|---|---|\n' "$preset" "$device" >> "$out/result.md"
  timed "training, one epoch" "$cells" "$gpu/mfdoom-pretrain" "${common[@]}" "$out/tokens.parquet" --anchor none --preset "$preset" \
    --epochs 1 --batch-cells "$batch" --device "$device" -o "$out/model"
  timed "embedding" "$cells" "$gpu/mfdoom-embed" -q --force "$out/tokens.parquet" --model "$out/model" --batch-cells "$batch" \
    --device "$device" -o "$out/embeddings.parquet"
  if [ -n "${TORCH_BENCH:-}" ] && python3 -c 'import torch' 2> "$out/torch.log"; then
    for dtype in f32 bf16; do
      timeout 120 python3 "$TORCH_BENCH" --device "$device" --dtype "$dtype" --shapes "$preset" --variants packed --modalities 2 \
        --ntokens 512 --inproc --out "$out/torch_$dtype.jsonl" > /dev/null 2>> "$out/torch.log" || true
    done
  fi
  cat "$out/result.md"
}

case ${1:-} in
  pack) [ $# -eq 4 ] || { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2; }; pack "$2" "$3" "$4" ;;
  run) [ $# -eq 3 ] || { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2; }; run "$2" "$3" ;;
  *) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
