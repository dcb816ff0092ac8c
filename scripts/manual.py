#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""manual.py TEMPLATE VERSION docs/configuration.md [PROGRAM]: fills in a manual page.

@VERSION@         the version
@OPTIONS@         the options that PROGRAM --help lists
@COMMANDS@        its commands
@SETTINGS table@  the keys of that table of docs/configuration.md, which a test compares with the program's own
"""

import re
import subprocess
import sys
from pathlib import Path


LISTED = {"OPTIONS": "  --", "COMMANDS": "  [a-z]"}


def roff(text):
    """Plain text or Markdown's code and links as roff."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"\*\*(.*?)\*\*", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return "\\&" + text if text.startswith((".", "'")) else text


def item(name, text):
    return f".TP\n.B {roff(name)}\n{roff(text)}"


def listed(program, first):
    """What the help lists whose lines begin so. Columns are two spaces apart; with three the middle one says for
    which tests."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        columns = re.split(r" {2,}", line.strip())
        if not re.match(first, line):
            continue
        if len(columns) == 3:
            columns[1:] = [f"({columns[1]}) {columns[2]}"]
        yield item(*columns)


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def settings(document, name):
    lines = document.split(f"<!-- table {name} -->\n", 1)[1].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        key, value, default, meaning = cells(line)[:4]
        known = f"({value}; {default})" if default != "**required**" else f"({value}; required)"
        yield item(key.strip("`"), f"{known} {meaning}")


def main(template, version, configuration, program=None):
    document = Path(configuration).read_text()

    def fill_in(match):
        what, _, name = match[1].partition(" ")
        if what == "VERSION":
            return version
        if what in LISTED:
            return "\n".join(listed(program, LISTED[what]))
        return "\n".join(settings(document, name))

    print(re.sub(r"@([A-Z]+(?: \S+)?)@", fill_in, Path(template).read_text()), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
