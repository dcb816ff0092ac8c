#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Busy polling never sleeps and carries the same traffic; adaptive polling does sleep.

    client, adaptive ── wire ── server, busy
"""

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

with Lab() as lab:
    lab.server.config["poll"] = "busy"
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 5_000_000)
        traffic.udp_echo(*ENTRY, sizes=range(1, 1401, 10))
    eventually("adaptive polling sleeps", lambda: lab.client.counter("sleeps") > 0)
    assert lab.server.counter("sleeps") == 0
    assert lab.server.counter("idle_turns") > 1000
