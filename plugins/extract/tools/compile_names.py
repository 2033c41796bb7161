#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile_names.py LIST.txt... > data/given.txt

Compiles lists of given names (one a line) into the section [given]: every syllable that ends a name, once."""
import sys
import unicodedata


def main():
    seen = set()
    for path in sys.argv[1:]:
        for line in open(path, encoding="utf-8"):
            words = unicodedata.normalize("NFC", line.strip().replace("Ð", "Đ").replace("ð", "đ")).split()
            if words and words[-1].isalpha():
                seen.add(words[-1][0].upper() + words[-1][1:].lower())
    print("# Made by tools/compile_names.py; do not edit. Source and licence: data/NOTICE.")
    print("[given]")
    for name in sorted(seen):
        print(name)


main()
