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
clean() { rm -rf "$here/mfdoom.data" "$here"/LICENSE-{MIT,APACHE}; }
clean
trap clean EXIT
mkdir -p "$scripts"
# A project names no files above its own folder.
cp LICENSE-MIT LICENSE-APACHE "$here/"
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
# PyPI takes wheels that say which C library they need. maturin looks at one binary; this is the newest of all.
compatibility=linux
if [ "$(uname -s)" = Linux ]; then
  glibc=$(cat "$scripts"/* | LC_ALL=C grep -ao 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1)
  compatibility=manylinux_2_${glibc#GLIBC_2.}
fi
maturin build --release --locked --compatibility "$compatibility" --out "$dist"
