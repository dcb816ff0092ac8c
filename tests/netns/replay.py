#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Somebody on the wire has recorded datagrams and sends them again from an address of his own: to the server
that has had them, and to the same server after a restart, which cannot know them. Neither connects to
anything, and a channel's peer stays where it is.

    client ── wire (recorder) ── server ↻
"""

import socket

from lab import DESTINATION, ENTRY, SERVER4, TUNNEL_PORT, WIRE4, Lab, eventually
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


def say(connection, count):
    for number in range(count):
        word = number.to_bytes(8, "big")
        connection.sendall(word)
        assert traffic.receive_exactly(connection, 8) == word


def replay_a_live_channel():
    """All that it has said, while it goes on."""
    with lab.client.ns, traffic.connect(*ENTRY) as live:
        with Sniffer(lab.wire, "to-client") as sniffer:
            say(live, 50)
        said = [p.payload for p in sniffer.packets() if p.udp_destination == TUNNEL_PORT]
        before = lab.server.counter("rx_frames")
        with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            for datagram in said:
                other.sendto(datagram, (SERVER4, TUNNEL_PORT))
                say(live, 1)
        eventually("all copies have come",
                   lambda: lab.server.counter("rx_frames") >= before + len(said))
        say(live, 50)
        assert lab.server.tunnels()["home"]["peer_moves"] == 0
        assert not any(WIRE4 in row["remote"] for row in lab.server.channels())


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    replay_a_live_channel()
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
