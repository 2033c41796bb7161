#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real HTTP/1.1 server on loopback that plays every trouble a client can meet on the web.

    python3 trouble_server.py [--port N] [--plan FILE] [--root FOLDER] [--tls CERT KEY]

prints "PORT\\n" (with --tls "PORT TLS_PORT\\n") once it listens on 127.0.0.1, and on ::1 if there is one. It serves every host
name, by the Host header or by a request in the form of a proxy ("GET http://h1.localhost/ok HTTP/1.1"). Names under .localhost
reach it without a name server in curl and libcurl. In Python: `with trouble_server.Server() as s: s.url("/ok", "h1")`.

Control, on every host:
    GET  /__log            {"requests": [...], "hosts": {...}}. A request: n, time, end (seconds, monotonic), host, method,
                           target, headers (lower case), status, sent (bytes of the body), connection, together (requests of
                           the host in progress, with it). ?path=PREFIX and ?host=NAME choose. A host: requests, connections,
                           most (together), gap (least seconds between the beginnings of two requests, null: one request).
    GET  /__stats          {"hosts": {...}, "requests": N, "most": N over all hosts} without the list
    POST /__reset          forgets the log, the counts and the plan
    POST /__plan           a plan in JSON, added to the one there is
    POST /__quit           ends the server

Plan: {"/path": [answer, ...], "host/path": [...], "host/*": [...], "*": [...]}: the n-th request of the key gets the n-th answer, the
last one repeats; a single answer need not be in a list. The most exact key wins, and the target counts with its query if a key has
one. An answer: {"status": 200, "headers": {name: value or list}, "type": "text/html", "body": text, "base64": bytes, "file": path
under the root, "path": another path of this list to play, "delay": seconds before the first byte, "rate": bytes a second,
"cut": bytes after which the connection ends, "length": claimed Content-Length, "chunked": true, "gzip": times, "etag": value (304
when asked for with it), "modified": HTTP date (the same), "hang": true (no answer at all), "reset": true (RST), "close": true}.
"{base}" in a body or header stands for http://HOST of the request.

Paths (N, S, B: numbers; S in seconds, may be 0.5):
    /ok                    a small page, 200
    /page/N                a generated page with paragraphs and links; /page/N?bytes=B pads it
    /slow-first/S          the head comes after S seconds
    /slow-head/S           the head comes in ten pieces over S seconds
    /drip/S/B              B bytes of body over S seconds
    /stall                 the head, half of the body, then nothing
    /hang                  takes the request and never answers
    /cut/B/L               Content-Length L, then B bytes and the end of the connection
    /long/B/L              Content-Length L smaller than the B bytes that come
    /two-lengths           two Content-Length that differ      /bad-length   Content-Length: twelve
    /no-length             no length, the end of the connection ends the body
    /both-lengths          Content-Length and chunked
    /chunked/N             N chunks, with an extension and a trailer
    /chunked-broken        a size line that is no number       /chunked-cut  ends within a chunk
    /chunked-huge          a chunk of 2^63 bytes is announced  /chunked-no-end   the last chunk is missing
    /close                 ends the connection without a byte  /reset        the same by RST
    /garbage               bytes that are no HTTP              /http09       a body without a head
    /huge-header/B         one header of B bytes               /many-headers/N
    /nul-header            a NUL within a header               /early-hints  103 before the 200
    /redirect/N            N redirects, then /ok               /redirect-loop   a to b to a
    /redirect-self         to itself                           /redirect-relative  Location: ../ok
    /redirect-empty        302 without a Location              /redirect-growing   to an ever longer path
    /redirect-private      to http://10.0.0.1/                 /redirect-metadata  to http://169.254.169.254/
    /redirect-file         to file:///etc/passwd               /redirect-ftp, /redirect-data, /redirect-gopher
    /redirect-host/NAME    to /ok of another host here         /redirect-user   to a URL with user and password
    /redirect-to?url=U[&status=C]
    /status/C[?retry_after=V]      that status with a short body (204 and 304 without)
    /retry/C/N/S           C with Retry-After S for the first N requests, then 200; every query string counts for itself
    /retry-date/C/N/S      the same with an HTTP date
    /flaky/N               every N-th request is answered, the others end without a byte
    /etag/KEY              ETag "KEY", 304 for If-None-Match   /modified/KEY  Last-Modified, 304 for If-Modified-Since
    /etag-weak/KEY         W/"KEY"                             /etag-changes  another ETag and body each time
    /etag-ignored          ETag, but always 200
    /encoding/LIST         the body encoded: gzip, deflate, raw-deflate, br, zstd (501 if Python has no module), "gzip,gzip"
    /encoding-wrong        says gzip, is not                   /encoding-cut    gzip that ends early
    /encoding-unknown      Content-Encoding: lzma              /encoding-tail   gzip with garbage after it
    /bomb/LIST/N           N MiB of zeros in that encoding     /endless         a body without end
    /charset/NAME[?label=L][&meta=M]   Vietnamese text in NAME; L in the header, M in a meta element ("none": absent)
    /type/T                a body of the media type T (slash as it is)
    /robots.txt            by the first label of the host: robots-404, -403, -401, -500, -503, -hang, -slow, -redirect,
                           -redirects6, -loop, -other (redirect to another host), -huge (1 MiB, the rule at the end of the first
                           500 KiB), -html, -empty, -bom, -cut, -deny, -delay (Crawl-delay: 1), -private (Disallow: /private),
                           -sitemap (names /sitemap.xml). Every other host: 404.
    /site/N                page N of a host; /site/ lists 200 of them. h0 to h49 with N from 0 to 199 are 10,000 pages
    /seen                  the request as the server saw it, in JSON
"""
import argparse
import asyncio
import base64
import email.utils
import gzip
import html
import io
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zlib

try:
    import brotli
except ImportError:
    brotli = None
try:
    import zstandard
except ImportError:
    zstandard = None

MAX_HEAD, MAX_BODY = 1 << 20, 64 << 20
VIETNAMESE = ("Thủ tướng yêu cầu các bộ, ngành khẩn trương rà soát, tháo gỡ vướng mắc cho người dân và doanh nghiệp. "
              "Đường sắt đô thị được khởi công trong quý này, ông nói.")
REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other",
           304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized",
           403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 410: "Gone", 429: "Too Many Requests",
           500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
           504: "Gateway Timeout"}


class Hang(Exception):
    """No answer until the client goes away."""


class Reset(Exception):
    """The connection ends by RST."""


class Close(Exception):
    """The connection ends."""


class Request:
    def __init__(self, method, target, host, headers, body):
        self.method, self.target, self.host, self.headers, self.body = method, target, host, headers, body
        path, _, self.query_text = target.partition("?")
        self.path = path
        self.query = dict(urllib.parse.parse_qsl(self.query_text, keep_blank_values=True))
        self.name = host.rsplit(":", 1)[0] if not host.startswith("[") else host
        self.base = "http://" + host


class Answer:
    """What is sent; `raw` replaces head and body, `writer` writes the body by itself."""

    def __init__(self, status=200, body=b"", media="text/html; charset=utf-8", headers=(), **more):
        self.status, self.headers = status, list(headers)
        self.body = body.encode() if isinstance(body, str) else body
        self.media = media
        self.delay = more.pop("delay", 0)
        self.rate = more.pop("rate", 0)
        self.cut = more.pop("cut", None)
        self.length = more.pop("length", None)
        self.chunked = more.pop("chunked", False)
        self.raw = more.pop("raw", None)
        self.writer = more.pop("writer", None)
        self.head_time = more.pop("head_time", 0)
        self.ends = more.pop("ends", False)
        if more:
            raise ValueError("unknown: " + ", ".join(more))


# ---- bodies ---------------------------------------------------------------------------------------------------------


def page(title, paragraphs, links=()):
    parts = ["<!DOCTYPE html><html lang=\"vi\"><head><meta charset=\"utf-8\"><title>%s</title></head><body><article><h1>%s</h1>"
             % (html.escape(title), html.escape(title))]
    parts += ["<p>%s</p>" % html.escape(p) for p in paragraphs]
    parts.append("</article><nav>")
    parts += ["<a href=\"%s\">%s</a> " % (html.escape(u, True), html.escape(u)) for u in links]
    parts.append("</nav></body></html>\n")
    return "".join(parts)


def generated(host, number, size=0):
    words = VIETNAMESE.split()
    start = (number * 7 + sum(host.encode())) % len(words)
    text = ["Bài số %d của %s: %s" % (number, host, " ".join(words[start:] + words[:start])) for _ in range(3)]
    made = page("Bài %d của %s" % (number, host), text, ["/site/%d" % ((number + 1) % 200), "/site/"])
    return made + "<!--" + "x" * (size - len(made.encode()) - 8) + "-->\n" if size > len(made.encode()) + 8 else made


def encode(data, names):
    """Applies the encodings in order; None when a module is missing."""
    for name in names:
        if name == "gzip":
            data = gzip.compress(data, 9, mtime=0)
        elif name == "deflate":
            data = zlib.compress(data, 9)
        elif name == "raw-deflate":
            made = zlib.compressobj(9, zlib.DEFLATED, -15)
            data = made.compress(data) + made.flush()
        elif name == "br" and brotli:
            data = brotli.compress(data)
        elif name == "zstd" and zstandard:
            data = zstandard.ZstdCompressor(level=9).compress(data)
        elif name != "identity":
            return None
    return data


def zeros(names, mib):
    """N MiB of zeros, encoded without holding them when the first encoding is gzip."""
    if names[:1] != ["gzip"]:
        return encode(bytes(mib << 20), names)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as f:
        for _ in range(mib):
            f.write(bytes(1 << 20))
    return encode(out.getvalue(), names[1:])


def encoded(names, data, media="text/html; charset=utf-8"):
    made = data(names) if callable(data) else encode(data, names)
    if made is None:
        return Answer(501, "no module for %s\n" % ",".join(names), "text/plain")
    said = ", ".join("deflate" if n == "raw-deflate" else n for n in names)
    return Answer(200, made, media, [("Content-Encoding", said)])


def robots(state, request):
    plain = "text/plain; charset=utf-8"
    if state.isdigit():
        return Answer(int(state), "User-agent: *\nDisallow: /\n", plain)
    rules = {"deny": "User-agent: *\nDisallow: /\n", "delay": "User-agent: *\nCrawl-delay: 1\n", "empty": "",
             "private": "User-agent: *\nDisallow: /private\n", "bom": "\ufeffUser-agent: *\nDisallow: /private\n",
             "sitemap": "User-agent: *\nDisallow: /private\nSitemap: %s/sitemap.xml\n" % request.base,
             "html": "<!DOCTYPE html><html><body>User-agent: *<br>Disallow: /</body></html>\n"}
    if state == "html":
        return Answer(200, rules[state])
    if state in rules:
        return Answer(200, rules[state], plain)
    if state == "hang":
        raise Hang
    if state == "slow":
        return Answer(200, "User-agent: *\nDisallow: /private\n" + "# slow\n" * 100, plain, rate=50)
    if state == "cut":
        return Answer(200, "User-agent: *\nDisallow: /private\n", plain, length=4000)
    if state == "huge":
        # A rule within the first 500 KiB and one far behind them.
        head = "User-agent: *\n" + "# filler of a long file\n" * 21000
        return Answer(200, head + "Disallow: /private\n" + "# filler of a long file\n" * 24000 + "Disallow: /late\n", plain)
    if state == "redirect":
        return Answer(301, headers=[("Location", "/robots-moved.txt")])
    if state == "redirects6":
        return Answer(302, headers=[("Location", "/robots-hop/6")])
    if state == "loop":
        return Answer(302, headers=[("Location", "/robots.txt")])
    if state == "other":
        port = request.host.rsplit(":", 1)[1] if ":" in request.host else "80"
        return Answer(301, headers=[("Location", "http://robots-private.localhost:%s/robots.txt" % port)])
    return Answer(404, "not found\n", plain)


# ---- the server -----------------------------------------------------------------------------------------------------


class Trouble:
    def __init__(self, root=None):
        self.root = root
        self.done = asyncio.Event()
        self.reset()

    def reset(self):
        self.log, self.hosts, self.counts, self.plan = [], {}, {}, {}
        self.active, self.most, self.total = {}, 0, 0

    def count(self, key):
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    # -- what is answered

    def planned(self, request):
        plan = self.plan
        if not plan:
            return None
        for host in (request.host + "", request.name, ""):
            for target in (request.target, request.path):
                if host + target in plan:
                    return host + target
            if host and host + "/*" in plan:
                return host + "/*"
        return "*" if "*" in plan else None

    def from_plan(self, key, request):
        answers = self.plan[key]
        answers = answers if isinstance(answers, list) else [answers]
        one = answers[min(self.count("plan " + key), len(answers)) - 1]
        if one.get("hang"):
            raise Hang
        if one.get("reset"):
            raise Reset
        if one.get("close"):
            raise Close
        if "path" in one:
            return self.play(Request(request.method, one["path"], request.host, request.headers, request.body))
        if "base64" in one:
            body = base64.b64decode(one["base64"])
        elif "file" in one:
            with open(os.path.join(self.root or ".", one["file"]), "rb") as f:
                body = f.read()
        else:
            body = one.get("body", "").replace("{base}", request.base).encode()
        headers = []
        for name, value in one.get("headers", {}).items():
            headers += [(name, v.replace("{base}", request.base)) for v in (value if isinstance(value, list) else [value])]
        status = one.get("status", 200)
        if "etag" in one:
            headers.append(("ETag", one["etag"]))
            if one["etag"] in request.headers.get("if-none-match", ""):
                status, body = 304, b""
        if "modified" in one:
            headers.append(("Last-Modified", one["modified"]))
            if request.headers.get("if-modified-since") == one["modified"] and "if-none-match" not in request.headers:
                status, body = 304, b""
        if one.get("gzip") and status != 304:
            body = encode(body, ["gzip"] * one["gzip"])
            headers.append(("Content-Encoding", ", ".join(["gzip"] * one["gzip"])))
        return Answer(status, body, one.get("type", "text/html; charset=utf-8"), headers,
                      **{k: one[k] for k in ("delay", "rate", "cut", "length", "chunked") if k in one})

    def play(self, request):
        parts = request.path.strip("/").split("/")
        method = getattr(self, "p_" + parts[0].replace("-", "_").replace(".", "_"), None)
        if not method or request.path.startswith("//"):
            return Answer(404, "there is no %s\n" % request.path, "text/plain")
        try:
            return method(request, parts[1:])
        except (ValueError, IndexError) as error:
            return Answer(400, "%s: %s\n" % (request.path, error), "text/plain")

    # -- paths: pages

    def p_ok(self, request, args):
        return Answer(200, page("Trang thử", [VIETNAMESE]))

    def p_page(self, request, args):
        return Answer(200, generated(request.name, int(args[0]), int(request.query.get("bytes", 0))))

    def p_site(self, request, args):
        if not args or not args[0]:
            return Answer(200, page("Mục lục", ["Các bài của " + request.name], ["/site/%d" % i for i in range(200)]))
        return Answer(200, generated(request.name, int(args[0])))

    def p_seen(self, request, args):
        seen = {"method": request.method, "target": request.target, "host": request.host, "headers": request.headers,
                "body": request.body.decode(errors="replace")}
        return Answer(200, json.dumps(seen) + "\n", "application/json")

    def p_type(self, request, args):
        return Answer(200, "".join(map(chr, range(32, 127))) + "\n", "/".join(args))

    def p_charset(self, request, args):
        label, meta = request.query.get("label", args[0]), request.query.get("meta", "none")
        head = "" if meta == "none" else "<meta charset=\"%s\">" % meta
        text = "<!DOCTYPE html><html><head>%s<title>Tiếng Việt</title></head><body><p>%s</p></body></html>\n" % (head, VIETNAMESE)
        return Answer(200, text.encode(args[0], "xmlcharrefreplace"), "text/html" + ("" if label == "none" else "; charset=" + label))

    # -- paths: time

    def p_slow_first(self, request, args):
        return Answer(200, page("Chậm", [VIETNAMESE]), delay=float(args[0]))

    def p_slow_head(self, request, args):
        return Answer(200, page("Chậm", [VIETNAMESE]), head_time=float(args[0]))

    def p_drip(self, request, args):
        return Answer(200, "." * int(args[1]), rate=max(1.0, int(args[1]) / max(float(args[0]), 0.001)))

    def p_stall(self, request, args):
        async def writer(out):
            out.write(b"x" * 500)
            await out.drain()
            raise Hang
        return Answer(200, b"x" * 1000, writer=writer)

    def p_hang(self, request, args):
        raise Hang

    # -- paths: lengths and chunks

    def p_cut(self, request, args):
        return Answer(200, b"x" * int(args[0]), length=int(args[1]), ends=True)

    def p_long(self, request, args):
        return Answer(200, b"x" * int(args[0]), length=int(args[1]), ends=True)

    def p_two_lengths(self, request, args):
        return Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n123456789")

    def p_bad_length(self, request, args):
        return Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: twelve\r\n\r\n123456789012")

    def p_both_lengths(self, request, args):
        return Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                          b"9\r\n123456789\r\n0\r\n\r\n")

    def p_no_length(self, request, args):
        return Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page("Hết", [VIETNAMESE]).encode())

    def chunks(self, raw):
        return Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)

    def p_chunked(self, request, args):
        made = b"".join(b"%x;part=%d\r\n%s\r\n" % (len(b), i, b) for i, b in enumerate([b"chunk %d\n" % n for n in range(int(args[0]))]))
        return self.chunks(made + b"0\r\nX-Trailer: end\r\n\r\n")

    def p_chunked_broken(self, request, args):
        return self.chunks(b"5\r\nhello\r\nzz;\r\nworld\r\n0\r\n\r\n")

    def p_chunked_cut(self, request, args):
        return self.chunks(b"5\r\nhello\r\n40\r\nonly this")

    def p_chunked_huge(self, request, args):
        return self.chunks(b"8000000000000000\r\nhello")

    def p_chunked_no_end(self, request, args):
        return self.chunks(b"5\r\nhello\r\n")

    def p_endless(self, request, args):
        async def writer(out):
            while True:
                out.write(b"10000\r\n" + b"e" * 65536 + b"\r\n")
                await out.drain()
        return Answer(200, b"", headers=[("Transfer-Encoding", "chunked")], writer=writer)

    # -- paths: no HTTP

    def p_close(self, request, args):
        raise Close

    def p_reset(self, request, args):
        raise Reset

    def p_garbage(self, request, args):
        return Answer(raw=b"\x16\x03\x01\x02\x00\x01 this is not HTTP\r\n\r\n" + bytes(range(256)))

    def p_http09(self, request, args):
        return Answer(raw=b"<html><body>no head at all</body></html>\n")

    def p_huge_header(self, request, args):
        return Answer(200, "ok\n", headers=[("X-Huge", "h" * int(args[0]))])

    def p_many_headers(self, request, args):
        return Answer(200, "ok\n", headers=[("X-Many-%d" % i, "v") for i in range(int(args[0]))])

    def p_nul_header(self, request, args):
        return Answer(raw=b"HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 3\r\n\r\nok\n")

    def p_early_hints(self, request, args):
        body = page("Sau 103", [VIETNAMESE]).encode()
        return Answer(raw=b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: "
                          b"text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    # -- paths: redirects

    def to(self, where, status=302):
        return Answer(status, "moved to %s\n" % where, "text/plain", [("Location", where)])

    def p_redirect(self, request, args):
        left = int(args[0])
        return self.to("/redirect/%d" % (left - 1) if left > 1 else "/ok", 301 + left % 2)

    def p_redirect_loop(self, request, args):
        return self.to("/redirect-loop" if args else "/redirect-loop/b")

    def p_redirect_self(self, request, args):
        return self.to(request.target)

    def p_redirect_relative(self, request, args):
        return self.to("../ok" if args else "./ok", 303)

    def p_redirect_empty(self, request, args):
        return Answer(302, "nowhere\n", "text/plain")

    def p_redirect_growing(self, request, args):
        return self.to("/redirect-growing/" + "/".join(args + ["x"]))

    def p_redirect_private(self, request, args):
        return self.to("http://10.0.0.1/")

    def p_redirect_metadata(self, request, args):
        return self.to("http://169.254.169.254/latest/meta-data/")

    def p_redirect_file(self, request, args):
        return self.to("file:///etc/passwd")

    def p_redirect_ftp(self, request, args):
        return self.to("ftp://127.0.0.1/etc/passwd")

    def p_redirect_data(self, request, args):
        return self.to("data:text/html,hello")

    def p_redirect_gopher(self, request, args):
        return self.to("gopher://127.0.0.1:25/_HELO")

    def p_redirect_host(self, request, args):
        port = request.host.rsplit(":", 1)
        return self.to("http://%s%s/ok" % (args[0], ":" + port[1] if len(port) > 1 else ""))

    def p_redirect_user(self, request, args):
        return self.to("http://user:secret@%s/ok" % request.host)

    def p_redirect_to(self, request, args):
        return self.to(request.query["url"], int(request.query.get("status", 302)))

    # -- paths: statuses

    def p_status(self, request, args):
        code = int(args[0])
        headers = [("Retry-After", request.query["retry_after"])] if "retry_after" in request.query else []
        return Answer(code, b"" if code in (204, 304) else "status %d\n" % code, "text/plain", headers)

    def retry(self, request, args, value):
        if self.count("retry " + request.host + request.target) <= int(args[1]):
            return Answer(int(args[0]), "later\n", "text/plain", [("Retry-After", value)])
        return Answer(200, page("Được rồi", [VIETNAMESE]))

    def p_retry(self, request, args):
        return self.retry(request, args, args[2])

    def p_retry_date(self, request, args):
        return self.retry(request, args, email.utils.formatdate(time.time() + float(args[2]), usegmt=True))

    def p_flaky(self, request, args):
        if self.count("flaky " + request.host + request.target) % int(args[0]):
            raise Close
        return Answer(200, page("Lần này được", [VIETNAMESE]))

    # -- paths: validators

    def tagged(self, request, tag, body):
        asked = [t.strip() for t in request.headers.get("if-none-match", "").split(",")]
        if tag in asked or (asked and tag.removeprefix("W/") in [a.removeprefix("W/") for a in asked if a]):
            return Answer(304, b"", headers=[("ETag", tag)])
        return Answer(200, body, headers=[("ETag", tag)])

    def p_etag(self, request, args):
        return self.tagged(request, '"%s"' % args[0], page(args[0], [VIETNAMESE]))

    def p_etag_weak(self, request, args):
        return self.tagged(request, 'W/"%s"' % args[0], page(args[0], [VIETNAMESE]))

    def p_etag_changes(self, request, args):
        n = self.count("etag " + request.host + request.target)
        return self.tagged(request, '"v%d"' % n, page("Bản %d" % n, ["%s Bản %d." % (VIETNAMESE, n)]))

    def p_etag_ignored(self, request, args):
        return Answer(200, page("Luôn mới", [VIETNAMESE]), headers=[("ETag", '"same"')])

    def p_modified(self, request, args):
        date = "Thu, 21 Aug 2025 03:30:00 GMT"
        if request.headers.get("if-modified-since") == date:
            return Answer(304, b"", headers=[("Last-Modified", date)])
        return Answer(200, page(args[0], [VIETNAMESE]), headers=[("Last-Modified", date)])

    # -- paths: encodings

    def p_encoding(self, request, args):
        return encoded(args[0].split(","), generated(request.name, 1).encode())

    def p_encoding_wrong(self, request, args):
        return Answer(200, page("Không nén", [VIETNAMESE]), headers=[("Content-Encoding", "gzip")])

    def p_encoding_cut(self, request, args):
        whole = gzip.compress(generated(request.name, 1, 100000).encode(), mtime=0)
        return Answer(200, whole[:len(whole) // 2], headers=[("Content-Encoding", "gzip")])

    def p_encoding_tail(self, request, args):
        whole = gzip.compress(page("Đuôi", [VIETNAMESE]).encode(), mtime=0)
        return Answer(200, whole + b"garbage behind the end", headers=[("Content-Encoding", "gzip")])

    def p_encoding_unknown(self, request, args):
        return Answer(200, page("Lạ", [VIETNAMESE]), headers=[("Content-Encoding", "lzma")])

    def p_bomb(self, request, args):
        return encoded(args[0].split(","), lambda names: zeros(names, int(args[1])))

    # -- paths: robots

    def p_robots_txt(self, request, args):
        label = request.name.split(".")[0]
        return robots(label[7:] if label.startswith("robots-") else "404", request)

    def p_robots_moved_txt(self, request, args):
        return Answer(200, "User-agent: *\nDisallow: /private\n", "text/plain")

    def p_robots_hop(self, request, args):
        left = int(args[0])
        return self.to("/robots-hop/%d" % (left - 1) if left > 1 else "/robots-moved.txt")

    # -- control

    def control(self, request):
        action = request.path[3:]
        if action == "reset" and request.method == "POST":
            self.reset()
            made = {"ok": True}
        elif action == "plan" and request.method == "POST":
            added = json.loads(request.body)
            self.plan.update(added)
            for key in added:
                self.counts.pop("plan " + key, None)
            made = {"ok": True}
        elif action == "quit" and request.method == "POST":
            self.done.set()
            made = {"ok": True}
        elif action == "stats":
            made = {"hosts": self.hosts, "requests": self.total, "most": self.most}
        elif action == "log":
            chosen = [r for r in self.log if r["target"].startswith(request.query.get("path", ""))
                      and request.query.get("host", r["name"]) in (r["name"], r["host"])]
            made = {"requests": chosen, "hosts": self.hosts}
        else:
            return Answer(404, "there is no %s for %s\n" % (request.path, request.method), "text/plain")
        return Answer(200, json.dumps(made, ensure_ascii=False) + "\n", "application/json")

    def begin(self, request, connection):
        now = time.monotonic()
        self.total += 1
        host = self.hosts.setdefault(request.name, {"requests": 0, "connections": 0, "most": 0, "gap": None, "last": None})
        self.active[request.name] = together = self.active.get(request.name, 0) + 1
        host["requests"] += 1
        host["most"] = max(host["most"], together)
        if host["last"] is not None:
            gap = now - host["last"]
            host["gap"] = gap if host["gap"] is None else min(gap, host["gap"])
        host["last"] = now
        if connection["host"] != request.name:
            connection["host"] = request.name
            host["connections"] += 1
        self.most = max(self.most, sum(self.active.values()))
        record = {"n": self.total, "time": now, "end": None, "host": request.host, "name": request.name, "method": request.method,
                  "target": request.target, "headers": request.headers, "status": 0, "sent": 0, "connection": connection["n"],
                  "together": together}
        self.log.append(record)
        return record

    def end(self, record):
        record["end"] = time.monotonic()
        # After a reset the count of the host is gone.
        if self.active.get(record["name"], 0) > 0:
            self.active[record["name"]] -= 1


# ---- the wire -------------------------------------------------------------------------------------------------------


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    rows = head.decode("latin-1").split("\r\n")
    method, target, _ = rows[0].split(" ", 2)
    headers = {}
    for row in rows[1:]:
        name, colon, value = row.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    host = headers.get("host", "")
    if "://" in target:
        split = urllib.parse.urlsplit(target)
        host, target = split.netloc, target[target.index("://") + 3 + len(split.netloc):] or "/"
    length = int(headers.get("content-length", 0))
    body = await reader.readexactly(min(length, MAX_BODY)) if length else b""
    return Request(method, target, host, headers, body)


async def paced(writer, data, rate, record):
    """Writes a piece every twentieth of a second, or a byte at a time when that is less."""
    step = max(1, int(rate / 20))
    for at in range(0, len(data), step):
        writer.write(data[at:at + step])
        record["sent"] = min(at + step, len(data))
        await writer.drain()
        await asyncio.sleep(step / rate)


async def send_head(writer, answer, close):
    rows = ["HTTP/1.1 %d %s" % (answer.status, REASONS.get(answer.status, "Status")), "Date: " + email.utils.formatdate(usegmt=True)]
    names = {name.lower() for name, _ in answer.headers}
    if answer.media and "content-type" not in names and answer.status not in (204, 304):
        rows.append("Content-Type: " + answer.media)
    if answer.chunked:
        rows.append("Transfer-Encoding: chunked")
    elif not names & {"transfer-encoding", "content-length"} and answer.status not in (204, 304):
        rows.append("Content-Length: %d" % (len(answer.body) if answer.length is None else answer.length))
    rows += ["%s: %s" % pair for pair in answer.headers]
    if close:
        rows.append("Connection: close")
    head = ("\r\n".join(rows) + "\r\n\r\n").encode("utf-8", "surrogateescape")
    if not answer.head_time:
        writer.write(head)
        return
    step = max(1, len(head) // 10)
    for at in range(0, len(head), step):
        writer.write(head[at:at + step])
        await writer.drain()
        await asyncio.sleep(answer.head_time / 10)


async def send(writer, request, answer, record, close):
    """True if the connection may be used again."""
    if answer.delay:
        await asyncio.sleep(answer.delay)
    record["status"] = answer.status
    if answer.raw is not None:
        writer.write(answer.raw)
        await writer.drain()
        return False
    wrong = answer.length is not None and answer.length != len(answer.body)
    close = close or answer.cut is not None or answer.ends or wrong
    await send_head(writer, answer, close)
    if request.method == "HEAD" or answer.status in (204, 304):
        await writer.drain()
        return not close
    if answer.writer:
        await writer.drain()
        await answer.writer(writer)
        return False
    body = answer.body if answer.cut is None else answer.body[:answer.cut]
    if answer.chunked:
        for at in range(0, len(body), 4096):
            part = body[at:at + 4096]
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        writer.write(b"0\r\n\r\n" if answer.cut is None else b"")
    elif answer.rate:
        await paced(writer, body, answer.rate, record)
    else:
        writer.write(body)
    await writer.drain()
    record["sent"] = len(body)
    return not close


def reset_connection(writer):
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def gone(reader):
    """Until the client has ended the connection."""
    while await reader.read(65536):
        pass


async def serve_one(server, reader, writer, connection):
    """One request; False when the connection is to end."""
    request = await read_request(reader)
    close = request.headers.get("connection", "").lower() == "close"
    if request.path.startswith("/__"):
        return await send(writer, request, server.control(request), {"status": 0, "sent": 0}, close)
    record = server.begin(request, connection)
    try:
        key = server.planned(request)
        answer = server.from_plan(key, request) if key else server.play(request)
        return await send(writer, request, answer, record, close)
    except Hang:
        await gone(reader)
    except Reset:
        reset_connection(writer)
    except Close:
        pass
    finally:
        server.end(record)
    return False


async def run(args):
    server, connections = Trouble(args.root), [0]
    if args.plan:
        with open(args.plan, encoding="utf-8") as f:
            server.plan.update(json.load(f))

    async def on_connection(reader, writer):
        connections[0] += 1
        connection = {"n": connections[0], "host": None}
        try:
            while await serve_one(server, reader, writer, connection):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError, OSError):
            pass
        finally:
            writer.close()

    async def listen(port, tls=None):
        first = await asyncio.start_server(on_connection, "127.0.0.1", port, limit=MAX_HEAD, backlog=1024, ssl=tls)
        port = first.sockets[0].getsockname()[1]
        try:
            await asyncio.start_server(on_connection, "::1", port, limit=MAX_HEAD, backlog=1024, ssl=tls)
        except OSError:
            pass  # a machine without IPv6
        return port

    ports = [await listen(args.port)]
    if args.tls:
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
        ports.append(await listen(0, context))
    print(*ports, flush=True)
    await server.done.wait()


# ---- for tests in Python --------------------------------------------------------------------------------------------


class Server:
    """The server as a process of its own; ends with the block."""

    def __init__(self, *args):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), *args], stdout=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL)
        ports = self.process.stdout.readline().split()
        if not ports:
            raise RuntimeError("the trouble server did not start")
        self.port = int(ports[0])
        self.tls_port = int(ports[1]) if len(ports) > 1 else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def host(self, name="www"):
        return "%s.localhost:%d" % (name, self.port)

    def url(self, path, name="www"):
        return "http://" + self.host(name) + path

    def call(self, path, body=None):
        made = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), data=body, method="GET" if body is None else "POST")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(made, timeout=30) as answer:
            return json.load(answer)

    def plan(self, plan):
        self.call("/__plan", json.dumps(plan).encode())

    def reset(self):
        self.call("/__reset", b"")

    def log(self, path="", host=None):
        asked = {"path": path} if host is None else {"path": path, "host": host + ".localhost"}
        return self.call("/__log?" + urllib.parse.urlencode(asked))["requests"]

    def stats(self):
        return self.call("/__stats")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plan")
    parser.add_argument("--root")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    try:
        asyncio.run(run(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
