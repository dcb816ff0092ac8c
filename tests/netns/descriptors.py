#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A box may have as many descriptors as the hard limit allows. When they run out, a connection either
works or is reset, at once; the log says so once; and when others have closed, new ones work."""

import contextlib
import os
import resource

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

FILES = resource.RLIMIT_NOFILE
MORE, CONNECTIONS = 20, 60  # descriptors beyond those of a box at rest, and who wants one
SAID = "no descriptor left"


def descriptors(box):
    return len(os.listdir(f"/proc/{box.process.pid}/fd"))


def starve(box):
    """Leaves the box MORE descriptors than it has now."""
    limit = descriptors(box) + MORE
    resource.prlimit(box.process.pid, FILES, (limit, limit))


def connect_all(count):
    """Those that are not reset before we know of it."""
    connections = []
    for _ in range(count):
        with contextlib.suppress(ConnectionResetError):
            connections.append(traffic.connect(*ENTRY))
    return connections


def try_all(connections):
    """How many work, and how many are reset; one that is silent times out, which fails the test."""
    works, reset = 0, CONNECTIONS - len(connections)
    for connection in connections:
        try:
            connection.sendall(b"?")
            traffic.receive_exactly(connection, 1)
            works += 1
        except (ConnectionResetError, BrokenPipeError):
            reset += 1
    return works, reset


with Lab() as lab:
    soft, hard = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (min(soft, 512), hard))
    lab.start()
    resource.setrlimit(FILES, (soft, hard))
    assert resource.prlimit(lab.client.process.pid, FILES) == (hard, hard)
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 1000)

    at_rest = descriptors(lab.client)
    starve(lab.client)
    with lab.client.ns:
        connections = connect_all(CONNECTIONS)
    works, reset = try_all(connections)
    assert works + reset == CONNECTIONS and works >= MORE // 2 and reset > 0, (works, reset)
    lab.client.wait_log(SAID)
    for connection in connections:
        connection.close()
    # Telemetry, which needs descriptors too, is not asked before.
    eventually("all have closed", lambda: descriptors(lab.client) <= at_rest)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 1000)
    assert lab.client.counter("payload_tcp_turned_away") == reset
    assert lab.client.log().count(SAID) == 1
