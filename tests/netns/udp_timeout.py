#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A UDP flow that falls silent for udp_timeout is forgotten by both boxes; its next datagram opens a
new channel.

    client ── wire ── server      udp_timeout 2 s
"""

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

with Lab() as lab:
    lab.set_tunnels(udp_timeout=2)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        flow = traffic.udp_socket(*ENTRY)
    convs = set()
    for _ in range(2):
        flow.send(b"hello")
        assert flow.recv(10) == b"hello"
        convs |= {row["conv"] for row in lab.server.channels()}
        for box in lab.boxes:
            eventually(f"{box.role} forgets the flow", lambda: not box.channels(), 15)
    assert len(convs) == 2, convs
