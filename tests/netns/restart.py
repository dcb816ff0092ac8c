#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The server ends and starts again: first in good order, then by SIGKILL. Clients' new connections
work within seconds, and connections of before end instead of hanging when the peer said goodbye. What the
server's application sees is a reset either way: not the end that its client would have said.

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


def serve(connection):
    try:
        traffic.echo(connection)
        ends.append("end")
    except ConnectionResetError:
        ends.append("reset")


def connect():
    connection = traffic.connect(*ENTRY)
    connection.sendall(b"hello")
    assert traffic.receive_exactly(connection, 5) == b"hello"
    return connection


ends = []
with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_tcp(*DESTINATION, serve), traffic.serve_udp_echo(*DESTINATION)
    with lab.client.ns:
        old = connect()
        assert lab.server.stop() == 0
        eventually("the application sees a reset", lambda: ends == ["reset"])
        old.settimeout(5)
        try:
            assert old.recv(10) == b"", "a connection outlived the server that said goodbye"
        except ConnectionResetError:
            pass  # it was cut off, which is not the end that its server would have said
        old.close()

        for number in (None, signal.SIGKILL):
            if number:
                held = connect()
                ends.clear()
                lab.server.stop(number)
                eventually("the application sees a reset", lambda: ends == ["reset"])
                held.close()
            lab.server.start()
            begin = time.monotonic()
            eventually("a new connection works", works_again, 15)
            print(f"back after {time.monotonic() - begin:.1f} s")
            traffic.udp_echo(*ENTRY, sizes=range(100, 200))
