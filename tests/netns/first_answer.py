#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The first question to a neighbour is lost, and the first answer comes through the tunnel all the same
before Linux would ask again of itself, which is after a second. IPv4 and IPv6.

    client ── wire that loses the first ARP request, or neighbour solicitation ── server
"""

import time

from lab import CLIENT6, DESTINATION, ENTRY, SERVER6, Lab
import traffic

TRIES = 5  # the fastest counts: this machine may be busy
SECOND_S = 1.0
LOST = {
    4: "arp operation request quota until 40 bytes counter drop",
    6: "icmpv6 type nd-neighbor-solicit quota until 80 bytes counter drop",
}


def lose_first(lab, version):
    lab.wire.run("nft", "-f", "-", input=f"""
        table netdev first {{ }}
        delete table netdev first
        table netdev first {{ chain ingress {{
            type filter hook ingress device to-client priority 0;
            {LOST[version]}
        }}
        }}""")


def first_answer_s(lab, version):
    """How long a datagram takes there and back when nobody knows the other's MAC address. None: an
    older flow has asked meanwhile."""
    for box in lab.boxes:
        box.ns.ip("neighbour", "flush", "dev", "kg-wan")
    lose_first(lab, version)
    began = time.monotonic()
    with lab.client.ns, traffic.udp_socket(*ENTRY, timeout_s=10) as flow:
        flow.send(b"anybody there?")
        assert flow.recv(100) == b"anybody there?"
    took = time.monotonic() - began
    counted = lab.wire.run("nft", "list", "table", "netdev", "first")
    return took if "packets 1 " in counted else None


for version in LOST:
    with Lab() as lab:
        if version == 6:
            lab.client.config["tunnels"][0].update(destination_address=SERVER6)
        lab.start()
        with lab.server.ns:
            service = traffic.serve_udp_echo(*DESTINATION)
        times = [first_answer_s(lab, version) for _ in range(TRIES)]
        fastest = min((t for t in times if t is not None), default=None)
        assert fastest is not None and fastest < SECOND_S, times
