#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile_gazetteer.py OLD.json NEW.json > data/gazetteer.txt

Compiles the lists of Vietnamese administrative units before and since 1 July 2025 (in the JSON layout of the project
vietnamese-provinces-database) into the compact section [gazetteer] that the plugin reads. Only facts are taken over:
level, kind, code, validity, name and the unit above."""
import json
import sys
import unicodedata

KINDS = [("Thành phố", "c"), ("Thị xã", "s"), ("Thị trấn", "n"), ("Đặc khu", "d"), ("Tỉnh", "t"), ("Quận", "q"),
         ("Huyện", "h"), ("Phường", "p"), ("Xã", "x")]


def split(full):
    full = unicodedata.normalize("NFC", full)
    for word, letter in KINDS:
        if full.startswith(word + " "):
            return letter, full[len(word) + 1:].strip()
    return None, full


def same_name(name):
    """Equal for spellings that differ in the place of the tone mark only (Hóa, Hoá)."""
    return "".join(sorted(unicodedata.normalize("NFD", name)))


def line(level, validity, unit):
    kind, name = split(unit["FullName"])
    # Units that are called by a number ("Phường 7", "Quận 1") are recognised by rule, not by name.
    if kind is None or name.isdigit():
        return None
    prefix = f"{level}{validity} " if level != "w" else ""
    return f"{prefix}{unit['Code']} {kind} {name}"


def main():
    old = json.load(open(sys.argv[1], encoding="utf-8"))
    new = json.load(open(sys.argv[2], encoding="utf-8"))
    print("# Made by tools/compile_gazetteer.py; do not edit. Source and licence: data/NOTICE.")
    print("# Validity: * always, < until 2025-06-30, > since 2025-07-01.")
    print("[gazetteer]")
    kept = {(q["Code"], same_name(split(q["FullName"])[1])) for q in new}
    known = {(p["Code"], same_name(split(p["FullName"])[1])) for p in old}
    for p in old:
        print(line("P", "*" if (p["Code"], same_name(split(p["FullName"])[1])) in kept else "<", p))
        for d in p["District"]:
            text = line("D", "<", d)
            if text is None:
                continue
            print(text)
            for w in d.get("Ward") or []:
                text = line("w", "<", w)
                if text:
                    print(text)
    for p in new:
        # A province that stayed is written once more: the reader goes on below the one it knows.
        stays = (p["Code"], same_name(split(p["FullName"])[1])) in known
        print(line("P", "*" if stays else ">", p))
        for w in p["Wards"]:
            text = line("w", ">", w)
            if text:
                print("W> " + text)


main()
