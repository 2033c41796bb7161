#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# again.sh EXTRACT_TRAIN TOOLS: the same files give the weights that ship, to the byte.
set -e
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$1" "$2/../data" "$2/names.txt" > "$out"
if ! cmp -s "$out" "$2/../data/weights.txt"; then
  echo "data/weights.txt is not what extract-train makes of data and names.txt: run it again" >&2
  diff "$2/../data/weights.txt" "$out" | head -5 >&2
  exit 1
fi
