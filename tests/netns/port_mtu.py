#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports of MTU 1280, 1500 and 9000: Linux's own packets of that size pass in both directions whole, and so do
TCP of hosts on the wire and applications' datagrams through the tunnel.

    near ── wire ── client ── wire ── server ── wire ── far: echo
"""

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, Lab
from wire import Sniffer
import traffic

FAR = "198.18.0.12"
IPV4_ICMP_BYTES, IPV6_ICMP_BYTES = 28, 48
JUMBO_PLACES = ",framesz=9216,blocksz=36864"  # of the driver: they have to fill blocks of whole pages


def widen(lab, mtu, hosts):
    """All links of the wire, and the ports' own."""
    for box in lab.boxes:
        box.config["ports"][0]["mtu"] = mtu
        box.ns.ip("link", "set", "wan", "mtu", str(mtu))
        lab.wire.ip("link", "set", f"to-{box.role}", "mtu", str(mtu))
    for name, ns in hosts.items():
        ns.ip("link", "set", "eth", "mtu", str(mtu))
        lab.wire.ip("link", "set", name, "mtu", str(mtu))
    lab.wire.ip("link", "set", "switch", "mtu", str(mtu))


def check_linux(ns, mtu):
    """The TAP's addresses answer packets as long as the MTU, which nobody has cut."""
    for address, headers in ((CLIENT4, IPV4_ICMP_BYTES), (CLIENT6, IPV6_ICMP_BYTES)):
        ns.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "10", "-M", "do", "-s", str(mtu - headers), address)


def run(mtu, pmd, places=""):
    with Lab(pmd=pmd) as lab:
        near = lab.host("near", "198.18.0.11/24", "fd00:18::11/64")
        far = lab.host("far", f"{FAR}/24")
        lab.server.config["tunnels"][0]["destination_address"] = FAR
        widen(lab, mtu, {"near": near, "far": far})
        for box in lab.boxes:
            box.config["ports"][0]["device"] += places
            box.config["memory"]["mb"] = 384
        lab.start()
        check_linux(near, mtu)
        with far:
            services = traffic.serve_echo(FAR, DESTINATION[1])
        with Sniffer(lab.wire, "near") as sniffer, near:
            traffic.tcp_echo(CLIENT4, ENTRY[1], 1_000_000)
            longest = mtu - IPV4_ICMP_BYTES  # UDP's header is as long as ICMP's
            traffic.udp_echo(CLIENT4, ENTRY[1], sizes=[1, 100, longest - 1, longest], window=2)
        lengths = [p.length for p in sniffer.packets() if p.version == 4]
        assert max(lengths) == mtu, f"MTU {mtu}: the longest packet has {max(lengths)} bytes"
        del services
        for box in lab.boxes:
            assert box.counter("tap_errors") == 0
            assert box.drops("frame_truncated") == 0


run(1280, "net_af_xdp0")
run(1500, "net_af_xdp0")
run(9000, "net_af_packet0", JUMBO_PLACES)
