#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A protocol in which the server speaks first (SMTP, MySQL, FTP …) passes: the banner arrives although
the client has not said a word.

    client, silent ── wire ── server, greets
"""

from lab import DESTINATION, ENTRY, Lab
import traffic

GREETING = b"220 mail.example ESMTP\r\n"


def greet(connection):
    connection.sendall(GREETING)
    assert connection.recv(100) == b"QUIT\r\n"
    connection.sendall(b"221 bye\r\n")


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        service = traffic.serve_tcp(*DESTINATION, greet)
    with lab.client.ns:
        for _ in range(10):
            with traffic.connect(*ENTRY, timeout_s=5) as s:
                assert traffic.receive_exactly(s, len(GREETING)) == GREETING
                s.sendall(b"QUIT\r\n")
                assert traffic.receive_exactly(s, 9) == b"221 bye\r\n"
                assert s.recv(1) == b"", "the server's end of the connection did not arrive"
