#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hops over eleven ports with an original at the other end: its server, on whose ports our client hops, and
its client, which hops over ours every twenty seconds. TCP is whole all the while, also where the wire loses.

    hop.py client|server [LOSS]   which end the original is; frames in a hundred that the wire loses
    environment: KCPTUBE=path of an original binary; skipped without
                 KG_DPORT_REFRESH=seconds between our client's hops, in place of two or three
                 KG_SECONDS=how long applications talk at least

    client ── wire ── server, 3000-3010
"""

import os
import sys
import time

from kcptube import lab_with_original, start_original

from lab import DESTINATION, ENTRY
from wire import Sniffer
import traffic

PORTS = "3000-3010"
DPORT_REFRESH = os.environ.get("KG_DPORT_REFRESH", "2-3")
SECONDS = float(os.environ.get("KG_SECONDS", "0"))
HOPS = 2
EVERY_S = 0.02
PATIENCE_S = 120


def sources(sniffer):
    """Local ports from which the client talked, in the order they came."""
    seen = []
    for p in sniffer.packets():
        if 3000 <= p.udp_destination <= 3010 and p.udp_source not in seen:
            seen.append(p.udp_source)
    return seen


def talk(hopped):
    longest_s, number, start = 0, 0, time.monotonic()
    with traffic.connect(*ENTRY) as tcp, traffic.udp_socket(*ENTRY, timeout_s=0.5) as udp:
        lost = 0
        while time.monotonic() < start + SECONDS or not hopped():
            assert time.monotonic() < start + SECONDS + PATIENCE_S, "nobody hops"
            word, begin = number.to_bytes(8, "big") * 8, time.monotonic()
            tcp.sendall(word)
            udp.send(word)
            assert traffic.receive_exactly(tcp, len(word)) == word
            longest_s = max(longest_s, time.monotonic() - begin)
            try:
                while udp.recv(2048) != word:
                    pass
            except TimeoutError:
                lost += 1
            number += 1
            time.sleep(EVERY_S)
    print(f"{number} words, longest answer {longest_s * 1000:.1f} ms; {lost} datagrams lost")


role, loss = (sys.argv[1:] + ["0"])[:2]
with lab_with_original(role, "KCPTUBE", "AES-GCM") as (lab, theirs, ours, binary):
    if role == "server":
        ours.config["tunnels"][0].update(destination_port=PORTS, dport_refresh=DPORT_REFRESH)
        settings = {"listen_port": PORTS}
    else:
        ours.config["tunnels"][0].update(listen_port=PORTS)
        settings = {"destination_port": PORTS, "dport_refresh": 20}
    ours.start()
    process = start_original(lab, theirs, binary, "AES-GCM", **settings)
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    if loss != "0":
        lab.lose(float(loss))
    with lab.client.ns, Sniffer(lab.wire, "to-server") as sniffer:
        if role == "server":
            talk(lambda: ours.tunnels()["home"]["hops_timer"] >= 2 * HOPS)
        else:  # a handshake and a channel for each of the two, then a test and a hop from the same port
            talk(lambda: len(sources(sniffer)) >= 4 + 2 * HOPS)
    assert process.poll() is None, "the original has ended"
    assert ours.tunnels()["home"]["closed_forgotten"] == 0
