#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Somebody on the wire has recorded handshakes and sends them again: to the server that has served
them, and to the same server after a restart, which cannot know them. Neither connects to anything.

    client ── wire (recorder) ── server ↻
"""

import socket

from lab import DESTINATION, ENTRY, SERVER4, TUNNEL_PORT, Lab, eventually
from wire import Sniffer
import traffic

CONNECTIONS = 10


def replay(datagrams, reason):
    """Nothing comes of it but drops of that name."""
    before, opened = lab.server.drops(reason), lab.server.tunnels()["home"]["channels_opened"]
    with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for datagram in datagrams:
            other.sendto(datagram, (SERVER4, TUNNEL_PORT))
    eventually(f"all handshakes are dropped as {reason}",
               lambda: lab.server.drops(reason) >= before + CONNECTIONS)
    assert lab.server.tunnels()["home"]["channels_opened"] == opened


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns, Sniffer(lab.wire, "to-client") as sniffer:
        for _ in range(CONNECTIONS):
            traffic.tcp_echo(*ENTRY, 100)
    recorded = [p.payload for p in sniffer.packets() if p.udp_destination == TUNNEL_PORT]
    replay(recorded, "handshake_replayed")
    assert lab.server.stop() == 0
    lab.server.start()
    replay(recorded, "handshake_stale")
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100)
