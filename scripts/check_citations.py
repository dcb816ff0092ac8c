#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that whatever a text of the tree cites is there: documents, sections, decisions, files.

A section is cited as "docs/wire.md §2.1", after the name of its document, or as "RFC 8200 §3";
inside a document with numbered headings its own sections need no name. A decision is cited by its
number, a file by its path, from the root or from lib/, drivers/ or app/kcpgate/. A table with the
columns name, value, source and file cites a constant: the file must have it.

Complains with file and line. Arguments: the files to look at; without any, all that git knows.
"""

import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = re.compile(r"\.([ch]|sh|py|build|md|json|txt)$")
ROOTS = ("", "lib", "drivers", "app", "app/kcpgate", "app/kcpgate-bench", "tests")

WORDS = r"[\w.-]+"
DOCUMENT = re.compile(rf"(?<![\w./\"-])(?:{WORDS}/)*{WORDS}\.md\b")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
FILE = re.compile(rf"(?<![\w./:*$}}%\"'<-])(?:{WORDS}/)+{WORDS}\.(?:[ch]|py|sh|json)\b")
DECISION = re.compile(r"\b[Dd]ecision (\d+)\b")
SECTION = re.compile(r"§(\d+(?:\.\d+)*|)")
WHOSE = re.compile(rf"(RFC \d+)|((?:{WORDS}/)*{WORDS}\.md)\b")
HEADING = re.compile(r"^#+ (\d+(?:\.\d+)*)\.? ", re.M)
CONSTANT = re.compile(r"^\| `(\w+)` \|.*\| `([\w./-]+)` \|$", re.M)
CONSTANTS = "| name | value | source | file |"
OWN = ("check_citations.py", "citations.py")  # they cite what is not there
NEAR = 400  # characters back to the name of a section's document


def places_of(name, beside):
    return [beside / name] + [ROOT / root / name for root in ROOTS]


def find(name, beside):
    """The file that a text in directory `beside` calls by this name, or None."""
    return next((place for place in places_of(name, beside) if place.is_file()), None)


def is_ours(name, beside):
    """False for files of the system, as <linux/if_tun.h>: no folder of ours has such a name."""
    first = name.partition("/")[0]
    return first == name or any(place.is_dir() for place in places_of(first, beside))


@lru_cache(maxsize=None)
def sections_of(path):
    return set(HEADING.findall(path.read_text(encoding="utf-8")))


def document_of(text, at, path):
    """Whose section is cited at `at`: a path, a text for an RFC, or None for nobody's."""
    cited = list(WHOSE.finditer(text, max(0, at - NEAR), at))
    gap = text[cited[-1].end():at] if cited else ""
    if not cited or "\n\n" in gap or "*/" in gap:
        return path if path.suffix == ".md" and sections_of(path) else None
    rfc, name = cited[-1].groups()
    if path.suffix == ".md" and sections_of(path) and not re.fullmatch(r"[\])\w./ §,-]*", gap):
        return path
    return rfc or find(name, path.parent) or name  # problems_of_names says that it is not there


def problems_of_sections(text, path):
    for match in SECTION.finditer(text):
        document = document_of(text, match.start(), path)
        if isinstance(document, str) or (not match[1] and document):
            continue
        if document is None:
            yield match.start(), f"{match[0]}: of which document?"
        elif match[1] not in sections_of(document):
            yield match.start(), f"{document.relative_to(ROOT)} has no {match[0]}"


def problems_of_names(text, path):
    seen = [(m.start(), m[0]) for pattern in (DOCUMENT, FILE) for m in pattern.finditer(text)]
    if path.suffix == ".md":
        seen += [(m.start(), m[1]) for m in LINK.finditer(text)]
    for at, name in seen:
        line = text[text.rfind("\n", 0, at) + 1:at]
        if "#include" in line or "://" in line or not is_ours(name, path.parent):
            continue
        if not find(name, path.parent) and not (path.parent / name).is_dir():
            yield at, f"there is no {name}"


def problems_of_decisions(text, _path):
    for match in DECISION.finditer(text):
        if not list((ROOT / "docs/decisions").glob(f"{int(match[1]):04}-*.md")):
            yield match.start(), f"there is no decision {match[1]}"


def problems_of_constants(text, path):
    if path.suffix != ".md" or CONSTANTS not in text:
        return
    for match in CONSTANT.finditer(text, text.index(CONSTANTS)):
        file = ROOT / match[2]
        if not file.is_file() or not re.search(rf"\b{match[1]}\b", file.read_text()):
            yield match.start(), f"{match[2]} has no {match[1]}"


CHECKS = (problems_of_sections, problems_of_names, problems_of_decisions, problems_of_constants)


def complaints(text, path):
    """What is wrong with the text of a file, a line each."""
    problems = {(text.count("\n", 0, at) + 1, problem)
                for check_of in CHECKS for at, problem in check_of(text, path)}
    for number, problem in sorted(problems):
        yield f"{path.relative_to(ROOT)}:{number}: {problem}"


def known_files():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def main():
    names = sys.argv[1:] or known_files()
    paths = [ROOT / name for name in names if NAMES.search(name)]
    said = [line for path in paths if path.is_file() and path.name not in OWN
            for line in complaints(path.read_text(encoding="utf-8"), path)]
    print("\n".join(said), end="\n" if said else "")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
