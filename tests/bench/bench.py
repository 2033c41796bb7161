#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""See run.sh."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DATA = os.environ.get("SLUICE_TEST_DATA")

parser = argparse.ArgumentParser()
parser.add_argument("--small", action="store_true", help="few documents: correctness only")
parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
parser.add_argument("--rounds", type=int, default=0)
parser.add_argument("--only", default="A,B,stage,start,news")
parser.add_argument("--json", help="writes the figures to this file")
args = parser.parse_args()
only = args.only.split(",")
rounds = args.rounds or (1 if args.small else 3)
build = os.path.abspath(args.build)
SLUICE = os.path.join(build, "bin", "sluice")
PLAIN = os.path.join(build, "tests", "bench", "bench_plain")
MEASURE = os.path.join(build, "tests", "bench", "bench_measure")
PLUGINS = os.path.join(build, "tests", "bench", "plugins")
work = tempfile.mkdtemp(prefix="sluice-bench-", dir=build)
figures, failures = {}, []


def measure(*command, ok=(0,), env=None):
    """Runs the command; wall, user, sys, rss, first."""
    read, write = os.pipe()

    def at_three():
        os.dup2(write, 3, inheritable=True)

    done = subprocess.run([MEASURE, *command], preexec_fn=at_three, pass_fds=(3, write), stderr=subprocess.PIPE,
                          env={**os.environ, **(env or {})}, cwd=work)
    os.close(write)
    with os.fdopen(read) as f:
        text = f.read()
    result = json.loads(text)
    if result["exit"] not in ok:
        sys.stderr.write(done.stderr.decode(errors="replace"))
        sys.exit("%s: expected exit code %s, found %d" % (" ".join(command), ok, result["exit"]))
    result["cpu"] = result["user"] + result["sys"]
    return result


def corpus(kind, n):
    path = os.path.join(build, "bench-%s-%s-%d.ndjson" % (kind, "data" if DATA else "own", n))
    if not os.path.exists(path):
        tool = os.path.join(DATA, "bench", "gen.py") if DATA else os.path.join(HERE, "corpus.py")
        subprocess.run([sys.executable, tool, kind, str(n), path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


def check(source, result, fields):
    if DATA:
        tool = [os.path.join(DATA, "bench", "verify.py"), source, result, *fields]
    else:
        tool = [os.path.join(HERE, "corpus.py"), "check", source, result, *fields]
    found = json.loads(subprocess.run([sys.executable, *tool], check=True, capture_output=True, text=True).stdout)
    bad = {k: v for k, v in found.items() if k not in ("in", "out_lines") and v}
    if bad or found["in"] != found["out_lines"]:
        failures.append("%s: delivery: %s" % (os.path.basename(result), found))
        return "FAILED %s" % bad
    return "every document once, unchanged, in order"


def pipeline(name, source, result, fields, sink="sink_jsonl", state=None):
    stages = ["  - {id: in, uses: fetch_files, with: {paths: %s, format: ndjson}}" % json.dumps(source)]
    for i in range(fields):
        stages.append("  - {id: s%d, uses: set, with: {set: {/f%d: value}}}" % (i + 1, i + 1))
    if sink == "sink_jsonl":
        stages.append("  - {id: out, uses: sink_jsonl, with: {path: %s, mode: %s}}" %
                      (json.dumps(result), "append" if state else "replace"))
    else:
        stages.append("  - {id: out, uses: %s}" % sink)
    path = os.path.join(work, name + ".yaml")
    with open(path, "w") as f:
        f.write("name: %s\nlanes: 2\n" % name)
        if state:
            f.write("state: %s\n" % json.dumps(state))
        f.write("stages:\n%s\n" % "\n".join(stages))
    return path


def with_state(conf, state, result):
    """From an empty state to the last commit."""
    shutil.rmtree(state, ignore_errors=True)
    if os.path.exists(result):
        os.remove(result)
    return measure(SLUICE, "run", "--quiet", conf)


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def throughput(label, kind, n):
    source = corpus(kind, n)
    size = os.path.getsize(source)
    print("\n%s: %s documents, %.0f bytes each; NDJSON file to NDJSON file, 2 lanes" % (label, "{:,}".format(n), size / n))
    print("  %-22s %12s %9s %12s %10s %9s" % ("", "documents/s", "MB/s", "CPU us/doc", "peak MiB", "ratio"))
    for fields in (0, 4):
        out_plain, out_sluice = os.path.join(work, "plain.ndjson"), os.path.join(work, "sluice.ndjson")
        conf = pipeline("bench", source, out_sluice, fields)
        out_kept, state = os.path.join(work, "kept.ndjson"), os.path.join(work, "state")
        conf_kept = pipeline("kept", source, out_kept, fields, state=state)
        plain, sluice, kept = [], [], []
        for _ in range(rounds):  # in turn, so that a slow moment of the machine meets both
            plain.append(measure(PLAIN, source, out_plain, str(fields)))
            sluice.append(measure(SLUICE, "run", "--quiet", conf))
            kept.append(with_state(conf_kept, state, out_kept))
        rows = {}
        for name, runs in (("plain cJSON loop", plain), ("sluice", sluice), ("state", kept)):
            wall, cpu, rss = median(runs, "wall"), median(runs, "cpu"), max(r["rss"] for r in runs)
            rows[name] = {"docs_per_s": n / wall, "mb_per_s": size / wall / 1e6, "cpu_us": cpu / n * 1e6, "rss": rss}
        ratio = rows["sluice"]["docs_per_s"] / rows["plain cJSON loop"]["docs_per_s"]
        cpu_ratio = rows["sluice"]["cpu_us"] / rows["plain cJSON loop"]["cpu_us"]
        for name, r in rows.items():
            print("  %-22s %12s %9.0f %12.2f %10.1f %9s" % ("%s, %d fields" % (name.split()[0], fields),
                  "{:,.0f}".format(r["docs_per_s"]), r["mb_per_s"], r["cpu_us"], r["rss"] / 2**20,
                  "%.2f" % ratio if name == "sluice" else ""))
        names = ["f%d" % (i + 1) for i in range(fields)]
        print("  CPU per document %.2f of the plain loop's; %s" % (cpu_ratio, check(source, out_sluice, names)))
        durable = rows["state"]["docs_per_s"] / rows["sluice"]["docs_per_s"]
        print("  With a state folder %.2f of the throughput without, CPU %.2f; %s" %
              (durable, rows["state"]["cpu_us"] / rows["sluice"]["cpu_us"], check(source, out_kept, names)))
        figures["%s%d" % (label, fields)] = {"rows": rows, "ratio": ratio, "cpu_ratio": cpu_ratio, "durable": durable}
        os.remove(out_kept)
        os.remove(out_sluice)
        os.remove(out_plain)


def stage_overhead():
    n = 2000 if args.small else 200000
    env = {"SLUICE_PLUGIN_PATH": PLUGINS}
    runs = {}
    for stages in (0, 100):
        lines = ["  - {id: in, uses: bench_stages.source, with: {documents: %d}}" % n]
        lines += ["  - {id: n%d, uses: bench_stages.noop}" % i for i in range(stages)]
        lines += ["  - {id: out, uses: bench_stages.null}"]
        conf = os.path.join(work, "noop%d.yaml" % stages)
        with open(conf, "w") as f:
            f.write("name: noop\nlanes: 2\nstages:\n%s\n" % "\n".join(lines))
        runs[stages] = [measure(SLUICE, "run", "--quiet", conf, env=env) for _ in range(rounds)]
    cost = (median(runs[100], "cpu") - median(runs[0], "cpu")) / n / 100 * 1e9
    figures["stage_ns"] = cost
    print("\nA stage in a lane, documents that never become text: %.0f ns CPU (100 no-op stages less none, %s documents)"
          % (cost, "{:,}".format(n)))
    figures["document_us"] = median(runs[0], "cpu") / n * 1e6
    print("A document from source to sink without any transform: %.2f us CPU" % figures["document_us"])


def start():
    source = os.path.join(work, "one.ndjson")
    with open(corpus("big", 200 if args.small else 20000), "rb") as f, open(source, "wb") as g:
        g.write(f.readline())
    conf = pipeline("one", source, None, 4, sink="sink_stdout")
    measure(SLUICE, "run", "--quiet", conf)  # fills the probe cache
    runs = [measure(SLUICE, "run", "--quiet", conf) for _ in range(3 if args.small else 15)]
    first, rss = median(runs, "first"), min(r["rss"] for r in runs)
    if first < 0:
        failures.append("start: no document came out")
    figures["start_ms"], figures["start_rss"] = first * 1e3, rss
    print("\nStart to first document on standard output, warm probe cache: %.1f ms; peak resident of that run %.1f MiB"
          % (first * 1e3, rss / 2**20))


def news():
    conf = os.path.join(ROOT, "configs", "news.yaml")
    paths = os.path.join(ROOT, "examples", "news", "*")
    if DATA and not args.small:
        paths = os.path.join(DATA, "seeds", "*.txt")
    many = os.path.join(work, "news")
    os.mkdir(many)
    files = sorted(p for p in __import__("glob").glob(paths))
    for i in range(1 if args.small else 100):
        for p in files:
            os.symlink(p, os.path.join(many, "%03d-%s" % (i, os.path.basename(p))))
    env = {**os.environ, "NEWS_INPUT": many + "/*", "NEWS_OUT": os.path.join(work, "out")}
    done = subprocess.run([SLUICE, "bench", conf, "--set", "fetch.follow_links=true"], env=env, cwd=work,
                          capture_output=True, text=True)
    print("\nThe news pipeline over %d files (sluice bench configs/news.yaml)" % len(os.listdir(many)))
    print("  " + done.stdout.replace("\n", "\n  ").rstrip())
    if done.returncode not in (0, 3):
        failures.append("news: sluice bench exited with %d: %s" % (done.returncode, done.stderr[-2000:]))


try:
    if "A" in only:
        throughput("A", "big", 200 if args.small else 20000)
    if "B" in only:
        throughput("B", "tiny", 5000 if args.small else 1000000)
    if "stage" in only:
        stage_overhead()
    if "start" in only:
        start()
    if "news" in only:
        news()
finally:
    shutil.rmtree(work, ignore_errors=True)
if args.json:
    with open(args.json, "w") as f:
        json.dump(figures, f, indent=2)
print()
for failure in failures:
    print("FAILED: " + failure)
sys.exit(1 if failures else 0)
