#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams of every size pass through the smallest windows, one after the other, and none is lost.

    client, kcp_sndwnd 1 ── wire ── server, kcp_sndwnd 1
"""

from lab import DESTINATION, ENTRY, Lab
import traffic

with Lab() as lab:
    lab.set_tunnels(kcp_sndwnd=1)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    for box in lab.boxes:
        box.wait_log("kcp_sndwnd: warning: 1 is less than a datagram")
    with lab.client.ns:
        for size in (100, 1400, 3000, 6000, 20_000, 60_000, 100):
            traffic.udp_echo(*ENTRY, sizes=[size] * 5, timeout_s=20, window=1)
    for box in lab.boxes:
        assert box.counter("payload_udp_dropped_full") == 0, box.stats()
