#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Nobody listens where the tunnel ends: the application's connection is closed, both boxes log the
reason, no channel stays; once somebody listens, the next connection works.

    client ── wire ── server ─╳─ (nothing on 127.0.0.1:7000)
"""

import contextlib

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

with Lab() as lab:
    lab.start()
    with lab.client.ns:
        for _ in range(5):
            # The reset may be here before connect() has returned.
            with contextlib.suppress(ConnectionResetError):
                with traffic.connect(*ENTRY, timeout_s=10) as s:
                    assert s.recv(1) == b"", "there is data from nowhere"
    eventually("all five were accepted and closed",
               lambda: lab.client.counter("payload_tcp_accepted") == 5
               and lab.client.counter("payload_tcp_closed") == 5)
    lab.server.wait_log(r"(?i)connection refused")
    lab.client.wait_log(r"(?i)refused")
    for box in lab.boxes:
        eventually(f"{box.role} has no channel left", lambda: not box.channels())

    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 1000)
