#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A box that is told to stop delivers what it has taken from applications and what waits, on its way into a
slow wire, in the queues of a mux channel. It has half a second for that, which a busy machine may use up: one
stop of several has to deliver all. A box that throws away what waits does so every time.

    client, told to stop ── wire, 20 ms ── server
"""

import signal
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

CONNECTIONS = 2
SIZE = 280_000  # a fifth of a second on this wire, for both
ROUNDS = 8
PATIENCE_S = 2  # until what has left the client has passed the wire


def read_all(connection):
    """Up to the end, which is a cut."""
    got = bytearray()
    far.append(got)
    try:
        while piece := connection.recv(1 << 16):
            got += piece
    except ConnectionResetError:
        pass
    ended.release()


def await_all(words):
    end = time.monotonic() + PATIENCE_S
    while sorted(far) != words and time.monotonic() < end:
        time.sleep(0.02)


def stop_in_the_middle(lab):
    """Whether something waited, and what was said and has arrived."""
    words = [bytes([1 + i]) * SIZE for i in range(CONNECTIONS)]
    far.clear()
    with lab.client.ns:
        near = [traffic.connect(*ENTRY) for _ in words]
        for connection, word in zip(near, words):
            connection.sendall(word[:1])
        eventually("the channel is open", lambda: sum(map(len, far)) == CONNECTIONS, 60)
        for connection, word in zip(near, words):
            connection.sendall(word[1:])
    eventually("all is taken", lambda: lab.client.counter("payload_rx_bytes") == CONNECTIONS * SIZE, 60)
    waits = sum(map(len, far)) < CONNECTIONS * SIZE
    assert lab.client.stop(signal.SIGTERM) == 0
    await_all(words)
    lab.server.stop()  # it may not have heard of the end
    for _ in words:
        ended.acquire()
    for connection in near:
        connection.close()
    print(f"{'something' if waits else 'nothing'} waited, {sorted(map(len, far))} of {SIZE} bytes have arrived")
    assert all(word.startswith(got) for word, got in zip(words, sorted(far))), "bytes are mixed up"
    return waits and sorted(far) == words


far, ended = [], threading.Semaphore(0)
with Lab() as lab:
    lab.set_tunnels(kcp_sndwnd=32, kcp_rcvwnd=32)
    lab.client.config["tunnels"][0]["mux_tunnels"] = 1
    lab.impair(20, 0, 0)
    lab.start()
    with lab.server.ns:
        service = traffic.serve_tcp(*DESTINATION, read_all)
    for _ in range(ROUNDS):
        if stop_in_the_middle(lab):
            break
        lab.start()
    else:
        raise AssertionError("what was taken has not arrived")
