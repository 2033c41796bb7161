#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cppcheck over the core and the plugins.
set -u
cd "$1" || exit 2
mkdir -p "$2/cppcheck"
cppcheck --quiet --std=c11 --language=c -j "$(nproc)" --cppcheck-build-dir="$2/cppcheck" --error-exitcode=1 --inline-suppr \
  --enable=warning,portability --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
  --suppress=normalCheckLevelMaxBranches -I core -I core/include -i core/cli/template core plugins
