#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""demo_site.py FOLDER COUNT BASE [BROKEN]: writes a small news site of the sample articles in news/: feed.xml with the first COUNT of
them, newest first, and a page for each, with what surrounds an article on such a site. The page with the number BROKEN is 20 MB
of nonsense. BASE is the URL that the folder is served under. A file that is as it should be is not written again."""
import html
import os
import sys

ARTICLES = ("02-quyet-dinh-nha-o-xa-hoi", "03-chi-thi-phong-chay", "04-chat-van-quoc-hoi", "05-kinh-te-6-thang", "10-bong-da-nu",
            "12-phien-toa-dat-nen", "16-chuyen-doi-so-cap-xa", "06-ung-pho-bao-so-5")

PAGE = """<!DOCTYPE html>
<html lang="vi"><head><meta charset="utf-8"><title>%(title)s | Báo Mẫu</title>
<meta property="og:title" content="%(title)s"><link rel="canonical" href="%(url)s"><style>nav a { margin: 1em }</style></head>
<body><nav><a href="/">Trang chủ</a><a href="/thoi-su">Thời sự</a><a href="/kinh-te">Kinh tế</a><a href="/the-thao">Thể thao</a></nav>
<article><h1>%(title)s</h1><div class="share"><a href="#">Chia sẻ</a> <a href="#">Bình luận</a></div>
%(body)s</article>
<aside class="related"><h3>Tin liên quan</h3><ul>%(teasers)s</ul></aside>
<div class="cookie-banner">Trang này dùng cookie. <button>Đồng ý</button></div>
<footer>Báo Mẫu. Mọi bài viết ở đây đều là bịa.</footer></body></html>
"""
FEED = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>Báo Mẫu</title><link>%s/</link><language>vi</language>
%s</channel></rss>
"""
ITEM = '<item><title>%(title)s</title><link>%(url)s?utm_source=rss</link><guid>%(url)s</guid><description>&lt;p&gt;%(lead)s&lt;/p&gt;</description></item>\n'


def article(name, base, number):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "news", name + ".txt")
    with open(path, encoding="utf-8") as f:
        rows = [row.strip() for row in f.read().splitlines() if row.strip()]
    return {"title": html.escape(rows[0]), "url": "%s/bai-%d.html" % (base, number), "lead": html.escape(html.escape(rows[2][:160])),
            "body": "\n".join("<p>%s</p>" % html.escape(row) for row in rows[1:])}


def put(path, text):
    data = text.encode()
    if os.path.exists(path):
        with open(path, "rb") as f:
            if f.read() == data:
                return
    # In one step: the server may be reading it.
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.replace(path + ".new", path)


def main():
    folder, count, base = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    broken = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    os.makedirs(folder, exist_ok=True)
    made = [article(name, base, n + 1) for n, name in enumerate(ARTICLES)]
    for n, one in enumerate(made[:count]):
        others = "".join('<li><a href="%s">%s</a></li>' % (o["url"], o["title"]) for o in made if o is not one)
        page = "<html><body>" + "<div>x" * 3500000 if n + 1 == broken else PAGE % dict(one, teasers=others)
        put(os.path.join(folder, "bai-%d.html" % (n + 1)), page)
    put(os.path.join(folder, "robots.txt"), "User-agent: *\nDisallow: /admin\n")
    put(os.path.join(folder, "feed.xml"), FEED % (base, "".join(ITEM % one for one in reversed(made[:count]))))


if __name__ == "__main__":
    main()
