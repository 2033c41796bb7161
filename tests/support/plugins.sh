#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every plugin folder is complete: a README with its parts, a test, a CMakeLists.txt of one sluice_plugin() call.
set -u
cd "$1/plugins" || exit 2
rc=0
say() { echo "plugins/$1"; rc=1; }
for dir in */; do
  name=${dir%/}
  [ "$name" != common ] || continue # sources that several plugins compile, no plugin itself
  [ -f "$name/CMakeLists.txt" ] || { say "$name: no CMakeLists.txt"; continue; }
  # Shared lists of sources, further tests of the stage and tools that make its data may stand beside it.
  calls=$(grep -vE '^ *(#|$)' "$name/CMakeLists.txt" | grep -vE '^ *(include\(|sluice_stage_test\(|add_subdirectory\(tools\)|(end)?if\()' |
    grep -cE '^[a-z_]+\(')
  if [ "$calls" -ne 1 ] || ! grep -q '^sluice_plugin(' "$name/CMakeLists.txt"; then
    say "$name/CMakeLists.txt: expected one call of sluice_plugin(), found $calls calls"
  fi
  [ -f "$name/${name}_test.c" ] || say "$name: no ${name}_test.c"
  if [ -f "$name/README.md" ]; then
    grep -qi 'parameter' "$name/README.md" || say "$name/README.md: does not speak of its parameters"
    grep -q 'uses: *'"$name" "$name/README.md" || say "$name/README.md: has no YAML example with 'uses: $name'"
    grep -qiE 'fail|reject|error' "$name/README.md" || say "$name/README.md: does not say how it fails"
  else
    say "$name: no README.md"
  fi
done
exit $rc
