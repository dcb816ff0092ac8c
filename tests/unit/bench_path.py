#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate-bench --test path: one race gives all figures, the same ones each time; names that nobody
has are mistakes; and what scripts/lib makes of rows has a column, and points, for each sender.

    bench_path.py KCPGATE_BENCH
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))

import bench  # noqa: E402
import bench_path  # noqa: E402

FIGURES = {"goodput_mbit", "of_bound", "queue_p50_ms", "queue_p95_ms", "wire_per_payload",
           "own_loss_percent", "stall_ms", "jain"}


def check_race(binary):
    """CUBIC on a slow path is quickly run."""
    options = {"on": "2.64 Mbit/s", "sender": "CUBIC", "seeds": 1}
    row, = bench.run(binary, "path", **options)
    assert FIGURES <= row.keys(), row
    assert row["path"] == "2.64 Mbit/s" and row["sender"] == "CUBIC", row
    assert 0.9 < row["of_bound"] <= 1.05 and row["queue_p95_ms"] > 400, row
    assert bench.run(binary, "path", **options) == [row]


def check_mistakes(binary):
    for option, name in (("--on", "path"), ("--sender", "sender")):
        done = subprocess.run([binary, "--test", "path", option, "nobody"], capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 1 and f'no {name} "nobody"' in done.stderr, done


def check_tables():
    rows = [dict.fromkeys(FIGURES, 1.0) | {"path": path, "sender": sender, "of_bound": 0.5}
            for path in ("here", "there") for sender in ("Ann", "Bob")]
    head, cells = bench_path.table(rows, bench_path.CELLS["path-goodput"])
    assert head == ("path", "Ann", "Bob"), head
    assert cells == [(path, "0.50, 1 ms", "0.50, 1 ms") for path in ("here", "there")], cells
    assert bench_path.picture(rows).count("<circle") == 4


def main(binary):
    check_tables()
    check_mistakes(binary)
    check_race(binary)


if __name__ == "__main__":
    main(sys.argv[1])
