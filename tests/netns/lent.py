#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Payload threads of quiet boxes lend what they have to the worker: questions and answers pass without
them. A stream gets its thread back, and when it is over the thread lends again. Several workers are
lent nothing, and neither is one that polls.

    client ── wire ── server        payload threads: one; then two
"""

import re
from pathlib import Path

from lab import DESTINATION, ENTRY, Lab, eventually, two_cpus
import traffic

ROUND_TRIPS = 1000
STREAM_BYTES = 20_000_000


def payload_threads(box):
    """The directories in which Linux tells of them."""
    return [task for task in Path(f"/proc/{box.process.pid}/task").iterdir()
            if (task / "comm").read_text().startswith("kg-payload")]


def times_run(box):
    """How often they have gone to sleep by themselves."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M).group(1))
               for task in payload_threads(box))


def play_ball(connection):
    for number in range(ROUND_TRIPS):
        word = number.to_bytes(8, "big") + bytes(92)
        connection.sendall(word)
        assert traffic.receive_exactly(connection, len(word)) == word


def passes_without_them(lab, ball):
    before = [times_run(box) for box in lab.boxes]
    play_ball(ball)
    return all(times_run(box) - count < ROUND_TRIPS / 5 for box, count in zip(lab.boxes, before))


def check(lab):
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        ball = traffic.connect(*ENTRY)
        for _ in range(2):
            eventually("questions pass without payload threads", lambda: passes_without_them(lab, ball), 40)
            lent = [box.counter("payload_lent") for box in lab.boxes]
            assert all(count > 0 for count in lent), f"lent {lent} times"
            traffic.tcp_echo(*ENTRY, STREAM_BYTES)
            traffic.udp_echo(*ENTRY, sizes=range(1, 1401, 10))
            eventually("threads that have been called back lend again", lambda lent=lent: all(
                box.counter("payload_lent") > count for box, count in zip(lab.boxes, lent)), 40)
        ball.close()
    del services


def check_never_lent(lab, *boxes):
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns, traffic.connect(*ENTRY) as ball:
        play_ball(ball)
    assert all(box.counter("payload_lent") == 0 for box in boxes)
    del services


with Lab() as lab:
    lab.start()
    check(lab)

with Lab() as lab:
    for box in lab.boxes:
        box.config["payload_threads"] = 2
    lab.start()
    check(lab)

with Lab() as lab:
    lab.server.config["poll"] = "busy"
    lab.start()
    check_never_lent(lab, lab.server)

cpus = two_cpus()
with Lab(pmd="net_af_packet0") as lab:
    lab.use_workers(cpus)
    lab.start()
    check_never_lent(lab, *lab.boxes)
