#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A connection whose one direction has ended goes on in the other: the answer to a question that ended
with the end of sending arrives, whole, whoever ends first.

    client, nc -N ── wire ── server, answers after the end of the question
"""

import hashlib
import os
import socket
import subprocess
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

SIZE = 3_000_000


def read_to_end(connection):
    data = b""
    while chunk := connection.recv(1 << 16):
        data += chunk
    return data


def answer_after_the_end(connection):
    question = read_to_end(connection)
    time.sleep(0.3)
    connection.sendall(question[::-1])


def end_first(connection):
    """Says its piece and its end, then hears the client out; the hash goes to `heard`."""
    connection.sendall(b"over to you")
    connection.shutdown(socket.SHUT_WR)
    heard.append(hashlib.sha256(read_to_end(connection)).hexdigest())


def stream(connection):
    try:
        while True:
            connection.sendall(bytes(1000))
            time.sleep(0.01)
    except OSError:
        heard.append("gone")


def ask(question):
    """With netcat, as people do."""
    with lab.client.ns:
        done = subprocess.run(["nc.openbsd", "-N", ENTRY[0], str(ENTRY[1])], input=question,
                              capture_output=True, check=True, timeout=30)
    return done.stdout


heard = []
manner = answer_after_the_end  # of the server
with Lab() as lab:
    lab.start()
    with lab.server.ns:
        traffic.serve_tcp(*DESTINATION, lambda connection: manner(connection))
    for question in (b"x", b"question", os.urandom(SIZE)):
        assert ask(question) == question[::-1], f"no whole answer to {len(question)} bytes"

    manner = end_first
    data = os.urandom(SIZE)
    with lab.client.ns, traffic.connect(*ENTRY) as s:
        assert read_to_end(s) == b"over to you"
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        eventually("the server hears the rest", lambda: heard)
    assert heard.pop() == hashlib.sha256(data).hexdigest()

    # Who has ended and then goes away altogether is not talked to for ever.
    manner = stream
    with lab.client.ns, traffic.connect(*ENTRY) as s:
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1000)
    eventually("the server learns that nobody listens", lambda: heard == ["gone"])
    for box in lab.boxes:
        eventually("no channel is left open", lambda b=box: all(
            row["state"] == "closed" for row in b.channels()))
