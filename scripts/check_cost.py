#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fails when a message, a datagram of UDP Hop or an idle channel has become too dear: check_cost.py KCPGATE-BENCH

Counts cycles per message and side, and compares them with the cycles of the AEAD alone in the same
run, so that the machine's speed is no matter. Other programs only ever add cycles: the least of the
rounds counts, and rounds are repeated while a figure is above its limit."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
import bench  # noqa: E402

ROUNDS_MIN = 2
BUDGET_S = 180  # others may use the machine for a while

# Cycles per message, in cycles of the AEAD for a datagram of that payload; 1.6 times what was
# measured when this was written, or when a stage last became faster.
LIMITS = {
    "1,400-byte stream": (1400, {}, {"client": 4.0, "server": 3.7}),
    "64-byte datagrams": (64, {"datagrams": True}, {"client": 2.6, "server": 3.0}),
}

# A datagram on UDP Hop's wire, in parts of what it costs through KCPTube's, a frame for each on both: KCP packs
# short ones, which UDP Hop's wire cannot. What both do, sealing and checksums, is most of 1,400 bytes.
UDPHOP_LIMITS = {
    "UDP Hop, 64 bytes": (64, {"kcp-mtu": 94}, {"client": 0.80, "server": 0.80}),
    "UDP Hop, 1,400 bytes": (1400, {}, {"client": 0.90, "server": 0.88}),
}

IDLE_CHANNELS, IDLE_BYTES_MAX = 10_000, 1024


def measure(binary, cycles):
    """One round; keeps the least of each figure in `cycles`."""
    for name, (size, options, _) in LIMITS.items():
        alone, whole = bench.aead(binary, size), bench.tunnel(binary, size, **options)
        found = {"aead": max(alone["seal_cycles"], alone["open_cycles"]),
                 "client": whole["client_cycles"], "server": whole["server_cycles"]}
        for part, value in found.items():
            key = (name, part)
            cycles[key] = min(value, cycles.get(key, value))


def measure_udphop(binary, cycles):
    """The same of both wires."""
    for name, (size, options, limits) in UDPHOP_LIMITS.items():
        for wire, more in (("udphop", {"udphop": True}), ("kcptube", options)):
            row = bench.tunnel(binary, size, datagrams=True, **more)
            for side in limits:
                key = (name, wire, side)
                cycles[key] = min(row[f"{side}_cycles"], cycles.get(key, row[f"{side}_cycles"]))


def compare_udphop(cycles):
    for name, (_, _, limits) in UDPHOP_LIMITS.items():
        for side, limit in limits.items():
            ours, kcptube = (cycles[name, wire, side] for wire in ("udphop", "kcptube"))
            good = ours / kcptube <= limit
            yield good, (f"{name:20} {side}  {ours:6.0f} cycles = {ours / kcptube:4.2f} of KCPTube's "
                         f"{kcptube:.0f}, limit {limit:.2f}  {'ok' if good else 'TOO DEAR'}")


def compare(cycles):
    """A line per figure, and whether it is within its limit."""
    for name, (_, _, limits) in LIMITS.items():
        aead = cycles[name, "aead"]
        for side, limit in limits.items():
            cost = cycles[name, side] / aead
            good = cost <= limit
            yield good, (f"{name:18} {side}  {cycles[name, side]:6.0f} cycles = {cost:4.2f} of the "
                         f"AEAD's {aead:.0f}, limit {limit:.2f}  {'ok' if good else 'TOO DEAR'}")


def idle_is_small(binary):
    """State of a channel at rest; the same in every run."""
    held = max(row["bytes"] for row in bench.run(binary, "idle", channels=IDLE_CHANNELS, seconds=1))
    good = held <= IDLE_BYTES_MAX
    print(f"idle channel  {held:.0f} bytes, limit {IDLE_BYTES_MAX}  {'ok' if good else 'TOO DEAR'}")
    return good


def main(binary):
    cycles, rounds, start = {}, 0, time.monotonic()
    while True:
        measure(binary, cycles)
        measure_udphop(binary, cycles)
        rounds += 1
        results = [*compare(cycles), *compare_udphop(cycles)]
        good = all(ok for ok, _ in results)
        another_s = (time.monotonic() - start) / rounds * (rounds + 1)
        if rounds >= ROUNDS_MIN and (good or another_s > BUDGET_S):
            break
    print(f"least of {rounds} rounds:")
    for _, line in results:
        print(line)
    return 0 if idle_is_small(binary) and good else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
