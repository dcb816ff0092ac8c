#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""On both boxes 1,000 tunnels come and go beside a connection that never pauses and loses nothing.
Connections through these guests end, and nothing of them stays: memory, descriptors, ports, ports that
Linux leaves alone.

    client ── wire ── server        come_and_go on both, instead of kcpgate
"""

import json
import os
from pathlib import Path
import socket
import threading

from lab import DESTINATION, ENTRY, Lab, eventually, tunnel
import traffic

GUESTS = 2
ROUNDS = 1000 // GUESTS
KNOCKS = 30
PROGRAM = Path(os.environ["KG_COME_AND_GO"])


def guest_settings(mode, i):
    """A guest on ports of its own; the server's are where Linux would choose from."""
    wire, entry = f"{40000 + 10 * i}-{40009 + 10 * i}", 7000 + i
    ends = {"client": {"listen_port": entry, "destination_port": wire},
            "server": {"listen_port": wire}}
    return tunnel(mode, name=f"guest{i}", fec="2:1", **ends[mode])


def come_and_go(lab, box):
    guests = {**box.config, "tunnels": [guest_settings(box.role, i) for i in range(GUESTS)]}
    path = lab.directory / f"{box.role}-guests.json"
    path.touch(0o600)
    path.write_text(json.dumps(guests))
    box.command = [str(PROGRAM), str(box.path), str(path), str(ROUNDS)]


def transfer():
    traffic.carry(*ENTRY, over, bytes_carried)


def knock():
    """Connections through guests that come and go, at any moment of their lives. One whose peer has gone
    before makes its tunnel wait a while, so they are few."""
    for _ in range(KNOCKS):
        with socket.socket() as s:
            s.settimeout(0.1)
            try:
                s.connect((ENTRY[0], 7000))
                s.sendall(b"x" * 1000)
                knocks.append(len(s.recv(1000)))
            except OSError:
                pass


def have_gone(box):
    assert "have left something" not in box.log(), f"{box.role}: see its log"
    return "all have gone" in box.log()


bytes_carried, knocks, failures = [], [], []
over = threading.Event()
with Lab() as lab:
    for box in (lab.client, lab.server):
        come_and_go(lab, box)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)

    def in_client(work):
        try:
            with lab.client.ns:
                work()
        except BaseException as failure:  # the main thread says it
            failures.append(failure)

    threads = [threading.Thread(target=in_client, args=(work,)) for work in (transfer, knock)]
    for thread in threads:
        thread.start()
    try:
        for box in (lab.client, lab.server):
            eventually(f"the guests of {box.role} have gone",
                       lambda box=box: failures or have_gone(box), 100)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    print(f"{sum(bytes_carried)} bytes there and back, {len(knocks)} knocks answered")
    assert sum(bytes_carried) > 0
