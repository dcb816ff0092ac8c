#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A frame wakes the worker it is for, by the socket that the driver has of its queue or by the driver's
interrupt, however long the worker meant to sleep; where nobody sends anything nobody is woken. Who asks a
worker something wakes it, too, for a moment.

    client ── wire ── server        AF_XDP; then AF_PACKET, two workers on each side; then a driver
                                    with interrupts for the client, net_tap: its interface and the wire's
                                    are in a bridge of the client's namespace
"""

import time

from lab import DESTINATION, ENTRY, Lab, eventually, two_cpus
import traffic

WORDS = 100
QUIET_S = 0.004     # long enough for a worker to fall asleep
QUESTIONS, TURNS = 200, 30


def say_words(connections):
    for number in range(WORDS):
        for connection in connections:
            time.sleep(QUIET_S)
            word = number.to_bytes(8, "big")
            connection.sendall(word)
            assert traffic.receive_exactly(connection, len(word)) == word


def counts(box):
    """Of each worker: sleeps that frames ended, frames."""
    return [(worker["woken_by_frames"], worker["rx_frames"]) for worker in box.worker_stats()]


def check_woken(box, before, least):
    new = [(woken - woken_before, frames - frames_before) for (woken, frames), (woken_before, frames_before)
           in zip(counts(box), before)]
    assert sum(woken for woken, _ in new) > least, f"{box.role}: woken by frames too seldom: {new}"
    # Nobody hears another's queue.
    assert all(woken <= frames for woken, frames in new), f"{box.role}: woken for others: {new}"


def check(lab, workers, *what):
    for box, by in zip(lab.boxes, what):
        box.wait_log(f"port wan: sleeping workers are woken by its {by}")
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        connections = [traffic.connect(*ENTRY) for _ in range(workers)]
        before = [counts(box) for box in lab.boxes]
        say_words(connections)
    for box, counted in zip(lab.boxes, before):
        check_woken(box, counted, WORDS * workers // 4)
    for connection in connections:
        connection.close()
    del services
    for box in lab.boxes:
        eventually(f"{box.role} sleeps on", lambda box=box: stays_asleep(box))


def stays_asleep(box):
    """It has slept, and no frame has ended it."""
    before, sleeps = counts(box), box.counter("sleeps")
    time.sleep(0.1)
    return counts(box) == before and box.counter("sleeps") > sleeps


def check_questions(box):
    """It answers at once, and does not turn and turn until its housekeeping is due."""
    before = box.counter("turns")
    for _ in range(QUESTIONS):
        box.channels()
    turns = box.counter("turns") - before
    print(f"{box.role}: {turns / QUESTIONS:.1f} turns a question")
    assert turns < QUESTIONS * TURNS


with Lab(pmd="net_af_xdp0") as lab:
    lab.start()
    check(lab, 1, "AF_XDP sockets", "AF_XDP sockets")
    check_questions(lab.client)

cpus = two_cpus()
with Lab(pmd="net_af_packet0") as lab:
    lab.use_workers(cpus)
    lab.start()
    check(lab, 2, "AF_PACKET sockets", "AF_PACKET sockets")

with Lab(pmd="net_af_xdp0") as lab:
    lab.client.config["ports"][0]["device"] = "net_tap0,iface=inner,mac=02:00:00:00:00:07"
    lab.start()
    # Linux's end has an address of its own, or the bridge would keep the port's frames.
    lab.client.ns.ip("link", "set", "inner", "address", "02:00:00:00:00:08")
    lab.client.ns.ip("link", "add", "inside", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    lab.client.ns.sysctl("net.ipv6.conf.inside.disable_ipv6", 1)
    for link in ("wan", "inner"):
        lab.client.ns.ip("link", "set", link, "master", "inside", "up")
    lab.client.ns.ip("link", "set", "inside", "up")
    check(lab, 1, "driver's interrupts", "AF_XDP sockets")
