#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dedupe by the real engine: copies over runs, links, no state, a window, and a kill in the middle of a run."""
import json
import os
import signal
import subprocess

from lib import LIMIT, SLUICE, environment, finish, lines, main, read, same, sluice, start, true, wait_until, write

PIPELINE = """name: once
state: %(state)s
stages:
  - id: in
    uses: fetch_files
    with: { paths: [%(paths)s]%(watch)s }
  - id: dedupe
    uses: dedupe
    with: { %(with)s }
  - id: out
    uses: sink_jsonl
    with: { path: %(out)s }
"""
# Each subject has words of its own; every third sentence is the same everywhere.
WORDS = ("cầu đường trường chợ sông núi rừng biển lúa cá mưa nắng thuyền xe nhà phố làng xã huyện tỉnh đèn sách vở bút tranh nhạc "
         "phim kịch múa hát cờ bóng bơi chạy nhảy leo").split()


def article(n, more=""):
    seed, out = n * 7919 + 13, []
    for i in range(60):
        seed = (seed * 1103515245 + 12345) % (1 << 31)
        out.append(WORDS[(seed >> 8) % len(WORDS)])
    return "Tin số %d. %s. Mời bạn đọc theo dõi tiếp. %s" % (n, " ".join(out), more)


def put(path, docs):
    write(path, "".join(json.dumps({"id": i, "text": t}, ensure_ascii=False) + "\n" for i, t in docs))


def pipeline(name="p.yaml", state="./state", paths="in.ndjson", out="out.ndjson", watch="", **params):
    write(name, PIPELINE % {"state": state, "paths": paths, "out": out, "watch": watch,
                            "with": ", ".join("%s: %s" % p for p in params.items())})


def ids(path="out.ndjson"):
    return [d["id"] for d in lines(path)]


def copies(first, count):
    """Of each subject an original, the same in capitals, and one with another end."""
    out = []
    for n in range(first, first + count):
        out += [("%d-a" % n, article(n)), ("%d-b" % n, article(n).upper()), ("%d-c" % n, article(n, "Theo báo địa phương."))]
    return out


def test_copies_are_dropped_in_the_next_run_too():
    put("in.ndjson", copies(0, 5))
    put("more.ndjson", [("again", article(3, "Thêm một câu.")), ("new", article(77))])
    pipeline()
    summary = json.loads(sluice("run", "p.yaml", "--json").out)
    same([summary[k] for k in ("in", "stored", "dropped", "dead")], [15, 5, 10, 0])
    same(ids(), ["%d-a" % n for n in range(5)])
    pipeline(paths="in.ndjson, more.ndjson")
    sluice("run", "p.yaml", "--quiet")
    same(ids(), ["%d-a" % n for n in range(5)] + ["new"])


def test_links_name_the_first():
    put("in.ndjson", copies(0, 2))
    pipeline(action="link")
    sluice("run", "p.yaml", "--quiet")
    docs = {d["id"]: d for d in lines("out.ndjson")}
    same(sorted(docs), ["0-a", "0-b", "0-c", "1-a", "1-b", "1-c"])
    true("duplicate_of" not in docs["0-a"], docs["0-a"])
    of = docs["1-b"]["duplicate_of"]
    same((of["similarity"], of["exact"], of["uri"].endswith("in.ndjson")), (1, True, True))
    near = docs["1-c"]["duplicate_of"]
    true(not near["exact"] and 0.6 < near["similarity"] < 1 and near["key"] == of["key"], near)
    true(docs["0-b"]["duplicate_of"]["key"] != of["key"], "two subjects have one first document")


def test_without_a_state():
    put("in.ndjson", copies(0, 5))
    pipeline(state="none")
    sluice("run", "p.yaml", "--quiet")
    same(ids(), ["%d-a" % n for n in range(5)])


def test_the_window_is_bounded():
    put("in.ndjson", copies(0, 1) + [("%d-a" % n, article(n)) for n in range(1, 12)] + [("old", article(0)), ("young", article(9))])
    pipeline(window=10)
    sluice("run", "p.yaml", "--quiet")
    same(ids(), ["%d-a" % n for n in range(12)] + ["old"])


def test_all_over_again_is_no_copy():
    put("in.ndjson", copies(0, 5))
    pipeline()
    sluice("run", "p.yaml", "--quiet")
    write("out.ndjson", "")
    os.unlink("out.ndjson")
    pipeline(out="second.ndjson")
    sluice("run", "p.yaml", "--reprocess", "--quiet")
    same(ids("second.ndjson"), ["%d-a" % n for n in range(5)])


def test_a_kill():
    put("in.ndjson", copies(0, 40))
    pipeline(watch=", watch: true, poll: 10ms, settle: 0s")
    process = start("run", "p.yaml")
    wait_until(lambda: os.path.exists("out.ndjson") and os.path.getsize("out.ndjson") > 0, "the first document")
    process.kill()
    finish(process)
    put("later.ndjson", copies(20, 40))
    pipeline(paths="in.ndjson, later.ndjson", watch=", watch: true, poll: 10ms, settle: 0s")
    process = start("run", "p.yaml")
    wait_until(lambda: os.path.exists("out.ndjson") and len(open("out.ndjson", "rb").read().split(b"\n")) > 60, "60 documents")
    process.send_signal(signal.SIGTERM)
    finish(process)
    same(sorted(int(i.split("-")[0]) for i in ids()), list(range(60)))


def test_a_reload_keeps_the_window():
    put("a.ndjson", copies(0, 5))
    watch = ", watch: true, poll: 10ms, settle: 0s"
    pipeline(paths='"*.ndjson"', out="out/once", watch=watch)
    with open("log", "wb") as log:
        process = subprocess.Popen([SLUICE, "run", "p.yaml"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment())
    try:
        wait_until(lambda: os.path.exists("out/once") and read("out/once").count("\n") == 5, "five documents")
        for window in (400, 300):  # with other parameters it is another stage, which finds the window in the state
            pipeline(paths='"*.ndjson"', out="out/once", watch=watch, window=window)
            process.send_signal(signal.SIGHUP)
            generation = '"generation":%d' % (2 if window == 400 else 3)
            wait_until(lambda g=generation: g in read("log"), generation)
            first = 3 if window == 400 else 6
            put("%d.ndjson" % window, copies(first, 4))
            wait_until(lambda n=first + 4: read("out/once").count("\n") >= n, "the new ones")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT)
    same(sorted(ids("out/once")), ["%d-a" % n for n in range(10)])


if __name__ == "__main__":
    main(globals())
