#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the hash of the page's script into its content security policy: run it after a change of page.html."""
import base64
import hashlib
import os
import re

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.html")
with open(path, encoding="utf-8") as f:
    page = f.read()
script = re.search(r"<script>(.*?)</script>", page, re.S).group(1)
digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
page = re.sub(r"script-src 'sha256-[^']*'", "script-src 'sha256-%s'" % digest, page, count=1)
with open(path, "w", encoding="utf-8") as f:
    f.write(page)
