# Sourced by archive.sh and wheel.sh: builds the stages, for this machine's C library or for an older one.

# Sets BUILT, the folder of the binaries. With GLIBC=2.17 (or newer) they run wherever that C library is: clusters
# often have one of ten years ago. The compiler for it is zig, from PyPI.
build_stages() { # build_stages PROFILE, from the top of the checkout
  local target
  check_toolchain
  BUILT=${CARGO_TARGET_DIR:-$PWD/target}
  if [ -z "${GLIBC:-}" ]; then
    cargo build --profile "$1" --locked --workspace --bins
    BUILT=$BUILT/$1
  else
    pypi_command cargo-zigbuild 'cargo-zigbuild>=0.20,<1'
    target=$(rustc -vV | sed -n 's/^host: //p')
    cargo zigbuild --profile "$1" --locked --workspace --bins --target "$target.$GLIBC"
    BUILT=$BUILT/$target/$1
  fi
}

# A command on the PATH, else one from PyPI in the user's cache.
pypi_command() { # pypi_command COMMAND REQUIREMENT
  local venv=${XDG_CACHE_HOME:-$HOME/.cache}/mfdoom/packaging
  command -v "$1" >/dev/null && return
  [ -x "$venv/bin/$1" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "$2"; } >&2
  PATH=$venv/bin:$PATH
}
