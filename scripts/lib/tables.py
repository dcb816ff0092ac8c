#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a running box sees, as tables for people: tables.py NAME"""

import sys

import telemetry

COLUMNS = (
    ("conv", lambda r: f"{r['conv']:08x}"),
    ("tunnel", lambda r: r["tunnel"]),
    ("kind", lambda r: r["protocol"]),
    ("state", lambda r: r["state"]),
    ("peer", lambda r: r["remote"]),
    ("age s", lambda r: f"{r['age_ms'] / 1e3:.1f}"),
    ("srtt ms", lambda r: f"{r['srtt_us'] / 1e3:.2f}"),
    ("sent", lambda r: str(r["sent_bytes"])),
    ("received", lambda r: str(r["received_bytes"])),
    ("resent", lambda r: str(r["resent_fast"] + r["resent_timeout"])),
)
COUNTERS = ("rx_frames", "delivered", "punted", "handed_off", "sent", "sent_by_kernel",
            "from_kernel", "tx_frames", "payload_rx_bytes", "payload_tx_bytes")
ROWS_SHOWN = 8


def print_table(rows):
    rows = sorted(rows, key=lambda r: r["age_ms"])
    lines = [[head for head, _ in COLUMNS]]
    lines += [[cell(row) for _, cell in COLUMNS] for row in rows[:ROWS_SHOWN]]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    if len(rows) > ROWS_SHOWN:
        print(f"  … and {len(rows) - ROWS_SHOWN} more")


def main(name):
    with telemetry.Connection(name) as box:
        stats, channels, help_texts = box.stats(), box.channels(), box.help()
    print(f"{name}: {len(channels)} channel{'s' * (len(channels) != 1)}")
    print_table(channels)
    shown = [f"{key} {stats[key]}" for key in COUNTERS]
    for start in range(0, len(shown), 5):
        print("  " + "  ".join(shown[start:start + 5]))
    drops = telemetry.drops_of(stats)
    print("  drops" + (":" if drops else ": none"))
    for reason, count in drops.items():
        print(f"    {reason} {count}: {help_texts[f'drop_{reason}']['help']}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
