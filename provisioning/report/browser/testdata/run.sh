#!/usr/bin/env bash
# The tests of the pages and files that rollcall writes, in a real browser and a real office program. It installs what is missing where it
# may (Debian, as root), and says so plainly where it may not.
set -euo pipefail
cd "$(dirname "$0")/.."
have() { # any of these programs
  local program
  for program; do command -v "$program" >/dev/null && return; done
  return 1
}
look() {
  missing=()
  have chromium chromium-browser google-chrome || missing+=(chromium)
  have soffice || missing+=(libreoffice-calc)
  have pdfinfo || missing+=(poppler-utils)
}
look
if ((${#missing[@]})) && [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  apt-get update -qq || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" fonts-dejavu-core >/dev/null || true
  look
fi
if ((${#missing[@]})); then
  echo "browser: ${missing[*]} is not here and could not be installed: the pages were NOT tried in a browser, nor the files in an office program" >&2
  [[ ${CI:-} == true ]] && exit 1
  exit 0
fi
go vet ./...
go test -timeout 10m ./...
# one review of the built program, decided half by keyboard in its console and half in its page
cd ../../.. && ROLLCALL_BROWSER=1 go test -count=1 -timeout 10m -run 'TestReviewWalk$' ./cmd/rollcall
