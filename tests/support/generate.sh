#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# generate.sh [BUILD]: writes what is generated from the plugins of a build: configs/sluice.schema.json, docs/reference.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
run() { env -u SLUICE_PLUGIN_PATH HOME="$home" XDG_DATA_HOME="$home" XDG_CACHE_HOME="$home" "$build/bin/sluice" "$@"; }
run inspect --schema >"$home/schema.json"
mv "$home/schema.json" configs/sluice.schema.json
rm -rf docs/reference
run inspect --reference docs/reference
