#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams with made-up sources at the client's entry, each of which is a flow of its own, more than
there may be channels. They have a share of both boxes: connections and flows that were there go on, and
new ones work during the flood and after it.

    client ── wire, hostile ── server
"""

import itertools
import json
import time

from lab import CLIENT4, DESTINATION, ENTRY, WIRE4, Lab
from wire import MADE_UP, made_up_sources, send_frames, udp_frame
import traffic

CHANNEL_BYTES = 1152  # what a box reckons with
BATCH = 64


def echo(held):
    held.send(b"still here?")
    assert held.recv(100) == b"still here?"


def works():
    traffic.tcp_echo(*ENTRY, 20_000)
    traffic.udp_echo(*ENTRY, sizes=range(100, 110))
    echo(connection)
    echo(flow)


def flood(count):
    for _ in range(0, count, BATCH):
        send_frames(lab.wire, "to-client", [udp_frame(mac, source, (CLIENT4, ENTRY[1]), b"hello")
                                            for source in itertools.islice(sources, BATCH)])
        time.sleep(0.005)


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    lab.client.ns.ip("route", "add", MADE_UP, "via", WIRE4)
    mac = json.loads(lab.client.ns.ip("-j", "link", "show", "kg-wan"))[0]["address"]
    limit = lab.client.counter("mem_state_total_bytes") // CHANNEL_BYTES
    sources = made_up_sources()
    with lab.client.ns, traffic.connect(*ENTRY) as connection, traffic.udp_socket(*ENTRY) as flow:
        for _ in range(3):
            echo(connection)
            echo(flow)
        while lab.client.tunnels()["home"]["channels_opened"] <= limit:
            flood(limit // 3)
            works()
    for box in lab.boxes:
        row = box.tunnels()["home"]
        assert row["closed_gave_way"] > 0, f"{box.role}: {row}"
        assert row["channels"] < limit // 2, f"{box.role}: {row}"
