#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A pipeline under full load is reloaded again and again: good and wrong files, rebuilt plugins, renamed stages. Nothing
is lost, nothing is doubled. SLUICE_RELOADS is the number of reloads: 30 unless it is set, 100 and more to be sure."""
import atexit
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib import BUILD, LIMIT, SANITIZED, SOURCE, finish, has, main, read, same, start, true, wait_until, write

RELOADS = int(os.environ.get("SLUICE_RELOADS") or (10 if SANITIZED else 30))
# Not a measure: only a run that hangs is longer without output.
STALL = 60 if SANITIZED else 10

STAMP = r"""
#include <sluice/plugin.h>
#include <cjson/cJSON.h>

struct params { int32_t refuse, stall; int64_t spin; };
static const sl_param table[] = {
    SL_PARAM(struct params, refuse, SL_T_BOOL, 0, "false", NULL, "Cannot be made."),
    SL_PARAM(struct params, stall, SL_T_BOOL, 0, "false", NULL, "Cannot be started."),
    SL_PARAM(struct params, spin, SL_T_INT, 0, "2000", "0..", "Rounds of work for each document."),
};

static int32_t create(sl_ctx *ctx, const void *params, void **ret) {
  *ret = (void *)params;
  if (!((const struct params *)params)->refuse) return 0;
  sl_fail(ctx, SL_EINVAL, "it refuses on purpose", NULL, NULL);
  return SL_EINVAL;
}

static int32_t start(sl_ctx *ctx, void *stage) {
  if (!((const struct params *)stage)->stall) return 0;
  sl_fail(ctx, SL_EIO, "it does not start on purpose", NULL, NULL);
  return SL_EIO;
}

static int32_t process(sl_ctx *ctx, void *stage, void *lane, sl_doc *doc) {
  (void)lane;
  volatile int64_t n = ((const struct params *)stage)->spin;
  while (n > 0) n--;
  return cJSON_AddNumberToObject(sl_body_edit(ctx, doc), "build", BUILD) ? SL_V_OK : SL_V_FATAL;
}

static const sl_field fields[] = {{"/build", SL_C_WRITES, SL_J_NUMBER, "Number of the build."}};
static const sl_stage_type stamp = {
    .struct_size = sizeof(sl_stage_type), .kind = SL_TRANSFORM, .name = "stamp", .summary = "Stamps.",
    .params = table, .n_params = 3, .param_size = sizeof(sl_param), .params_size = sizeof(struct params),
    .fields = fields, .n_fields = 1, .field_size = sizeof(sl_field),
    .create = create, .start = start, .process = process};
static const sl_stage_type *const types[] = {&stamp};
static const sl_plugin plugin = {
    .struct_size = sizeof(sl_plugin), .abi_major = SL_ABI_MAJOR, .abi_minor = SL_ABI_MINOR,
    .min_host_minor = SL_ABI_MINOR, .n_types = 1, .name = "stamp", .version = "1", .license = "Apache-2.0",
    .description = "Stamps.", .cjson_version = cJSON_Version, .types = types};
const sl_plugin *sluice_plugin(void) { return &plugin; }
"""


def compile_stamp(number):
    write("stamp.c", STAMP)
    cflags = subprocess.run(["pkg-config", "--cflags-only-I", "libcjson"], capture_output=True, text=True).stdout.split()
    name = "stamp-%d.so" % number
    done = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-DBUILD=%d" % number, "-I" + os.path.join(SOURCE, "core", "include"),
                           *cflags, "-o", name, "stamp.c", "-lcjson"], capture_output=True, text=True, timeout=LIMIT)
    same((done.returncode, done.stderr), (0, ""))
    return name


def pipeline(**o):
    """The file with ids, parameters and former ids as they are asked for."""
    def was(key):
        return ", was: [%s]" % o[key] if o.get(key) else ""
    return """
name: reloaded
state: state
plugin_path: [%s, .]
stages:
  - { id: %s%s, uses: teststages.test_gen, with: { count: 1000000000, raw: true } }
  - { id: files%s, uses: fetch_files, with: { paths: "in/*.ndjson" } }
  - { id: %s%s, from: [%s, files%s], uses: stamp, with: { spin: %d%s } }
  - { id: %s%s, uses: sink_jsonl, with: { path: out.jsonl } }
""" % (os.path.join(BUILD, "tests", "plugins"), o.get("gen", "gen"), was("gen_was"), o.get("files", ""),
       o.get("mid", "stamp"), was("mid_was"), o.get("gen", "gen"), o.get("files", ""), o.get("spin", 2000),
       o.get("more", ""), o.get("out", "out"), was("out_was"))


def turn(n):
    """The n-th file: its text, what its answer says, the build it wants."""
    k = n % 10
    if k == 0:
        return pipeline(spin=1000 + n % 7), "reloaded", None
    if k == 1:
        return "stages: [", "error", None
    if k == 2:
        return pipeline(out="lines", out_was="out"), "reloaded", None
    if k == 3:
        return pipeline(out="lines"), "reloaded", n // 10 % 4 + 2
    if k == 4:
        return pipeline(out="lines", more=", refuse: true"), "it refuses on purpose", None
    if k == 5:
        return pipeline(out="out", out_was="lines", gen="origin", gen_was="gen", mid="mark", mid_was="stamp"), "reloaded", None
    if k == 6:
        return pipeline(gen="origin", mid="other", mid_was="mark", out="kept", out_was="out", more=", stall: true"), \
            "it does not start on purpose", None
    if k == 7:
        return pipeline(gen="gen", gen_was="origin", mid="stamp", mid_was="mark"), "reloaded", None
    if k == 8:
        return pipeline().replace("sink_jsonl", "sink_nothing"), "sink_nothing", None
    return pipeline(gen="gen", gen_was="origin", mid="stamp", mid_was="mark"), "reloaded", None


class Socket(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect("state/admin.sock")


def ask(method, path):
    c = Socket("localhost", timeout=LIMIT)
    c.request(method, path)
    answer = c.getresponse()
    return answer.status, answer.read().decode()


def answers(path):
    """What the log says of reloads that came to their end."""
    log = [json.loads(line)["msg"] for line in read(path).split("\n")[:-1] if line.startswith("{")]
    return [x for x in log if x.startswith(("reloaded: ", "the reload failed"))]


def tail(path):
    with open(path, "rb") as f:
        f.seek(max(0, os.path.getsize(path) - 200))
        return f.read().decode()


class Output(threading.Thread):
    """Watches a file grow; `longest` is the longest time for which it did not."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.longest, self.size, self.on = path, 0, 0, True

    def run(self):
        last = time.monotonic()
        while self.on:
            size = os.stat(self.path).st_size
            now = time.monotonic()
            if size != self.size:
                self.longest = max(self.longest, now - last)
                self.size, last = size, now
            select.select([], [], [], 0.002)


def grown(output, by=2000):
    before = output.size
    wait_until(lambda: output.size > before + by, "the output of %s grows" % output.path)


def test_reloads_under_load_lose_and_double_nothing():
    builds = {n: compile_stamp(n) for n in range(1, 7)}
    shutil.copyfile(builds[1], "stamp.so")
    for i in range(8):
        write("in/%d.ndjson" % i, "".join('{"ids":["f%d.%d"]}\n' % (i, k) for k in range(20000)))
    write("p.yaml", pipeline())
    with open("log", "wb") as log:
        p = subprocess.Popen([os.path.join(BUILD, "bin", "sluice"), "run", "p.yaml", "--json", "--log-format", "json"],
                             stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                             env={**os.environ, "XDG_CACHE_HOME": os.path.join(BUILD, "e2e-cache")})
    atexit.register(p.kill)  # a case that fails leaves nothing behind
    wait_until(lambda: p.poll() is not None or (os.path.exists("out.jsonl") and os.path.exists("state/admin.sock")),
               "it starts")
    same(p.poll(), None, read("log"))
    output = Output("out.jsonl")
    output.start()
    seen = 0
    build = 1
    for n in range(RELOADS):
        grown(output)
        text, expected, wanted = turn(n)
        if wanted:
            build = wanted
            if n % 20 < 10:
                shutil.copyfile(builds[build], "stamp.so")  # over the file that is in use
            else:
                shutil.copyfile(builds[build], "stamp.new")
                os.replace("stamp.new", "stamp.so")
        write("p.yaml", text)
        if n % 3:
            p.send_signal(signal.SIGHUP)
            wait_until(lambda: len(answers("log")) > seen or p.poll() is not None, "reload %d is answered" % n)
            true(p.poll() is None, read("log")[-3000:])
            answer = answers("log")[seen]
        else:
            status, answer = ask("POST", "/reload")
            same(status == 200, expected == "reloaded", "reload %d: %d %s" % (n, status, answer))
            wait_until(lambda: len(answers("log")) > seen, "reload %d is logged" % n)
        has(answer, expected)
        seen += 1
    grown(output)
    output.on = False
    output.join()
    p.terminate()
    out, _ = p.communicate(timeout=LIMIT)
    same(p.returncode, 128 + signal.SIGTERM, read("log")[-3000:])
    stats = json.loads(out)
    print("  %d reloads, %d documents, the longest time without output %.0f ms" % (RELOADS, stats["in"], output.longest * 1e3))
    same({k: stats.get(k) for k in ("dead", "unfinished", "unrouted")}, {"dead": 0, "unfinished": 0, "unrouted": 0})
    same(stats["generation"], 1 + sum(turn(n)[1] == "reloaded" for n in range(RELOADS)), "generations")
    found = re.findall(r'^\{"ids":\["([f.0-9]+)"\],"build":(\d+)\}$', read("out.jsonl"), re.M)
    same(len(found), read("out.jsonl").count("\n"), "lines that are not whole")
    numbers = [int(x) for x, _ in found if x[0] != "f"]
    same(len(found), stats["in"], "documents that came in, lines that went out")
    same(len(set(x for x, _ in found)), len(found), "documents that are there twice")
    same(max(numbers) + 1, len(numbers), "numbers that are missing")
    for i in range(8):
        ours = [int(x.split(".")[1]) for x, _ in found if x.startswith("f%d." % i)]
        same(sorted(ours), list(range(len(ours))), "lines of file %d" % i)
    same(len(set(b for _, b in found)), 1 + len(set(turn(n)[2] for n in range(RELOADS)) - {None}), "builds that ran")
    same(found[-1][1], str(build), "the build of the last document")
    true(output.longest < STALL, "nothing went out for %.1f s" % output.longest)


def test_a_rebuilt_plugin_is_noticed():
    builds = [compile_stamp(n) for n in (1, 2)]
    shutil.copyfile(builds[0], "stamp.so")
    write("p.yaml", """
plugin_path: [%s, .]
stages:
  - { id: gen, uses: teststages.test_gen, with: { count: 1000000000, raw: true } }
  - { id: stamp, uses: stamp }
  - { id: out, uses: sink_jsonl, with: { path: out.jsonl } }
""" % os.path.join(BUILD, "tests", "plugins"))
    p = start("run", "p.yaml", "--reload-on-change", "--quiet")
    atexit.register(p.kill)
    wait_until(lambda: p.poll() is not None or os.path.exists("out.jsonl") and '"build":1}' in tail("out.jsonl"), "it runs")
    shutil.copyfile(builds[1], "stamp.so")
    wait_until(lambda: p.poll() is not None or '"build":2}' in tail("out.jsonl"), "the new code runs")
    p.terminate()
    same(finish(p).code, 128 + signal.SIGTERM)
    found = re.findall(r'^\{"ids":\["(\d+)"\],"build":(\d)\}$', read("out.jsonl"), re.M)
    same([int(x) for x, _ in found], list(range(len(found))), "documents")


class Client(threading.Thread):
    """Posts documents one after the other; remembers which were accepted, and every connection that was refused."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.port, self.prefix, self.on, self.accepted, self.refused, self.answers = port, name, True, [], 0, {}

    def run(self):
        connection, n = None, 0
        while self.on:
            n += 1
            name = "%s.%d" % (self.prefix, n)
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
                connection.request("POST", "/documents", json.dumps({"ids": [name]}), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
                if answer.status == 202:
                    self.accepted.append(name)
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, http.client.HTTPException):
                connection = None  # the connection was closed in between: another one


def test_a_listener_keeps_its_port_and_what_it_accepted():
    text = """
name: listens
state: state
stages:
  - { id: in, uses: fetch_listen, with: { listen: "127.0.0.1:0" } }
  - { id: %s, uses: set, with: { add: { /turn: %d } } }
  - { id: out, uses: sink_jsonl, with: { path: out.jsonl } }
"""
    write("p.yaml", text % ("mark", 0))
    with open("log", "wb") as log:
        p = subprocess.Popen([os.path.join(BUILD, "bin", "sluice"), "run", "p.yaml", "--json", "--log-format", "json"],
                             stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                             env={**os.environ, "XDG_CACHE_HOME": os.path.join(BUILD, "e2e-cache")})
    atexit.register(p.kill)  # a case that fails leaves nothing behind
    port = r"listening on 127\.0\.0\.1:(\d+)"
    wait_until(lambda: p.poll() is not None or re.search(port, read("log")), "it listens")
    same(p.poll(), None, read("log"))
    clients = [Client(int(re.search(port, read("log")).group(1)), "c%d" % i) for i in range(2)]
    for c in clients:
        c.start()
    for n in range(max(6, RELOADS // 3)):
        before = [len(c.accepted) for c in clients]
        wait_until(lambda: all(len(c.accepted) > b + 20 for c, b in zip(clients, before)) or p.poll() is not None,
                   "documents are accepted in turn %d" % n)
        write("p.yaml", text % (("mark", "stamp")[n % 2], n))
        status, answer = ask("POST", "/reload")
        same(status, 200, answer)
    for c in clients:
        c.on = False
        c.join(LIMIT)
    accepted = sum(len(c.accepted) for c in clients)
    wait_until(lambda: read("out.jsonl").count("\n") >= accepted or p.poll() is not None, "all that was accepted is stored")
    p.terminate()
    p.communicate(timeout=LIMIT)
    same(p.returncode, 128 + signal.SIGTERM, read("log")[-3000:])
    same([c.refused for c in clients], [0, 0], "connections that were refused")
    same(len(set(re.findall(port, read("log")))), 1, "ports")
    stored = [json.loads(line)["ids"][0] for line in read("out.jsonl").split("\n")[:-1]]
    same(len(set(stored)), len(stored), "documents that are there twice")
    lost = set(x for c in clients for x in c.accepted) - set(stored)
    print("  %d documents accepted; answers %s" % (accepted, [c.answers for c in clients]))
    same(lost, set(), "documents that were accepted and are lost")


if __name__ == "__main__":
    main(globals())
