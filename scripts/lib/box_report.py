#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures two running boxes in namespaces with kcpgate-bench --test box, and writes the results into
docs/performance.md: box_report.py [--quick]

--quick: short trials of two sizes, printed only. KCPGATE and KCPGATE_BENCH name the programs."""

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "netns"), str(ROOT / "scripts" / "lib")]
from bench_report import commit, table, write_docs  # noqa: E402
from lab import Lab  # noqa: E402
from load import load_before  # noqa: E402
from tester import Tester  # noqa: E402

SCRIPT = "scripts/bench_box.sh"
SIZES = (64, 512, 1200, 1400)  # payload bytes; the last fills a segment of the tunnel
FLOWS = 16
LOADS = (10, 50, 90)


class Plan:
    """How long."""

    def __init__(self, quick):
        self.sizes = (64, 1200) if quick else SIZES
        self.trial_s = 1 if quick else 3
        self.options = ["--seconds", str(self.trial_s), "--trials", "1" if quick else "3",
                        "--precision", "10" if quick else "5"]


def measure_ports(plan, size):
    """What the tester alone carries over such ports, sent at will: arrivals per second."""
    with Lab() as lab:
        row, = Tester(lab, direct=True).run("--size", str(size), "--flows", str(FLOWS),
                                            "--seconds", str(plan.trial_s), "--pps", "2000000")
    return row["received"] / row["seconds"]


def measure_boxes(plan, size, max_pps):
    with Lab() as lab:
        lab.set_tunnels(kcp="regular3")
        for box in lab.boxes:
            box.config["memory"] = {"hugepages": False, "mb": 512}
        tester = Tester(lab)
        lab.start()
        rows = tester.run("--size", str(size), "--flows", str(FLOWS), "--max-pps", str(max_pps),
                          *plan.options, timeout_s=3600)
    return rows


def cells(size, ports_pps, rows):
    rates = {row["kind"]: row for row in rows if row["kind"] != "trial"}
    loads = {row["load_percent"]: row for row in rows if row["kind"] == "trial"}
    yield f"{size:,} bytes"
    yield f"{ports_pps / 1e3:.0f}"
    yield f"{rates['NDR']['pps'] / 1e3:.1f}"
    yield f"{rates['NDR']['gbit']:.3f}"
    yield f"{rates['PDR']['pps'] / 1e3:.1f}"
    for load in LOADS:
        row = loads.get(load)
        yield f"{row['p50_us'] / 1e3:.2f} / {row['p99_us'] / 1e3:.2f}" if row else ""


def main(quick):
    plan, load = Plan(quick), load_before(for_docs=not quick)
    lines = []
    for size in plan.sizes:
        print(f"---- {size} bytes", file=sys.stderr)
        ports_pps = measure_ports(plan, size)
        lines.append(list(cells(size, ports_pps, measure_boxes(plan, size, int(ports_pps)))))
    text = table(("payload", "ports alone, thousand/s", "NDR, thousand/s", "NDR, Gbit/s",
                  "PDR, thousand/s", *(f"p50 / p99 at {load} %, ms" for load in LOADS)), lines)
    text += (f"\n\nMeasured on {time.strftime('%Y-%m-%d', time.gmtime())} at {commit()}, load "
             f"average {load:.1f} before and {os.getloadavg()[0]:.1f} after.")
    print(text)
    if not quick:
        write_docs({"boxes": text}, SCRIPT)


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--quick"]):
        sys.exit(__doc__)
    main(quick=sys.argv[1:] == ["--quick"])
