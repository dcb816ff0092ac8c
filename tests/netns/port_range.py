#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A server listens on a list of ranges with thousands of ports; a client that knows some of them
spreads its channels over them. All of them are kept out of Linux's ephemeral range.

    client, 3000-3100,4000 ── wire ── server, 3000-3999,4000,5000-8999
"""

from pathlib import Path

from lab import DESTINATION, ENTRY, Lab
from wire import Sniffer
import traffic

RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
LISTEN = "3000-3999,4000,5000-8999"

with Lab() as lab:
    lab.client.config["tunnels"][0]["destination_port"] = "3000-3100,4000"
    lab.server.config["tunnels"][0]["listen_port"] = LISTEN
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
        reserved = RESERVED.read_text().strip()
    assert reserved == "3000-4000,5000-8999", reserved
    with Sniffer(lab.wire, "to-server") as sniffer, lab.client.ns:
        for _ in range(40):
            traffic.tcp_echo(*ENTRY, 2000)
    used = {p.udp_destination for p in sniffer.packets() if 3000 <= p.udp_destination < 9000}
    assert len(used) > 20, f"only ports {used} were used"
    assert used <= {*range(3000, 3101), 4000}, used
    assert lab.server.stop() == 0
    with lab.server.ns:
        assert RESERVED.read_text().strip() == "", "reserved ports were left behind"
