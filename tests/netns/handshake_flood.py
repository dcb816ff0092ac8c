#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Somebody who can seal asks a server for channels from made-up addresses, more than there may be, and
is never heard of again. Who was connected goes on, and who comes anew is served; what is left of the
flood is gone in seconds.

    client ── wire, hostile ── server
"""

import itertools
import json
import time

from lab import DESTINATION, ENTRY, SERVER4, TUNNEL_PORT, WIRE4, Lab, eventually
from wire import (MADE_UP, initialise, made_up_sources, seal_none, segment, send_frames,
                  udp_frame)
import traffic

CHANNEL_BYTES = 1152  # what a box reckons with
BATCH = 64
UDP = 3


def request(source, number):
    datagram = seal_none(segment(0, initialise(UDP), ts=number))
    return udp_frame(mac, source, (SERVER4, TUNNEL_PORT), datagram)


def flood(count):
    for start in range(0, count, BATCH):
        send_frames(lab.wire, "to-server", [request(source, start + i) for i, source in
                                            enumerate(itertools.islice(sources, BATCH))])
        time.sleep(0.005)


with Lab() as lab:
    lab.set_tunnels(encryption_algorithm="none")
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    lab.server.ns.ip("route", "add", MADE_UP, "via", WIRE4)
    mac = json.loads(lab.server.ns.ip("-j", "link", "show", "kg-wan"))[0]["address"]
    limit = lab.server.counter("mem_state_total_bytes") // CHANNEL_BYTES
    sources = made_up_sources()
    with lab.client.ns, traffic.connect(*ENTRY) as connection:
        while lab.server.tunnels()["home"]["channels_opened"] <= limit:
            flood(limit // 3)
            connection.sendall(b"still here?")
            assert traffic.receive_exactly(connection, 11) == b"still here?"
            traffic.tcp_echo(*ENTRY, 20_000)
            traffic.udp_echo(*ENTRY, sizes=range(100, 110))
        row = lab.server.tunnels()["home"]
        assert row["closed_gave_way"] > 0 and row["channels"] < limit // 2, row
        eventually("what was never heard of is gone",
                   lambda: lab.server.tunnels()["home"]["channels"] < 10, 60)
    assert lab.server.tunnels()["home"]["closed_unheard"] > 0
