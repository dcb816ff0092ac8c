#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM and SIGINT end a box in good order: exit status 0, TAP gone, the peer told, applications'
connections closed rather than left hanging.

    client ── wire ── server      each is stopped once
"""

import signal
from pathlib import Path

from lab import DESTINATION, ENTRY, Lab, eventually
import telemetry
import traffic


def runtime_directory(box):
    return Path(telemetry.socket_path(box.name)).parent


def links(box):
    return box.ns.ip("-o", "link")


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    for box, other, number in ((lab.client, lab.server, signal.SIGTERM),
                               (lab.server, lab.client, signal.SIGINT)):
        with lab.client.ns:
            flows = [traffic.connect(*ENTRY) for _ in range(5)]
        for flow in flows:
            flow.sendall(b"hello")
            assert traffic.receive_exactly(flow, 5) == b"hello"
        assert len(other.channels()) == 5 and "kg-wan" in links(box)

        assert box.stop(number) == 0
        assert "kg-wan" not in links(box), "the TAP was left behind"
        assert not runtime_directory(box).exists(), "files of EAL were left behind"
        eventually(f"{other.role} has let go of the channels", lambda: not other.channels())
        for flow in flows:
            flow.settimeout(5)
            try:
                assert flow.recv(1) == b""
            except ConnectionResetError:
                pass
            flow.close()
        box.start()
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 10_000)
