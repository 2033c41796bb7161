# SPDX-License-Identifier: Apache-2.0
"""The admin server of the real binary, over its socket and over TCP; `top`, `tap`, and the level of the log."""
import http.client
import json
import os
import re
import signal
import socket
import stat
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import BUILD, SLUICE, Failed, environment, finish, has, lacks, main, same, sluice, start, terminal, true, wait_until, write

PIPELINE = """
name: báo
state: ./state
plugin_path: [%s/tests/plugins]
stages:
  - id: gen
    uses: teststages.test_gen
    with: { count: 100000000, turn: 20 }
  - id: tag
    uses: set
    with: { set: { /seen: true } }
  - id: work
    uses: teststages.test_work
    with: { reject: 20, drop: 20 }
  - id: out
    uses: teststages.test_sink
    with: { pause: 2ms }
""" % BUILD


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("sluice", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def call(method, path, body=None, headers=None, to="state/admin.sock"):
    """Status, text and headers of the answer."""
    c = Unix(to) if isinstance(to, str) else http.client.HTTPConnection(*to, timeout=60)
    c.request(method, path, body, headers or {})
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    return r.status, text, r.headers


def get(path, code=200):
    status, text, _ = call("GET", path)
    same(status, code, path)
    return json.loads(text)


def post(path, code=200, body=b""):
    status, text, _ = call("POST", path, body)
    same(status, code, path + ": " + text)
    return json.loads(text)


class Running:
    """A pipeline that runs until the end of the block, then stops on SIGTERM."""

    def __init__(self, *args, text=PIPELINE, env=None, until="stored"):
        write("p.yaml", text)
        self.until = until
        self.p = start("run", "p.yaml", *args, env=env)

    def __enter__(self):
        wait_until(lambda: self.listens() or self.p.poll() is not None, "the admin socket")
        if self.p.poll() is None:
            wait_until(lambda: get("/api/stages")[self.until] > 0 or self.p.poll() is not None, "a document: " + self.until)
        if self.p.poll() is not None:
            raise Failed("it did not run: %r" % finish(self.p))
        return self

    @staticmethod
    def listens():
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect("state/admin.sock")
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def __exit__(self, *unused):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
        self.result = finish(self.p)
        lacks(self.result.err, "Sanitizer")


LABELS = r'\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-z])|(?=\})))*\}'
SAMPLE = re.compile(r"^([a-z_][a-z0-9_]*)(%s)? (-?[0-9.e+-]+|NaN|[+-]Inf)$" % LABELS)


def samples(text):
    """Reads the exposition format; each name has help and type before it, and no sample comes twice."""
    found, family, types = {}, None, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            same(name, family)
            true(name not in types, name + " comes twice")
            types[name] = kind
        else:
            m = SAMPLE.match(line)
            true(m, "no sample: " + line)
            name = m.group(1)
            if types.get(family) == "histogram":
                true(name in (family + "_bucket", family + "_sum", family + "_count"), name)
            else:
                same(name, family)
            if types[family] == "counter":
                true(name.endswith("_total"), name)
            key = name + (m.group(2) or "")
            true(key not in found, key + " comes twice")
            found[key] = float(m.group(3))
    return found


def test_metrics():
    with Running():
        status, text, headers = call("GET", "/metrics")
        same((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        one = samples(text)
        for name in ("documents_in_total", "documents_stored_total", "documents_in_flight", "budget_used_bytes",
                     "budget_limit_bytes", "checkpoint_lag_seconds", "last_success_timestamp_seconds", "generation",
                     "state_commits_total", "state_commit_failures_total", "spool_documents", "spool_bytes",
                     "dead_letters", "dead_letters_limit", "uptime_seconds", "process_resident_bytes",
                     "process_open_fds", "ready"):
            true('sluice_%s{pipeline="báo"}' % name in one, name)
        for name in ("in_total", "out_total", "dropped_total", "filtered_total", "unrouted_total", "retried_total",
                     "dead_letters_total", "bytes_total", "queue_documents", "queue_bytes", "held_documents",
                     "call_seconds_count", "call_seconds_sum"):
            true('sluice_stage_%s{pipeline="báo",stage="work"}' % name in one, name)
        true(one['sluice_documents_stored_total{pipeline="báo"}'] > 0, "something was stored")
        true(one['sluice_stage_call_seconds_count{pipeline="báo",stage="out"}'] > 0, "calls were timed")
        buckets = [v for k, v in one.items() if k.startswith('sluice_stage_call_seconds_bucket{pipeline="báo",stage="out"')]
        same(buckets, sorted(buckets), "buckets are cumulative")
        same(buckets[-1], one['sluice_stage_call_seconds_count{pipeline="báo",stage="out"}'])
        two = samples(call("GET", "/metrics")[1])
        for key in one:
            if "_total" in key or "_bucket" in key or "_count" in key:
                true(two[key] >= one[key], "a counter went back: " + key)


def test_routes():
    with Running() as r:
        same(stat.S_IMODE(os.stat("state/admin.sock").st_mode), 0o600)
        same(get("/healthz"), {"ok": True})
        ready = get("/readyz")
        same((ready["ready"], ready["phase"], ready["reasons"]), (True, "running", []))
        p = get("/api/pipeline")
        same((p["pipeline"], p["file"], p["generation"]), ("báo", os.path.realpath("p.yaml"), 1))
        same([s["id"] for s in p["stages"]], ["gen", "tag", "work", "out"])
        same(p["edges"][0], {"from": "gen", "to": "tag"})
        same(p["stages"][1]["with"]["set"], {"/seen": True})
        true(re.fullmatch("[0-9a-f]{40}", p["stages"][1]["build"]), "a build id: %r" % p["stages"][1]["build"])
        stages = {s["id"]: s for s in get("/api/stages")["stages"]}
        true(stages["work"]["in"] >= stages["work"]["out"] > 0, "counts of work")
        same(stages["out"]["breaker"], "closed")
        same(call("GET", "/nothing")[0], 404)
        same((call("POST", "/metrics")[0], call("GET", "/reload")[0]), (405, 405))
        status, text, headers = call("HEAD", "/healthz")
        same((status, text), (200, ""))
        has(call("GET", "/")[1], "GET  /metrics", "POST /reload")
        same(call("GET", "/", headers={"X-Long": "x" * 20000})[0], 431)
    same(r.result.code, 143)
    true(not os.path.exists("state/admin.sock"), "the socket is gone")


def test_dead_letters():
    with Running():
        wait_until(lambda: get("/api/dlq")["n"] > 3, "dead letters")
        listed = get("/api/dlq?stage=work&limit=2")
        same(len(listed["entries"]), 2)
        entry = listed["entries"][0]
        same((entry["stage"], entry["error"]["message"], entry["generation"]), ("work", "rejected on purpose", 1))
        lacks(json.dumps(entry), '"body":')
        same(get("/api/dlq?id=%d&whole=1" % entry["id"])["entries"][0]["body"]["seen"], True)
        same(get("/api/dlq?stage=tag")["n"], 0)
        same(get("/api/dlq?older=1h")["n"], 0)
        same(post("/api/dlq/drop?id=%d" % entry["id"]), {"n": 1})
        same(get("/api/dlq?id=%d" % entry["id"])["n"], 0)
        second = listed["entries"][1]["id"]
        same(post("/api/dlq/edit?id=%d" % second, body=b'{"ids":["x"],"edited":true}'), {"n": 1})
        same(get("/api/dlq?whole=1&id=%d" % second)["entries"][0]["body"]["edited"], True)
        same(post("/api/dlq/edit?id=%d" % second, 400)["error"], "which dead letter, and what is its new body?")
        same(call("POST", "/api/dlq/edit?id=%d" % second, b"not JSON")[0], 400)
        has(post("/api/dlq/drop?older=soon", 400)["error"], "older", "soon")
        has(post("/api/dlq/drop?id=0", 400)["error"], "whole number")


def reasons():
    status, text, _ = call("GET", "/readyz")
    found = json.loads(text)
    same(status, 200 if found["ready"] else 503, text)
    same(found["ready"], not found["reasons"])
    return {r["reason"]: r for r in found["reasons"]}


def test_not_ready():
    text = PIPELINE.replace("reject: 20", "reject: 50").replace("name: báo", "name: báo\ngrace: 2s\ndead_letters: { max: 10, when_full: drop_oldest }")
    text += """
  - id: bad
    uses: teststages.test_sink
    from: work
    with: { retry: 1000, retries: 1000000 }
    on_error: { retry: -1, backoff: 10ms, backoff_max: 20ms, breaker: 2 }
  - id: slow
    uses: teststages.test_sink
    from: work
    with: { pause: 900ms }
    timeout: 50ms
"""
    with Running(text=text, until="in"):
        wait_until(lambda: {"dead_letters_full", "breaker_open", "slow_call"} <= set(reasons()), "three reasons")
        found = reasons()
        same((found["breaker_open"]["stage"], found["slow_call"]["stage"]), ("bad", "slow"))
        figures = samples(call("GET", "/metrics")[1])
        same(figures['sluice_ready{pipeline="báo"}'], 0)
        true(figures['sluice_stage_breaker{pipeline="báo",stage="bad"}'] > 0, "the breaker's figure")
        same(figures['sluice_dead_letters_limit{pipeline="báo"}'], 10)
        true(figures['sluice_dead_letters{pipeline="báo"}'] >= 10, "the dead letters are full")
        has(sluice("top", "state", "--once", "--interval", "100ms").out, "! bad: the sink keeps failing", "! the dead letters are full")


def test_tcp_needs_a_token():
    text = PIPELINE + 'admin: { listen: "127.0.0.1:0", token: "${ADMIN_TOKEN}" }\n'
    secret = "bí-mật-not-ascii"
    write("p.yaml", text)
    sluice("validate", "p.yaml", code=4, env={"ADMIN_TOKEN": secret})
    secret = "s3cr3t-token"
    with Running("--log-format", "json", text=text, env={"ADMIN_TOKEN": secret}) as r:
        line = r.p.stderr.readline().decode()
        while "admin server on" not in line:
            true(line, "the address was logged")
            line = r.p.stderr.readline().decode()
        host, port = re.search(r"http://([0-9.]+):([0-9]+)", line).groups()
        to = (host, int(port))
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic " + secret},
                        {"Authorization": "Bearer " + secret + "x"}):
            status, text, got = call("GET", "/metrics", headers=headers, to=to)
            same((status, got["WWW-Authenticate"]), (401, "Bearer"))
        same(call("GET", "/metrics", headers={"Authorization": "Bearer " + secret}, to=to)[0], 200)
        lacks(call("GET", "/api/pipeline")[1], secret)
        url = "http://%s:%s" % (host, port)
        has(sluice("top", "--once", "--url", url, env={"SLUICE_ADMIN_TOKEN": secret}).out, "báo · running", "work")
        write("token", secret + "\n")
        same(len(sluice("tap", "work", "--url", url, "--token-file", "token", "-n", "2").out.splitlines()), 2)
        has(sluice("top", "--once", "--url", url, code=1).err, "a token is needed")
        has(sluice("top", "--once", "--url", "ftp://x", code=2).err, "expected http://HOST:PORT")
    lacks(r.result.err, secret)


def test_top():
    with Running():
        out = sluice("top", "state", "--once", "--interval", "200ms").out
        has(out, "báo · running · generation 1", "checkpoint lag", "dead letters", "p99")
        same([row.split()[0] for row in out.splitlines()[-4:]], ["gen", "tag", "work", "out"])
        out = sluice("top", "p.yaml", "--once", "--interval", "200ms", "--sort", "dead").out
        same(out.splitlines()[-4].split()[0], "work")
        figures = json.loads(sluice("top", "--once", "--json", env={"SLUICE_STATE": "state"}).out)
        same((figures["pipeline"], len(figures["stages"])), ("báo", 4))
        has(sluice("top", "state", "--sort", "beauty", code=2).err, "found 'beauty'")
        has(sluice("top", "state", "--interval", "0s", code=2).err, "found '0s'")


def test_top_on_a_terminal():
    with Running():
        import pty
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(SLUICE, [SLUICE, "top", "state", "--interval", "100ms"], environment())
        seen = b""
        while b"\x1b[?1049h" not in seen or b"by order" not in seen:
            seen += os.read(fd, 65536)
        os.write(fd, b"d")
        while b"by dead" not in seen:
            seen += os.read(fd, 65536)
        os.write(fd, b"q")
        try:
            while True:
                chunk = os.read(fd, 65536)
                if not chunk:
                    break
                seen += chunk
        except OSError:
            pass
        _, status = os.waitpid(pid, 0)
        os.close(fd)
        same(os.waitstatus_to_exitcode(status), 0)
        true(seen.rstrip().endswith(b"\x1b[?1049l"), "the screen is given back: %r" % seen[-40:])
        has(seen.decode(errors="replace"), "báo", "work", "q quit")


def test_tap():
    with Running():
        rows = [json.loads(row) for row in sluice("tap", "tag", "state", "--count", "5").out.splitlines()]
        same([row["stage"] for row in rows], ["tag"] * 5)
        same([row["body"]["seen"] for row in rows], [True] * 5)
        true(all(row["key"].startswith("gen:#") for row in rows), "keys")
        every = [int(json.loads(row)["key"][5:]) for row in sluice("tap", "gen", "state", "--every", "50", "-n", "3").out.splitlines()]
        true(every[2] - every[0] >= 50, "sampled: %r" % every)
        body = sluice("tap", "out", "p.yaml", "-n", "1", "--body", "--json").out
        same(json.loads(body)["seen"], True)
        has(sluice("tap", "work", "state", "-n", "1", "--pretty").out, "gen:#", '  "seen": true')
        r = sluice("tap", "nobody", "state", code=1)
        has(r.err, "there is no stage 'nobody'")
        # Who leaves early leaves nothing behind: more taps than there are at once, one after the other.
        for _ in range(10):
            tap = start("tap", "tag", "state")
            true(tap.stdout.readline(), "a document")
            tap.send_signal(signal.SIGINT)
            same(finish(tap).code, 0)


def test_nothing_runs_there():
    write("p.yaml", PIPELINE)
    os.mkdir("state")
    for args in (("top", "state"), ("top", "state", "--once", "--json"), ("tap", "tag", "p.yaml"), ("top",)):
        r = sluice(*args, code=1)
        has(r.err, "nothing runs there", "admin.sock")
    write("q.yaml", PIPELINE.replace("state: ./state\n", ""))
    has(sluice("top", "q.yaml", code=1).err, "has no state folder")


def test_the_socket_of_a_dead_process_is_replaced():
    write("p.yaml", PIPELINE)
    for sig in (signal.SIGKILL, signal.SIGTERM):
        p = start("run", "p.yaml")
        try:
            wait_until(lambda: os.path.exists("state/admin.sock") and sluice("top", "state", "--once", "--json", code=None).code == 0,
                       "an answer")
        finally:
            p.send_signal(sig)
            finish(p)
        same(os.path.exists("state/admin.sock"), sig == signal.SIGKILL)


def test_the_level_of_the_log_changes():
    text = PIPELINE.replace("reject: 20", "reject: 500").replace("name: báo", "name: báo\nlog: error")
    with Running("--log-format", "logfmt", text=text) as r:
        has(post("/log?level=loud", 400)["error"], "expected error, warn, info or debug")
        same(post("/log?level=warn"), {"level": "warn"})
        line = r.p.stderr.readline().decode()
        has(line, "level=warn", "pipeline=báo", "generation=1", "stage=work", "doc=gen:#", 'msg="dead letter: ')
        same(post("/log?level=error"), {"level": "error"})


def test_a_reload_while_a_sink_cannot_start():
    import sqlite3
    text = """
name: báo
state: ./state
plugin_path: [%s/tests/plugins]
stages:
  - id: gen
    uses: teststages.test_gen
    with: { count: 100000000, turn: 20 }
  - id: out
    uses: sink_sqlite
    with: { path: ./out.db, key: /ids/0, busy_timeout: 10ms }
    on_error: { retry: -1, backoff: 10ms, backoff_max: 100ms }
""" % BUILD
    with Running(text=text) as r:
        other = sqlite3.connect("out.db", timeout=60)
        other.execute("BEGIN EXCLUSIVE")
        write("p.yaml", text.replace("busy_timeout: 10ms", "busy_timeout: 20ms"))
        r.p.send_signal(signal.SIGHUP)
        wait_until(lambda: "database is locked" in reasons().get("reloading", {"text": ""})["text"], "the reason")
        other.rollback()
        other.close()
        wait_until(lambda: "reloading" not in reasons(), "what ran before runs again")
        before = get("/api/stages")["stored"]
        wait_until(lambda: get("/api/stages")["stored"] > before, "documents")
        same((get("/api/stages")["generation"], get("/api/stages")["reloads_failed"]), (1, 1))
        # The next one works.
        r.p.send_signal(signal.SIGHUP)
        wait_until(lambda: get("/api/stages")["reloads"] == 1, "a reload")
        other = sqlite3.connect("out.db", timeout=60)
        other.execute("BEGIN EXCLUSIVE")
        write("p.yaml", text)
        r.p.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloading" in reasons(), "a reload")
    same(r.result.code, 143)


def test_figures_and_taps_go_on_over_a_reload():
    with Running() as r:
        before = samples(call("GET", "/metrics")[1])
        tap = start("tap", "tag", "state", "--every", "10")
        try:
            true(tap.stdout.readline(), "a document of the first generation")
            write("p.yaml", PIPELINE.replace("/seen: true", "/seen: 2"))
            has(post("/reload")["result"], "generation 2")
            same(get("/api/pipeline")["generation"], 2)
            for line in tap.stdout:
                if json.loads(line)["body"]["seen"] == 2:
                    break
            else:
                raise Failed("the tap ended with its generation")
        finally:
            tap.send_signal(signal.SIGINT)
            finish(tap)
        # No figure vanishes in the moment between two generations.
        again = threading.Thread(target=call, args=("POST", "/reload"))
        again.start()
        while again.is_alive():
            same(set(before) - set(samples(call("GET", "/metrics")[1])), set())
        after = samples(call("GET", "/metrics")[1])
        for key, value in before.items():
            if "_total" in key or "_count" in key:
                true(after[key] >= value, "a counter went back: %s, %r, %r" % (key, value, after[key]))
        same(after['sluice_reloads_total{pipeline="báo",result="ok"}'], 2)
        write("p.yaml", PIPELINE + "  - nonsense\n")
        has(post("/reload", 409)["error"], "p.yaml:", "error:")
        same(get("/api/pipeline")["generation"], 3)
    lines = [json.loads(line) for line in r.result.err.splitlines() if line.startswith("{")]
    same(lines[-1]["generation"], 3)


def test_admin_none():
    write("in.ndjson", '{"a":1}\n')
    write("p.yaml", "state: ./state\nadmin: none\nstages:\n  - id: in\n    uses: fetch_files\n    with: { paths: ./in.ndjson }\n"
          "  - id: out\n    uses: sink_null\n")
    sluice("run", "p.yaml")
    true("admin.sock" not in os.listdir("state"), "no socket")


main(globals())
