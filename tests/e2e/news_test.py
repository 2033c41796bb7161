#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: configs/news.yaml over the sample articles, and every field of what it stores."""
import csv
import glob
import json
import os
import sqlite3

from lib import SOURCE, has, lines, main, same, sluice, true, write

NEWS = os.path.join(SOURCE, "configs", "news.yaml")
FIELDS = {"id", "source", "schema", "text", "removed", "lang", "paragraphs", "sentences", "entities", "directives", "quotes", "summary"}


def check_spans(doc):
    text = doc["text"].encode()

    def cut(span):
        return text[span["start"]:span["end"]].decode()

    for e in doc["entities"]:
        if "start" in e:
            same(cut(e), e["text"], "%s: entity %s" % (doc["id"], e["id"]))
    for d in doc["directives"]:
        same(cut(d["content"]), d["content"]["text"], doc["id"] + ": directive")
    for s in doc["sentences"]:
        if "_" not in cut(s):
            same("".join(cut(s).split()), s["words"].replace("_", "").replace(" ", ""), doc["id"] + ": sentence")
    for start, end in doc["paragraphs"]:
        text[start:end].decode()
    true(all(0 <= i < len(doc["sentences"]) for i in doc["summary"]["sentences"]), doc["id"] + ": summary")
    ids = {e["id"] for e in doc["entities"]}
    for e in doc["entities"]:
        true(e.get("person") in ids | {None}, "%s: %s leads to no person" % (doc["id"], e))
    for d in doc["directives"]:
        true(d["speaker"] in ids | {None} and set(d["addressees"]) <= ids, "%s: directive %s" % (doc["id"], d))


def test_the_samples():
    r = sluice("run", NEWS, "--json", code=3)
    s = json.loads(r.out)
    same([s[k] for k in ("in", "stored", "dropped", "unrouted", "dead", "unfinished")], [16, 14, 1, 0, 1, 0])
    has(sluice("dlq", "list", "vietnamese-news.dead.jsonl").out, "14-tep-hong-utf8.txt", "byte 606")
    same(sorted(os.listdir("out")), ["directives.csv", "news.db", "news.jsonl"])
    docs = {d["id"]: d for d in lines("out/news.jsonl")}
    same(len(docs), 14)
    for doc in docs.values():
        true(FIELDS <= set(doc), "%s lacks %s" % (doc["id"], FIELDS - set(doc)))
        same(doc["lang"], "vi")
        check_spans(doc)
    same(docs["01-hoi-nghi-tinh-uy"]["published"], "2025-08-21")
    has(docs["07-an-toan-giao-thong"]["text"], "giao thông")
    has(docs["09-thi-tot-nghiep"]["text"], "thí sinh")
    has(docs["06-ung-pho-bao-so-5"]["text"], "bão số 5")
    true("<" not in docs["08-sot-xuat-huyet"]["text"], "markup in the text of a page")
    true(sum(len(d["directives"]) for d in docs.values()) >= 20, "few directives")
    with open("out/directives.csv", encoding="utf-8-sig", newline="") as f:
        rows = list(csv.DictReader(f))
    same(len(rows), sum(len(d["directives"]) for d in docs.values()))
    same(list(rows[0]), ["Article", "Published", "Title", "Speaker", "Verb", "To", "What", "Deadline"])
    true(all(row["What"] and row["Verb"] for row in rows), "a row without verb or content")


def counts(db):
    return [db.execute("SELECT count(*) FROM " + t).fetchone()[0] for t in ("documents", "entities", "people", "directives")]


def test_the_database_is_the_same_after_a_second_run():
    sluice("run", NEWS, "--quiet", code=3)
    db = sqlite3.connect("out/news.db")
    first = counts(db)
    same(first[0], 14)
    docs = lines("out/news.jsonl")
    same(first[1], sum(len(d["entities"]) for d in docs))
    same(first[3], sum(len(d["directives"]) for d in docs))
    sluice("run", NEWS, "--quiet", code=3)
    same(counts(db), first)
    same(lines("out/news.jsonl"), docs)
    plain = db.execute("SELECT count(*) FROM search WHERE search MATCH ?", ('"phong chay"',)).fetchone()[0]
    marked = db.execute("SELECT count(*) FROM search WHERE search MATCH ?", ('"phòng cháy"',)).fetchone()[0]
    true(plain >= 1 and plain == marked, "search with and without diacritics: %d, %d" % (marked, plain))
    stored = json.loads(db.execute("SELECT json FROM documents WHERE id = '03-chi-thi-phong-chay'").fetchone()[0])
    same(stored, [d for d in docs if d["id"] == "03-chi-thi-phong-chay"][0])


def test_an_edited_article_replaces_its_older_revision():
    write("mine/a.txt", "Sáng 5/3/2025, Chủ tịch UBND tỉnh Nguyễn Văn An yêu cầu Sở Y tế báo cáo trước ngày 10/3/2025.\n")
    env = {"NEWS_INPUT": "./mine/*.txt", "NEWS_OUT": "results"}
    sluice("run", NEWS, "--quiet", env=env)
    write("mine/a.txt", "Chiều 6/3/2025, Chủ tịch UBND tỉnh Nguyễn Văn An làm việc với Sở Y tế.\n")
    sluice("run", NEWS, "--quiet", env=env)
    db = sqlite3.connect("results/news.db")
    same(db.execute("SELECT count(*) FROM documents").fetchone()[0], 1)
    has(db.execute("SELECT text FROM documents").fetchone()[0], "Chiều 6/3/2025")
    same(db.execute("SELECT count(*) FROM directives").fetchone()[0], 0)
    same([tuple(row) for row in db.execute("SELECT DISTINCT person FROM people")], [("Nguyễn Văn An",)])


def test_the_view():
    env = {"NEWS_INPUT": os.path.join(SOURCE, "examples", "news", "03-chi-thi-phong-chay.txt")}
    r = sluice("run", "--quiet", os.path.join(SOURCE, "configs", "view.yaml"), env=env)
    has(r.out, "UBND tỉnh Đắk Lắk yêu cầu siết chặt phòng cháy", "People", "Y Thanh Niê Brăm", "Directives", "yêu cầu")
    same(r.err, "")


def test_filter_and_copy():
    write("in.ndjson", '{"lang":"vi","n":1}\n{"lang":"en","n":2}\n{"lang":"vi","n":3,"draft":true}\n{"n":4}\n')
    sluice("run", os.path.join(SOURCE, "configs", "filter.yaml"), "-q", env={"FILTER_INPUT": "in.ndjson"})
    same([d["n"] for d in lines("vi.ndjson")], [1])
    same([d["n"] for d in lines("others.ndjson")], [2, 4])
    sluice("run", os.path.join(SOURCE, "configs", "copy.yaml"), "-q", env={"COPY_INPUT": "in.ndjson"})
    same([(d["n"], d["copied_by"]) for d in lines("copy.ndjson")], [(n, "sluice") for n in (1, 2, 3, 4)])


def test_the_seed_documents():
    data = os.environ.get("SLUICE_TEST_DATA")
    if not data:
        print("skipped: SLUICE_TEST_DATA is not set")
        return
    seeds = sorted(glob.glob(os.path.join(data, "seeds", "*.txt")))
    sluice("run", NEWS, "--quiet", env={"NEWS_INPUT": os.path.join(data, "seeds", "*.txt")})
    docs = lines("out/news.jsonl")
    same(len(docs), len(seeds))
    for doc in docs:
        check_spans(doc)
        kinds = {e["type"] for e in doc["entities"]}
        true({"PERSON", "ROLE", "ORG", "DATE"} <= kinds and doc["directives"] and doc["summary"]["text"], doc["id"])


if __name__ == "__main__":
    main(globals())
