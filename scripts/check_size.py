#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reports sizes of files and functions against the budget in CONTRIBUTING.md. Never fails."""

import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES = 500, 60
NAME = re.compile(r"(\w+)\s*\(")


def functions_of(lines):
    """(name, first line, length) of each function: in our style a body is a '{' alone in column 0
    and ends with a '}' alone in column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = start - 1
            while head > 1 and lines[head - 1][:1] in (" ", "\t"):
                head -= 1
            match = NAME.search(lines[head - 1])
            yield (match.group(1) if match else "?"), head, number - start - 1
            start = None


def report(layer):
    files, functions = [], []
    for path in sorted((ROOT / layer).rglob("*.c")):
        lines = path.read_text().splitlines()
        name = path.relative_to(ROOT)
        files.append((len(lines), name))
        functions += [(length, f"{name}:{line} {function}")
                      for function, line, length in functions_of(lines)]
    if not functions:
        return
    lengths = sorted(length for length, _ in functions)
    print(f"{layer}: {len(files)} files, median {statistics.median(n for n, _ in files):.0f} lines; "
          f"{len(functions)} functions, median {statistics.median(lengths):.0f}, "
          f"p90 {lengths[len(lengths) * 9 // 10]}")
    for length, name in sorted(files, reverse=True):
        if length > FILE_LINES:
            print(f"    {length:5} {name}")
    for length, name in sorted(functions, reverse=True):
        if length > FUNCTION_LINES:
            print(f"    {length:5} {name}")


if __name__ == "__main__":
    for layer in sys.argv[1:] or ("lib", "drivers", "app", "tests"):
        report(layer)
