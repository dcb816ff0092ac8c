#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/check_circles.py takes for a circle, on files made for it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_circles  # noqa: E402

A = "struct kg_x *kg_a(int i)\n{\n\treturn %s;\n}\n"
B = "const struct kg_x kg_b[] = {\n\t%s,\n};\n"
C = "bool kg_c(struct kg_x *x)\n{\n\treturn %s;\n}\n"

GOOD = (
    {"a.c": A % "kg_b", "b.c": B % "kg_c", "c.c": C % "true"},
    {"a.c": A % "kg_c(kg_b)", "b.c": B % "kg_c", "c.c": C % "true /* as kg_a() */"},
    # A type and a declaration call nobody.
    {"a.c": A % "kg_b", "b.c": B % "sizeof(struct kg_a)", "b.h": "struct kg_x *kg_a(int i);\n"},
    # A file and its own header are one.
    {"a.c": A % "kg_i()", "a.h": "static inline int kg_i(void)\n{\n\treturn kg_a(1);\n}\n"},
)
BAD = (
    ({"a.c": A % "kg_b", "b.c": B % "kg_a"},
     ["a.c calls b.c (kg_b), which calls it in turn",
      "b.c calls a.c (kg_a), which calls it in turn"]),
    ({"a.c": A % "kg_b", "b.c": B % "kg_c", "c.c": C % "kg_a(0)"},
     ["a.c calls b.c (kg_b), which calls it in turn",
      "b.c calls c.c (kg_c), which calls it in turn",
      "c.c calls a.c (kg_a), which calls it in turn"]),
    ({"a.c": A % "kg_b", "b.h": "static inline bool kg_b(void)\n{\n\treturn kg_a(2);\n}\n",
      "b.c": ""},
     ["a.c calls b.c (kg_b), which calls it in turn",
      "b.c calls a.c (kg_a), which calls it in turn"]),
)


# With a and b one thing: who joins them is told.
JOINED = (
    ({"a.c": A % "kg_b", "b.c": B % "kg_a"}, []),
    ({"a.c": A % "kg_b", "b.c": B % "kg_a(kg_c)", "c.c": C % "true"}, []),
    ({"a.c": A % "kg_b", "b.c": B % "kg_a(kg_c)", "c.c": C % "kg_a(0)"},
     ["b.c calls c.c (kg_c), which calls it in turn",
      "c.c calls a.c (kg_a), which calls it in turn"]),
)


def said(files, inner=()):
    files = {Path(name): text for name, text in files.items()}
    return list(check_circles.complaints(files, inner))


def main():
    failed = 0
    for files, wanted in [(files, []) for files in GOOD] + list(BAD):
        if said(files) != wanted:
            failed += 1
            print(f"{files}: wanted {wanted}, got {said(files)}")
    for files, wanted in JOINED:
        if said(files, ("a", "b")) != wanted:
            failed += 1
            print(f"{files}, a and b joined: wanted {wanted}, got {said(files, ('a', 'b'))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
