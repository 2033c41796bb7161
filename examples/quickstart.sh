#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone on Debian 12 to results: installs what is missing, builds, runs configs/news.yaml over the sample
# articles, and shows what came out. Run it again whenever you like: what is done already is not done again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."

title() { printf '\n== %s\n' "$1"; }

bash examples/apt.sh examples/packages.txt

title "Build (release mode, build/release)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
tests=OFF # a build that tests/run.sh made keeps its tests
if grep -qs '^SLUICE_TESTS:BOOL=ON' build/release/CMakeCache.txt; then tests=ON; fi
[ -e build/release/bin/sluice ] || echo "The first build takes a minute or two."
if ! { cmake --preset release -DSLUICE_TESTS=$tests && cmake --build --preset release; } >"$log" 2>&1; then
  tail -n 50 "$log"
  exit 1
fi
tail -n 1 "$log"
sluice=build/release/bin/sluice
"$sluice" version

title "Run: sluice run configs/news.yaml"
unset NEWS_INPUT NEWS_OUT SLUICE_STATE
code=0
"$sluice" run configs/news.yaml || code=$?
# 3: done, with dead letters.
[ $code -eq 0 ] || [ $code -eq 3 ] || exit $code
echo "(Two samples are troublesome on purpose: 14 is not valid UTF-8, and an empty one is dropped.)" >&2

title "Run: sluice run configs/directives.yaml"
code=0
"$sluice" run --quiet configs/directives.yaml 2>/dev/null || code=$?
[ $code -eq 0 ] || [ $code -eq 3 ] || exit $code
echo "Open it: file://$PWD/out/register.html"

title "One article: examples/news/03-chi-thi-phong-chay.txt"
NEWS_INPUT=$PWD/examples/news/03-chi-thi-phong-chay.txt "$sluice" run --quiet configs/view.yaml

title "Where things are"
cat <<'END'
out/news.jsonl        one JSON object for each article
out/news.db           SQLite: documents, entities, people with roles, directives, full-text search
out/directives.csv    one row for each directive, for a spreadsheet
out/register.html     who told whom to do what by when: a page to search and read, in one file
out/register.db       the same in SQLite: SELECT * FROM v_register

Next, with your own files:
  export PATH="$PWD/build/release/bin:$PATH"
  NEWS_INPUT='./mine/*.txt' NEWS_OUT=results sluice run configs/news.yaml
  sluice trace configs/news.yaml examples/news/03-chi-thi-phong-chay.txt
  sluice inspect extract
END
