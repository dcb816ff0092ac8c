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


# What a sender of ours is to reach, and within what two are equal.
OURS, GUESS = "kcpgate auto", "kcpgate"
GOODPUT_EQUAL, QUEUE_LEAST_MS, QUEUE_PART = 0.02, 5, 1 / 4
GOODPUT_AIM, LOSS_AIM_PERCENT, WIRE_AIM = 0.95, 1, 1.10


def names(rows, key):
    """All that stand there, in order."""
    return list(dict.fromkeys(row[key] for row in rows))


def table(rows, cell):
    """Head and rows: a path each, a sender in each column."""
    found = {(row["path"], row["sender"]): row for row in rows}
    senders = names(rows, "sender")
    return ("path", *senders), [(path, *(cell(found[path, sender]) for sender in senders))
                                for path in names(rows, "path")]


def queue_aim_ms(row):
    return max(QUEUE_LEAST_MS, QUEUE_PART * row["rtt_ms"])


def goodput_better(rival, ours):
    return rival["of_bound"] > ours["of_bound"] + GOODPUT_EQUAL


def queue_better(rival, ours):
    return rival["queue_p95_ms"] < ours["queue_p95_ms"] - queue_aim_ms(ours)


def is_better(rival, ours):
    """In one of the two, and in the other not worse."""
    return ((goodput_better(rival, ours) and not queue_better(ours, rival)) or
            (queue_better(rival, ours) and not goodput_better(ours, rival)))


def mark(text, good):
    return text if good else f"**{text}**"


def points(rows):
    """Ours on each path against what was aimed at, and who of the seven is better there."""
    def who(path, ours, better):
        found = [row["sender"] for row in rows if row["path"] == path and
                 row["sender"] not in (OURS, GUESS) and better(row, ours)]
        return ", ".join(found) or "none"

    table_rows = []
    for ours in (row for row in rows if row["sender"] == OURS):
        aim_ms = queue_aim_ms(ours)
        table_rows.append((
            ours["path"],
            mark(f"{ours['of_bound']:.2f}", ours["of_bound"] >= GOODPUT_AIM),
            mark(f"{ours['own_loss_percent']:.1f} %", ours["own_loss_percent"] <= LOSS_AIM_PERCENT),
            mark(f"{ours['wire_per_payload']:.3f}", ours["wire_per_payload"] <= WIRE_AIM),
            mark(f"{ours['queue_p95_ms']:.0f} of {aim_ms:.0f} ms", ours["queue_p95_ms"] <= aim_ms),
            *(who(ours["path"], ours, better) for better in (goodput_better, queue_better, is_better))))
    seeds = rows[0]["seeds"]
    return (f"path; seeds 1 to {seeds}", f"goodput, ≥ {GOODPUT_AIM}",
            f"own loss, ≤ {LOSS_AIM_PERCENT} %", f"wire / payload, ≤ {WIRE_AIM:.2f}",
            "queueing, p95", "more goodput", "shorter queue", "better"), table_rows


def picture(rows):
    """A point for each path, a colour for each sender."""
    points = {sender: [(row["queue_p95_ms"], row["of_bound"]) for row in rows
                       if row["sender"] == sender] for sender in names(rows, "sender")}
    return svg.points("Twelve paths", "queueing, 95th percentile, ms", "goodput / bound", points)


def results(binary):
    """Tables by name, and the picture."""
    rows = bench.run(binary, "path")
    tables = {name: table(rows, cell) for name, cell in CELLS.items()}
    return {**tables, "path-points": points(rows)}, picture(rows)
