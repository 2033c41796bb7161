#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What goes out: a plugin exports sluice_plugin and nothing else, and leaves no symbol of the host open; the program exports
# nothing of its own; every global symbol of the harness archive begins with sl_.
#   check_symbols.sh BUILD_DIR
set -u
build=$1
rc=0
say() { echo "$1"; rc=1; }
seen=0
sanitized=$(sed -n 's/^SLUICE_SANITIZE:STRING=//p' "$build/CMakeCache.txt")

for so in "$build"/plugins-bin/*.so; do
  [ -f "$so" ] || continue
  seen=$((seen + 1))
  out=$(nm -D --defined-only "$so" | awk '{ sub(/@.*/, "", $3); print $3 }' | grep -v '^sluice_plugin$' | tr '\n' ' ')
  [ -z "$out" ] || say "$so exports more than sluice_plugin: $out"
  nm -D --defined-only "$so" | grep -q ' T sluice_plugin' || say "$so does not export sluice_plugin"
  open=$(nm -D --undefined-only "$so" | awk '{ print $2 }' | grep -E '^(sl_|sluice_)' | tr '\n' ' ')
  [ -z "$open" ] || say "$so needs symbols of the host: $open"
  readelf -n "$so" | grep -q 'Build ID' || say "$so has no build id"
done
[ $seen -gt 0 ] || say "no plugin was found in $build/plugins-bin"

# A program may define copies of what a library exports (environ, the sanitizer's own); nothing of ours.
if [ -x "$build/bin/sluice" ] && [ -z "$sanitized" ]; then
  out=$(nm -D --defined-only "$build/bin/sluice" | awk '{ print $3 }' | grep -E '^(sl_|sluice_|cJSON)' | tr '\n' ' ')
  [ -z "$out" ] || say "sluice exports $out"
fi

archive=$(find "$build/core/harness" -name libsluice-harness.a 2>/dev/null | head -n 1)
if [ -n "$archive" ]; then
  out=$(nm --defined-only -g "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -vE '^(sl_|__(asan|ubsan|tsan|odr|sanitizer)|_?__local_asan|DW\.)' | sort -u | tr '\n' ' ')
  [ -z "$out" ] || say "$archive has global symbols that do not begin with sl_: $out"
fi
exit $rc
