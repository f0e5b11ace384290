#!/usr/bin/env bash
# The hostile corpus in a real tmux. It installs tmux where it may (Debian, as root), and says so plainly where it may not: the other
# tests hold the same in an emulator.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v tmux >/dev/null && [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tmux >/dev/null
fi
if ! command -v tmux >/dev/null; then
  echo "tmux: it is not here and cannot be installed without root: the hostile screens were NOT tried in it" >&2
  [[ ${CI:-} == true ]] && exit 1
  exit 0
fi
LC_ALL=C.UTF-8 go test -tags tmux -run TestHostileInTmux -count=1 .
