#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP and UDP pass through two tunnels of one pair of boxes, one over IPv4 and one over IPv6.

    client ── wire ── server        tunnel "four" 198.18.0.1 → 198.18.0.2
                                    tunnel "six"  fd00:18::1 → fd00:18::2
"""

from lab import SERVER4, SERVER6, Lab, eventually, tunnel
import traffic

with Lab() as lab:
    lab.client.config["tunnels"] = [
        tunnel("client", name="four", destination_address=SERVER4, ipv4_only=True),
        tunnel("client", name="six", destination_address=SERVER6, ipv6_only=True,
               listen_port=6001, destination_port=3001)]
    lab.server.config["tunnels"] = [
        tunnel("server", name="four", ipv4_only=True),
        tunnel("server", name="six", ipv6_only=True, listen_port=3001,
               destination_address="::1", destination_port=7001)]
    lab.start()
    with lab.server.ns:
        services = [traffic.serve_echo("127.0.0.1", 7000), traffic.serve_echo("::1", 7001)]

    with lab.client.ns:
        for entry in (("127.0.0.1", 6000), ("::1", 6001)):
            before = lab.server.counter("delivered")
            traffic.tcp_echo(*entry, 10_000_000)
            traffic.udp_echo(*entry)
            assert lab.server.counter("delivered") - before > 5_000

    versions = {(row["tunnel"], row["remote"].count(":") > 1) for row in lab.server.channels()}
    assert versions == {("four", False), ("six", True)}, versions
    for box in lab.boxes:
        assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"
    # TCP channels have gone with their connections, UDP flows stay until udp_timeout.
    eventually("only UDP flows are left",
               lambda: {row["protocol"] for row in lab.server.channels()} == {"udp"})
