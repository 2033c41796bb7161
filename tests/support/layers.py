#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point only downwards; plugins include nothing of the core but <sluice/...>; plugins and doc ban <ctype.h>."""
import os
import re
import sys

root = sys.argv[1]
# A layer may include itself and those listed.
BELOW = {
    "platform": {"base"},
    "base": {"platform"},
    "doc": {"base", "platform"},
    "conf": {"base", "platform", "doc"},
    "plugin": {"base", "platform", "doc", "conf"},
    "store": {"base", "platform", "doc", "conf"},
    "flow": {"base", "platform", "doc", "conf", "plugin", "store"},
    "run": {"base", "platform", "doc", "conf", "plugin", "store", "flow"},
    "obs": {"base", "platform", "doc", "conf", "plugin", "store", "flow", "run"},
    "cli": {"base", "platform", "doc", "conf", "plugin", "store", "flow", "run", "obs"},
    "harness": {"base", "platform", "doc", "conf", "plugin", "store", "flow", "run"},
    "stage_host": {"base", "platform", "doc", "conf", "plugin", "store", "flow", "run"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
bad = []


def includes(path):
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            found = INCLUDE.match(line)
            if found:
                yield number, found.group(1), found.group(2)


def sources(folder):
    for base, dirs, files in os.walk(os.path.join(root, folder)):
        dirs[:] = [d for d in dirs if d != "testdata"]
        for name in sorted(files):
            if name.endswith((".c", ".h")):
                yield os.path.join(base, name)


for path in sources("core"):
    rel = os.path.relpath(path, os.path.join(root, "core"))
    layer = rel.split(os.sep)[0]
    for number, mark, name in includes(path):
        where = f"core/{rel}:{number}"
        first = name.split("/")[0]
        if layer == "include":
            if mark == '"' or (first not in ("sluice",) and "/" in name and first != "cjson"):
                bad.append(f"{where}: a public header may include only the C library and <sluice/...>, found {name}")
            continue
        if mark == "<" and first in BELOW and "/" in name:
            bad.append(f'{where}: include the core\'s own headers with quotes, found <{name}>')
        if mark == '"' and "/" in name and not name.startswith("."):
            if layer not in BELOW:
                bad.append(f"{where}: core/{layer} is not a layer of tests/support/layers.py")
            elif first != layer and first not in BELOW[layer]:
                bad.append(f'{where}: {layer} may not include "{name}": {first} is not below it')
        elif mark == '"' and not os.path.exists(os.path.join(os.path.dirname(path), name)):
            bad.append(f'{where}: write the layer in the include: "{layer}/{name}"')
        elif mark == '"' and name.startswith(".."):
            bad.append(f'{where}: no relative path upwards in an include, found "{name}"')
        if name == "ctype.h":
            bad.append(f"{where}: text is UTF-8; isalpha() and its kin are wrong on it: use base/utf8.h or compare characters")

PORTABLE = {"base/http_parse.h"}  # needs nothing but the C library: plugins compile it as it is
common = os.path.join(root, "plugins", "common")  # sources that several plugins compile
for path in sources("plugins"):
    rel = os.path.relpath(path, root)
    own = os.path.join(root, *rel.split(os.sep)[:2])
    for number, mark, name in includes(path):
        where = f"{rel}:{number}"
        if name == "ctype.h":
            bad.append(f"{where}: text is UTF-8; isalpha() and its kin are wrong on it: use utf8proc or compare characters")
        if name in PORTABLE:
            continue
        if mark == '"' and not any(os.path.exists(os.path.join(d, name)) for d in (os.path.dirname(path), own, common)):
            bad.append(f'{where}: a plugin includes its own folder and <sluice/...> only, found "{name}"')
        if mark == '"' and name.startswith("..") and not name.startswith("../common/"):
            bad.append(f'{where}: a plugin includes its own folder and <sluice/...> only, found "{name}"')
        if mark == "<" and name.startswith("sluice/") and name not in ("sluice/plugin.h", "sluice/harness.h"):
            bad.append(f"{where}: <{name}> is not public")

print("\n".join(bad))
sys.exit(1 if bad else 0)
