#!/usr/bin/env bash
set -euxo pipefail
. workflows/packaging/generated.sh
cargo-bundle-licenses --format yaml --output THIRDPARTY.yml
cargo build --release --locked --workspace --bins
mkdir -p "$PREFIX"/bin "$PREFIX"/share/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
# conda sets CARGO_BUILD_TARGET for some platforms, and cargo then builds into a folder of that name.
for stage in "target/${CARGO_BUILD_TARGET:-.}"/release/mfdoom-*; do
  [ -f "$stage" ] && [ -x "$stage" ] || continue
  name=$(basename "$stage")
  install -m 755 "$stage" "$PREFIX/bin/"
  "${STRIP:-strip}" "$PREFIX/bin/$name"
  generated "$stage" "$PREFIX"/share/{man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
done
