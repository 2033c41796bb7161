#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Digests by the real engine: groups, sources, windows of `batch:`, delivery."""
import json
import os

from lib import SOURCE, lines, main, same, sluice, true, write

DIGEST = os.path.join(SOURCE, "configs", "digest.yaml")
BRIDGE = ("Khởi công cầu Hằng Giang\n\nSáng 5/3/2025, tỉnh khởi công cầu Hằng Giang với tổng vốn 1.250 tỷ đồng. "
          "Cầu Hằng Giang dài 860 m, rộng bốn làn xe, dự kiến thông xe vào cuối năm 2027.\n\n"
          "Ông Khải yêu cầu nhà thầu bảo đảm tiến độ thi công cầu Hằng Giang.\n")
LATER = ("Cầu Hằng Giang vượt tiến độ\n\nSau sáu tháng thi công, nhà thầu cầu Hằng Giang đã xong bốn trụ giữa sông. "
         "Nhà thầu cho biết cầu Hằng Giang có thể thông xe sớm ba tháng so với tiến độ.\n\n"
         "Người dân hai bờ mong cầu Hằng Giang sớm hoàn thành để bỏ chuyến phà cũ.\n")
RICE = ("Giá lúa tăng\n\nGiá lúa tươi tại đồng bằng sông Cửu Long tăng 300 đồng một cân trong tuần. "
        "Thương lái thu mua lúa tươi tận ruộng vì gạo xuất khẩu được giá.\n\nNông dân lãi hơn 20 triệu đồng mỗi héc ta lúa.\n")


def put_articles():
    for name, text in (("1-cau", BRIDGE), ("2-lua", RICE), ("3-cau", LATER), ("4-cau", BRIDGE.replace("yêu cầu", "đề nghị"))):
        write("mine/%s.txt" % name, text)


def ids(doc):
    return [s["id"] for s in doc["digest"]["sources"]]


def test_groups_and_sources():
    put_articles()
    r = sluice("run", DIGEST, "--json", env={"NEWS_INPUT": "./mine/*.txt"})
    s = json.loads(r.out)
    same([s[k] for k in ("in", "stored", "dead", "unfinished")], [4, 4, 0, 0], "every article is accounted for")
    docs = lines("out/digests.jsonl")
    same([ids(d) for d in docs], [["1-cau", "3-cau", "4-cau"], ["2-lua"]])
    same(docs[0]["digest"]["sources"][2]["duplicate_of"], 0)
    true("Hằng Giang" in docs[0]["digest"]["topic"], docs[0]["digest"]["topic"])
    for doc in docs:
        true(doc["digest"]["sentences"], "a digest without sentences")
        for sentence in doc["digest"]["sentences"]:
            same(doc["text"].encode()[sentence["start"]:sentence["end"]].decode(), sentence["text"])


def test_windows_end_at_their_bounds():
    put_articles()
    text = open(DIGEST, encoding="utf-8").read()
    true("documents: 500" in text, "the sample has another window")
    write("small.yaml", text.replace("documents: 500", "documents: 2"))
    sluice("run", "small.yaml", "--quiet", env={"NEWS_INPUT": "./mine/*.txt"})
    docs = lines("out/digests.jsonl")
    same(sorted(i for d in docs for i in ids(d)), ["1-cau", "2-lua", "3-cau", "4-cau"])
    true(all(d["digest"]["documents"] <= 2 for d in docs), "a window of two held more")
    true(len(docs) >= 3, "%d digests" % len(docs))


def test_what_follows_is_told_what_is_left():
    write("p.yaml", "stages:\n  - {id: in, uses: fetch_files, with: {paths: 'mine/*'}}\n  - {id: clean, uses: clean}\n"
          "  - {id: segment, uses: segment}\n  - {id: digest, uses: digest}\n  - {id: sum, uses: summarize}\n  - {id: out, uses: sink_null}\n")
    put_articles()
    r = sluice("validate", "p.yaml", code=None)
    true(r.code != 0 and "/sentences" in r.err + r.out, "a digest has no /sentences, but summarize may stand below it: %r" % r)


if __name__ == "__main__":
    main(globals())
