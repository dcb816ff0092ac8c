#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/round_trip.py: what it makes of perf's lines, and what it says when there is nothing to make."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import round_trip  # noqa: E402

APPLICATION, CLIENT, SERVER, ECHO, OTHER = 10, 20, 30, 40, 50
WHO = {APPLICATION: "client's application", CLIENT: "client", SERVER: "server", ECHO: "server's application"}
HANDS = (APPLICATION, CLIENT, SERVER, ECHO, SERVER, CLIENT, APPLICATION)


def sends(us, tid):
    return f"{tid:5} {us / 1e6:.9f}: raw_syscalls:sys_enter: NR 44 (3, 7f00, 64, 0, 0, 0)"


def wakes(us, tid, about):
    return f"{tid:5} {us / 1e6:.9f}:     sched:sched_wakeup: comm=x pid={about} prio=120 target_cpu=000"


def runs(us, tid, about):
    return (f"{tid:5} {us / 1e6:.9f}:     sched:sched_switch: prev_comm=x prev_pid={tid} prev_prio=120 "
            f"prev_state=S ==> next_comm=y next_pid={about} next_prio=120")


def trip(begin, skip=None):
    """Each hand works for 5 µs, and the next runs 2 µs later; one of them may have been awake."""
    lines, now = [sends(begin, APPLICATION)], begin
    for step, (hand, other) in enumerate(zip(HANDS, HANDS[1:])):
        if step != skip:
            lines.append(wakes(now + 5, hand, other))
        lines += [runs(now + 6, OTHER, OTHER), runs(now + 7, hand, other)]
        now += 7
    return lines


def found_in(*trips):
    events = round_trip.parse("\n".join(line for lines in trips for line in lines))
    return round_trip.round_trips(events, WHO, round_trip.WAYS["theirs"])


def check_followed():
    found = found_in(trip(1000), trip(2000, skip=2), trip(3000))
    assert [[tuple(map(round, row)) for row in rows] for rows in found] == [[(5, 2)] * 6] * 2, found
    text = round_trip.report("theirs", found)
    assert "in all" in text and "6 hand-overs" in text, text


def check_none():
    found = found_in(trip(1000, skip=0))
    assert found == [] and found_in() == [], found
    try:
        round_trip.check_found({"ours": [1], "theirs": found})
    except SystemExit as end:
        assert "theirs: of no round trip" in str(end), end
    else:
        raise AssertionError("no word of nothing found")


check_followed()
check_none()
