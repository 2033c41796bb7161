#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""train_test.py CLEAN_TRAIN PAGES: clean-train on the pages of our own (NN-name.html and NN-name.txt, the first line of
which is the title): the same pages give the same bytes, and trees find articles that they have not seen."""
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, timeout=500)
    if done.returncode != 0:
        sys.exit(f"{' '.join(args)}: status {done.returncode}\n{done.stderr}")
    return done.stdout


def make_folder(pages, folder):
    (folder / "pages").mkdir()
    texts = {}
    for page in sorted(pages.glob("*.html")):
        with gzip.open(folder / "pages" / (page.stem + ".html.gz"), "wb") as f:
            f.write(page.read_bytes())
        text = page.with_suffix(".txt").read_text(encoding="utf-8")
        texts[page.stem] = {"articleBody": text.split("\n", 1)[1].strip()}
    with gzip.open(folder / "ground-truth.json.gz", "wt", encoding="utf-8") as f:
        json.dump(texts, f, ensure_ascii=False)
    return len(texts)


def main():
    train, pages = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        count = make_folder(pages, folder)
        first, second = folder / "first.inc", folder / "second.inc"
        run(train, name, "--write", str(first))
        run(train, name, "--write", str(second))
        if first.read_bytes() != second.read_bytes():
            sys.exit("the same pages gave other trees")
        if "first_trees" not in first.read_text() or "second_trees" not in first.read_text():
            sys.exit(f"expected two sets of trees, found {first.read_text()[:300]}")
        out = run(train, name, "--folds", "4", "--pages")
        figures = {k.strip(): float(f) for k, f in re.findall(r"^(\D+?) +P [\d.]+ R [\d.]+ F1 ([\d.]+)$", out, re.M)}
        rows = re.findall(r"^\d\.\d{3} P ", out, re.M)
        print(out[-400:])
        if len(rows) != count:
            sys.exit(f"expected {count} pages, found {len(rows)}")
        if figures.get("by the labels", 0) < 0.97 or figures.get("second trees, unseen pages", 0) < 0.9:
            sys.exit(f"expected labels of .97 and trees of .90 at least, found {figures}")
        broken = subprocess.run([train, str(folder / "pages")], capture_output=True, text=True)
        if broken.returncode == 0 or "ground-truth.json.gz" not in broken.stderr:
            sys.exit(f"a folder without texts: status {broken.returncode}, {broken.stderr!r}")


main()
