#!/usr/bin/env bash
# The tests of the pages and files that rollcall writes, in a real browser and a real office program. Where a program is missing, it is
# installed where that may be done; where it may not, CI fails, and elsewhere this says what it left out.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A package=([chromium]=chromium [soffice]=libreoffice-calc [pdfinfo]=poppler-utils)
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
if ((${#missing[@]})) && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  apt-get update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" fonts-dejavu-core >/dev/null
  missing=()
fi
if ((${#missing[@]})); then
  echo "the tests in a browser need ${missing[*]}, which may not be installed here"
  [[ ${CI:-} == true ]] && exit 1
  exit 0
fi
go vet ./...
go test -timeout 10m ./...
