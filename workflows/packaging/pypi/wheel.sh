#!/usr/bin/env bash
# Makes a wheel of all stages for PyPI, from what cargo has built.
#
#   workflows/packaging/pypi/wheel.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
mkdir -p "${1:?a folder for the wheel}"
dist=$(cd "$1" && pwd)
cd "$root"
. workflows/toolchain.sh
check_toolchain
cargo build --release --locked --workspace --bins
scripts=$here/mfdoom.data/scripts
rm -rf "$here/mfdoom.data"
mkdir -p "$scripts"
trap 'rm -rf "$here/mfdoom.data"' EXIT
for stage in "${CARGO_TARGET_DIR:-$root/target}"/release/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  [ "$(basename "$stage")" = mfdoom-gather ] || install -s -m 755 "$stage" "$scripts/"
done
cd "$here"
if ! command -v maturin >/dev/null; then
  python3 -m venv "${XDG_CACHE_HOME:-$HOME/.cache}/mfdoom/maturin"
  PATH=${XDG_CACHE_HOME:-$HOME/.cache}/mfdoom/maturin/bin:$PATH
  pip install --quiet 'maturin>=1.8,<2' >&2
fi
maturin build --release --locked --compatibility linux --out "$dist"
