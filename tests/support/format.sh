#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format leaves it.
set -u
cd "$1" || exit 2
git ls-files -co --exclude-standard '*.c' '*.h' ':!*/testdata/*' ':!core/include/sluice/plugin.h' ':!tests/abi/*' ':!core/cli/template/*' |
  while read -r f; do [ -f "$f" ] && echo "$f"; done >"${TMPDIR:-/tmp}/sluice-format.$$"
xargs -P "$(nproc)" -n 8 clang-format --dry-run --Werror <"${TMPDIR:-/tmp}/sluice-format.$$" 2>&1 | grep 'error:' | sort | head -50
bad=${PIPESTATUS[0]}
rm -f "${TMPDIR:-/tmp}/sluice-format.$$"
[ "$bad" -eq 0 ] || echo "run clang-format -i on these files"
exit "$([ "$bad" -eq 0 ] && echo 0 || echo 1)"
