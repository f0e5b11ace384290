#!/usr/bin/env bash
# The intent is on the disk before the request leaves: the real process's system calls under strace. It installs strace where it may
# (Debian, as root), and says so plainly where it may not, or where processes may not be traced.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $(uname) != Linux ]]; then
  echo "strace: not Linux: the system calls of a commit were NOT traced"
  exit 0
fi
if ! command -v strace >/dev/null && [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace >/dev/null
fi
if ! strace -f -o /dev/null true 2>/dev/null; then
  echo "strace: it is not here and cannot be installed, or may not trace: the system calls of a commit were NOT traced" >&2
  [[ ${CI:-} == true ]] && exit 1
  exit 0
fi
go test -tags strace -run TestIntentIsOnDisk -count=1 .
