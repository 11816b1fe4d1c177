# Sourced by quickstart.sh and tests/run.sh: finds what a build needs, or says in one line what is missing.
# Sets CMAKE. HDF5 is built from source, which takes CMake 3.26 or newer; where the system's is older, one from
# PyPI is put into the user's cache.

need() { # need COMMAND HOW-TO-GET-IT
  command -v "$1" >/dev/null 2>&1 || { echo "missing: $1 ($2)" >&2; return 1; }
}

cmake_is_new_enough() { # cmake_is_new_enough PATH
  local version major minor
  version=$("$1" --version 2>/dev/null | sed -n 's/.*version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ -n "$version" ] && { [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 26 ]; }; }
}

find_cmake() {
  local cached=${XDG_CACHE_HOME:-$HOME/.cache}/mfdoom/cmake candidate
  for candidate in "${CMAKE:-}" cmake "$cached/bin/cmake"; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 && cmake_is_new_enough "$candidate"; then
      CMAKE=$(command -v "$candidate")
      export CMAKE
      return
    fi
  done
  echo "installing CMake 3.26 or newer into $cached" >&2
  if ! { python3 -m venv "$cached" && "$cached/bin/pip" install --quiet 'cmake>=3.26,<4'; } >&2; then
    echo "missing: CMake 3.26 or newer (apt install cmake, brew install cmake, or python3-venv for one from PyPI)" >&2
    return 1
  fi
  export CMAKE=$cached/bin/cmake
}

check_toolchain() {
  local ok=0
  need cargo "https://rustup.rs" || ok=1
  need cc "apt install build-essential, or xcode-select --install" || ok=1
  need c++ "apt install build-essential, or xcode-select --install" || ok=1
  need make "apt install build-essential, or xcode-select --install" || ok=1
  [ "$ok" -eq 0 ] || return 1
  find_cmake
}
