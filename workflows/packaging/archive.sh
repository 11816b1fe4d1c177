#!/usr/bin/env bash
# Builds the stages and puts them into an archive with completions, man pages and licences.
#
#   workflows/packaging/archive.sh DIR         makes DIR/mfdoom/ and DIR/mfdoom-VERSION-TARGET.tar.gz
#
# PROFILE=dist builds with debug symbols and splits them off, into DIR/mfdoom-VERSION-TARGET-debug.tar.gz: unpacked beside
# the binaries, they give backtraces file and line.
# GLIBC=2.17 builds for machines with that C library or a newer one, whatever this machine's.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1:?a folder for the archive}"
dist=$(cd "$1" && pwd) profile=${PROFILE:-release}
cd "$root"
. workflows/toolchain.sh
. workflows/packaging/build.sh
. workflows/packaging/generated.sh
[ "$profile" != dist ] || need objcopy "apt install binutils; symbols are split off on Linux only"
build_stages "$profile"

split_symbols() { # split_symbols BINARY: they go to $folder-debug, and the binary says which file they are in
  local symbols=$folder-debug/$(basename "$1").debug
  objcopy --only-keep-debug --compress-debug-sections=zlib "$1" "$symbols"
  strip "$1"
  objcopy --add-gnu-debuglink="$symbols" "$1"
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=mfdoom-$version-$(rustc -vV | sed -n 's/^host: //p')
folder=$dist/mfdoom
rm -rf "$folder" "$folder-debug"
mkdir -p "$folder"/{bin,man,completions/{bash,zsh,fish}} "$folder-debug"
for stage in "$BUILT"/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  install -m 755 "$stage" "$folder/bin/"
  generated "$stage" "$folder/man" "$folder"/completions/{bash,zsh,fish}
  [ "$profile" != dist ] || split_symbols "$folder/bin/$(basename "$stage")"
done
cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$folder/"
tar -C "$dist" -czf "$dist/$name.tar.gz" mfdoom
[ "$profile" != dist ] || tar -C "$folder-debug" -czf "$dist/$name-debug.tar.gz" .
rm -r "$folder-debug"
echo "$dist/$name.tar.gz"
