#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The client's interface is renumbered in the middle of transfers: its first address goes, and what leaves
has the other one. The server follows, the streams go on.

    client, 198.18.0.1 then 198.18.0.71 ── wire ── server
"""

import threading
import time

from lab import CLIENT4, DESTINATION, ENTRY, Lab, eventually
import traffic

OTHER4 = "198.18.0.71"
SIZE = 60_000_000


def moves(lab):
    return lab.server.tunnels()["home"]["peer_moves"]


def renumber(lab, begun):
    begun.wait(30)
    begin = time.monotonic()
    # Else the second address of a subnet goes with the first.
    lab.client.ns.sysctl("net.ipv4.conf.kg-wan.promote_secondaries", 1)
    lab.client.ns.ip("address", "del", f"{CLIENT4}/24", "dev", "kg-wan")
    eventually("the server knows where the client is", lambda: moves(lab) > 0, 30)
    print(f"the server followed after {time.monotonic() - begin:.2f} s")


def serve(connection):
    """A download that goes on until the client has moved, and then some."""
    sent = 0
    while sent < SIZE or moves(lab) == 0:
        sent += connection.send(bytes(65536))
        begun.set()
        if sent > SIZE:
            time.sleep(0.01)
    ends.append(sent)


begun, ends = threading.Event(), []
with Lab() as lab:
    lab.client.config["ports"][0]["addresses"].append(f"{OTHER4}/24")
    lab.start()
    with lab.server.ns:
        service = traffic.serve_tcp(*DESTINATION, serve)
    with lab.client.ns, traffic.connect(*ENTRY, timeout_s=60) as s:
        renumbering = threading.Thread(target=renumber, args=(lab, begun))
        renumbering.start()
        got = 0
        while piece := s.recv(1 << 20):
            got += len(piece)
        renumbering.join()
    assert ends == [got], f"{got} bytes of {ends}"
    remotes = {row["remote"].rsplit(":", 1)[0] for row in lab.server.channels()}
    assert CLIENT4 not in remotes, remotes
