#!/usr/bin/env bash
# Builds the stages and puts them into an archive with completions, man pages and licences.
#
#   workflows/packaging/archive.sh DIR         makes DIR/mfdoom/ and DIR/mfdoom-VERSION-TARGET.tar.gz
#
# PROFILE=dist builds with debug symbols split off, which go to DIR/mfdoom-VERSION-TARGET-debug.tar.gz.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1:?a folder for the archive}"
dist=$(cd "$1" && pwd) profile=${PROFILE:-release}
cd "$root"
. workflows/toolchain.sh
. workflows/packaging/generated.sh
check_toolchain
cargo build --profile "$profile" --locked --workspace --bins
built=${CARGO_TARGET_DIR:-$root/target}/$profile

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=mfdoom-$version-$(rustc -vV | sed -n 's/^host: //p')
folder=$dist/mfdoom
rm -rf "$folder"
mkdir -p "$folder"/{bin,man,completions/{bash,zsh,fish}}
for stage in "$built"/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  install -m 755 "$stage" "$folder/bin/"
  generated "$stage" "$folder/man" "$folder"/completions/{bash,zsh,fish}
done
cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$folder/"
tar -C "$dist" -czf "$dist/$name.tar.gz" mfdoom
debug=()
for symbols in "$built"/mfdoom-*.dwp; do [ -f "$symbols" ] && debug+=("$(basename "$symbols")"); done
[ ${#debug[@]} -eq 0 ] || tar -C "$built" -czf "$dist/$name-debug.tar.gz" "${debug[@]}"
echo "$dist/$name.tar.gz"
