#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole way from a feed to a register of directives and full-text search, with a daemon that is killed on the way, a page that
# cannot be read, and its dead letter. Takes about half a minute, needs no network, leaves nothing behind.
#
# SLUICE=PATH     the program to show; default: build/release/bin/sluice, which is built if need be
# DEMO_KEEP=DIR   keeps what came out in that folder
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
site=$work/site
server=
daemon=

clean_up() {
  for pid in $daemon $server; do
    kill -TERM "$pid" 2>/dev/null || continue
    { wait "$pid"; } 2>/dev/null || true
  done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

title() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }

fail() {
  printf '\nThe demonstration failed: %s\nWhat the site was asked for last:\n' "$1" >&2
  tail -n 10 "$work/access" >&2 || true
  printf 'The log of the daemon, without the runs of the schedule:\n' >&2
  grep -v 'a scheduled run' "$work/log" | tail -n 40 >&2 || true
  exit 1
}

# wait_for WHAT COMMAND…: until the command succeeds, at most a minute.
wait_for() {
  local what=$1 tries=0
  shift
  until "$@" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "waited in vain for $what"
    if [ -n "$daemon" ] && ! kill -0 "$daemon" 2>/dev/null; then fail "the daemon has ended"; fi
    sleep 0.1
  done
}

stored() { if [ -e "$work/out/web.jsonl" ]; then wc -l <"$work/out/web.jsonl"; else echo 0; fi; }
stored_at_least() { [ "$(stored)" -ge "$1" ]; }
database_has() { [ "$(sqlite3 -readonly "$work/out/web.db" 'SELECT count(*) FROM documents')" -ge "$1" ]; }
dead_letters() { "$sluice" dlq list --json "$work/state" | grep -c . || true; }
has_dead_letter() { [ "$(dead_letters)" -eq 1 ]; }
has_none() { [ "$(dead_letters)" -eq 0 ]; }
has_port() { [ -s "$work/port" ]; }

# Ends the daemon by a signal; bash says nothing of it.
end_daemon() {
  exec 3>&2 2>/dev/null
  kill "-$1" "$daemon" || true
  wait "$daemon" || true
  exec 2>&3 3>&-
  daemon=
}

start_daemon() {
  WEB_FEED=$base/feed.xml WEB_EVERY=500ms WEB_DELAY=${1:-50ms} WEB_OUT=$work/out WEB_STATE=$work/state \
    "$sluice" run configs/web_feed.yaml --set feed.allow_private=loopback --set page.allow_private=loopback >>"$work/log" 2>&1 &
  daemon=$!
}

titles() {
  python3 - "$work/out/web.jsonl" <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as f:
    for line in f:
        d = json.loads(line)
        print("   - %s (%d directives)" % (d["title"], len(d.get("directives", []))))
END
}

# Fails if an article is there twice.
each_once() {
  python3 - "$work/out/web.jsonl" "$1" <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as f:
    urls = [json.loads(line)["url"] for line in f]
sys.exit(0 if len(urls) == len(set(urls)) == int(sys.argv[2]) else 1)
END
}

bash examples/apt.sh examples/demo-packages.txt
sluice=${SLUICE:-build/release/bin/sluice}
if [ -z "${SLUICE:-}" ] && ! [ -x "$sluice" ]; then
  title "Build (release mode, build/release)"
  bash examples/apt.sh examples/packages.txt
  { cmake --preset release -DSLUICE_TESTS=OFF && cmake --build --preset release; } >"$work/build" 2>&1 || { tail -n 50 "$work/build"; exit 1; }
fi

title "A news site on this machine"
python3 examples/demo_site.py "$site" 0 http://127.0.0.1
python3 -u - "$site" "$work/port" >"$work/access" 2>&1 <<'END' &
import functools, http.server, os, sys

class Site(http.server.SimpleHTTPRequestHandler):
    """Tells versions apart by ETag: a date has whole seconds, and two versions may be of one."""

    tag = None

    def send_head(self):
        path = self.translate_path(self.path)
        found = os.stat(path) if os.path.isfile(path) else None
        self.tag = '"%x-%x"' % (found.st_mtime_ns, found.st_size) if found else None
        if self.tag and self.headers["If-None-Match"] == self.tag:
            self.send_response(304)
            self.end_headers()
            return None
        return super().send_head()

    def end_headers(self):
        if self.tag:
            self.send_header("ETag", self.tag)
        super().end_headers()

handler = functools.partial(Site, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
END
server=$!
wait_for "the site" has_port
base=http://127.0.0.1:$(cat "$work/port")
python3 examples/demo_site.py "$site" 3 "$base"
say "$base has a feed with three articles. The sample articles are invented."

title "The daemon: sluice run configs/web_feed.yaml"
say "It asks for the feed every half second, fetches the page of each new item, takes out the article, finds sentences, people, dates"
say "and directives, and stores the result in a database, a page to read and a file of JSON lines."
start_daemon
wait_for "three articles" stored_at_least 3
titles
wait_for "another look at the feed" grep -q '/feed.xml.* 304' "$work/access"
say "The feed is asked again and again; as long as it is the same the site answers 304, and nothing is fetched."

title "kill -9 in the middle of work"
end_daemon TERM
start_daemon 700ms
python3 examples/demo_site.py "$site" 7 "$base"
say "Four more articles come up. Between two requests to the site lie 700 ms now, so that there is time to hit the daemon."
wait_for "the fourth article" stored_at_least 4
end_daemon KILL
say "Killed (pid gone, nothing was asked) with $(stored) of 7 articles stored."
start_daemon
wait_for "seven articles in the database" database_has 7
# The file may still show lines that the start cuts off because they were not committed.
wait_for "seven articles, each of them once" each_once 7
say "Started again: it went on where it was. Seven articles, each of them once:"
titles

title "A poison page"
python3 examples/demo_site.py "$site" 8 "$base" 8
say "The eighth article is out of order: its page is 20 MB of open elements."
wait_for "the dead letter" has_dead_letter
"$sluice" dlq list "$work/state" | cut -c -150 | sed 's/^/   /'
say "It is a dead letter with its reason; the daemon goes on, and everything else was stored."

title "The dead letter is tried again: sluice dlq retry"
python3 examples/demo_site.py "$site" 8 "$base"
say "The site has put the page in order. The letter goes back to the stage where it failed, into the daemon that runs:"
"$sluice" dlq retry "$work/state" --all | sed 's/^/   /'
wait_for "the eighth article" stored_at_least 8
wait_for "the eighth article in the database" database_has 8
has_none || fail "the dead letter is still there"
each_once 8 || fail "an article is missing or there twice"
titles | tail -n 1

title "Stop: SIGTERM"
end_daemon TERM
tail -n 4 "$work/log" | head -n 2 | sed 's/^/   /'

title "The register: who told whom to do what, by when"
sqlite3 -readonly -separator ' | ' "$work/out/web.db" \
  "SELECT speaker, coalesce(addressees, '(all)'), substr(content, 1, 70), coalesce(due, '') FROM v_register
   WHERE speaker IS NOT NULL ORDER BY due IS NULL, due LIMIT 8" | sed 's/^/   /'
[ "$(sqlite3 -readonly "$work/out/web.db" 'SELECT count(*) FROM v_register')" -gt 0 ] || fail "the register is empty"

title "Full-text search, with and without diacritics: \"phong chay\""
found=$(sqlite3 -readonly -separator ': ' "$work/out/web.db" \
  "SELECT documents.title, replace(snippet(search, 1, '[', ']', '…', 12), char(10), ' ') FROM search('\"phong chay\"')
   JOIN documents ON doc = search.rowid LIMIT 4")
[ -n "$found" ] || fail "the search finds nothing"
printf '%s\n' "$found" | sed 's/^/   /'

if [ -n "${DEMO_KEEP:-}" ]; then
  mkdir -p "$DEMO_KEEP"
  cp "$work"/out/* "$DEMO_KEEP/"
  title "Kept: $DEMO_KEEP (register.html, web.db, web.jsonl)"
fi
title "Done"
say "For a site of your own: WEB_FEED=https://news.example/rss sluice run configs/web_feed.yaml (see configs/README.md)."
