#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams longer than the port travel as IP fragments, and are put together before Linux sees them;
Linux's own still come whole to it. Fragments that nothing completes are given up and counted.

    client, kcp_mtu 2000 ── bridge with addresses, MTU 1500 ── server, kcp_mtu 2000
"""

import json
import socket

from lab import CLIENT4, DESTINATION, ENTRY, SERVER4, SERVER6, TUNNEL_PORT, Lab, eventually, tunnel
from wire import Sniffer, send_frames
import traffic

SERVICE = 20000
IP_MTU_DISCOVER = 10


def first_fragments(lab, count):
    """Of datagrams to the server's tunnel, whose rest never comes."""
    mac = json.loads(lab.server.ns.ip("-j", "link", "show", "kg-wan"))[0]["address"]
    for number in range(count):
        ip = bytearray.fromhex("4500 0404 0000 2000 4011 0000") + socket.inet_aton("198.18.0.9")
        ip += socket.inet_aton(SERVER4)
        ip[4:6] = number.to_bytes(2, "big")
        total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
        total = (total & 0xffff) + (total >> 16)
        ip[10:12] = (~total & 0xffff).to_bytes(2, "big")
        udp = (40000).to_bytes(2, "big") + TUNNEL_PORT.to_bytes(2, "big") + bytes(4)
        yield bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("0200000006660800") + ip + udp + \
            bytes(1000)


with Lab() as lab:
    lab.client.config["tunnels"] = [
        tunnel("client", kcp_mtu=2000, pmtu="off"),
        tunnel("client", name="six", kcp_mtu=1900, pmtu="off", destination_address=SERVER6,
               listen_port=6001, destination_port=3001)]
    lab.server.config["tunnels"] = [
        tunnel("server", kcp_mtu=2000, pmtu="off"),
        tunnel("server", name="six", kcp_mtu=1900, pmtu="off", listen_port=3001)]
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        service = traffic.serve_udp_echo(CLIENT4, SERVICE)

    for entry, version in ((ENTRY, 4), ((ENTRY[0], 6001), 6)):
        sent = [box.counter("sent_in_pieces") for box in lab.boxes]
        with Sniffer(lab.wire, "to-server") as sniffer, lab.client.ns:
            traffic.tcp_echo(*entry, 500_000)
        packets = [p for p in sniffer.packets() if p.version == version]
        assert sum(p.fragment for p in packets) > 500, "there are hardly any fragments"
        assert max(p.length for p in packets) <= 1500
        for box, before in zip(lab.boxes, sent):
            assert box.counter("sent_in_pieces") - before > 200
            assert box.counter("fragments_joined") > 200

    with lab.wire:
        s = traffic.udp_socket(CLIENT4, SERVICE)
    with s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
        traffic.echo_over(s, [1, 1500, 4000, 9000], window=1)

    lost = lab.server.drops("fragment_lost")
    send_frames(lab.wire, "to-server", first_fragments(lab, 50))
    eventually("lonely fragments are given up",
               lambda: lab.server.drops("fragment_lost") >= lost + 50)
