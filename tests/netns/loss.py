#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A wire that loses 5 % of all frames, both ways, loses nothing of the payload.

    client ── bridge, drops 5 % ── server
"""

from lab import DESTINATION, ENTRY, Lab
import traffic

with Lab() as lab:
    lab.lose(5)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        for seed in range(3):
            traffic.tcp_echo(*ENTRY, 5_000_000, seed)
        # KCP carries datagrams as reliably as streams.
        traffic.udp_echo(*ENTRY, timeout_s=20)
        flow = traffic.connect(*ENTRY)
        for _ in range(50):
            flow.sendall(b"x" * 1000)
            traffic.receive_exactly(flow, 1000)
        resent = sum(row["resent_fast"] + row["resent_timeout"]
                     for box in lab.boxes for row in box.channels())
        assert resent > 0, "nothing was sent again, so nothing was lost: is the wire really bad?"
        flow.close()
