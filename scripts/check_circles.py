#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that the files of a component do not call each other in a circle.

A component is app/X, lib/X or drivers/X, with its folders. File a calls file b when it names a
function or object that b defines; a header's inline functions belong to the .c file of its name. A
circle is one thing in several files: nobody can read, test or change one of them alone. MODULES have
such a thing inside on purpose, with one header; docs/architecture.md says why. Their other files are
held to the rule.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "drivers/payload": "dial flow tcp udp udp_hold udp_loss udp_room udp_rx udp_sources udp_tx",
    "lib/mux": "mux mux_in mux_out mux_stall mux_stream",
    "lib/session": "bare bare_input bare_test bare_timers channel channel_end client forgotten"
                   " handshake handshake_hop hop hop_live kcp_talk line path peers proof roam server"
                   " permits spread timers",
}

COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', re.S)
TYPE = re.compile(r"\b(struct|enum|union)\s+kg_\w+")
# At the left margin: a name with parameters and a body, or with a value.
DEFINED = re.compile(r"^(?!static|extern|typedef)\w[\w \t\n*]*?\b(kg_\w+)"
                     r"(?:\([^;{}]*\)\s*\{|(?:\[[^\]]*\])*\s*=)", re.M)
INLINE = re.compile(r"^static inline [^;{(]*?\b(kg_\w+)\(.*?^\}", re.M | re.S)
NAME = re.compile(r"\bkg_\w+")


def calls(texts):
    """From {file: text} to {file: {file it calls: names}}; files without their endings."""
    code = {}
    for path, text in texts.items():
        text = TYPE.sub(r"\1", COMMENT_OR_TEXT.sub(" ", text))
        if path.suffix == ".h":
            text = "\n".join(match.group(0) for match in INLINE.finditer(text))
        code[path] = text
    home = {}
    for path, text in code.items():
        for match in (INLINE if path.suffix == ".h" else DEFINED).finditer(text):
            home[match.group(1)] = path.with_suffix("")
    graph = {path.with_suffix(""): {} for path in texts}
    for path, text in code.items():
        here = path.with_suffix("")
        for name in NAME.findall(text):
            if home.get(name, here) != here:
                graph[here].setdefault(home[name], set()).add(name)
    return graph


def reachable(graph, start):
    found, todo = set(), [start]
    while todo:
        for file in graph[todo.pop()]:
            if file not in found:
                found.add(file)
                todo.append(file)
    return found


def complaints(texts, inner=()):
    """One line for each call that is part of a circle, but for those among files called `inner`."""
    graph = calls(texts)
    ahead = {file: reachable(graph, file) for file in graph}
    for file in sorted(graph):
        for other in sorted(graph[file]):
            if file in ahead[other] and not (file.name in inner and other.name in inner):
                names = ", ".join(sorted(graph[file][other]))
                yield f"{file}.c calls {other}.c ({names}), which calls it in turn"


def components():
    for layer in ("lib", "drivers", "app"):
        for folder in sorted((ROOT / layer).iterdir()):
            if folder.is_dir():
                yield folder


def main():
    count = 0
    for folder in components():
        texts = {path.relative_to(ROOT): path.read_text() for path in folder.rglob("*.[ch]")}
        inner = MODULES.get(str(folder.relative_to(ROOT)), "").split()
        for line in complaints(texts, inner):
            print(line)
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
