# SPDX-License-Identifier: BSD-3-Clause
"""The tables and the picture of senders on paths. Virtual time and fixed seeds: a checkout gives the
same figures on every machine, so one run is enough."""

import bench
import svg

# table of docs/performance.md: what a cell of it says
CELLS = {
    "path-goodput": lambda row: f"{row['of_bound']:.2f}, {row['queue_p95_ms']:.0f} ms",
    "path-wire": lambda row: f"{row['wire_per_payload']:.2f}, {row['own_loss_percent']:.1f} %",
    "path-stall": lambda row: f"{row['stall_ms'] / 1000:.2f} s, {row['jain']:.2f}",
}


def names(rows, key):
    """All that stand there, in order."""
    return list(dict.fromkeys(row[key] for row in rows))


def table(rows, cell):
    """Head and rows: a path each, a sender in each column."""
    found = {(row["path"], row["sender"]): row for row in rows}
    senders = names(rows, "sender")
    return ("path", *senders), [(path, *(cell(found[path, sender]) for sender in senders))
                                for path in names(rows, "path")]


def picture(rows):
    """A point for each path, a colour for each sender."""
    points = {sender: [(row["queue_p95_ms"], row["of_bound"]) for row in rows
                       if row["sender"] == sender] for sender in names(rows, "sender")}
    return svg.points("Twelve paths", "queueing, 95th percentile, ms", "goodput / bound", points)


def results(binary):
    """Tables by name, and the picture."""
    rows = bench.run(binary, "path")
    return {name: table(rows, cell) for name, cell in CELLS.items()}, picture(rows)
