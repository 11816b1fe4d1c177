#!/usr/bin/env bash
set -euxo pipefail
cargo-bundle-licenses --format yaml --output THIRDPARTY.yml
cargo build --release --locked --workspace --bins
mkdir -p "$PREFIX"/bin "$PREFIX"/share/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
# conda sets CARGO_BUILD_TARGET for some platforms, and cargo then builds into a folder of that name.
for stage in "target/${CARGO_BUILD_TARGET:-.}"/release/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  name=$(basename "$stage")
  install -m 755 "$stage" "$PREFIX/bin/"
  "${STRIP:-strip}" "$PREFIX/bin/$name"
  "$stage" --generate man > "$PREFIX/share/man/man1/$name.1"
  "$stage" --generate bash > "$PREFIX/share/bash-completion/completions/$name"
  "$stage" --generate zsh > "$PREFIX/share/zsh/site-functions/_$name"
  "$stage" --generate fish > "$PREFIX/share/fish/vendor_completions.d/$name.fish"
done
