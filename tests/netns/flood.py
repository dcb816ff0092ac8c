#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A flood of datagrams to a port where nobody listens costs neither the tunnel nor what Linux does for
the box: ping, ARP, a TCP service and connections through the tunnel work meanwhile. What is too much is
dropped under its own name, and applications' sockets lend no time to it.

    client ── bridge with addresses, floods ── server: ping, TCP on the box's own address
"""

import contextlib
from pathlib import Path
import subprocess
import sys

from lab import DESTINATION, ENTRY, ROOT, SERVER4, Lab, eventually
import traffic

CLOSED, SERVICE = 44444, 7070
FLOOD_S, PER_SECOND = 60, 400_000


def cpu_ticks(box, thread):
    """Of the threads of this name."""
    ticks = 0
    for task in Path(f"/proc/{box.process.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # telemetry's come and go
            name, _, fields = (task / "stat").read_text().rpartition(")")
            if name.endswith(f"({thread}"):
                ticks += sum(map(int, fields.split()[11:13]))
    return ticks


def flood(lab):
    return lab.popen(lab.wire, sys.executable, str(ROOT / "scripts/lib/traffic.py"), "blast",
                     SERVER4, str(CLOSED), "64", str(PER_SECOND), str(FLOOD_S))


def ping(lab):
    """One answer of five will do: a frame may find the port's own queue full."""
    lab.wire.run("ping", "-n", "-c", "5", "-i", "0.2", "-W", "10", SERVER4)


def others_get_through(lab):
    ping(lab)
    lab.wire.ip("neighbour", "flush", "dev", "switch")
    ping(lab)
    with lab.wire:
        traffic.tcp_echo(SERVER4, SERVICE, 200_000)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 200_000)


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = [traffic.serve_echo(*DESTINATION),
                    traffic.serve_tcp(SERVER4, SERVICE, traffic.echo)]
    others_get_through(lab)

    flooder = flood(lab)
    eventually("more comes than Linux is given", lambda: lab.server.drops("exception_unasked") > 0)
    before = {name: cpu_ticks(lab.server, name) for name in ("kg-payload0", "kg-pump")}
    eventually("the pump has something to do",
               lambda: cpu_ticks(lab.server, "kg-pump") > before["kg-pump"] + 50, 30)
    assert (cpu_ticks(lab.server, "kg-payload0") - before["kg-payload0"]
            < (cpu_ticks(lab.server, "kg-pump") - before["kg-pump"]) / 4), "sockets pay for a flood"
    others_get_through(lab)
    assert flooder.poll() is None, "the flood has ended before"
    flooder.terminate()
    try:
        flooder.wait(10)
    except subprocess.TimeoutExpired:
        flooder.kill()
    others_get_through(lab)
