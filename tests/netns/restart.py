#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The server ends and starts again: first in good order, then by SIGKILL. Clients' new connections
work within seconds, and connections of before end instead of hanging when the peer said goodbye.

    client ── wire ── server ↻
"""

import signal
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic


def works_again():
    try:
        traffic.tcp_echo(*ENTRY, 100_000, timeout_s=3)
    except (OSError, AssertionError):
        return False
    return True


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        old = traffic.connect(*ENTRY)
        old.sendall(b"hello")
        assert traffic.receive_exactly(old, 5) == b"hello"

        assert lab.server.stop() == 0
        old.settimeout(5)
        try:
            assert old.recv(10) == b"", "a connection outlived the server that said goodbye"
        except ConnectionResetError:
            pass  # it was cut off, which is not the end that its server would have said
        old.close()

        for number in (None, signal.SIGKILL):
            if number:
                lab.server.stop(number)
            lab.server.start()
            begin = time.monotonic()
            eventually("a new connection works", works_again, 15)
            print(f"back after {time.monotonic() - begin:.1f} s")
            traffic.udp_echo(*ENTRY, sizes=range(100, 200))
