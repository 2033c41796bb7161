#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile_pairs.py WORDS.txt > data/pairs.txt

Compiles a word list, one word a line, into the section [pair]: the words of two syllables in lower case. With them the
rules see that two syllables belong together although no lexicon has the word."""
import sys
import unicodedata


def main():
    words = set()
    for line in open(sys.argv[1], encoding="utf-8"):
        word = unicodedata.normalize("NFC", line.strip())
        parts = word.split(" ")
        if len(parts) == 2 and word.islower() and all(p.isalpha() for p in parts):
            words.add(word)
    print("# Made by tools/compile_pairs.py; do not edit. Source and licence: data/NOTICE.")
    print("[pair]")
    for word in sorted(words):
        print(word)


main()
