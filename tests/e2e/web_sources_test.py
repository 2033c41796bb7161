# SPDX-License-Identifier: Apache-2.0
"""fetch_feed and fetch_sitemap, and the pipelines in configs/, against a real server on loopback."""
import base64
import collections
import email.utils
import gzip
import os
import signal
import sys
import time

import lib
from lib import has, lacks, lines, main, read, same, sluice, true, wait_until, write

sys.path.insert(0, os.path.join(lib.SOURCE, "tests", "support"))
import trouble_server  # noqa: E402

RSS = '<?xml version="1.0"?><rss version="2.0"><channel><title>Tin thử</title><link>{base}/</link><language>vi</language>%s</channel></rss>'
SITEMAP = ('<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
           'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">%s</urlset>')


def item(n, extra=""):
    return "<item><title>Bài %d</title><link>{base}/page/%d</link><guid>{base}/page/%d</guid>%s</item>" % (n, n, n, extra)


def feed(*numbers):
    return {"body": RSS % "".join(item(n) for n in numbers), "type": "application/rss+xml"}


def pipeline(source, options, name="p.yaml", more=""):
    write(name, """version: 1
name: web
state: state
stages:
  - id: source
    uses: %s
    %s
    with: { delay: 0s, allow_private: [loopback], backoff: 1ms, %s }
  - id: out
    uses: sink_jsonl
    with: { path: out.jsonl }
""" % (source, more, options))


def titles():
    return sorted(d.get("title") for d in lines("out.jsonl"))


def numbers():
    return sorted(int(d["url"].rsplit("/", 1)[1]) for d in lines("out.jsonl"))


# ---- feeds ------------------------------------------------------------------------------------------------------------


def test_only_new_items():
    with trouble_server.Server() as server:
        first, second = dict(feed(1, 2), etag='"1"'), dict(feed(3, 1, 2), etag='"2"')
        server.plan({"/rss": [first, first, second]})
        pipeline("fetch_feed", 'urls: ["%s"]' % server.url("/rss"))
        sluice("run", "p.yaml")
        same(titles(), ["Bài 1", "Bài 2"])
        sluice("run", "p.yaml")
        same(titles(), ["Bài 1", "Bài 2"], "an unchanged feed gives nothing")
        same([r["status"] for r in server.log("/rss")], [200, 304])
        sluice("run", "p.yaml")
        same(titles(), ["Bài 1", "Bài 2", "Bài 3"])
        document = next(d for d in lines("out.jsonl") if d["title"] == "Bài 1")
        same(document["url"], server.url("/page/1"))
        same(document["feed"], {"title": "Tin thử", "url": server.url("/rss"), "site": server.url("/")})


def test_unchanged_without_validators():
    with trouble_server.Server() as server:
        server.plan({"/rss": feed(1)})
        pipeline("fetch_feed", 'urls: ["%s"]' % server.url("/rss"))
        sluice("run", "p.yaml")
        sluice("run", "p.yaml")
        same(titles(), ["Bài 1"])


def test_two_feeds_share_items():
    with trouble_server.Server() as server:
        server.plan({"/a": feed(1, 2), "/b": feed(2, 3)})
        pipeline("fetch_feed", 'urls: ["%s", "%s"]' % (server.url("/a"), server.url("/b")))
        sluice("run", "p.yaml")
        same(numbers(), [1, 2, 3])


def test_updates():
    with trouble_server.Server() as server:
        def dated(day):
            return {"body": RSS % item(1, "<pubDate>%d Aug 2025 10:00:00 +0700</pubDate>" % day)}
        server.plan({"/rss": [dated(20), dated(20), dated(21)]})
        pipeline("fetch_feed", 'updates: true, urls: ["%s"]' % server.url("/rss"))
        for _ in range(3):
            sluice("run", "p.yaml")
        same(sorted(d["published"][:10] for d in lines("out.jsonl")), ["2025-08-20", "2025-08-21"])


def test_age_and_links():
    with trouble_server.Server() as server:
        now = email.utils.formatdate(time.time())
        body = RSS % (item(1, "<pubDate>Thu, 21 Aug 2003 10:00:00 GMT</pubDate>") + item(2, "<pubDate>%s</pubDate>" % now) +
                      item(3) + "<item><title>Không có trang</title></item>")
        server.plan({"/rss": {"body": body}})
        pipeline("fetch_feed", 'max_age: 48h, urls: ["%s"]' % server.url("/rss"))
        result = sluice("run", "p.yaml")
        same(titles(), ["Bài 2", "Bài 3"])
        has(result.err, "1 item is without a page of its own")
        pipeline("fetch_feed", 'links: optional, urls: ["%s"]' % server.url("/rss"))
        sluice("run", "p.yaml")
        same(titles(), ["Bài 1", "Bài 2", "Bài 3", "Không có trang"], "other settings read an unchanged feed again")


def test_a_page_in_place_of_a_feed():
    with trouble_server.Server() as server:
        page = '<html><head><link rel="alternate" type="application/rss+xml" href="/rss"></head><body>x</body></html>'
        server.plan({"/": {"body": page}, "/rss": feed(1)})
        pipeline("fetch_feed", 'urls: ["%s"]' % server.url("/"))
        has(sluice("run", "p.yaml").err, "is a web page; the feed that it names is read", "/rss")
        same(titles(), ["Bài 1"])
        lacks(sluice("run", "p.yaml").err, "web page")
        same([r["target"] for r in server.log("/") if "robots" not in r["target"]], ["/", "/rss", "/rss"])
        # The feed moves: one dead letter, then the page is asked again.
        server.plan({"/": {"body": page.replace('"/rss"', '"/new"')}, "/rss": {"status": 410}, "/new": feed(2, 1)})
        sluice("run", "p.yaml", code=3)
        sluice("run", "p.yaml")
        same(titles(), ["Bài 1", "Bài 2"])
        pipeline("fetch_feed", 'discover: false, urls: ["%s"]' % server.url("/"), "q.yaml")
        os.rename("state", "old")
        sluice("run", "q.yaml", code=3)
        has(sluice("dlq", "show", "state", "1").out, "found a web page that names one", server.url("/new"))


def test_feeds_that_fail():
    with trouble_server.Server() as server:
        cut = feed(4, 5, 6)
        cut["body"] = cut["body"][:cut["body"].index("Bài 6")]
        server.plan({"/good": feed(1), "/cut": cut})
        urls = ["/good", "/status/404", "/ok", "/status/503", "/cut", "/bomb/gzip/100", "/redirect-private"]
        pipeline("fetch_feed", "retries: 1, max_bytes: 1MiB, urls: [%s]" % ", ".join('"%s"' % server.url(u) for u in urls))
        result = sluice("run", "p.yaml", code=3)
        same(numbers(), [1, 4, 5])
        has(result.err, "/status/503 cannot be fetched now and is left to the next run", "/cut ends in the middle")
        dead = sluice("dlq", "list", "state").out
        has(dead, "/status/404", "/ok", "/bomb/gzip/100", "/redirect-private")
        lacks(dead, "/status/503", "/good", "/cut")


def test_killed():
    """Killed in the middle: each item is there once, also when the feed no longer has it."""
    with trouble_server.Server() as server:
        count = 400
        body = "<description>%s</description>" % ("chữ " * 500)
        many = {"body": RSS % "".join(item(n, body) for n in range(count))}
        server.plan({"/rss": [many, feed(1000)]})
        pipeline("fetch_feed", 'urls: ["%s"]' % server.url("/rss"))
        kills = 0
        for _ in range(6):
            process = lib.start("run", "p.yaml")
            before = os.path.getsize("out.jsonl") if os.path.exists("out.jsonl") else 0
            wait_until(lambda: process.poll() is not None or
                       (os.path.exists("out.jsonl") and os.path.getsize("out.jsonl") > before + 20000 * kills), "some items")
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            lib.finish(process)
            # The web has moved on: what was read before must come from the state.
        sluice("run", "p.yaml")
        found = collections.Counter(numbers())
        same([n for n, times in found.items() if times != 1], [], "no item twice (killed %d times)" % kills)
        true(1000 in found, "the new item is there")
        missing = set(range(count)) - set(found)
        # Either the kill came before the feed was taken over, or all of it is there but what had no note yet.
        true(not missing or max(set(found) - {1000}, default=-1) < min(missing), "no hole: missing %s" % sorted(missing)[:5])


def test_schedule():
    with trouble_server.Server() as server:
        server.plan({"/rss": [feed(1), feed(1), feed(2, 1)]})
        pipeline("fetch_feed", 'urls: ["%s"]' % server.url("/rss"), more="schedule: { every: 50ms }")
        process = lib.start("run", "p.yaml")
        wait_until(lambda: os.path.exists("out.jsonl") and read("out.jsonl").count("\n") == 2, "both items")
        asked = len(server.log("/rss"))
        wait_until(lambda: len(server.log("/rss")) >= asked + 3, "further runs")
        process.send_signal(signal.SIGTERM)
        same(lib.finish(process).code, 128 + signal.SIGTERM)
        same(titles(), ["Bài 1", "Bài 2"])


def test_reload():
    with trouble_server.Server() as server:
        server.plan({"/rss": feed(*range(200))})
        pipeline("fetch_feed", 'urls: ["%s"]' % server.url("/rss"), more="schedule: { every: 50ms }")
        process = lib.start("run", "p.yaml")
        wait_until(lambda: os.path.exists("out.jsonl") and read("out.jsonl").count("\n") > 0, "the first items")
        server.plan({"/rss": feed(*range(300))})
        pipeline("fetch_feed", 'max_age: 100000h, urls: ["%s"]' % server.url("/rss"), more="schedule: { every: 50ms }")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: process.poll() is not None or read("out.jsonl").count("\n") >= 300, "all items")
        process.send_signal(signal.SIGTERM)
        result = lib.finish(process)
        same(numbers(), list(range(300)), repr(result))
        has(result.err, "reload")


# ---- sitemaps ---------------------------------------------------------------------------------------------------------


def url(n, more=""):
    return "<url><loc>{base}/page/%d</loc>%s</url>" % (n, more)


def test_sitemaps_of_a_site():
    with trouble_server.Server() as server:
        base = server.url("")
        zipped = gzip.compress((SITEMAP % "".join(url(n) for n in range(10, 20))).replace("{base}", base).encode())
        index = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">%s</sitemapindex>'
        news = "<news:news><news:publication><news:name>Báo</news:name><news:language>vi</news:language></news:publication>" \
               "<news:publication_date>2025-08-20T10:00:00+07:00</news:publication_date><news:title>Tiêu đề &amp; tin</news:title>" \
               "<news:keywords>một, hai</news:keywords></news:news>"
        server.plan({
            "/robots.txt": {"body": "User-agent: *\nDisallow: /x\nSitemap: {base}/index.xml\nSitemap: /list.txt\n", "type": "text/plain"},
            "/index.xml": {"body": index % ("<sitemap><loc>{base}/deep.xml</loc></sitemap><sitemap><loc>/b.xml.gz</loc></sitemap>")},
            "/deep.xml": {"body": index % "<sitemap><loc>{base}/news.xml</loc><lastmod>2025-08-20</lastmod></sitemap>"
                                          "<sitemap><loc>{base}/index.xml</loc></sitemap>"},
            "/news.xml": {"body": SITEMAP % url(1, "<lastmod>2025-08-20</lastmod>" + news)},
            "/b.xml.gz": {"base64": base64.b64encode(zipped).decode(), "type": "application/octet-stream"},
            "/list.txt": {"body": "{base}/page/30\n\n{base}/page/1\n", "type": "text/plain"}})
        pipeline("fetch_sitemap", 'urls: ["%s"]' % server.url("/"))
        sluice("run", "p.yaml")
        same(numbers(), [1] + list(range(10, 20)) + [30])
        document = next(d for d in lines("out.jsonl") if d["url"].endswith("/1"))
        if "title" in document:  # the list may have been first
            same((document["title"], document["published"], document["language"], document["categories"]),
                 ("Tiêu đề & tin", "2025-08-20T10:00:00+07:00", "vi", ["một", "hai"]))
        sluice("run", "p.yaml")
        same(len(numbers()), 12, "nothing is given twice")
        same(len(server.log("/news.xml")), 1, "a sitemap that its index calls unchanged is not asked for")


def test_lastmod():
    with trouble_server.Server() as server:
        def state(*days):
            return {"body": SITEMAP % "".join(url(n, "<lastmod>2025-08-%02d</lastmod>" % d) for n, d in enumerate(days))}
        server.plan({"/s.xml": [state(1, 20, 20), state(1, 21, 19), state(25, 21, 22)]})
        pipeline("fetch_sitemap", 'since: "2025-08-10", urls: ["%s"]' % server.url("/s.xml"))
        counts = []
        for _ in range(3):
            sluice("run", "p.yaml")
            counts.append(sorted((int(d["url"].rsplit("/", 1)[1]), d["updated"][8:10]) for d in lines("out.jsonl")))
        same(counts[0], [(1, "20"), (2, "20")])
        same(counts[1], [(1, "20"), (1, "21"), (2, "20")], "newer ones come again, older ones do not")
        same(counts[2], [(0, "25"), (1, "20"), (1, "21"), (2, "20"), (2, "22")])


def test_patterns_and_limits():
    with trouble_server.Server() as server:
        server.plan({"/s.xml": {"body": SITEMAP % "".join(url(n) for n in range(100))}})
        pipeline("fetch_sitemap", 'include: ["*/page/1*"], exclude: ["*/page/1", "*5"], urls: ["%s"]' % server.url("/s.xml"))
        sluice("run", "p.yaml")
        same(numbers(), [n for n in range(100) if str(n).startswith("1") and n not in (1, 15)])
        pipeline("fetch_sitemap", 'max_urls: 20, urls: ["%s"]' % server.url("/s.xml"))
        has(sluice("run", "p.yaml").err, "is not read to its end: it has more entries than are read")
        same(len(set(numbers())), 20, "9 of the first twenty were given before")
        os.rename("state", "old")
        os.remove("out.jsonl")
        pipeline("fetch_sitemap", 'max_sitemap: 2KiB, urls: ["%s"]' % server.url("/s.xml"))
        sluice("run", "p.yaml", code=3)
        has(sluice("dlq", "list", "state").out, "/s.xml")


def test_sitemaps_that_fail():
    with trouble_server.Server() as server:
        whole = (SITEMAP % "".join(url(n) for n in range(2000))).replace("{base}", server.url("")).encode()
        cut = gzip.compress(whole)
        bomb = gzip.compress(whole.replace(b"</urlset>", b" " * (8 << 20) + b"</urlset>"))
        def encoded(data):
            return base64.b64encode(data).decode()
        server.plan({"/cut.xml.gz": {"base64": encoded(cut[:len(cut) // 2])}, "/torn.xml": {"body": SITEMAP[:-9] % url(3)},
                     "/bomb.xml.gz": {"base64": encoded(bomb)}, "/empty.xml": {"body": ""}, "/none": {"body": "{\"a\": 1}"}})
        names = ["/cut.xml.gz", "/torn.xml", "/bomb.xml.gz", "/empty.xml", "/none", "/ok", "/status/404"]
        pipeline("fetch_sitemap", "max_sitemap: 1MiB, urls: [%s]" % ", ".join('"%s"' % server.url(n) for n in names))
        result = sluice("run", "p.yaml", code=3)
        has(result.err, "/cut.xml.gz is not read to its end: its compression is cut off", "/torn.xml is not read to its end: it is cut off",
            "/bomb.xml.gz is not read to its end: it is larger than is read")
        same(numbers(), list(range(2000)))
        dead = sluice("dlq", "list", "state").out
        has(dead, "/empty.xml", "/none", "/ok", "/status/404")
        lacks(dead, "/cut.xml.gz", "/torn.xml", "/bomb.xml.gz")


def test_sitemap_killed():
    with trouble_server.Server() as server:
        count = 5000
        server.plan({"/s.xml": {"body": SITEMAP % "".join(url(n) for n in range(count))}})
        pipeline("fetch_sitemap", 'urls: ["%s"]' % server.url("/s.xml"))
        for size in (1, 200000):
            process = lib.start("run", "p.yaml")
            wait_until(lambda: process.poll() is not None or (os.path.exists("out.jsonl") and os.path.getsize("out.jsonl") > size),
                       "the first pages")
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            lib.finish(process)
        sluice("run", "p.yaml")
        same(numbers(), list(range(count)), "each page once")


# ---- configs/ ---------------------------------------------------------------------------------------------------------

ARTICLE = """<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>%(title)s - Báo thử</title></head><body>
<nav><a href="/">Trang chủ</a> <a href="/thoi-su">Thời sự</a></nav><article><h1>%(title)s</h1>%(text)s</article>
<footer>Bản quyền thuộc về Báo thử</footer></body></html>"""
ARTICLES = (
    ("Sửa chữa cầu vượt sông lớn", """<p>Ngày 20/8, Thủ tướng Phạm Minh Chính yêu cầu Bộ Xây dựng báo cáo phương án sửa chữa cây cầu trước ngày
    30/9/2025.</p><p>Cây cầu được đưa vào sử dụng từ hai mươi năm trước, mặt cầu đã xuống cấp ở nhiều nhịp và thường ùn tắc vào giờ cao điểm.
    Đơn vị quản lý cho biết đã nhiều lần vá tạm nhưng vết nứt lại xuất hiện sau mỗi mùa mưa.</p>"""),
    ("Trồng rừng phòng hộ đầu nguồn", """<p>Sáng 21/8, Phó Thủ tướng Trần Hồng Hà giao Bộ Nông nghiệp và Môi trường rà soát diện tích rừng phòng hộ
    trong quý IV.</p><p>Theo thống kê của các tỉnh miền núi, hơn một nghìn hộ dân đã nhận khoán bảo vệ rừng. Cây bản địa được ươm tại chỗ, giống tốt và
    hợp thổ nhưỡng, nhờ vậy tỷ lệ sống cao hơn hẳn những năm trước đây.</p>"""),
    ("Khám bệnh miễn phí cho người cao tuổi", """<p>Chiều 22/8, Thủ tướng Phạm Minh Chính yêu cầu Bộ Y tế hướng dẫn các địa phương khám sức khoẻ định kỳ
    cho người cao tuổi.</p><p>Bệnh viện huyện sẽ cử bác sĩ xuống từng xã, mang theo máy siêu âm và thuốc thông thường. Những trường hợp nặng
    được chuyển lên tuyến trên bằng xe cứu thương mà gia đình không phải trả tiền.</p>"""),
)
PRIVATE = ["--set", "page.allow_private=loopback"]


def site(server):
    plan = {"/bai/%d" % n: {"body": ARTICLE % {"title": title, "text": text}} for n, (title, text) in enumerate(ARTICLES)}
    plan["/feed.xml"] = {"body": RSS % "".join("<item><title>Bài %d</title><link>{base}/bai/%d</link></item>" % (n, n)
                                               for n in range(len(ARTICLES)))}
    plan["/sitemap.xml"] = {"body": SITEMAP % "".join("<url><loc>{base}/bai/%d</loc></url>" % n for n in range(len(ARTICLES)))}
    server.plan(plan)


def config(name):
    return os.path.join(lib.SOURCE, "configs", name)


def rows(path, query):
    import sqlite3
    if not os.path.exists(path):
        return []
    with sqlite3.connect("file:%s?mode=ro" % os.path.abspath(path), uri=True) as db:
        try:
            return db.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


def test_config_feed():
    with trouble_server.Server() as server:
        site(server)
        env = {"WEB_FEED": server.url("/feed.xml"), "WEB_DELAY": "0s", "WEB_EVERY": "200ms"}
        process = lib.start("run", config("web_feed.yaml"), "--set", "feed.allow_private=loopback", *PRIVATE, env=env)
        wait_until(lambda: process.poll() is not None or len(rows("out/web.db", "SELECT 1 FROM documents")) == len(ARTICLES), "the articles")
        wait_until(lambda: process.poll() is not None or len(server.log("/feed.xml")) > 2, "further runs")
        process.send_signal(signal.SIGTERM)
        result = lib.finish(process)
        true(result.code == 128 + signal.SIGTERM, repr(result))
        documents = lines("out/web.jsonl")
        same(sorted(d["url"] for d in documents), [server.url("/bai/%d" % n) for n in range(len(ARTICLES))])
        text = "\n".join(d["text"] for d in documents)
        has(text, "yêu cầu Bộ Xây dựng", "cây bản địa".capitalize())
        lacks(text, "Trang chủ", "Bản quyền")
        true(all(d["directives"] for d in documents), "each has its directive")
        has(read("out/register.html"), "Phạm Minh Chính")
        same(len(server.log("/bai/")), len(ARTICLES), "each page is fetched once")


def test_config_sitemap():
    with trouble_server.Server() as server:
        site(server)
        env = {"WEB_SITE": server.url("/"), "WEB_DELAY": "0s"}
        for _ in range(2):
            sluice("run", config("web_sitemap.yaml"), "--set", "sitemap.allow_private=loopback", *PRIVATE, env=env)
        same(len(rows("out/archive.db", "SELECT 1 FROM documents")), len(ARTICLES))
        same(len(server.log("/bai/")), len(ARTICLES))


def test_config_list():
    with trouble_server.Server() as server:
        site(server)
        write("urls.txt", "# một danh sách\n" + "".join(server.url("/bai/%d\n" % n) for n in range(len(ARTICLES))) + server.url("/status/404\n"))
        env = {"WEB_LIST": os.path.abspath("urls.txt"), "WEB_DELAY": "0s"}
        result = sluice("run", config("web_list.yaml"), "--set", "fetch.allow_private=loopback", "--set", "fetch.record=kept", code=3, env=env)
        has(result.err, "/status/404")
        first = lines("out/pages.jsonl")
        same(len(first), len(ARTICLES))
        asked = len(server.log())
        sluice("run", config("web_list.yaml"), "--set", "fetch.allow_private=loopback", "--set", "fetch.replay=kept", code=3, env=env)
        same(len(server.log()), asked, "a replay asks nobody")
        same(sorted(d["text"] for d in lines("out/pages.jsonl")), sorted(d["text"] for d in first))


if __name__ == "__main__":
    main(globals())
