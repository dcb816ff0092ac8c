#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP of hosts behind the boxes' ports, whose frames Linux gets and sends several at a time, on a wire
that loses, repeats, swaps and corrupts them: every byte arrives as it was sent, over IPv4 and IPv6, at MTU
1500 and 1280, in a VLAN; inside Linux between an AF_XDP port's interface and the TAP, or merged and cut by
the box. ARP, ND and ping to the box's addresses are answered meanwhile.

    near ── bad wire ── bridge ── client ── bridge ── server ── bridge ── far: echo
"""

import subprocess
import threading

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, Lab, impair_binary
import traffic

FAR = "198.18.0.12"
BYTES = 300_000
HARM = 1  # per cent of each kind, both ways
AF_XDP, AF_PACKET = "net_af_xdp0", "net_af_packet0"
CASES = ({"pmd": AF_PACKET, "mtu": 1500, "entries": (CLIENT4, CLIENT6)},
         {"pmd": AF_PACKET, "mtu": 1280, "entries": (CLIENT6,)},
         {"pmd": AF_XDP, "mtu": 1500, "entries": (CLIENT4, CLIENT6)},
         {"pmd": AF_XDP, "mtu": 1280, "entries": (CLIENT6,)},
         {"pmd": AF_XDP, "mtu": 1500, "entries": (CLIENT4,), "vlan": 7})


def insert(lab, name, *what):
    """A bad wire between a link and the bridge; what it does beyond delay, as impair.c has it."""
    wire, outer, inner = lab.wire, f"{name}-a", f"{name}-b"
    wire.ip("link", "add", outer, "type", "veth", "peer", "name", inner)
    for link in (outer, inner):
        wire.sysctl(f"net.ipv6.conf.{link}.disable_ipv6", 1)
        wire.run("ethtool", "-K", link, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        wire.ip("link", "set", link, "up")
    wire.ip("link", "set", name, "nomaster", "promisc", "on")
    wire.ip("link", "set", outer, "master", "switch")
    process = lab.popen(wire, impair_binary(), name, inner, "0.2", "0.1", *map(str, what),
                        stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


def checksum_errors(ns):
    return int(ns.run("nstat", "-asz", "TcpInCsumErrors").split()[-2])


def ways(lab, box):
    """What counts frames of TCP on their way from and to the hosts."""
    if lab.pmd == AF_PACKET or box.config["ports"][0].get("vlan", 0) != 0:
        return "tap_merged", "tap_cut"
    if "passes inside Linux" in box.log():
        return "tcp_way_in", "tcp_way_out"
    return "tap_merged", "tap_whole"


def run(pmd, mtu, entries, vlan=0):
    with Lab(pmd) as lab:
        for box in lab.boxes:
            box.config["ports"][0]["mtu"] = mtu
        lab.client.config["ports"][0]["vlan"] = vlan
        lab.server.config["tunnels"][0]["destination_address"] = FAR
        near = lab.host("near", "198.18.0.11/24", "fd00:18::11/64")
        far = lab.host("far", f"{FAR}/24", "fd00:18::12/64")
        near.run("ethtool", "-K", "eth", "tx", "off")  # checksums are whole on the wire
        insert(lab, "near", HARM, HARM)
        if vlan:
            lab.client.ns.run("ethtool", "-K", "wan", "tx", "off")
            far.run("ethtool", "-K", "eth", "tx", "off")
            insert(lab, "to-client", 0, 0, vlan)
        lab.start()
        with far:
            services = traffic.serve_echo(FAR, DESTINATION[1])
        done = threading.Event()

        def ask():
            while True:
                for address in (CLIENT4, CLIENT6):
                    far.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "10", address)
                if done.is_set():
                    return
                far.ip("neighbour", "flush", "dev", "eth")

        asker = threading.Thread(target=ask, daemon=True)
        asker.start()
        with near:
            for address in entries:
                traffic.tcp_echo(address, ENTRY[1], BYTES)
            while checksum_errors(lab.client.ns) == 0:  # by chance none was corrupted so that Linux is to see it
                traffic.tcp_echo(entries[0], ENTRY[1], BYTES)
        done.set()
        asker.join(60)
        assert not asker.is_alive(), "pings are not answered"
        del services
        for box in lab.boxes:
            for counter in ways(lab, box):
                assert box.counter(counter) > 20, f"{box.role}: {counter}: {box.counter(counter)}"
            assert box.counter("tap_errors") == 0


for case in CASES:
    run(**case)
