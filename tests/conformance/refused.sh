#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bad plugins in a pipeline file: a place, a reason and a remedy for each; the sound ones run.  refused.sh BUILD_DIR
set -euo pipefail
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_CACHE_HOME=$work/cache NO_COLOR=1
unset SLUICE_PLUGIN_PATH
cd "$work"
echo '{"text": "a"}' >in.jsonl

pipeline() { # PLUGIN
  printf 'version: 1\nname: p\nplugin_path: %s\nstages:\n' "$build/tests/loader-plugins"
  printf '  - { id: in, uses: fetch_files, with: { paths: in.jsonl } }\n  - id: x\n    uses: %s\n  - { id: out, uses: sink_stdout }\n' "$1"
}

refused() { # PLUGIN MESSAGE
  pipeline "$1" >p.yaml
  local rc=0
  "$build/bin/sluice" run p.yaml >out 2>err || rc=$?
  if [ $rc -ne 4 ] || ! grep -qE "^p\.yaml:7:11: error: .*$1.*$2" err || ! grep -q 'hint: ' err; then
    echo "uses: $1: expected exit 4 and \"$2\" at p.yaml:7:11 with a hint, found exit $rc and:" >&2
    cat err >&2
    exit 1
  fi
}

refused old_header 'expected plugin ABI 0\.1, found 0\.0'
refused newer 'expected plugin ABI 0\.1, found 0\.2'
refused crash_constructor 'crashed while it was loaded \(SIGSEGV'
refused crash_entry 'crashed while it was loaded \(SIGABRT'
refused hang_load 'did not finish loading within 10000 ms'
refused private_cjson 'found a private copy'
refused bad_offset 'expected a field inside the struct'
refused no_symbol 'expected the function sluice_plugin'
refused nowhere 'expected a file nowhere\.so on the search path'

# In quarantine now: nobody waits ten seconds again.
start=$SECONDS
refused hang_load 'did not finish loading within 10000 ms'
[ $((SECONDS - start)) -lt 10 ] || { echo "a plugin in quarantine was tried again" >&2; exit 1; }

# The list shows them all, and what is sound.
"$build/bin/sluice" inspect >list 2>&1 || true
SLUICE_PLUGIN_PATH=$build/tests/loader-plugins "$build/bin/sluice" inspect >list 2>&1 || true
for word in sink_stdout 'sound' 'crash_entry\.so is refused' 'hang_load\.so is refused'; do
  grep -qE "$word" list || { echo "expected $word in the list of inspect, found:" >&2; cat list >&2; exit 1; }
done

pipeline sound >p.yaml
"$build/bin/sluice" run p.yaml >out 2>err || { cat err >&2; exit 1; }
grep -q '"text":' out || { echo "expected the document behind a sound plugin, found:" >&2; cat out err >&2; exit 1; }
echo "bad plugins are refused, the sound one runs"
