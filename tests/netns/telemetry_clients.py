#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Telemetry with clients that ask and do not read, more of them than DPDK takes, and when the box has no
descriptor left: whoever asks is answered, and the box ends in good order.

    client, alone
"""

import contextlib
import os
import resource
import socket

from lab import ENTRY, Lab, eventually
import telemetry
import traffic


def descriptors(box):
    return [int(number) for number in os.listdir(f"/proc/{box.process.pid}/fd")]


def stubborn(box):
    """Asks until its answers fill the way, and reads none."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(telemetry.socket_path(box.name))
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            s.send(b"/kcpgate/stats")
    return s


def is_closed(s):
    """The other end has gone; answers that are still to be read do not hide it."""
    try:
        s.send(b"/kcpgate/stats")
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


with Lab() as lab:
    box = lab.client
    box.start()
    clients = [stubborn(box) for _ in range(14)]
    assert box.stats()["workers"] == 1
    eventually("those that do not read are closed", lambda: all(map(is_closed, clients)), 30)
    idle = [telemetry.Connection(box.name) for _ in range(40)]
    assert box.stats()["workers"] == 1, "those that only hold a connection are in the way"
    for s in (*clients, *(connection._socket for connection in idle)):
        s.close()

    # Applications take what is left of the descriptors.
    flows = []

    def is_full():
        with box.ns, contextlib.suppress(ConnectionResetError):
            flows.append(traffic.connect(*ENTRY))
        return box.counter("payload_tcp_turned_away") > 0

    limit = resource.prlimit(box.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(box.process.pid, resource.RLIMIT_NOFILE, (max(descriptors(box)) + 1, limit[1]))
    eventually("no descriptor is left", is_full, 30)
    for _ in range(200):
        assert is_full(), "an application took what telemetry had given back"
    for s in flows:
        s.close()
    assert box.stop() == 0
