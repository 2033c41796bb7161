#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs shellcheck over every shell script.
set -u
cd "$1" || exit 2
{ git ls-files -co --exclude-standard '*.sh'; echo .ci/run; } | while read -r f; do [ -f "$f" ] && echo "$f"; done |
  xargs shellcheck -x -S warning
