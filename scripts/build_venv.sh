#!/bin/sh
# Builds .venv from the hashed lock, or does nothing when it is in step with it. Called by make; run from the project folder.
# With an argument it then adds an optional extra from its own hashed lock: "map", the polygons of Figure 1 (make map), or
# "spark", the backend for tables that outgrow one machine (make spark; it needs a Java runtime, which is not installed here), or
# "bench", the peer of one benchmark (make bench-peer).
# Needs python 3.11 to 3.13 with pip or ensurepip. uv is fetched for speed; without it plain pip does the same more slowly.
set -eu

VENV=${VENV:-.venv}
STAMP=$VENV/.citycarbon-lock

fingerprint() { cat requirements.lock pyproject.toml | sha256sum | cut -c1-64; }

in_step() { [ -x "$VENV/bin/citycarbon" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$(fingerprint)" ]; }

EXTRA=${1:-}
case $EXTRA in
  "") ! in_step || exit 0 ;;
  map) SAYING="the boundary polygons of Figure 1" ;;
  spark) SAYING="Spark" ;;
  bench) SAYING="wildboottest, the peer of one benchmark" ;;
  *) echo "build_venv.sh adds map, spark or bench, not $EXTRA" >&2; exit 2 ;;
esac

# make puts the environment's own folder first on the path: the interpreter it is built from must be another one.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$(pwd)/$VENV/bin" | paste -sd: -)
export PATH

suitable() { command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info < (3, 14))'; }

PYTHON=${PYTHON:-}
if [ -z "$PYTHON" ]; then
  for name in python3 python3.13 python3.12 python3.11 python; do
    if suitable "$name"; then PYTHON=$name; break; fi
  done
fi
if [ -z "$PYTHON" ] || ! suitable "$PYTHON"; then
  echo "citycarbon needs Python 3.11, 3.12 or 3.13 (found: $(python3 --version 2>&1 || echo none)). Name one: make PYTHON=/path/to/python3.12" >&2
  exit 2
fi

in_step || echo "Building $VENV from requirements.lock ($("$PYTHON" --version 2>&1))"
if [ ! -x "$VENV/bin/python" ] || ! suitable "$VENV/bin/python"; then
  # Some distributions ship venv without ensurepip: then the outer pip installs into the new environment.
  "$PYTHON" -m venv --clear "$VENV" 2>/dev/null || "$PYTHON" -m venv --clear --without-pip "$VENV"
fi
if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
  pip() { "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }
else
  pip() { "$PYTHON" -m pip --disable-pip-version-check --python "$VENV/bin/python" "$@"; }
fi

# uv does not read pip's configuration: hand an index that the user configured for pip on to it.
if [ -z "${UV_DEFAULT_INDEX:-}" ]; then
  index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
  if [ -n "$index" ]; then UV_DEFAULT_INDEX=$index; export UV_DEFAULT_INDEX; fi
fi

install_with_uv() {
  pip install -q uv &&
    "$VENV/bin/uv" pip install -q --compile-bytecode --python "$VENV/bin/python" --require-hashes -r requirements.lock &&
    "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --no-deps --no-build-isolation -e .
}
install_with_pip() {
  pip install -q --require-hashes -r requirements.lock && pip install -q --no-deps --no-build-isolation -e .
}
in_step || install_with_uv || { echo "uv could not install the lock; using pip" >&2; install_with_pip; }

if [ -n "$EXTRA" ]; then
  echo "Adding $SAYING from requirements-$EXTRA.lock"
  { [ -x "$VENV/bin/uv" ] &&
    "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --require-hashes -r "requirements-$EXTRA.lock"; } ||
    pip install -q --require-hashes -r "requirements-$EXTRA.lock"
fi

fingerprint >"$STAMP"
