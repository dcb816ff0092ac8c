#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Strangers do not learn from Linux's errors which UDP ports tunnels use, neither by whole datagrams
nor by fragments, unless configured; and a redirect of theirs does not reach Linux. Other ports are
Linux's as ever: it complains where nobody listens, and a service is a service, even within the tunnels'
range.

    client, answers on 20000 ── bridge with addresses, asks ── server, tunnel on 3000
"""

import socket
import struct

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, TUNNEL_PORT, Lab, eventually
import traffic

CLOSED, SERVICE = 44444, 20000  # the latter in a client's range of local ports
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER = 10, 23
LONG_BYTES = 3000
ICMP_REDIRECT = struct.pack("!BBHI", 5, 1, 0, 0x01020304)


def ask(lab, address, port, size):
    """A socket that has sent a datagram, in fragments if it is long."""
    with lab.wire:
        s = traffic.udp_socket(address, port)
    if ":" in address:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0)
    else:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
    s.send(bytes(size))
    return s


def expect_silence(lab, box, reason, address, port, size):
    """What came back would have come before the counter has counted."""
    before = box.drops(reason)
    with ask(lab, address, port, size) as s:
        eventually(f"{size} bytes to {address} {port}: {reason}", lambda: box.drops(reason) > before)
        s.settimeout(0.1)
        try:
            s.recv(10)
            raise AssertionError("an answer")
        except TimeoutError:
            pass


def expect_complaint(lab, address, port, size=100):
    with ask(lab, address, port, size) as s:
        try:
            s.recv(10)
            raise AssertionError("an answer")
        except ConnectionRefusedError:
            pass


def free_local_ports(lab, used):
    return [port for port in (used - 1, used + 1) if 16384 <= port <= 32767][:1]


with Lab() as lab:
    for ns in (lab.client.ns, lab.server.ns):
        ns.sysctl("net.ipv4.icmp_ratelimit", 0)
        ns.sysctl("net.ipv6.icmp.ratelimit", 0)
    lab.start()
    with lab.server.ns:
        services = [traffic.serve_echo(*DESTINATION)]
    with lab.client.ns:
        services.append(traffic.serve_udp_echo(CLIENT4, SERVICE))
        connection = traffic.connect(*ENTRY)
    connection.sendall(b"?")
    traffic.receive_exactly(connection, 1)

    for address in (SERVER4, SERVER6):
        expect_silence(lab, lab.server, "datagram_size", address, TUNNEL_PORT, LONG_BYTES)
        expect_silence(lab, lab.server, "auth_failed", address, TUNNEL_PORT, 100)
        expect_complaint(lab, address, CLOSED)
    used = int(lab.server.channels()[0]["remote"].rpartition(":")[2])
    expect_silence(lab, lab.client, "auth_failed", CLIENT4, used, 100)
    for port in free_local_ports(lab, used):
        for address in (CLIENT4, CLIENT6):
            expect_silence(lab, lab.client, "tx_icmp_tunnel", address, port, 100)
            expect_silence(lab, lab.client, "tx_icmp_tunnel", address, port, LONG_BYTES)
    with lab.wire:
        traffic.udp_echo(CLIENT4, SERVICE, sizes=range(1, 1400, 100))
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with raw:
        raw.sendto(ICMP_REDIRECT, (SERVER4, 0))
    eventually("a redirect is dropped", lambda: lab.server.drops("icmp_redirect") == 1)
    connection.close()

    lab.client.stop()
    lab.client.config["ports"][0]["icmp_unreachable"] = True
    lab.client.start()
    for port in free_local_ports(lab, used):
        for address in (CLIENT4, CLIENT6):
            expect_complaint(lab, address, port)
