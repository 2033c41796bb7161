#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# apt.sh FILE…: installs the Debian packages that the files list, those that are missing only. Says what it installs.
set -euo pipefail

missing=()
while read -r package; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing+=("$package")
done < <(grep -hv '^#' "$@" | sed '/^$/d' | sort -u)

if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "These Debian packages are missing, and there is no apt-get to install them: ${missing[*]}" >&2
  exit 1
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing: ${missing[*]}" >&2
    echo "Run as root: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  run=(sudo)
fi
echo "Installing with apt-get, which may take some minutes: ${missing[*]}"
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
