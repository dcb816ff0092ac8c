#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/check_citations.py takes and what it refuses, on texts made for it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_citations  # noqa: E402

CODE = ROOT / "lib/kcp/kcp.c"
PAGE = ROOT / "docs/kcp.md"
DECISION = ROOT / "docs/decisions/README.md"
TABLE = "| name | value | source | file |\n|---|---|---|---|\n"

GOOD = (
    (CODE, "/* docs/kcp.md §2.1, §4 */"),
    (CODE, "/* RFC 8200 §4.5: no document of ours */"),
    (CODE, "/* (docs/kcp.md\n * §3) over the end of a line */"),
    (CODE, "/* session/session.h, app/kcpgate/worker.c, decision 9 */"),
    (CODE, "#include <sys/queue.h>\n/* linux/if_tun.h is the system's */"),
    (PAGE, "§12 of this page, [wire.md](wire.md) §4.1, [decision](decisions/0009-fec-sums.md)"),
    (PAGE, TABLE + "| `KG_KCP_PUSH` | 81 | §2.1 | `lib/kcp/kcp.h` |\n"),
)
BAD = (
    (CODE, "/*\n * docs/kcp.md §99\n */", 2, "docs/kcp.md has no §99"),
    (CODE, "/* docs/nowhere.md §1 */", 1, "there is no docs/nowhere.md"),
    (CODE, "/* the design, §4 */", 1, "§4: of which document?"),
    (CODE, "/* docs/kcp.md */\n\n/* §4, far from it */", 3, "§4: of which document?"),
    (CODE, "/* lib/kcp/nothing.c */", 1, "there is no lib/kcp/nothing.c"),
    (CODE, "/* decision 4711 */", 1, "there is no decision 4711"),
    (PAGE, "first line\n§99", 2, "docs/kcp.md has no §99"),
    (DECISION, "[a page](../nowhere.md)", 1, "there is no ../nowhere.md"),
    (PAGE, TABLE + "| `KG_NOTHING` | 1 | §2 | `lib/kcp/kcp.h` |\n", 3,
     "lib/kcp/kcp.h has no KG_NOTHING"),
)


def main():
    failed = 0
    for path, text in GOOD:
        said = list(check_citations.complaints(text, path))
        failed += bool(said)
        for line in said:
            print(f"refused for nothing: {text!r}: {line}")
    for path, text, number, problem in BAD:
        wanted = f"{path.relative_to(ROOT)}:{number}: {problem}"
        said = list(check_citations.complaints(text, path))
        if said != [wanted]:
            failed += 1
            print(f"{text!r}: wanted {wanted!r}, got {said}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
