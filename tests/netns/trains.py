#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bursts of datagrams that the kernel takes and gives several at a time: with a client application that
sends them so, a link to the server's application that carries them, and one whose MTU is less than a
datagram.

    client ── wire ── server ──┬── echo over loopback
                               └── echo behind a link of MTU 1000
"""

import random
import socket

from lab import DESTINATION, ENTRY, Lab, tunnel
import traffic

UDP_SEGMENT = 103
NARROW = ("198.19.0.2", 7001)
NARROW_ENTRY = (ENTRY[0], 6001)


def exchange(at, size, count):
    """Sends `count` datagrams with one system call, and waits for all to come back whole."""
    data = random.Random(size).randbytes(size * count)
    with traffic.udp_socket(*at) as s:
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        for _ in range(20):
            assert s.send(data) == len(data)
            waiting = {data[i:i + size] for i in range(0, len(data), size)}
            while waiting:
                waiting.remove(s.recv(65536))


with Lab() as lab:
    narrow = {"name": "narrow", "listen_port": NARROW_ENTRY[1]}
    lab.client.config["tunnels"].append(tunnel("client", **narrow, destination_port=3001))
    lab.server.config["tunnels"].append(tunnel(
        "server", name="narrow", listen_port=3001,
        destination_address=NARROW[0], destination_port=NARROW[1]))
    lab.server.ns.ip("link", "add", "apps", "mtu", "1000", "type", "veth", "peer", "name", "apps",
                     "mtu", "1000", "netns", lab.wire.name)
    for ns, address in ((lab.server.ns, "198.19.0.1"), (lab.wire, NARROW[0])):
        ns.ip("address", "add", f"{address}/24", "dev", "apps")
        ns.ip("link", "set", "apps", "up")
    lab.start()
    with lab.server.ns:
        wide_service = traffic.serve_udp_echo(*DESTINATION)
    with lab.wire:
        narrow_service = traffic.serve_udp_echo(*NARROW)
    with lab.client.ns:
        for at in (ENTRY, NARROW_ENTRY):
            for size in (64, 900, 1200, 1400):
                exchange(at, size, 16)
    for box in lab.boxes:
        assert box.counter("payload_udp_dropped_error") == 0
        assert box.counter("payload_udp_rx_datagrams") == 2 * 4 * 20 * 16
