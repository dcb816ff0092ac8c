#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where the time of one round trip goes: two boxes and two originals carry a ping-pong of 100 bytes in
turn, perf records who wakes whom and when who runs, and each hand-over from thread to thread is a row.

    KCPTUBE=path/of/kcptube scripts/round_trip.py [--rounds N]

Needs root and perf (linux-perf). A row is the median of those round trips in which every thread slept
before its turn came, as it is where nothing else runs.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import compare
from compare import ENTRY, Lab, eventually, table, traffic

ROUND_TRIPS = 500
SENDTO = 44  # the system call's number, x86-64
EVENTS = ("-e", "sched:sched_switch", "-e", "sched:sched_wakeup", "-e", "raw_syscalls:sys_enter",
          "--filter", f"id == {SENDTO}")
LINE = re.compile(r"\s*(\d+)\s+([\d.]+):\s+\S*?:?(sched_switch|sched_wakeup|sys_enter):\s+(.*)")
WHO = {"sched_switch": re.compile(r"next_pid=(\d+)"), "sched_wakeup": re.compile(r"pid=(\d+)")}

# The way of the ball, by who has it.
WAYS = {
    "ours": ("client's application", "client's worker", "server's worker", "server's application",
             "server's worker", "client's worker", "client's application"),
    "theirs": ("client's application", "client", "server", "server's application", "server", "client",
               "client's application"),
}


def threads_of(process):
    """Their numbers and names."""
    return {int(task.name): (task / "comm").read_text().strip()
            for task in Path(f"/proc/{process.pid}/task").iterdir()}


def holders(lab, side, processes):
    """Who each thread is on the ball's way."""
    roles = [box.role for box in lab.boxes] if side == "ours" else ["server", "client"]
    names = {"ours": {"rte-worker-0": "'s worker", "kg-payload0": "'s payload thread"}, "theirs": {}}[side]
    who = {tid: role + names.get(name, "" if side == "theirs" else "'s " + name)
           for role, process in zip(roles, processes) for tid, name in threads_of(process).items()}
    for task in os.listdir("/proc/self/task"):
        who[int(task)] = "server's application"
    who[threading.get_native_id()] = "client's application"
    return who


def record(path, play):
    """What perf sees while the ball is in play, and what playing it returns. perf says when it has begun:
    before that a ball may have been played that nobody saw."""
    commands, answers = os.pipe(), os.pipe()
    with subprocess.Popen(["perf", "record", "-q", "-a", "-m", "2048", "-o", path, "-D", "-1",
                           f"--control=fd:{commands[0]},{answers[1]}", *EVENTS],
                          pass_fds=(commands[0], answers[1]), stderr=subprocess.PIPE, text=True) as perf:
        os.close(commands[0])
        os.close(answers[1])
        with open(commands[1], "w", encoding="ascii") as tell, open(answers[0], encoding="ascii") as hear:
            print("enable", file=tell, flush=True)
            if not hear.readline():
                sys.exit(f"perf does not record: {perf.stderr.read().strip()}")
            who = play()
            print("stop", file=tell, flush=True)
            perf.wait()
    text = subprocess.run(["perf", "script", "-i", path, "--ns", "-F", "tid,time,event,trace"],
                          capture_output=True, text=True, check=True).stdout
    return who, text


def parse(text):
    """(µs, kind, thread that did it, thread that it is about), in order."""
    events = []
    for line in text.splitlines():
        if match := LINE.match(line):
            tid, time, kind, rest = match.groups()
            about = WHO[kind].search(rest).group(1) if kind in WHO else tid
            events.append((float(time) * 1e6, kind, int(tid), int(about)))
    return sorted(events)


def follow(events, who, way):
    """From the first event on: of each hand-over how long its thread worked for it, and how long the next
    took to run; None when the ball did not go this way."""
    rows, holder, since = [], 0, events[0][0]
    woken = None
    for time, kind, tid, about in events:
        if woken is None and kind == "sched_wakeup" and who.get(tid) == way[holder] \
                and who.get(about) == way[holder + 1]:
            woken = (about, time)
        elif woken is not None and kind == "sched_switch" and about == woken[0]:
            rows.append((woken[1] - since, time - woken[1]))
            holder, since, woken = holder + 1, time, None
            if holder == len(way) - 1:
                return rows
        elif kind == "sys_enter" and who.get(tid) == way[0] and time > events[0][0]:
            return None
    return None


def round_trips(events, who, way):
    starts = [i for i, (_, kind, tid, _) in enumerate(events)
              if kind == "sys_enter" and who.get(tid) == way[0]]
    ways = (follow(events[i:], who, way) if n == len(starts) - 1 else follow(events[i:starts[n + 1] + 1], who, way)
            for n, i in enumerate(starts))
    return [rows for rows in ways if rows is not None]


def trace(side):
    with Lab() as lab, tempfile.TemporaryDirectory() as directory:
        lab.set_tunnels(kcp="regular3", encryption_password=compare.PASSWORD)
        processes = compare.STARTS[side](lab, compare.KCPTUBE)
        if side == "theirs":
            processes = sorted(processes, key=lambda p: p.pid)
        services = compare.serve_echo(lab)

        def play():
            with lab.client.ns:
                with traffic.connect(*ENTRY) as ball:
                    for _ in range(ROUND_TRIPS):
                        ball.sendall(bytes(100))
                        traffic.receive_exactly(ball, 100)
                    return holders(lab, side, processes)

        who, text = record(f"{directory}/trace", play)
        del services
    return round_trips(parse(text), who, WAYS[side])


def report(side, found):
    way = WAYS[side]
    rows = []
    for step in range(len(way) - 1):
        works, wakes = (statistics.median(trip[step][i] for trip in found) for i in (0, 1))
        rows.append((way[step], f"{works:.0f}", way[step + 1], f"{wakes:.0f}"))
    both = [statistics.median(sum(row[i] for row in trip) for trip in found) for i in (0, 1)]
    rows.append(("in all", f"{both[0]:.0f}", f"{len(way) - 1} hand-overs", f"{both[1]:.0f}"))
    return table(("who has it", "works, µs", "hands over to", "which runs after, µs"), rows)


def check_found(found):
    """Of what was not seen there is no median."""
    for side, trips in found.items():
        if not trips:
            sys.exit(f"{side}: of no round trip each hand-over was seen. A thread that does not sleep before its "
                     "turn hides one, as on a machine where other programs run")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    measures = compare.with_originals([compare.latency])
    compare.check_programs(measures)
    if shutil.which("perf") is None:
        sys.exit("perf: no such program; linux-perf has it")
    load = compare.load_before(False)
    found = {side: [] for side in WAYS}
    for _ in range(arguments.rounds):
        for side in WAYS:
            found[side] += trace(side)
    check_found(found)
    for side, name in (("ours", "Two boxes"), ("theirs", "Two originals")):
        print(f"{name}, {len(found[side])} round trips:\n\n{report(side, found[side])}\n")
    print(f"Load average {load:.1f} before.")


if __name__ == "__main__":
    main()
