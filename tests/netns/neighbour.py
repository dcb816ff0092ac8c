#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The boxes reach each other through a router, whose MAC address changes: first it announces the new
one, then it changes silently and the kernel finds out by probing. Traffic goes on with the new address.

    client 198.18.0.1 ── 198.18.0.254 router 198.18.1.254 ── 198.18.1.2 server
"""

from lab import DESTINATION, ENTRY, Lab, eventually
from wire import Sniffer
import traffic

with Lab() as lab:
    wire = lab.wire
    wire.ip("link", "delete", "switch")
    for role, address in (("client", "198.18.0.254/24"), ("server", "198.18.1.254/24")):
        wire.ip("address", "add", address, "dev", f"to-{role}")
    wire.sysctl("net.ipv4.ip_forward", 1)
    lab.client.config["ports"][0].update(gateway=["198.18.0.254"])
    lab.client.config["tunnels"][0].update(destination_address="198.18.1.2")
    lab.server.config["ports"][0].update(addresses=["198.18.1.2/24"], gateway=["198.18.1.254"])
    lab.start()
    for box in lab.boxes:  # be quick to doubt a neighbour
        box.ns.sysctl("net.ipv4.neigh.kg-wan.base_reachable_time_ms", 1000)
        box.ns.sysctl("net.ipv4.neigh.kg-wan.delay_first_probe_time", 1)
        box.ns.sysctl("net.ipv4.neigh.kg-wan.locktime", 0)
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)

    def works():
        with lab.client.ns:
            return traffic.echoes(*ENTRY, timeout_s=2)

    eventually("the tunnel works", works)
    with lab.client.ns:
        flow = traffic.connect(*ENTRY)
    for step, (notify, mac) in enumerate(((1, "02:00:00:00:aa:01"), (0, "02:00:00:00:aa:02"))):
        wire.sysctl("net.ipv4.conf.to-client.arp_notify", notify)
        wire.ip("link", "set", "to-client", "address", mac)
        flow.settimeout(30)
        flow.sendall(b"still here")
        assert traffic.receive_exactly(flow, 10) == b"still here"
        with Sniffer(wire, "to-client") as sniffer:
            assert works()
        tunnel = [p for p in sniffer.packets() if p.udp_destination == 3000]
        # The kernel may still probe the old address once; what the box sends goes to the new one.
        new = bytes.fromhex(mac.replace(":", ""))
        assert len(tunnel) > 20 and all(p.frame[:6] == new for p in tunnel), \
            f"step {step}: frames to {({p.frame[:6].hex(':') for p in tunnel})}"
    flow.close()
