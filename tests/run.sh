#!/usr/bin/env bash
# Everything the tests need, then all tests: format, lints, unit, golden, command line and chain tests.
set -euo pipefail
cd "$(dirname "$0")/.."
. workflows/toolchain.sh
check_toolchain

step() { printf '\n== %s\n' "$*"; }

step format
cargo fmt --all --check
step build
cargo build --release --locked --workspace
step lints
cargo clippy --release --locked --workspace --lib --bins -- -D warnings
cargo clippy --release --locked --workspace --tests --examples -- -D warnings -A clippy::unwrap_used -A clippy::print_stdout
step 'readers of our files, from PyPI'
readers=${XDG_CACHE_HOME:-$HOME/.cache}/mfdoom/readers
if [ -n "${MFDOOM_PYTHON:-}" ]; then
  echo "those of $MFDOOM_PYTHON"
elif { [ -x "$readers/bin/pip" ] || python3 -m venv "$readers"; } && "$readers/bin/pip" install --quiet -r tests/requirements.txt; then
  export MFDOOM_PYTHON=$readers/bin/python3
else
  echo "none: what scVelo and pyarrow make of our files will be skipped"
fi
step tests
cargo test --release --locked --workspace
