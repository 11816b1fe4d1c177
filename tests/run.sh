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
step tests
cargo test --release --locked --workspace
