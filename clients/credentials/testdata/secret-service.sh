#!/usr/bin/env bash
# The keyring round trip against a real Secret Service under a private D-Bus. It installs what it needs where it may (Debian, as
# root), and says so plainly where it may not: the other tests cover the rest with go-keyring's own stand-in.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $(uname) != Linux ]]; then
  echo "keyring: not Linux: this system's own keyring is not touched by tests"
  exit 0
fi
need() { ! command -v gnome-keyring-daemon >/dev/null || ! command -v dbus-run-session >/dev/null || ! command -v dbus-send >/dev/null; }
if need && [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gnome-keyring dbus libsecret-tools >/dev/null
fi
if need; then
  echo "keyring: gnome-keyring and dbus are not here and cannot be installed without root: the round trip was NOT run" >&2
  [[ ${CI:-} == true ]] && exit 1
  exit 0
fi
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export CGO_ENABLED=0
go test -c -tags secretservice -o "$home/keyring.test" .
go test -c -tags secretservice -o "$home/connect.test" ../../cmd/rollcall
# The program is built by its test, where the home folder is another one.
export GOCACHE GOMODCACHE
GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE)
# Without a display nobody can be asked to unlock the keyring that the test locks.
HOME=$home XDG_DATA_HOME=$home/.local/share XDG_CACHE_HOME=$home/.cache XDG_RUNTIME_DIR=$home \
  env -u DISPLAY -u WAYLAND_DISPLAY dbus-run-session -- bash -euc '
    printf %s test-password | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
    for i in $(seq 50); do
      dbus-send --session --dest=org.freedesktop.DBus --print-reply / org.freedesktop.DBus.NameHasOwner \
        string:org.freedesktop.secrets 2>/dev/null | grep -q "boolean true" && break
      sleep 0.1
    done
    (cd ../../cmd/rollcall && "$HOME/connect.test" -test.run TestConnectKeepsInTheKeyring -test.v)
    "$HOME/keyring.test" -test.run TestSecretService -test.v'
