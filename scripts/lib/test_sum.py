#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Adds up a test run: test_sum.py DIR, with meson's NAME.json files and the lists `passed` and
`failed` of single steps. Names what failed and why things were skipped; exits 1 on failure."""

import json
import sys
from pathlib import Path

GOOD = {"OK", "EXPECTEDFAIL"}


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def main(directory):
    passed = lines_of(directory / "passed")
    failed = lines_of(directory / "failed")
    skipped = []
    for log in sorted(directory.glob("*.json")):
        for line in lines_of(log):
            test = json.loads(line)
            name = f"{log.stem}: {test['name']}"
            if test["result"] == "SKIP":
                words = test.get("stdout", "").strip().splitlines()
                skipped.append(f"{name} ({words[-1] if words else 'no reason given'})")
            elif test["result"] in GOOD:
                passed.append(name)
            else:
                failed.append(f"{name} ({test['result'].lower()})")
    print()
    for name in skipped:
        print(f"skipped  {name}")
    for name in failed:
        print(f"FAILED   {name}")
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
