#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Nobody reads the server's standard error any more (a log collector that hangs). It goes on: it connects, finds
the next hop of a peer that is new, and ends on SIGTERM.

    client, 198.18.0.1 and fd00:18::1 ── wire ── server ─► pipe that is full
"""

import os
import threading

from lab import DESTINATION, ENTRY, SERVER6, Lab, eventually, tunnel
import traffic

ENTRY6 = (ENTRY[0], ENTRY[1] + 1)


def drain(pipe, until):
    os.set_blocking(pipe, False)
    while not until.is_set():
        try:
            os.read(pipe, 65536)
        except BlockingIOError:
            until.wait(0.01)


def fill(pipe):
    os.set_blocking(pipe, False)
    try:
        while True:
            os.write(pipe, b"x")
    except BlockingIOError:
        os.set_blocking(pipe, True)


def by_kernel():
    return lab.server.counter("sent_by_kernel")


def works_without_the_kernel():
    before = by_kernel()
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY6, 20_000)
    return by_kernel() == before


with Lab() as lab:
    lab.client.config["tunnels"].append(tunnel("client", name="six", listen_port=ENTRY6[1],
                                               destination_address=SERVER6))
    here, there = os.pipe()
    lab.server.stderr = there
    started = threading.Event()
    reader = threading.Thread(target=drain, args=(here, started))
    reader.start()
    lab.start()
    started.set()
    reader.join()
    fill(there)

    with lab.client.ns:  # nobody listens yet: the server has a line to write
        try:
            with traffic.connect(*ENTRY, timeout_s=10) as s:
                assert s.recv(1) == b""
        except ConnectionResetError:
            pass
    eventually("the refusal is there", lambda: lab.server.counter("payload_tcp_refused") == 1)
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    eventually("the next hop of the new peer is known", works_without_the_kernel)
    assert lab.server.stop() == 0
    os.close(here)
    os.close(there)
