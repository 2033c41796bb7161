#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile_compounds.py WORDS.txt data/*.txt > data/compounds.txt

Everyday words that end with a syllable which is also the head of a name when it stands alone: "thị trường" ends like
"trường", "nhu cầu" like "cầu". Such a syllable is no head. Heads are the lower-case forms of one syllable in the sections
[org_head], [place_head] and [admin]; WORDS.txt is a word list, one word a line."""
import sys
import unicodedata

HEADS = {"[org_head]", "[place_head]", "[admin]"}


def heads(paths):
    found = set()
    for path in paths:
        section = ""
        for line in open(path, encoding="utf-8"):
            line = line.split("|")[0].strip()
            if line.startswith("["):
                section = line
            elif section in HEADS and line and not line.startswith("#") and " " not in line and line.islower():
                found.add(line)
    return found


def main():
    known = heads(sys.argv[2:])
    words = set()
    for line in open(sys.argv[1], encoding="utf-8"):
        word = unicodedata.normalize("NFC", line.strip())
        parts = word.split(" ")
        if len(parts) == 2 and word.islower() and parts[1] in known:
            words.add(word)
    print("# Made by tools/compile_compounds.py; do not edit. Source and licence: data/NOTICE.")
    print("[compound]")
    for word in sorted(words):
        print(word)


main()
