#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a function or a file is larger than the house style allows. The list of exceptions is empty.

A function's complexity is 1 + if, for, while, case groups counted as one per switch, &&, || and ?. Its nesting is the depth of
control blocks. Data tables outside functions do not count. Of the parameters those do not count that every function of a kind
carries: a leading ctx or user pointer, a trailing err, and the count n_x or len that belongs to the pointer before it.
"""
import os
import re
import subprocess
import sys

LINES, COMPLEXITY, PARAMS, NESTING, FILE_LINES, WIDTH = 100, 20, 6, 4, 900, 120
root = sys.argv[1]
verbose = "-v" in sys.argv
TOKEN = re.compile(r"[A-Za-z_]\w*|&&|\|\||[{}()\[\];,?=]|\d[\w.]*|\S")
KEYWORDS = {"if", "for", "while", "switch", "do", "else", "return", "sizeof", "case", "default", "_Alignof", "__attribute__"}


def strip(text):
    """Comments, strings, characters and preprocessor lines become blanks; newlines stay."""
    out = []
    i, n, bol = 0, len(text), True
    while i < n:
        c = text[i]
        if text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            out.append(re.sub(r"[^\n]", " ", text[i:end]))
            i = end
        elif text.startswith("//", i):
            end = text.find("\n", i)
            i = n if end < 0 else end
        elif c == "#" and bol:
            while i < n:
                end = text.find("\n", i)
                end = n if end < 0 else end
                cont = text[i:end].rstrip().endswith("\\")
                out.append("\n" if end < n else "")
                i = end + 1
                if not cont:
                    break
            bol = True
            continue
        elif c in "\"'":
            j = i + 1
            while j < n and text[j] != c and text[j] != "\n":
                j += 2 if text[j] == "\\" else 1
            out.append(" 0 ")
            i = j + 1
        else:
            out.append(c)
            i += 1
        if c == "\n":
            bol = True
        elif not c.isspace():
            bol = False
    return "".join(out)


def tokens(text):
    line = 1
    last = 0
    for m in TOKEN.finditer(text):
        line += text.count("\n", last, m.start())
        last = m.start()
        yield m.group(), line


def match_back(toks, i):
    depth = 0
    while i >= 0:
        if toks[i][0] == ")":
            depth += 1
        elif toks[i][0] == "(":
            depth -= 1
            if depth == 0:
                return i
        i -= 1
    return -1


def count_params(toks, a, b):
    depth, names, current = 0, [], []
    for t, _ in toks[a + 1:b]:
        if t == "," and depth == 0:
            names.append(current)
            current = []
            continue
        depth += (t in ("(", "[", "{")) - (t in (")", "]", "}"))
        if re.match(r"[A-Za-z_]", t):
            current.append(t)
    names = [n[-1] for n in names + [current] if n and n != ["void"]]
    return sum(not ((i == 0 and n in ("ctx", "user", "c", "registry")) or (i == len(names) - 1 and n == "err")
                    or (i > 0 and (n.startswith("n_") or n in ("n", "len"))))
               for i, n in enumerate(names))


def control_brace(toks, i):
    """Whether the { at i opens the block of a control statement."""
    if toks[i - 1][0] in ("else", "do"):
        return True
    if toks[i - 1][0] != ")":
        return False
    start = match_back(toks, i - 1)
    return start > 0 and toks[start - 1][0] in ("if", "for", "while", "switch")


def functions(toks):
    i, n = 0, len(toks)
    while i < n:
        if toks[i][0] != "{":
            i += 1
            continue
        head = i - 1
        # __attribute__((...)) may stand between the parameters and the body.
        is_func = head >= 0 and toks[head][0] == ")"
        name, params = None, 0
        if is_func:
            start = match_back(toks, head)
            name = toks[start - 1][0] if start > 0 else ""
            is_func = bool(re.match(r"[A-Za-z_]\w*$", name)) and name not in KEYWORDS
            params = count_params(toks, start, head) if is_func else 0
        depth, j, stack, nesting, deepest, complexity = 0, i, [], 0, 0, 1
        while j < n:
            t = toks[j][0]
            if t == "{":
                depth += 1
                control = depth > 1 and control_brace(toks, j)
                stack.append(control)
                nesting += control
                deepest = max(deepest, nesting)
            elif t == "}":
                depth -= 1
                nesting -= stack.pop()
                if depth == 0:
                    break
            elif t in ("if", "for", "while", "switch", "&&", "||", "?"):
                complexity += 1
            elif t == "while" and toks[j - 1][0] == "}":
                complexity -= 1
            j += 1
        if is_func:
            yield name, toks[start - 1][1], toks[min(j, n - 1)][1], params, complexity, deepest
        i = j + 1


listing = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], capture_output=True, text=True)
files = listing.stdout.split("\n")[:-1]
if listing.returncode != 0 or not files:
    files = [os.path.relpath(os.path.join(b, f), root) for b, d, fs in os.walk(root) for f in fs
             if f.endswith((".c", ".h")) and "/build/" not in b]
bad, all_functions = [], []
for rel in sorted(files):
    path = os.path.join(root, rel)
    if "testdata" in rel.split("/") or not os.path.exists(path):
        continue
    text = open(path, encoding="utf-8").read()
    lines = text.count("\n")
    generated = "generated by" in text[:400].lower()
    if lines > FILE_LINES and not generated:
        bad.append(f"{rel}:1: {lines} lines, expected at most {FILE_LINES}: split the file by nouns")
    if not text.startswith("/* SPDX-License-Identifier: "):
        bad.append(f"{rel}:1: the first line must be /* SPDX-License-Identifier: Apache-2.0 */")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > WIDTH and not generated and not rel.startswith(("core/include/sluice/plugin.h", "tests/abi/")):
            bad.append(f"{rel}:{number}: {len(line)} characters, expected at most {WIDTH}")
    for name, first, last, params, complexity, nesting in functions(list(tokens(strip(text)))):
        size = last - first + 1
        all_functions.append((size, complexity, rel, name))
        if size > LINES:
            bad.append(f"{rel}:{first}: {name}: {size} lines, expected at most {LINES}")
        if complexity > COMPLEXITY:
            bad.append(f"{rel}:{first}: {name}: complexity {complexity}, expected at most {COMPLEXITY}")
        if params > PARAMS:
            bad.append(f"{rel}:{first}: {name}: {params} parameters, expected at most {PARAMS}")
        if nesting > NESTING:
            bad.append(f"{rel}:{first}: {name}: nested {nesting} deep, expected at most {NESTING}")

print("\n".join(bad))
sizes = sorted(s for s, *_ in all_functions)
if sizes:
    print(f"{len(files)} files, {len(sizes)} functions; lines: median {sizes[len(sizes) // 2]}, "
          f"p99 {sizes[len(sizes) * 99 // 100]}, longest {sizes[-1]}")
if verbose:
    for row in sorted(all_functions, reverse=True)[:15]:
        print(*row)
sys.exit(1 if bad else 0)
