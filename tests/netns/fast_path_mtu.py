#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The application is behind a router and a link too narrow for our frames. The router says so to
Linux; from then on what is too long for the link goes through Linux, which sends fragments, and the
rest goes by the wire as before.

    near ── client ══ server 198.18.0.2 ── 198.18.0.254 router ── MTU 1300 ── 198.19.0.12 far
                          fd00:18::2          fd00:18::fe                        fd00:19::12
"""

from lab import CLIENT4, CLIENT6, Lab, eventually, tunnel
import traffic

FAR = {"four": "198.19.0.12", "six": "fd00:19::12"}
ENTRIES = {"four": (CLIENT4, 6000), "six": (CLIENT6, 6001)}

with Lab() as lab:
    near = lab.host("near", "198.18.0.11/24", "fd00:18::11/64")
    router = lab.host("router", "198.18.0.254/24", "fd00:18::fe/64")
    far = lab.namespace("far")
    router.ip("link", "add", "narrow", "mtu", "1300", "type", "veth", "peer", "name", "eth",
              "mtu", "1300", "netns", far.name)
    for ns, link, addresses in ((router, "narrow", ("198.19.0.254/24", "fd00:19::fe/64")),
                                (far, "eth", ("198.19.0.12/24", "fd00:19::12/64"))):
        ns.ip("link", "set", link, "up")
        for address in addresses:
            ns.ip("address", "add", address, "dev", link, *(["nodad"] if ":" in address else []))
    for gateway in ("198.19.0.254", "fd00:19::fe"):
        far.ip("route", "add", "default", "via", gateway)
    router.sysctl("net.ipv4.ip_forward", 1)
    router.sysctl("net.ipv6.conf.all.forwarding", 1)
    lab.server.config["ports"][0]["gateway"] = ["198.18.0.254", "fd00:18::fe"]
    lab.client.config["tunnels"] = [
        tunnel("client", name="four"),
        tunnel("client", name="six", listen_port=6001, destination_port=3001)]
    lab.server.config["tunnels"] = [
        tunnel("server", name="four", destination_address=FAR["four"]),
        tunnel("server", name="six", destination_address=FAR["six"], listen_port=3001)]
    lab.start()
    with far:
        services = [traffic.serve_udp_echo(FAR[name], 7000) for name in FAR]

    for name, entry in ENTRIES.items():
        with near:
            flow = traffic.udp_socket(*entry, timeout_s=0.5)

        def comes_back(size):
            try:
                return traffic.echo_over(flow, [size] * 10, window=1)
            except AssertionError:
                return False

        def passes(size):
            sent = lab.server.counter("app_tx")
            assert comes_back(size), f"{name}: {size} bytes"
            return lab.server.counter("app_tx") - sent

        eventually(f"{name}: small ones", lambda: comes_back(1000))
        eventually(f"{name}: large ones", lambda: comes_back(1400))
        assert passes(1400) == 0
        assert passes(1000) == 10
