#!/usr/bin/env bash
set -euxo pipefail
cargo-bundle-licenses --format yaml --output THIRDPARTY.yml
cargo build --release --locked --workspace --bins
mkdir -p "$PREFIX/bin" "$PREFIX/share/man/man1" "$PREFIX/share/bash-completion/completions"
for stage in target/release/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  name=$(basename "$stage")
  install -m 755 "$stage" "$PREFIX/bin/"
  "$stage" --generate man > "$PREFIX/share/man/man1/$name.1"
  "$stage" --generate bash > "$PREFIX/share/bash-completion/completions/$name"
done
