#!/usr/bin/env bash
# Proves the two commands on a machine that has seen nothing: clones the last commit into an empty folder, with an empty home
# and an empty environment, and runs `make run` and `make test` there. Usage: scripts/fresh_machine.sh [FOLDER]
#
# Of the caller's environment only what reaches the package index passes (proxy, certificates, settings of pip and uv).
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder/home"
if [ -e "$folder/citycarbon" ]; then
  echo "$folder/citycarbon exists; name an empty folder" >&2
  exit 2
fi
git clone -q "$source" "$folder/citycarbon"

python=$(command -v "${PYTHON:-python3}")
fresh=(env -i "HOME=$folder/home" "LANG=C.UTF-8" "TERM=dumb" "PATH=$(dirname "$python"):/usr/local/bin:/usr/bin:/bin")
while IFS='=' read -r name value; do
  case $name in
    http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | SSL_CERT_FILE | SSL_CERT_DIR | REQUESTS_CA_BUNDLE | PIP_* | UV_*)
      fresh+=("$name=$value")
      ;;
  esac
done < <(env)

step() {
  echo "== $*"
  local began=$SECONDS
  (cd "$folder/citycarbon" && "${fresh[@]}" "$@")
  echo "== $* took $((SECONDS - began)) s"
}

step make run
step make run # again: nothing has changed, nothing is computed
step make test
echo "A fresh machine runs both commands. Folder: $folder"
