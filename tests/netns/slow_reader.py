#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An application that does not read holds up its own connection and nothing else: the sender is
stopped, memory of both boxes stays where it is, others pass, and all bytes arrive in the end.

    client, reads nothing ── wire ── server, sends 200 MB
"""

import hashlib
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

BLOCK = bytes(range(256)) * 256
BLOCKS = 3200  # 200 MiB
WINDOW = 2048  # segments, preset fast1
sent = [0]


def answer(connection):
    if connection.recv(1) == b"e":
        return traffic.echo(connection)
    for _ in range(BLOCKS):
        connection.sendall(BLOCK)
        sent[0] += len(BLOCK)


def stalled():
    before = sent[0]
    time.sleep(1)
    return before and sent[0] == before


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        service = traffic.serve_tcp(*DESTINATION, answer)
    with lab.client.ns:
        slow = traffic.connect(*ENTRY, timeout_s=60)
        slow.sendall(b"s")
        eventually("the sender is stopped", stalled, 20)
        assert sent[0] < len(BLOCK) * BLOCKS / 4, f"{sent[0]} bytes are on the way"
        rss = {box: box.rss_kib() for box in lab.boxes}
        held = lab.client.counter("mem_buf_large_used") + lab.server.counter("mem_buf_large_used")
        # A window received and not read, a window in flight, a window queued behind it, and what the
        # client's payload thread holds for the socket.
        assert 100 < held < 3 * WINDOW + 256 + 500, f"{held} buffers are held for one connection"

        def others():
            with lab.client.ns, traffic.connect(*ENTRY) as s:
                s.sendall(b"e")
                ball = bytes(100_000)
                for _ in range(20):
                    threading.Thread(target=s.sendall, args=(ball,), daemon=True).start()
                    traffic.receive_exactly(s, len(ball))

        begin = time.monotonic()
        others()
        assert time.monotonic() - begin < 10, "the slow reader slows others down"
        for box in lab.boxes:
            grown = box.rss_kib() - rss[box]
            assert grown < 16 * 1024, f"{box.role} has grown by {grown} KiB"

        digest, expected = hashlib.sha256(), hashlib.sha256()
        for _ in range(BLOCKS):
            digest.update(traffic.receive_exactly(slow, len(BLOCK)))
            expected.update(BLOCK)
        assert digest.digest() == expected.digest()
        slow.close()
        for box in lab.boxes:
            eventually(f"{box.role} has its buffers back",
                       lambda: box.counter("mem_buf_large_used") < 100)
