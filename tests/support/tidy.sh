#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy with the checks of .clang-tidy over the core and the plugins. A file that did not change since it passed is not
# looked at again: the passes are noted by content in BUILD/tidy.
set -u
cd "$1" || exit 2
build=$2
mkdir -p "$build/tidy"
headers=$(git ls-files -co --exclude-standard .clang-tidy 'core/*.h' 'plugins/*.h' | xargs cat 2>/dev/null | sha1sum | cut -c1-16)
one() {
  local file=$1 build=$2 headers=$3 key
  key=$build/tidy/$(sha1sum <"$file" | cut -c1-16)-$headers
  [ -f "$key" ] && return 0
  if timeout 120 clang-tidy -p "$build" --quiet "$file" >"$key.out" 2>/dev/null; then
    mv "$key.out" "$key"
  else
    cat "$key.out"
    rm -f "$key.out"
    return 1
  fi
}
export -f one
python3 - "$build/compile_commands.json" <<'PY' | xargs -P "$(nproc)" -I{} bash -c 'one "$@"' _ {} "$build" "$headers"
import json, os, sys
files = {os.path.relpath(os.path.realpath(os.path.join(e["directory"], e["file"]))) for e in json.load(open(sys.argv[1]))}
print("\n".join(sorted(f for f in files if f.startswith(("core/", "plugins/")) and not f.endswith("_test.c"))))
PY
