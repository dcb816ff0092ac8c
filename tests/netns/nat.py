#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client behind a NAT that gives it another address now and then. In the middle of a download nothing
stops for long, also without keep_alive; who is silent is found by the next word, or by keep_alive.

    client ── NAT, 198.19.0.251 … 254 ── server
"""

import itertools
import threading

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

MAPPINGS = ["198.19.0.254", "198.19.0.253", "198.19.0.252", "198.19.0.251"]
DOWNLOAD = 60_000_000
PATIENCE_S = 30  # a stand-still without an end would be one of 120 s


class Nat:
    """Rewrites addresses and nothing else; what comes to an old mapping ends here."""

    def __init__(self, lab):
        self.ns = lab.host("nat", "198.18.0.254/24", *(f"{a}/24" for a in MAPPINGS))
        self.ns.sysctl("net.ipv4.ip_forward", 1)
        for link in ("all", "eth"):
            self.ns.sysctl(f"net.ipv4.conf.{link}.send_redirects", 0)
        self.mappings = itertools.cycle(MAPPINGS)
        self.rebind()

    def rebind(self):
        outside = next(self.mappings)
        self.ns.run("nft", "-f", "-", input=f"""
            table ip nat {{ }}
            delete table ip nat
            table ip nat {{
                chain out {{ type filter hook postrouting priority 300
                    ip saddr 198.18.0.1 udp dport 3000 ip saddr set {outside}
                }}
                chain in {{ type filter hook prerouting priority -300
                    udp sport 3000 ip daddr {outside} ip daddr set 198.18.0.1
                }}
            }}""")

    def rebind_until(self, done, every_s):
        while not done.wait(every_s):
            self.rebind()


def serve(connection):
    """d: a download; s: says a word when told to; else whatever comes is counted."""
    job = connection.recv(1)
    if job == b"d":
        connection.sendall(bytes(DOWNLOAD))
    elif job == b"s":
        speak.wait(60)
        connection.sendall(b"word")
    connection.recv(1)


def download():
    with traffic.connect(*ENTRY, timeout_s=PATIENCE_S) as s:
        s.sendall(b"d")
        return traffic.receive_exactly(s, DOWNLOAD) == bytes(DOWNLOAD)


def moves(lab):
    return lab.server.tunnels()["home"]["peer_moves"]


def is_at_rest(channels):
    """The application was heard, so the server knows an address that can change."""
    return (any(row["received_bytes"] > 0 for row in channels)
            and all(row["in_flight"] == 0 for row in channels))


def begin(lab, **client):
    lab.client.config["ports"][0].update(addresses=["198.18.0.1/24"], gateway=["198.18.0.254"])
    lab.server.config["ports"][0].update(addresses=["198.19.0.2/24"])
    lab.client.config["tunnels"][0].update(destination_address="198.19.0.2", **client)
    nat = Nat(lab)
    lab.start()
    with lab.server.ns:
        traffic.serve_tcp(*DESTINATION, serve)
    return nat


def speaks_after_a_pause(lab, nat, sign_of_life):
    """The mapping changes while all is silent, then the server's application says something."""
    with lab.client.ns, traffic.connect(*ENTRY, timeout_s=PATIENCE_S) as s:
        s.sendall(b"s")
        # A download whose last word the NAT has swallowed is given up after 35 s.
        eventually("the channel is at rest", lambda: is_at_rest(lab.server.channels()), 60)
        before = moves(lab)
        nat.rebind()
        sign_of_life(s)
        eventually("the server knows where the client is", lambda: moves(lab) > before)
        speak.set()
        assert traffic.receive_exactly(s, 4) == b"word"


speak = threading.Event()

with Lab() as lab:
    nat = begin(lab)
    # In the middle of a download: the client has nothing to send but what tells of itself.
    with lab.client.ns:
        done = threading.Event()
        rebinding = threading.Thread(target=nat.rebind_until, args=(done, 0.7))
        rebinding.start()
        try:
            for _ in range(3):
                assert download()
        finally:
            done.set()
            rebinding.join()
    assert moves(lab) > 0, "no mapping changed while something was under way"
    speaks_after_a_pause(lab, nat, lambda s: s.sendall(b"."))

speak.clear()

with Lab() as lab:
    nat = begin(lab, keep_alive=1)
    speaks_after_a_pause(lab, nat, lambda s: None)
