#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The af_packet driver serves as well where AF_XDP cannot be had, with the kernel kept quiet by a
drop rule on the port; ARP is answered once, by the TAP.

    client, af_packet ── wire ── af_packet, server
"""

from lab import DESTINATION, ENTRY, SERVER4, SERVER6, Lab
from wire import Sniffer
import traffic

with Lab(pmd="net_af_packet0") as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with Sniffer(lab.wire, "to-server") as sniffer, lab.client.ns:
        traffic.tcp_echo(*ENTRY, 3_000_000)
        traffic.udp_echo(*ENTRY)
    for address in (SERVER4, SERVER6):
        lab.wire.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "5", address)
    icmp = [p for p in sniffer.packets() if p.version == 4 and p.frame[23] == 1]
    assert not icmp, "the kernel has complained about tunnel ports"
    assert len(lab.server.channels()) >= 1
