#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Carriers that cap 5-tuples, or punish them, in virtual time (tests/sim/spread_test.c): what a timer has of such a
path, and what `spread` has; about two minutes.

    scripts/spread_table.py [SEEDS]          prints the table, of seeds 1 to 5 unless told
    scripts/spread_table.py --docs           writes it into docs/performance.md, too
"""

import re
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
import bench_report  # noqa: E402

NAME, SCRIPT = "spread", "scripts/spread_table.py"
BUILD = ROOT / "build" / "release"
PROGRAM = BUILD / "tests" / "sim" / "spread_test"
LINE = re.compile(r"(?P<carrier>\S+) +(?P<setting>\S.*?) +(?P<server>ours|original) +(?P<way>up|down) +seed +\d+: "
                  r"(?P<used>[\d.]+) of the path, (?P<first>[\d.]+) in the first 5 s; (?P<live>\d+) 5-tuples, "
                  r"(?P<left>\d+) left")
CARRIERS = {"none": "none", "cap": "cap of 20 Mbit/s", "penalty": "penalty above 20 Mbit/s"}


def runs(seeds):
    """By carrier, server, way and setting: what each seed had."""
    said = subprocess.run([PROGRAM, "table", str(seeds)], check=True, capture_output=True, text=True).stdout
    found = {}
    for run in filter(None, map(LINE.match, said.splitlines())):
        found.setdefault((run["carrier"], run["server"], run["way"], run["setting"]), []).append(
            {name: float(run[name]) for name in ("used", "first", "live", "left")})
    return found


def cell(of):
    used = [run["used"] for run in of]
    return f"{median(used):.2f} ({min(used):.2f})"


def table(found):
    settings = list(dict.fromkeys(key[3] for key in found))
    head = ["carrier", "server", "way", *settings, "of that the first 5 s", "5-tuples", "left"]
    rows = []
    for carrier, server, way in dict.fromkeys(key[:3] for key in found):
        of = [found[carrier, server, way, setting] for setting in settings]
        spread = of[-1]
        rows.append([CARRIERS[carrier], server, way, *(cell(runs) for runs in of),
                     f"{median(run['first'] for run in spread):.2f}",
                     f"{max(run['live'] for run in spread):.0f}", f"{max(run['left'] for run in spread):.0f}"])
    return bench_report.table(head, rows)


def main(arguments):
    docs = arguments == ["--docs"]
    seeds = int(arguments[0]) if arguments and not docs else 5
    subprocess.run([ROOT / "scripts" / "build.sh", BUILD, "--buildtype=release", "--", "tests/sim/spread_test"],
                   check=True, stdout=sys.stderr)
    print(f"seeds 1 to {seeds}: median (least), parts of 100 Mbit/s over 20 s with the beginning, every byte whole")
    found = table(runs(seeds))
    print(found)
    if docs:
        bench_report.write_docs({NAME: found}, SCRIPT)


if __name__ == "__main__":
    main(sys.argv[1:])
