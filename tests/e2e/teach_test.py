#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/vietnamese.md, as they stand there: a title, an organisation and a pattern without a compiler."""
import os
import re
import signal

from lib import SOURCE, finish, has, lines, main, read, same, sluice, start, true, wait_until, write

PAGE = os.path.join(SOURCE, "docs", "vietnamese.md")


def blocks():
    """The examples in the order of the page."""
    return re.findall(r"```(?:text|yaml)\n(.*?)```", read(PAGE), re.S)


def block(word):
    found = [b for b in blocks() if word in b]
    same(len(found), 1, "blocks with %r" % word)
    return found[0]


def found(doc, *types):
    return ["%s %s" % (e["type"], e["text"]) for e in doc["entities"] if e["type"] in types]


def files():
    write("in/a.txt", block("yêu cầu Mạng lưới"))
    write("p.yaml", block("uses: extract"))


def test_the_page():
    files()
    write("our-words.txt", "# nothing yet\n")
    sluice("run", "--quiet", "p.yaml")
    doc = lines("out.jsonl")[0]
    same(found(doc, "ROLE", "ORG", "PERSON"), ["PERSON Trần Văn An"])
    same(doc["directives"][0]["addressees"], [])
    write("our-words.txt", block("| solo; free") + block("crab-club"))
    sluice("run", "--quiet", "p.yaml")
    doc = lines("out.jsonl")[0]
    same(found(doc, "ROLE", "ORG", "PERSON"), ["ROLE Đổng sự trưởng", "PERSON Trần Văn An", "ORG Mạng lưới Cua Xanh"])
    by_id = {e["id"]: e for e in doc["entities"]}
    order = doc["directives"][0]
    same([by_id[a]["norm"] for a in order["addressees"]], ["Mạng lưới Nuôi cua bền vững"])
    same(order["deadline"]["norm"], "2025-09-30")
    write("in/a.txt", "Hôm qua, hội nuôi cua Đầm Dơi họp.\n")
    sluice("run", "--quiet", "p.yaml")
    same(found(lines("out.jsonl")[0], "ORG"), ["ORG hội nuôi cua Đầm Dơi"])
    write("our-words.txt", block("| solo; free") + "!Mạng lưới Cua Xanh\n")
    write("in/a.txt", block("yêu cầu Mạng lưới"))
    sluice("run", "--quiet", "p.yaml")
    same(found(lines("out.jsonl")[0], "ORG"), [])


def test_a_wrong_line_is_named():
    files()
    write("our-words.txt", "[title]\nĐổng sự trưởng | solo; fre\n")
    expected = block('unknown attribute "fre"').strip()
    has(sluice("validate", "p.yaml", code=4).err, expected)
    has(sluice("run", "p.yaml", code=None).err, expected)
    true(not os.path.exists("out.jsonl"), "something ran")


def test_a_reload_reads_the_file_again():
    files()
    text = read("in/a.txt")
    write("our-words.txt", "# nothing yet\n")
    write("p.yaml", "state: state\n" + read("p.yaml").replace("paths: in/*.txt", "paths: in/*.txt, watch: true").replace("replace", "append"))
    process = start("run", "p.yaml")
    try:
        wait_until(lambda: os.path.exists("out.jsonl") and len(lines("out.jsonl")) == 1, "the first article")
        write("our-words.txt", block("| solo; free"))
        process.send_signal(signal.SIGHUP)
        for n in range(60):  # the reload and the file may pass each other: only what is read behind it has the title
            write("in/b%02d.txt" % n, text)
            wait_until(lambda: len(lines("out.jsonl")) == n + 2, "article %d" % n)
            if found(lines("out.jsonl")[-1], "ROLE", "ORG") == ["ROLE Đổng sự trưởng", "ORG Mạng lưới Cua Xanh"]:
                break
        else:
            true(False, "the words were never read: %s" % lines("out.jsonl")[-1]["entities"])
        same(found(lines("out.jsonl")[0], "ROLE", "ORG"), [])
    finally:
        process.terminate()
        finish(process)


if __name__ == "__main__":
    main(globals())
