#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP of hosts passes an AF_XDP port inside Linux, in both directions, and what opens a connection, is a
fragment, has options of IP or a tag does not. A box that is killed leaves nothing that hinders the next, one
that ends leaves nothing.

    near ── bridge ── client ── bridge ── server ── bridge ── far: echo
"""

import signal
import socket
import struct

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, Lab, eventually, skip
import traffic

NEAR, FAR = "198.18.0.11", "198.18.0.12"
BYTES = 3_000_000
FRAMES = BYTES // 1500
ACK, SYN = 0x10, 0x02
OTHERS = FRAMES // 10  # what may pass the worker beside


def mac(ns, link):
    words = ns.ip("link", "show", link).split()
    return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tcp_frame(ethernet, flags, fragment=0, options=b""):
    """Of no connection: from the near host to the client box."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 40 + len(options), 0, fragment, 64, 6, 0,
                     socket.inet_aton(NEAR), socket.inet_aton(CLIENT4)) + options
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    tcp = struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0x50, flags, 5, 0, 0)
    pseudo = socket.inet_aton(NEAR) + socket.inet_aton(CLIENT4) + struct.pack("!HH", 6, len(tcp))
    return ethernet + ip + tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def passes_inside(lab, near):
    """What each of both counts of a transfer over IPv4 and IPv6."""
    before = [box.stats() for box in lab.boxes]
    with near:
        for address in (CLIENT4, CLIENT6):
            traffic.tcp_echo(address, ENTRY[1], BYTES)
    for box, was in zip(lab.boxes, before):
        now = box.stats()
        gained = {name: now[name] - was.get(name, 0) for name in
                  ("tcp_way_in", "tcp_way_out", "punted", "tap_to_kernel", "tap_from_kernel")}
        assert gained["tcp_way_in"] > FRAMES and gained["tcp_way_out"] > FRAMES, (box.role, gained)
        for name in ("punted", "tap_to_kernel", "tap_from_kernel"):
            assert gained[name] < OTHERS, (box.role, gained)


def sorts(lab, near):
    """Single frames: where they come in."""
    addresses = mac(lab.client.ns, "kg-wan") + mac(near, "eth")
    plain, tagged = addresses + b"\x08\x00", addresses + b"\x81\x00\x00\x07\x08\x00"
    cases = (("tcp_way_in", tcp_frame(plain, ACK)),
             ("punted", tcp_frame(plain, SYN)),
             ("punted", tcp_frame(plain, SYN | ACK)),
             ("punted", tcp_frame(plain, ACK, options=b"\x01\x01\x01\x00")),
             ("punted", tcp_frame(plain, ACK, fragment=0x8000)),
             ("drop_vlan_foreign", tcp_frame(tagged, ACK)))
    with near, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth", 0))
        for counter, frame in cases:
            before = lab.client.stats()
            wire.send(frame)
            eventually(f"{counter} counts {frame.hex()}",
                       lambda: lab.client.counter(counter) > before[counter])
            if counter != "tcp_way_in":
                assert lab.client.counter("tcp_way_in") == before["tcp_way_in"], frame.hex()


def program(lab):
    """The XDP program of the client's interface, as Linux numbers it."""
    words = lab.client.ns.ip("-details", "link", "show", "wan").split()
    return words[words.index("prog/xdp") + 2] if "prog/xdp" in words else None


def merges(lab):
    """Whether Linux merges what the client's interface receives; a lab's do not."""
    return "generic-receive-offload: on" in lab.client.ns.run("ethtool", "-k", "wan")


with Lab("net_af_xdp0") as lab:
    lab.server.config["tunnels"][0]["destination_address"] = FAR
    near = lab.host("near", f"{NEAR}/24", "fd00:18::11/64")
    far = lab.host("far", f"{FAR}/24", "fd00:18::12/64")
    lab.start()
    if "passes inside Linux" not in lab.client.log():
        skip("this Linux has no tcx")
    with far:
        services = traffic.serve_echo(FAR, DESTINATION[1])
    assert merges(lab)
    passes_inside(lab, near)
    sorts(lab, near)

    lab.client.stop(signal.SIGKILL)
    left = program(lab)
    assert left is not None, "nothing is left that could hinder"
    before = len(lab.client.log())
    lab.client.start()
    assert "passes inside Linux" in lab.client.log()[before:]
    assert program(lab) not in (left, None)
    passes_inside(lab, near)
    lab.client.ns.run("ethtool", "-K", "wan", "gro", "off")  # which a killed one has left on
    assert lab.client.stop() == 0 and lab.client.start() is None and merges(lab)
    assert lab.client.stop() == 0
    assert program(lab) is None, "a program is left"
    assert not merges(lab), "GRO is not as it was"
    lab.client.start()
    passes_inside(lab, near)
