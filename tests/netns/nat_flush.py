#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A NAT forgets all its mappings in the middle of streams, and makes other ones. The server follows, the
streams go on.

    client ── NAT (masquerade, 198.19.0.254) ── server
"""

import socket
import struct
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

SIZE = 40_000_000
FLUSHES = 3
NETLINK_NETFILTER, DELETE_CONNTRACK = 12, 1 << 8 | 2
REQUEST, ACK = 1, 4


def flush_conntrack(ns):
    """All of them: what `conntrack -F` does."""
    family = struct.pack("BBH", socket.AF_UNSPEC, 0, 0)
    header = struct.pack("IHHII", 16 + len(family), DELETE_CONNTRACK, REQUEST | ACK, 1, 0)
    with ns, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
        s.send(header + family)
        error, = struct.unpack_from("i", s.recv(4096), 16)
    assert error == 0, f"conntrack is not flushed: {error}"


def masquerade(lab):
    nat = lab.host("nat", "198.18.0.254/24", "198.19.0.254/24")
    nat.sysctl("net.ipv4.ip_forward", 1)
    for link in ("all", "eth"):
        nat.sysctl(f"net.ipv4.conf.{link}.send_redirects", 0)
    nat.run("nft", "-f", "-", input="""
        table ip nat {
            chain out { type nat hook postrouting priority 100;
                ip saddr 198.18.0.1 udp dport 3000 masquerade random
            }
        }""")
    return nat


def moves(lab):
    return lab.server.tunnels()["home"]["peer_moves"]


def passed(lab):
    """Bytes of applications, either way."""
    stats = lab.client.stats()
    return stats["payload_rx_bytes"] + stats["payload_tx_bytes"]


def flush_often(lab, nat, done):
    while len(times) < FLUSHES:
        enough = passed(lab) + SIZE // 10
        eventually("the stream flows", lambda e=enough: passed(lab) > e or done.is_set(), 60)
        if done.is_set():
            return
        before, begin = moves(lab), time.monotonic()
        flush_conntrack(nat)
        eventually("the server knows where the client is",
                   lambda b=before: moves(lab) > b or done.is_set(), 30)
        if not done.is_set():
            times.append(time.monotonic() - begin)


times = []
with Lab() as lab:
    lab.client.config["ports"][0].update(addresses=["198.18.0.1/24"], gateway=["198.18.0.254"])
    lab.server.config["ports"][0].update(addresses=["198.19.0.2/24"])
    lab.client.config["tunnels"][0].update(destination_address="198.19.0.2")
    nat = masquerade(lab)
    lab.start()
    with lab.server.ns:
        service = traffic.serve_tcp(*DESTINATION, traffic.bulk)
    with lab.client.ns:
        traffic.tcp_download(*ENTRY, 10_000)
        for transfer in (traffic.tcp_download, traffic.tcp_upload):
            times.clear()
            while not times:  # over before anything was flushed: again
                done = threading.Event()
                flushing = threading.Thread(target=flush_often, args=(lab, nat, done))
                flushing.start()
                try:
                    transfer(*ENTRY, SIZE, timeout_s=60)
                finally:
                    done.set()
                    flushing.join()
            print(f"{transfer.__name__}: the server followed after "
                  f"{', '.join(f'{t:.2f}' for t in times)} s")
    assert lab.client.tunnels()["home"]["closed_forgotten"] == 0
