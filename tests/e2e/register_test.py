#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The register of directives: configs/directives.yaml, its database, and its page in a headless browser."""
import html
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unicodedata

from lib import SOURCE, Failed, has, lacks, main, read, same, sluice, true, write

REGISTER = os.path.join(SOURCE, "configs", "directives.yaml")
PAGE = "out/register.html"
EVIL = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


def run(**env):
    return sluice("run", "--quiet", REGISTER, env=env, code=None)


def rows_of_page(path=PAGE):
    """What the page holds, by article."""
    return [json.loads(a) for a in re.findall(r'<script type="application/json" class="a">(.*?)</script>', read(path))]


class Browser:
    """Headless Chromium; `missing` says why it cannot be used."""

    def __init__(self):
        self.program = shutil.which("chromium") or shutil.which("chromium-browser")
        self.home = tempfile.mkdtemp(prefix="sluice-chromium-")
        self.missing = None if self.program else "chromium is not installed"
        if self.program:
            try:
                has(self.dump(write(os.path.join(self.home, "a.html"), "<!doctype html><p id=p></p><script>p.textContent=6*7</script>")), ">42<")
            except (Failed, OSError, subprocess.TimeoutExpired) as error:
                self.missing = "chromium cannot start here: " + str(error).strip().split("\n")[0]

    def call(self, url, *args):
        done = subprocess.run(
            [self.program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + os.path.join(self.home, "profile"), "--virtual-time-budget=5000", *args, url],
            capture_output=True, timeout=120, env={**os.environ, "HOME": self.home})
        if done.returncode != 0:
            raise Failed("chromium: exit %d: %s" % (done.returncode, done.stderr.decode(errors="replace")[-300:]))
        return done.stdout.decode(errors="replace")

    def dump(self, path, view=""):
        return self.call("file://" + os.path.abspath(path) + view, "--dump-dom")

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


def with_browser(case):
    browser = Browser()
    try:
        if browser.missing:
            print("skipped: " + browser.missing)
            return
        case(browser)
    finally:
        browser.close()


class View:
    """The page as a browser shows it."""

    def __init__(self, browser, view="", path=PAGE):
        self.dom = browser.dump(path, view)
        true(re.search(r'<body[^>]* data-ready="1"', self.dom), "the page's script did not come to its end")
        self.body = re.search(r"<body[^>]*>", self.dom).group(0)
        table = re.search(r'<tbody id="rows">(.*?)</tbody>', self.dom, re.S).group(1)
        self.rows = [[html.unescape(re.sub(r"<[^>]*>", " ", td)).strip() for td in re.findall(r"<td.*?</td>", tr, re.S)]
                     for tr in re.findall(r"<tr.*?</tr>", table, re.S)]
        self.whats = [row[2] for row in self.rows]

    def part(self, tag, id):
        return re.search(r'<%s[^>]* id="%s"[^>]*>(.*?)</%s>' % (tag, id, tag), self.dom, re.S).group(1)


def test_the_samples_give_a_database_and_a_page():
    run()
    db = sqlite3.connect("out/register.db")
    stored = db.execute("SELECT article, speaker, role, verb, strength, content, due, start_byte, end_byte FROM v_register").fetchall()
    true(len(stored) >= 20, "few directives")
    paged = [(a["id"], r.get("w"), r.get("r"), r["v"], r["s"], r["c"], r.get("due"), *r["b"]) for a in rows_of_page() for r in a["rows"]]
    same(sorted(map(str, stored)), sorted(map(str, paged)), "the page and the database")
    for article, text in db.execute("SELECT id, text FROM documents").fetchall():
        for content, start, end in db.execute("SELECT content, start_byte, end_byte FROM v_register WHERE article = ?", (article,)):
            same(text.encode()[start:end].decode(), content, article)
    db.close()
    true(any(row[2] for row in stored) and any(row[6] for row in stored), "no role or no day is known")
    page = read(PAGE)
    lacks(page, "http://", "@import", "url(")
    true(not re.search(r"<(link|iframe|object|base)\b|\bsrc=", page), "the page wants something from elsewhere")
    again = read(PAGE)
    run()
    same(read(PAGE), again, "the page after a second run")
    same(sorted(os.listdir("out")), ["register.db", "register.html"])


def test_it_answers_who_ordered_whom_to_do_what_by_when():
    write("mine/a.txt", "Ngày 5/3/2025, Chủ tịch UBND tỉnh Nguyễn Văn An yêu cầu Sở Y tế báo cáo trước ngày 10/3/2025.\n")
    write("mine/b.txt", "Ngày 6/3/2025, Bí thư Tỉnh ủy Trần Thị Đào giao Sở Xây dựng rà soát dự án trước ngày 30/6/2025.\n")
    run(NEWS_INPUT="./mine/*.txt")
    db = sqlite3.connect("out/register.db")
    answer = db.execute("SELECT verb, content, due FROM v_register JOIN addressees USING (doc, n)"
                        " WHERE speaker = 'Nguyễn Văn An' AND name = 'Sở Y tế' AND due <= '2025-03-31'").fetchall()
    same(len(answer), 1, "what An ordered the health department to do")
    same([answer[0][0], answer[0][2]], ["yêu cầu", "2025-03-10"])
    has(answer[0][1], "báo cáo")

    def in_the_page(browser):
        view = View(browser, "#who=nguyen+van+an&to=so+y+te&until=2025-03-31")
        same(len(view.rows), 1)
        has(view.rows[0][0], "Nguyễn Văn An", "Chủ tịch UBND tỉnh")
        same([view.rows[0][1], view.rows[0][3]], ["Sở Y tế", "2025-03-10"])
        same(len(View(browser, "#who=an&from=2025-04-01").rows), 0, "due too early for this filter")
        same(len(View(browser, "#who=dao&from=2025-04-01").rows), 1)
    with_browser(in_the_page)


def bare(text):
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return text.replace("đ", "d").replace("Đ", "D")


def test_the_page_finds_with_and_without_diacritics():
    run()

    def in_the_page(browser):
        everything = View(browser)
        total = sum(len(a["rows"]) for a in rows_of_page())
        same(len(everything.rows), total)
        has(everything.body, 'data-shown="%d"' % total)
        has(read(PAGE), "[hidden] { display:none !important }")  # or "Show more" stands below the last row, too
        for words in ("Đặng Quốc Thái", "nhà ở xã hội", "đất", "ĐẤT"):
            with_marks, without = View(browser, "#q=" + words.replace(" ", "+")), View(browser, "#q=" + bare(words).replace(" ", "+"))
            same(with_marks.rows, without.rows, words)
            true(0 < len(with_marks.rows) < total, "%s: %d of %d rows" % (words, len(with_marks.rows), total))
            decomposed = View(browser, "#q=" + unicodedata.normalize("NFD", words).replace(" ", "+"))
            same(decomposed.rows, with_marks.rows, words + " decomposed")
        same(View(browser, "#q=khongcogi").rows, [])
        days = [row[3] for row in View(browser, "#sort=due").rows if row[3]]
        true(len(days) > 3 and days[0] <= days[1], "not in the order of the days: %s" % days)
        speakers = [row[0] for row in View(browser, "#sort=who").rows]
        same(speakers.index(min(speakers, key=bare)) == 0 or speakers[0][:1] in "AĂÂ", True, "order of the speakers")
        has(View(browser, "#lang=vi").part("tr", "heads"), "Thời hạn")
    with_browser(in_the_page)


def test_a_row_opens_its_article_with_the_place_marked():
    run()
    articles = rows_of_page()
    flat = [(a, r) for a in articles for r in a["rows"]]
    at = next(i for i, (a, r) in enumerate(flat) if i > 0 and r.get("due"))

    def in_the_page(browser):
        view = View(browser, "#open=%d" % at)
        has(view.body, 'data-open="%d"' % at)
        text = view.part("div", "text")
        marks = [html.unescape(m) for m in re.findall(r'<mark class="now">(.*?)</mark>', text, re.S)]
        same("".join(marks), flat[at][1]["c"])
        has(html.unescape(view.part("dl", "facts")), flat[at][1]["c"], "%d–%d" % tuple(flat[at][1]["b"]))
        true(re.search(r'<dialog[^>]* open', view.dom), "the article is not open")
    with_browser(in_the_page)


def test_articles_cannot_run_anything():
    docs = [{"id": EVIL, "title": EVIL, "text": "Ông An yêu cầu " + EVIL, "published": EVIL, "lang": "vi",
             "entities": [{"id": "e1", "type": "PERSON", "text": EVIL, "start": 0, "end": 2}, {"id": "e2", "type": "ROLE", "text": EVIL, "person": "e1"}],
             "directives": [{"speaker": "e1", "verb": EVIL, "addressees": [EVIL], "strength": EVIL, "content": {"text": EVIL, "start": 0, "end": 4},
                             "deadline": {"text": EVIL, "norm": EVIL}}]},
            {"id": "javascript", "text": "x", "directives": [{"speaker": "javascript:alert(1)", "verb": "v", "addressees": [], "content": {"text": "c"}}]}]
    write("in.ndjson", "".join(json.dumps(d) + "\n" for d in docs))
    write("p.yaml", "stages:\n  - {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}\n"
          "  - {id: page, uses: sink_page, with: {path: out/register.html, title: %s}}\n" % json.dumps(EVIL))
    sluice("run", "--quiet", "p.yaml")
    page = read(PAGE)
    same(page.count("<script>"), 1)
    lacks(page, "<img")

    def in_the_page(browser):
        for view in ("", "#open=0", "#q=" + EVIL.replace("<", "%3C").replace(">", "%3E").replace(" ", "+"), "#lang=%3Cimg%3E&sort=__proto__&open=-1"):
            shown = View(browser, view)
            lacks(shown.dom, "<img", "<title>taken")
        same(len(View(browser).rows), 2)
    with_browser(in_the_page)


def test_two_thousand_articles():
    one = {"lang": "vi", "entities": [{"id": "e1", "type": "PERSON", "text": "Nguyễn Văn An"}, {"id": "e2", "type": "ORG", "text": "Sở Y tế"}]}
    filler = "Đoạn văn này chỉ để cho bài dài ra như một bài báo thường gặp. " * 100
    with open("in.ndjson", "w", encoding="utf-8") as f:
        for n in range(2000):
            text = filler + "Ông An yêu cầu Sở Y tế làm việc số %d." % n
            start = len(text.encode()) - 20
            f.write(json.dumps({**one, "id": "bai-%d" % n, "title": "Bài số %d" % n, "published": "2025-%02d-%02d" % (n % 12 + 1, n % 28 + 1), "text": text,
                                "directives": [{"speaker": "e1", "verb": "yêu cầu", "strength": "demand", "addressees": ["e2"],
                                                "content": {"text": "làm việc số %d lần %d" % (n, k), "start": start, "end": start + 10},
                                                "deadline": {"text": "x", "norm": "2026-%02d" % (n % 12 + 1)}} for k in range(4)]}, ensure_ascii=False) + "\n")
    write("p.yaml", "stages:\n  - {id: in, uses: fetch_files, with: {paths: in.ndjson, format: ndjson}}\n"
          "  - {id: page, uses: sink_page, with: {path: out/register.html}}\n")
    sluice("run", "--quiet", "p.yaml")
    same(len(rows_of_page()), 2000)

    def in_the_page(browser):
        view = View(browser)
        has(view.body, 'data-shown="8000"')
        true(200 <= len(view.rows) < 8000, "%d rows at once" % len(view.rows))
        view = View(browser, "#q=lam+viec+so+1234+lan+3&open=%d" % (1234 * 4 + 3))
        same(len(view.rows), 1)
        has(view.part("div", "text"), 'class="now"', "1234")
    with_browser(in_the_page)


if __name__ == "__main__":
    main(globals())
