#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A server listens on every port there is. Its own programs still connect, by TCP and UDP, near and over
the port, and the tunnel still works, whichever port a client chooses.

    client, 1-65535 ── wire, a service for UDP and TCP ── server, 1-65535
"""

from lab import DESTINATION, ENTRY, WIRE4, Lab
from wire import Sniffer
import traffic

with Lab() as lab:
    lab.server.config["tunnels"][0]["listen_port"] = "1-65535"
    lab.client.config["tunnels"][0]["destination_port"] = "1-65535"
    lab.start()
    lab.server.wait_log("ports 32768-60999 that Linux gives its own sockets")
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.wire:
        outside = traffic.serve_echo(WIRE4, 53)

    def from_the_box():
        with lab.server.ns:
            traffic.udp_echo(WIRE4, 53, sizes=range(1, 1000, 20))
            traffic.tcp_echo(WIRE4, 53, 10_000)

    from_the_box()
    with Sniffer(lab.wire, "to-server") as sniffer, lab.client.ns:
        for seed in range(40):
            traffic.tcp_echo(*ENTRY, 2000, seed)
            traffic.udp_echo(*ENTRY, sizes=[1, 1000])
    from_the_box()
    used = {p.udp_destination for p in sniffer.packets() if p.udp_source and p.version == 4}
    assert len([port for port in used if 32768 <= port <= 60999]) > 10, used
    assert lab.server.stop() == 0
    reserved = lab.server.ns.run("sysctl", "-n", "net.ipv4.ip_local_reserved_ports").strip()
    assert reserved == "", f"{reserved} left behind"
