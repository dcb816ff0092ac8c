#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One connection of Linux's TCP, with CUBIC, beside an upload through a tunnel whose rate is `fair`, or
`scavenger`: what each gets of a line that both of them fill. KG_SECONDS names how long.

The way is so long that what a busy machine adds to it matters little. Each try has a lab of its own, and some go on
at once.

    near, client ── bridge ── 20 Mbit/s, 50 ms of queue ── 50 ms of round trip ── bridge ── far, server
"""

import os
import socket
import subprocess
import threading
import time
from concurrent.futures import ProcessPoolExecutor

from lab import DESTINATION, ENTRY, Lab, impair_binary

SECONDS = float(os.environ.get("KG_SECONDS", "15"))
WARM_S = 6  # both have found their way by then
TRIES = 2, 3  # of fair, at once: its part is near the lower end
FAR = "198.18.0.12"
LINE_MBIT, QUEUE_BYTES = 20, 125_000


def add_line(lab):
    """Server and far behind a line of their own."""
    wire = lab.wire
    for near, far in (("line-a", "line-b"), ("line-c", "line-d")):
        wire.ip("link", "add", near, "type", "veth", "peer", "name", far)
        for link in (near, far):
            wire.sysctl(f"net.ipv6.conf.{link}.disable_ipv6", 1)
            wire.run("ethtool", "-K", link, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
            wire.ip("link", "set", link, "up")
    wire.ip("link", "add", "beyond", "type", "bridge")
    wire.ip("link", "set", "beyond", "up")
    wire.ip("link", "set", "line-a", "master", "switch")
    for link in ("line-d", "to-server", "far"):
        wire.ip("link", "set", link, "master", "beyond")
    # Behind the program, whose frames are nobody's: TCP would take what waits for its own host's, and keep that short.
    wire.run("tc", "qdisc", "add", "dev", "line-c", "root", "tbf", "rate", f"{LINE_MBIT}mbit", "burst", "5000",
             "limit", str(QUEUE_BYTES))
    process = lab.popen(wire, impair_binary(), "line-b", "line-c", "25", "0", "0",
                        stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


class Sink:
    """Takes what one connection brings and counts it."""

    def __init__(self, ns, address):
        self.bytes = 0
        with ns:
            self.listening = socket.create_server(address)
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        connection, _ = self.listening.accept()
        try:
            while data := connection.recv(1 << 16):
                self.bytes += len(data)
        except ConnectionResetError:  # the test is over
            pass


def pour(ns, address, congestion, ended):
    with ns:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion)
        sock.connect(address)
    sock.settimeout(1)

    def run():
        while not ended.is_set():
            try:
                sock.send(bytes(1 << 16))
            except TimeoutError:
                pass
        sock.close()
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def shares(rate):
    """Mbit/s of the tunnel's upload, and of TCP's beside it."""
    with Lab() as lab:
        lab.set_tunnels(rate=rate)
        near = lab.host("near", "198.18.0.11/24")
        far = lab.host("far", f"{FAR}/24")
        for host in (near, far):
            host.run("ethtool", "-K", "eth", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        add_line(lab)
        lab.start()
        sinks = [Sink(lab.server.ns, DESTINATION), Sink(far, (FAR, 5000))]
        ended = threading.Event()
        pouring = [pour(lab.client.ns, ENTRY, b"cubic", ended), pour(near, (FAR, 5000), b"cubic", ended)]
        time.sleep(WARM_S)
        before, began = [sink.bytes for sink in sinks], time.monotonic()
        time.sleep(SECONDS)
        took = time.monotonic() - began
        mbit = [(sink.bytes - b) * 8e-6 / took for sink, b in zip(sinks, before)]
        ended.set()
        for thread in pouring:
            thread.join()
    print(f"{rate}: {mbit[0]:.1f} Mbit/s, TCP beside it {mbit[1]:.1f}", flush=True)
    return mbit


def part(ours, tcp):
    return tcp / (ours + tcp)


with ProcessPoolExecutor(3) as at_once:
    scavenger = at_once.submit(shares, "scavenger")
    for tries in TRIES:
        parts = [part(*mbit) for mbit in at_once.map(shares, ["fair"] * tries)]
        if any(0.3 <= tcp <= 0.6 for tcp in parts):
            break
    else:
        raise AssertionError(parts)
    assert part(*scavenger.result()) > 0.7
