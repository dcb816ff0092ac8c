#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client behind a NAT that gives it another address now and then. In the middle of a download nothing
stops for long, also without keep_alive; who is silent is found by the next word, or by keep_alive.

    client ── NAT, 198.19.0.251 … 254 ── server
"""

import threading

from lab import DESTINATION, ENTRY, Lab, eventually
from nat_between import Nat
import traffic

DOWNLOAD = 60_000_000
PATIENCE_S = 30  # a stand-still without an end would be one of 120 s


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
        assert traffic.receive_exactly(s, DOWNLOAD) == bytes(DOWNLOAD)
        return True


def moves(lab):
    return lab.server.tunnels()["home"]["peer_moves"]


def is_at_rest(channels):
    """The application was heard, so the server knows an address that can change."""
    return (any(row["received_bytes"] > 0 for row in channels)
            and all(row["in_flight"] == 0 for row in channels))


def begin(lab, **client):
    nat = Nat(lab)
    lab.client.config["tunnels"][0].update(**client)
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
            # A fast box ends a download between two changes.
            eventually("two mappings changed while something was under way",
                       lambda: download() and moves(lab) >= 2, 60)
        finally:
            done.set()
            rebinding.join()
    speaks_after_a_pause(lab, nat, lambda s: s.sendall(b"."))

speak.clear()

with Lab() as lab:
    nat = begin(lab, keep_alive=1)
    speaks_after_a_pause(lab, nat, lambda s: None)
