#!/usr/bin/env bash
# Makes a wheel of all stages for PyPI, from what cargo has built.
#
#   workflows/packaging/pypi/wheel.sh DIR
#
# PROFILE and GLIBC as in archive.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
mkdir -p "${1:?a folder for the wheel}"
dist=$(cd "$1" && pwd)
cd "$root"
. workflows/toolchain.sh
. workflows/packaging/build.sh
profile=${PROFILE:-release}
build_stages "$profile"
scripts=$here/mfdoom.data/scripts
clean() { rm -rf "$here/mfdoom.data" "$here"/LICENSE-{MIT,APACHE}; }
clean
trap clean EXIT
mkdir -p "$scripts"
# A project names no files above its own folder.
cp LICENSE-MIT LICENSE-APACHE "$here/"
for stage in "$BUILT"/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  [ "$(basename "$stage")" = mfdoom-gather ] || install -s -m 755 "$stage" "$scripts/"
done
cd "$here"
pypi_command maturin 'maturin>=1.8,<2'
# PyPI takes wheels that say which C library they need. maturin looks at one binary; this is the newest of all.
compatibility=linux
if [ "$(uname -s)" = Linux ]; then
  glibc=$(cat "$scripts"/* | LC_ALL=C grep -ao 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1)
  compatibility=manylinux_2_${glibc#GLIBC_2.}
fi
older=()
[ -z "${GLIBC:-}" ] || older=(--zig --target "$(rustc -vV | sed -n 's/^host: //p')")
maturin build --profile "$profile" --locked --compatibility "$compatibility" ${older[@]+"${older[@]}"} --out "$dist"
