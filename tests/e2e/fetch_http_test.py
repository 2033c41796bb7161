# SPDX-License-Identifier: Apache-2.0
"""fetch_http against a server that plays every trouble: what is fetched, what is refused, and what the server saw of it."""
import base64
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lib import SANITIZED, finish, has, lacks, lines, main, read, same, sluice, start, true, wait_until, write
from trouble_server import Server

QUICK = {"allow_private": "loopback", "delay": "0s", "retries": 0, "backoff": "50ms", "window": "0s"}


def listed(urls, state="none", sink=None, **more):
    """A pipeline that fetches the URLs into out.jsonl."""
    params = dict(QUICK, urls=urls)
    params.update(more)
    stages = [{"id": "get", "uses": "fetch_http", "with": {k: v for k, v in params.items() if v is not None},
               "on_error": {"retry": 0}},
              sink or {"id": "out", "uses": "sink_jsonl", "with": {"path": "out.jsonl"}}]
    write("list.yaml", json.dumps({"name": "web", "state": state, "stages": stages}))
    return "list.yaml"


def paged(rows, state="none", clean=False, keys=None, sink=None, **more):
    """A pipeline that fetches the page of each row into out.jsonl."""
    params = dict(QUICK, url="/link")
    params.update(more)
    write("rows.ndjson", "".join(json.dumps(row) + "\n" for row in rows))
    stages = [{"id": "rows", "uses": "fetch_files", "with": {"paths": "rows.ndjson"}},
              dict({"id": "get", "uses": "fetch_http.page", "with": params, "on_error": {"retry": 0}}, **(keys or {}))]
    if clean:
        stages.append({"id": "clean", "uses": "clean"})
    stages.append(sink or {"id": "out", "uses": "sink_jsonl", "with": {"path": "out.jsonl"}})
    write("page.yaml", json.dumps({"name": "web", "state": state, "stages": stages}))
    return "page.yaml"


def dead(result):
    """URL to reason of the dead letters that the log tells of."""
    return dict(re.findall(r"dead letter: (\S+): (\w+):", result.err))


def test_pages_of_a_list():
    with Server() as s:
        urls = [s.url("/ok", "a"), s.url("/redirect/3", "b"), s.url("/page/7", "a") + "#part"]
        urls += [s.url("/encoding/" + e, "c") for e in ("gzip", "deflate", "raw-deflate")]
        urls += [s.url("/chunked/5", "d"), s.url("/no-length", "d"), s.url("/early-hints", "d")]
        sluice("run", listed(urls))
        found = {d["id"]: d for d in lines("out.jsonl")}
        same(sorted(found), sorted(urls), "pages")
        one = found[urls[0]]
        same(one["source"]["type"], "text/html; charset=utf-8")
        same(one["http"]["status"], 200)
        same(one["http"]["redirects"], [])
        true(one["source"]["bytes"] > 100, "a page has bytes")
        moved = found[urls[1]]["http"]
        same(moved["final_url"], s.url("/ok", "b"))
        same(len(moved["redirects"]), 3, "redirects")
        same(moved["redirects"][0], urls[1])


def test_every_failure_has_its_reason():
    expected = {
        "/status/404": "http_status", "/status/500": "http_status", "/status/501": "http_status", "/cut/10/100": "cut_body",
        "/chunked-cut": "cut_body", "/chunked-broken": "cut_body", "/encoding-wrong": "encoding",
        "/encoding-tail": "encoding",
        "/encoding/gzip,gzip": "encoding", "/bomb/gzip/8": "too_large", "/bomb/deflate/8": "too_large", "/endless": "too_large",
        "/page/1?bytes=200000": "too_large", "/redirect-loop": "redirect_loop", "/redirect-self": "redirect_loop",
        "/redirect-growing": "redirect_limit", "/redirect/9": "redirect_limit", "/redirect-file": "bad_redirect",
        "/redirect-ftp": "bad_redirect", "/redirect-private": "private_address", "/redirect-metadata": "private_address",
        "/redirect-empty": "http_status", "/close": "protocol", "/reset": "protocol", "/garbage": "protocol",
        "/http09": "protocol", "/huge-header/400000": "protocol", "/stall": "timeout_stall", "/hang": "timeout_first_byte",
        "/drip/60/600": "timeout_total"}
    with Server() as s:
        # A host each: one that fails does not hold up the others.
        urls = {s.url(path, "t%d" % i): reason for i, (path, reason) in enumerate(expected.items())}
        urls.update({"ftp://a.example/": "scheme", "http://": "bad_url", "http://127.0.0.1:1/": "connect",
                     "http://no-such-host.invalid/": "dns"})
        done = sluice("run", listed(list(urls), max_bytes="100KiB", first_byte_timeout="5s", stall_timeout="5s",
                                    total_timeout="12s", max_ratio=50, robots=False), code=3)
        same(dead(done), urls, "reasons")
        same(lines("out.jsonl"), [])
        listed_dead = sluice("dlq", "list", "web.dead.jsonl", "--json").out
        has(listed_dead, "raise max_bytes", "allow_private")


def test_a_bomb_costs_no_memory():
    with Server() as s:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        urls = [s.url("/bomb/gzip/100?%d" % i, "h%d" % i) for i in range(4)]
        done = sluice("run", listed(urls), code=3)
        same(set(dead(done).values()), {"bomb"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        true(SANITIZED or after - before < 100 * 1024, "a bomb took %d KiB" % (after - before))


def compressed(kind, data):
    """By the libraries that decompress it; None where one is not there."""
    if kind == "empty-blocks":  # 2 MiB of gzip that hold nothing
        return b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\0\0\0\xff\xff" * 419430 + b"\1\0\0\xff\xff" + bytes(8)
    try:
        lib = ctypes.CDLL({"zstd": "libzstd.so.1", "br": "libbrotlienc.so.1"}[kind])
    except OSError:
        return None
    room = ctypes.create_string_buffer(len(data) // 100 + 4096)
    if kind == "zstd":
        lib.ZSTD_compress.restype = ctypes.c_size_t
        n = lib.ZSTD_compress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)), 1)
        true(n <= len(room), "zstd")
        return room.raw[:n]
    size = ctypes.c_size_t(len(room))
    same(lib.BrotliEncoderCompress(1, 22, 0, ctypes.c_size_t(len(data)), data, ctypes.byref(size), room), 1, "brotli")
    return room.raw[:size.value]


def test_bombs_of_every_kind():
    page = ("<p>" + "Xin chào. " * 2000 + "</p>").encode()
    with Server() as s:
        plan, expected = {}, {}
        for kind in ("zstd", "br"):
            if compressed(kind, b"") is None:
                print("skipped: there is no library for " + kind)
                continue
            for name, data, reason in (("page", page, None), ("bomb", bytes(64 << 20), "bomb")):
                path = "/%s-%s" % (name, kind)
                plan[path] = {"type": "text/html", "headers": {"Content-Encoding": kind}, "base64": base64.b64encode(compressed(kind, data)).decode()}
                expected[s.url(path, kind)] = reason
        plan["/nothing"] = {"type": "text/html", "headers": {"Content-Encoding": "gzip"},
                            "base64": base64.b64encode(compressed("empty-blocks", b"")).decode()}
        s.plan(plan)
        done = sluice("run", listed(list(expected)), code=None)
        same(dead(done), {u: r for u, r in expected.items() if r})
        same([d["source"]["bytes"] for d in lines("out.jsonl")], [len(page)] * (len(expected) // 2))
        os.remove("out.jsonl")
        done = sluice("run", listed([s.url("/nothing")], max_bytes="1MiB"), code=3)
        same(dead(done), {s.url("/nothing"): "too_large"}, "2 MiB on the wire")


def test_robots_in_every_state():
    expected = {"robots-404": None, "robots-403": None, "robots-401": None, "robots-500": "robots_unreachable",
                "robots-503": "robots_unreachable", "robots-hang": "timeout_first_byte", "robots-redirect": None,
                "robots-redirects6": None, "robots-loop": None, "robots-html": None, "robots-empty": None, "robots-bom": None,
                "robots-deny": "robots", "robots-private": None}
    with Server() as s:
        urls = {s.url("/ok", host): reason for host, reason in expected.items()}
        urls[s.url("/private/x", "robots-private")] = "robots"
        # The redirect is checked at each hop.
        urls[s.url("/redirect-host/robots-deny.localhost", "h")] = "robots"
        done = sluice("run", listed(list(urls), first_byte_timeout="1s"), code=3)
        same(dead(done), {u: r for u, r in urls.items() if r}, "refused")
        same(sorted(d["id"] for d in lines("out.jsonl")), sorted(u for u, r in urls.items() if not r), "fetched")
        same([r["path"] if "path" in r else r["target"] for r in s.log("/ok", "robots-deny")], [], "asked in spite of robots.txt")
        same(len(s.log("/robots.txt", "robots-404")), 1, "robots.txt is fetched once")
        sluice("run", listed([s.url("/ok", "robots-deny")], robots=False))


def test_private_addresses_are_refused():
    with Server() as s:
        here = [s.url("/ok", "a"), "http://127.0.0.1:%d/ok" % s.port, "http://[::1]:%d/ok" % s.port, "http://0x7f.1:%d/ok" % s.port,
                "http://[::ffff:127.0.0.1]:%d/ok" % s.port, "http://169.254.169.254/latest/", "http://news.example:%d/ok" % s.port]
        # A name that is public in name only: what counts is the address that is connected to.
        done = sluice("run", listed(here, allow_private=[], resolve=["news.example:%d:127.0.0.1" % s.port]), code=3)
        same(set(dead(done).values()), {"private_address"}, "reasons")
        has(done.err, "in 7, stored 0", "dead-lettered 7")
        same(s.log(), [], "the server was asked")
        sluice("run", listed(here[1:2], allow_private=["127.0.0.1"]))
        sluice("run", listed(here[6:], resolve=["news.example:%d:127.0.0.1" % s.port]))


def test_limits_of_a_host_and_in_all():
    with Server() as s:
        urls = [s.url("/slow-first/0.2?%d" % n, "h%d" % h) for n in range(8) for h in range(4)]
        sluice("run", listed(urls, per_host=3, robots=False))
        stats = s.stats()
        same({h["most"] for h in stats["hosts"].values()}, {3}, "requests at a time to a host")
        s.reset()
        sluice("run", listed(urls, per_host=3, max_connections=5, robots=False))
        same(s.stats()["most"], 5, "requests at a time in all")


def test_pauses_hold_as_the_server_sees_them():
    with Server() as s:
        urls = [s.url("/ok?%d" % n, h) for n in range(5) for h in ("a", "b", "c")] + [s.url("/ok?1", "robots-delay")]
        sluice("run", listed(urls, delay="200ms"))
        for name, host in s.stats()["hosts"].items():
            true(host["gap"] >= (0.95 if "robots-delay" in name else 0.19), "%s was asked after %s s" % (name, host["gap"]))
            same(host["most"], 1, "requests at a time")


def ended(process, peak):
    """Whether it has; peak[0] is what it took at most, in KiB (what getrusage tells would count this interpreter, too)."""
    try:
        peak[0] = int(re.search(r"VmHWM:\s+(\d+)", read("/proc/%d/status" % process.pid)).group(1))
    except (AttributeError, OSError):
        pass  # a process that is over has no memory
    return process.poll() is not None


def test_ten_thousand_pages_of_fifty_hosts():
    pages = 60 if SANITIZED else 200
    with Server() as s:
        few = [s.url("/site/%d" % n, "h%d" % h) for n in range(20) for h in range(50)]
        many = [s.url("/site/%d" % n, "h%d" % h) for n in range(pages) for h in range(50)]
        sizes = []
        null = {"id": "out", "uses": "sink_null"}
        for urls in (few, many):
            write("urls.txt", "\n".join(urls) + "\n")
            pipeline = listed(None, file="urls.txt", delay="20ms", sink=null)
            s.reset()
            process = start("run", pipeline)
            peak = [0]
            wait_until(lambda: ended(process, peak), "the end")
            done = finish(process)
            same(done.code, 0, repr(done))
            sizes.append(peak[0])
            stats = s.stats()
            same({h["requests"] for h in stats["hosts"].values()}, {len(urls) // 50 + 1}, "requests of a host")
            same(len(stats["hosts"]), 50, "hosts")
            same({h["most"] for h in stats["hosts"].values()}, {1}, "requests at a time")
            true(min(h["gap"] for h in stats["hosts"].values()) >= 0.018, "pauses")
        print("        resident KiB for 1,000 and %d pages: %d, %d" % (50 * pages, *sizes))
        true(SANITIZED or sizes[1] - sizes[0] < 12 * 1024, "memory grows with the pages: %r KiB" % sizes)


def test_the_page_of_each_document():
    with Server() as s:
        rows = [{"id": "r%d" % n, "n": n, "link": s.url("/page/%d" % n, "h%d" % (n % 7))} for n in range(300)]
        rows += [{"id": "none", "link": s.url("/status/404")}, {"id": "bad", "link": 7}]
        done = sluice("run", paged(rows, clean=True, keys={"in_flight": 2000}), code=3)
        found = {d["id"]: d for d in lines("out.jsonl")}
        same(len(found), 300, "pages")
        for n in range(300):
            row = found["r%d" % n]
            same(row["n"], n)
            same(row["http"]["url"], row["link"])
            true(len(row["text"]) > 20, "the page became a text")
        has(done.err, "http_status: the server answered 404", "expected the URL of a page as a string")
        sluice("run", paged(rows[:2] + rows[300:301], missing="drop"))


def test_the_same_url_is_fetched_once():
    with Server() as s:
        rows = [{"n": n, "link": s.url("/ok?utm_source=%d" % n)} for n in range(20)]
        sluice("run", paged(rows, window="1d"))
        same(len(lines("out.jsonl")), 1, "documents")
        same(len(s.log("/ok")), 1, "requests")
        os.remove("out.jsonl")
        sluice("run", paged(rows, window="0s"))
        same(len(lines("out.jsonl")), 20, "documents without a window")


def test_a_window_and_conditional_requests():
    with Server() as s:
        paths = ["/etag/one", "/modified/one", "/etag-changes", "/ok", "/redirect-to?url=/etag/two"]
        urls = [s.url(p) for p in paths]
        for kind in ("list", "page"):
            rounds, before = [], [0]

            def requests():
                """Of the last run: what was asked for, and the status."""
                return {r["target"]: r["status"] for r in s.log()[before[0]:]}

            def run(window):
                """The URLs that became documents; each run has an output of its own."""
                before[0] = len(s.log())
                rounds.append("%s%d.jsonl" % (kind, len(rounds)))
                sink = {"id": "out", "uses": "sink_jsonl", "with": {"path": rounds[-1]}}
                if kind == "list":
                    pipeline = listed(urls, state=kind + ".state", window=window, sink=sink)
                else:
                    # New rows each time: the state knows the old ones and does not read them again.
                    pipeline = paged([{"n": len(rounds), "link": u} for u in urls], state=kind + ".state", window=window, sink=sink)
                sluice("run", pipeline)
                return sorted(d["http"]["url"] for d in lines(rounds[-1]))

            same(run("1d"), sorted(urls), kind + ": the first run")
            true("/robots.txt" in requests(), "robots.txt comes first")
            same(run("1d"), [], kind + ": documents within the window")
            same(requests(), {}, kind + ": requests within the window")
            same(run("0s"), [s.url("/etag-changes")], kind + ": pages that changed")
            asked = requests()
            same([asked[p] for p in ("/etag/one", "/modified/one", "/etag/two", "/ok")], [304, 304, 304, 200], kind)
            true("/robots.txt" not in asked, kind + ": robots.txt is kept for a day")


def test_retries_wait_as_they_are_told():
    with Server() as s:
        urls = [s.url("/retry/429/1/1", "a"), s.url("/retry/503/1/1", "b"), s.url("/retry-date/503/1/2", "c"), s.url("/flaky/3", "d")]
        sluice("run", listed(urls, retries=3, robots=False))
        same(len(lines("out.jsonl")), 4)
        for host in "ab":
            seen = s.log("", host)
            same([r["status"] for r in seen], [{"a": 429, "b": 503}[host], 200])
            true(seen[1]["time"] - seen[0]["time"] >= 0.95, "Retry-After: %r" % seen)
        same(len(s.log("", "d")), 3, "every third request is answered")
        # A wait that is too long ends the request, and the host is left alone.
        os.remove("out.jsonl")
        done = sluice("run", listed([s.url("/status/503?retry_after=3600", "e"), s.url("/ok", "e")], retries=3, robots=False, per_host=1), code=3)
        same(sorted(dead(done).values()), ["busy", "http_status"])
        same(len(s.log("", "e")), 1, "requests")


def test_what_is_sent():
    with Server() as s:
        write("token", "geheim\n")
        urls = [s.url("/ok", "a"), s.url("/redirect-host/b.localhost", "c")]
        sluice("run", listed(urls, user_agent="Reader/2.0", contact="mailto:x@example.org", header_hosts=["localhost"],
                             headers={"Authorization": "Bearer ${file:token}", "Accept-Language": "vi"}, robots=False))
        a = s.log("", "a")[0]["headers"]
        same((a["user-agent"], a["authorization"], a["accept-language"]),
             ("Reader/2.0 (+mailto:x@example.org)", "Bearer geheim", "vi"))
        has(a["accept-encoding"], "gzip", "br", "zstd")
        true("authorization" in s.log("", "c")[0]["headers"], "the host that was asked for gets the headers")
        true("authorization" not in s.log("", "b")[0]["headers"], "another host does not")
        bad = sluice("validate", listed(urls, headers={"X": "a\nb"}), code=None)
        true(bad.code != 0 or sluice("run", "list.yaml", code=None).code != 0, "a header of two lines is refused")


def test_cookies_are_off():
    with Server() as s:
        s.plan({"a.localhost:%d/c" % s.port: [{"status": 200, "headers": {"Set-Cookie": "k=v; Path=/"}}],
                "/c": [{"status": 200, "headers": {"Set-Cookie": "k=v; Path=/"}}]})
        urls = [s.url("/c?%d" % n, "a") for n in range(3)]
        sluice("run", listed(urls, robots=False, delay="1ms"))
        same([("cookie" in r["headers"]) for r in s.log("/c")], [False] * 3)
        s.reset()
        s.plan({"/c": [{"status": 200, "headers": {"Set-Cookie": "k=v; Path=/"}}]})
        os.remove("out.jsonl")
        sluice("run", listed(urls, robots=False, delay="1ms", cookies=True))
        same([("cookie" in r["headers"]) for r in s.log("/c")], [False, True, True])


def test_record_and_replay():
    with Server() as s:
        urls = [s.url("/ok", "a"), s.url("/redirect/2", "b"), s.url("/encoding/gzip", "c"), s.url("/status/404", "d"),
                s.url("/x", "robots-deny")]
        write("token", "geheim")
        first = sluice("run", listed(urls, record="kept", headers={"X-Token": "${file:token}"}), code=3)
        before = {d["id"]: d for d in lines("out.jsonl")}
    os.remove("out.jsonl")
    for name in os.listdir("kept"):
        lacks(read("kept/" + name), "geheim")
        true(name.endswith(".exchange"), name + " is left behind")
    # The server is gone.
    again = sluice("run", listed(urls, replay="kept"), code=3)
    same(dead(again), dead(first), "failures")
    after = {d["id"]: d for d in lines("out.jsonl")}
    same(sorted(after), sorted(before), "pages")
    for url in before:
        same(after[url]["source"]["sha256"], before[url]["source"]["sha256"], url)
        same(after[url]["http"]["redirects"], before[url]["http"]["redirects"], url)
    os.remove("out.jsonl")
    done = sluice("run", listed(["http://other.example/"], replay="kept"), code=3)
    same(dead(done), {"http://other.example/": "not_recorded"})
    sluice("run", listed(urls, replay="nowhere"), code=None).err.index("replay")


def test_a_proxy_is_asked():
    with Server() as s:
        proxy = "http://127.0.0.1:%d" % s.port
        urls = ["http://news.example/ok", "http://10.0.0.1/ok"]
        done = sluice("run", listed(urls, proxy=proxy, allow_private=[], robots=False), code=3)
        same(dead(done), {urls[1]: "private_address"}, "an address behind the proxy")
        same([r["host"] for r in s.log("/ok")], ["news.example"])
        os.remove("out.jsonl")
        os.remove("web.dead.jsonl")
        sluice("run", listed(urls[:1], allow_private=[], robots=False), env={"http_proxy": proxy})
        sluice("run", listed(urls[:1], allow_private=[], robots=False, resolve=["news.example:80:127.0.0.1"]),
               env={"http_proxy": proxy, "no_proxy": "example"}, code=3)


def test_certificates_are_verified():
    if not shutil.which("openssl"):
        print("skipped: there is no openssl")
        return
    certificate("a.localhost")
    with Server("--tls", os.path.abspath("cert.pem"), os.path.abspath("key.pem")) as s:
        url = "https://a.localhost:%d/ok" % s.tls_port
        done = sluice("run", listed([url]), code=3)
        same(dead(done), {url: "tls"})
        sluice("run", listed([url], insecure_hosts=["a.localhost"]))
        sluice("run", listed([url], ca_file="cert.pem"))
        done = sluice("run", listed([url], insecure_hosts=["b.localhost"]), code=3)
        same(dead(done), {url: "tls"})


def certificate(name):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
                           "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name], capture_output=True)
    same(made.returncode, 0, made.stderr.decode())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def reachable(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_http2():
    """nghttpd speaks nothing else."""
    if not shutil.which("nghttpd") or not shutil.which("openssl"):
        print("skipped: there is no nghttpd or no openssl")
        return
    certificate("a.localhost")
    for n in range(50):
        write("root/%d.html" % n, "<p>Trang %d</p>" % n)
    port = free_port()
    server = subprocess.Popen(["nghttpd", "--address=127.0.0.1", "--htdocs=root", str(port), "key.pem", "cert.pem"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: reachable(port), "nghttpd")
        urls = ["https://a.localhost:%d/%d.html" % (port, n) for n in range(50)]
        sluice("run", listed(urls, ca_file="cert.pem", per_host=20))
        same(sorted(d["id"] for d in lines("out.jsonl")), sorted(urls))
        os.remove("out.jsonl")
        done = sluice("run", listed(urls[:1], ca_file="cert.pem", http2=False), code=3)
        same(len(dead(done)), 1)
    finally:
        server.terminate()
        server.wait()


def killed_in_the_middle(s, pipeline, after):
    """Runs, kills with -9 after so many pages, runs again until it ends by itself. Requests that were under way at a kill."""
    rounds = 0
    while True:
        had = len(s.log("/site"))
        process = start("run", pipeline)
        if rounds < 3:
            wait_until(lambda: process.poll() is not None or len(s.log("/site")) - had >= after, "pages")
            process.send_signal(signal.SIGKILL)
            finish(process)
            rounds += 1
            continue
        done = finish(process)
        same(done.code, 0, repr(done))
        return rounds


def test_killed_in_the_middle():
    for kind in ("list", "file", "page"):
        with Server() as s:
            urls = [s.url("/site/%d" % n, "h%d" % h) for n in range(40) for h in range(10)]
            if kind == "list":
                pipeline = listed(urls, state="kill." + kind, window="1d", delay="5ms", ahead=64)
            elif kind == "file":
                write("urls.txt", "# pages\n" + "\n".join(urls))
                pipeline = listed(None, file="urls.txt", state="kill." + kind, delay="5ms", ahead=64)
            else:
                pipeline = paged([{"link": u} for u in urls], state="kill." + kind, window="1d", delay="5ms", keys={"in_flight": 64})
            kills = killed_in_the_middle(s, pipeline, 80)
            found = [d["http"]["url"] for d in lines("out.jsonl")]
            same(sorted(found), sorted(urls), kind + ": every page is stored once")
            asked = len(s.log("/site"))
            # What was under way, and what was stored and not yet committed, may be asked for again.
            true(asked <= len(urls) + kills * (64 + 80), "%s: %d requests for %d pages" % (kind, asked, len(urls)))
            print("        %s: %d requests for %d pages, killed %d times" % (kind, asked, len(urls), kills))
            os.remove("out.jsonl")


def test_reloads_in_the_middle():
    with Server() as s:
        urls = [s.url("/site/%d" % n, "h%d" % h) for n in range(30) for h in range(10)]
        process = start("run", listed(urls, state="reload.state", window="1d", delay="10ms", ahead=64))
        for n in (60, 120, 180):
            wait_until(lambda: process.poll() is not None or len(s.log("/site")) >= n, "pages")
            process.send_signal(signal.SIGHUP)
        done = finish(process)
        same(done.code, 0, repr(done))
        same(sorted(d["id"] for d in lines("out.jsonl")), sorted(urls), "every page is stored once")
        true("reload" in done.err, "it was reloaded")


def test_a_schedule_fetches_again():
    with Server() as s:
        listed([s.url("/etag-changes"), s.url("/etag/a")])
        pipeline = json.loads(read("list.yaml"))
        pipeline["stages"][0]["schedule"] = {"every": "1s"}
        write("list.yaml", json.dumps(pipeline))
        process = start("run", "list.yaml")
        wait_until(lambda: process.poll() is not None or len(s.log("/etag-changes")) >= 3, "three runs")
        process.send_signal(signal.SIGTERM)
        finish(process)
        true(len(lines("out.jsonl")) >= 3, "a page that changes is a document each time")


if __name__ == "__main__":
    main(globals())
