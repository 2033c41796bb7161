#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The test command: builds with gcc and clang, runs every test, the sanitizers, the fuzz targets and the gates.
#
#   tests/run.sh            everything
#   tests/run.sh STEP…      only these steps: dev release clang asan tsan fuzz
#
# FUZZ_SECONDS (default 10) is the time per fuzz target, FUZZ_SEED (default 1; 0: another each time) where its draws begin,
# JOBS (default: the cores) the number of parallel jobs.
set -euo pipefail
cd "$(dirname "$0")/.."

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(asan tsan clang fuzz dev release)
for step in "${steps[@]}"; do
  case $step in dev | release | clang | asan | tsan | fuzz) ;; *)
    echo "run.sh: expected a step of dev release clang asan tsan fuzz, found '$step'" >&2
    exit 2
    ;;
  esac
done

jobs=${JOBS:-$(nproc)}
fuzz_seconds=${FUZZ_SECONDS:-10}
fuzz_seed=${FUZZ_SEED:-1}
report=()
findings=()
total=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The fuzz targets are sanitized, too.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"

bash examples/apt.sh examples/packages.txt tests/support/packages.txt
# The training of models is the same in every build.
training='extract_train_again|plugin_training_test|clean_train|e2e_segment_train'
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
if [ -z "${SLUICE_TEST_DATA:-}" ]; then
  echo "SLUICE_TEST_DATA is not set: tests that read it skip themselves."
fi

# timed NAME COMMAND…: runs the command and notes its seconds.
timed() {
  local name=$1 start=$SECONDS rc=0
  shift
  echo
  echo "== $name"
  "$@" || rc=$?
  report+=("$(printf '%-16s %5d s  %s' "$name" $((SECONDS - start)) "$([ $rc -eq 0 ] && echo ok || echo FAILED)")")
  [ $rc -eq 0 ] || failed=1
  return 0
}

build() { # PRESET
  cmake --preset "$1" -DSLUICE_TESTS="$([ "$1" = fuzz ] && echo OFF || echo ON)" "${launcher[@]}" >"$work/configure" 2>&1 || { cat "$work/configure"; return 1; }
  grep -E 'is skipped' "$work/configure" || true
  cmake --build --preset "$1" -j "$jobs" >"$work/build" 2>&1 || { tail -n 100 "$work/build"; return 1; }
  tail -n 1 "$work/build"
}

suite() { # PRESET [CTEST ARGUMENT…]
  local preset=$1 rc=0 line
  shift
  ctest --preset "$preset" -j "$jobs" "$@" >"$work/ctest" 2>&1 || rc=$?
  if [ $rc -ne 0 ]; then cat "$work/ctest"; fi
  grep -E 'skipped: |\*\*\*Skipped' "$work/ctest" | sort | uniq -c | head -20 || true
  line=$(grep -E 'tests passed, [0-9]+ tests? failed out of' "$work/ctest" || true)
  echo "${line:-ctest found no tests}"
  total=$((total + $(sed -n 's/.*failed out of \([0-9]*\).*/\1/p' <<<"${line:-0}" | grep . || echo 0)))
  [ -n "$line" ] || rc=1
  return $rc
}

fuzz() {
  local target rc=0 found=0 name corpus
  for target in build/fuzz/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    found=1
    name=$(basename "$target")
    corpus=()
    [ ! -d "tests/fuzz/corpus/${name#fuzz_}" ] || corpus=("tests/fuzz/corpus/${name#fuzz_}")
    mkdir -p "$work/$name"
    if ! "$target" -max_total_time="$fuzz_seconds" -seed="$fuzz_seed" -runs=5000000 -rss_limit_mb=1024 -timeout=20 -print_final_stats=1 \
      -artifact_prefix="$work/$name/" "$work/$name" "${corpus[@]}" >"$work/fuzz" 2>&1; then
      tail -n 60 "$work/fuzz"
      mkdir -p build/crashes
      find "$work/$name" \( -name 'crash-*' -o -name 'timeout-*' -o -name 'oom-*' -o -name 'leak-*' \) \
        -exec cp {} build/crashes/ \;
      echo "$name: failed; the input is in build/crashes"
      findings+=("$name: $(grep -m 1 -E 'broken: |not so: |ERROR: |runtime error: ' "$work/fuzz" || tail -n 1 "$work/fuzz")")
      rc=1
    else
      printf '%-24s %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/fuzz")"
    fi
  done
  if [ $found -eq 0 ]; then
    echo "no fuzz targets were built in build/fuzz/tests/fuzz"
    rc=1
  fi
  return $rc
}

for step in "${steps[@]}"; do
  timed "build $step" build "$step"
  case $step in
  dev)
    echo "kills, faults, stress, the browser, ten thousand pages and the figures of quality run against the release build"
    timed "test dev" suite dev -LE 'bench-full|fault|stress' -E '^(e2e_quality|e2e_register|e2e_fetch_http)$'
    ;;
  release) timed "test release" suite release -LE 'gate|bench-full' ;;
  clang)
    echo "benches, gates, stress, training, the browser, ten thousand pages and the figures of quality are left to gcc's builds"
    timed "test clang" suite clang -LE 'gate|bench|long|stress' -E "^($training|e2e_quality|e2e_register|e2e_fetch_http)\$"
    ;;
  asan)
    echo "benches, gates and tests labelled long or no-asan are left to the other builds: time and memory under ASan say nothing"
    echo "so are the test in a browser and the training of models, which is the same with one thread and whole numbers"
    timed "test asan" suite asan -LE 'gate|bench|long|no-asan' -E "^(e2e_register|e2e_quality|$training)\$"
    ;;
  tsan)
    echo "benches, gates and tests labelled long or no-tsan are left to the other builds: TSan slows threads tenfold"
    export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:suppressions='$PWD/tests/support/tsan.supp'}"
    echo "so are the unit tests of the text plugins and of UTF-8: they have one thread; the end-to-end tests run these plugins on all lanes"
    timed "test tsan" suite tsan -LE 'gate|bench|long|no-tsan' \
      -E "^(plugin_(clean|dom_test|score_test|html_test|meta_test|extract|segment|summarize|digest|sink_page|pattern_test|dev_test|dedupe_variants_test)|base_utf8_test|clean_.*_pages|e2e_register|e2e_quality|$training)\$"
    ;;
  fuzz) timed "run fuzz" fuzz ;;
  esac
done

echo
echo "== seconds"
printf '%s\n' "${report[@]}"
printf '%-16s %5d s\n' total $SECONDS
if [ $failed -ne 0 ]; then
  [ ${#findings[@]} -eq 0 ] || printf '%s\n' "${findings[@]}"
  echo "FAILED: see above"
  exit 1
fi
echo "100% tests passed, 0 tests failed out of $total"
