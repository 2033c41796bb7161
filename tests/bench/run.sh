#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole-program benchmark: Sluice beside a plain single-threaded cJSON loop, ratios of one run; and the soak (soak.py).
#
#   tests/bench/run.sh [--small] [--build FOLDER] [--rounds N] [--only A,B,stage,start,news] [--json FILE]
#   tests/bench/run.sh --soak MINUTES [--build FOLDER] [--rate N] [--json FILE]
#
# The build folder defaults to build/release; build it first. With SLUICE_TEST_DATA set the corpora come from its
# bench/gen.py and the delivery check is its bench/verify.py; without it both are ours.
set -euo pipefail
if [ "${1:-}" = --soak ]; then
  shift
  exec python3 "$(dirname "$0")/soak.py" "$@"
fi
exec python3 "$(dirname "$0")/bench.py" "$@"
