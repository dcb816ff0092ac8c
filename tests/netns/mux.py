#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Connections that share channels: a reader that stands still beside 500 connections that come and go,
a bulk transfer and a UDP flow. Then the server ends and starts again, in good order and not.

    client ══ 2 mux channels ══ server
"""

import signal
import socket
import struct
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

CHANNELS = 2
CONNECTIONS, BESIDE = 500, 20
BULK_BYTES = 20 << 20
DATAGRAMS_PER_S, DATAGRAM_BYTES, SECONDS = 3_000, 1_200, 4


def serve(connection):
    """The first byte says what for: 's' reads nothing more for a while, 'e' echoes, others ask for a
    bulk transfer."""
    first = connection.recv(1, socket.MSG_PEEK)
    if first == b"s":
        released.wait(100)
        return read_to_end(connection)
    return (traffic.echo if first == b"e" else traffic.bulk)(connection)


def read_to_end(connection):
    while data := connection.recv(1 << 16):
        total[0] += len(data)


def fill(s):
    """Writes until the reader, who does not read, has stopped it; returns how much went."""
    s.setblocking(False)
    sent, quiet_since = 0, time.monotonic()
    while time.monotonic() - quiet_since < 1:
        try:
            sent += s.send(b"s" * 65536)
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.02)
    s.setblocking(True)
    return sent


def come_and_go(number):
    for i in range(number, CONNECTIONS, BESIDE):
        ball = b"e" + bytes([i & 255]) * (1 + 13 * i)
        with traffic.connect(*ENTRY, 30) as s:
            s.sendall(ball)
            if i % 2:  # half of them end their sending before they read
                s.shutdown(socket.SHUT_WR)
            assert traffic.receive_exactly(s, len(ball)) == ball, f"connection {i}"


def datagrams():
    """At a steady rate to the echo and back; notes how many came back."""
    with traffic.udp_socket(*ENTRY, timeout_s=2) as s:
        s.send(b"first")
        s.recv(100)
        threading.Thread(target=receive, args=(s,), daemon=True).start()
        begin = time.monotonic()
        for number in range(DATAGRAMS_PER_S * SECONDS):
            early_s = begin + number / DATAGRAMS_PER_S - time.monotonic()
            if early_s > 0:
                time.sleep(early_s)
            s.send(struct.pack("!I", number).ljust(DATAGRAM_BYTES, b"u"))
        time.sleep(1)


def receive(s):
    try:
        while True:
            data = s.recv(2000)
            assert len(data) == DATAGRAM_BYTES
            back.add(struct.unpack_from("!I", data)[0])
    except OSError:
        pass


def home(box):
    return box.tunnels()["home"]


def works_again():
    try:
        with traffic.connect(*ENTRY, timeout_s=3) as s:
            s.sendall(b"echo")
            assert traffic.receive_exactly(s, 4) == b"echo"
    except (OSError, AssertionError):
        return False
    return True


released, total, back = threading.Event(), [0], set()
with Lab() as lab:
    lab.client.config["tunnels"][0]["mux_tunnels"] = CHANNELS
    lab.start()
    with lab.server.ns:
        services = (traffic.serve_tcp(*DESTINATION, serve),
                    traffic.serve_udp_echo(*DESTINATION))
    eventually("the channels are open", lambda: home(lab.server)["mux_channels"] == CHANNELS)
    with lab.client.ns:
        still = traffic.connect(*ENTRY)
        sent = fill(still)
        lab.client.ns.side_by_side(
            (datagrams,), (traffic.tcp_download, *ENTRY, BULK_BYTES),
            (traffic.tcp_upload, *ENTRY, BULK_BYTES),
            *((come_and_go, number) for number in range(BESIDE)))
        # The rest is for a busy machine: udp_load.py counts every single one.
        assert len(back) >= 0.6 * DATAGRAMS_PER_S * SECONDS, f"{len(back)} datagrams came back"

        for box in lab.boxes:
            eventually("the reader and the UDP flow are left", lambda b=box: home(b)["streams"] == 2)
            rows = box.channels()
            assert [row["protocol"] for row in rows] == ["mux"] * CHANNELS, rows
            assert sum(row["streams"] for row in rows) == 2, rows
            assert home(box)["streams_opened"] == CONNECTIONS + 4, home(box)
            assert home(box)["messages_dropped"] == 0, home(box)
        released.set()
        still.shutdown(socket.SHUT_WR)
        eventually("all that was sent is read", lambda: total[0] == sent)
        assert still.recv(1) == b""
        still.close()
        eventually("the UDP flow is left", lambda: home(lab.server)["streams"] == 1)

        old = traffic.connect(*ENTRY)
        old.sendall(b"e")
        traffic.receive_exactly(old, 1)
        assert lab.server.stop() == 0
        old.settimeout(5)
        try:
            assert old.recv(10) == b"", "a connection outlived the server that said goodbye"
        except ConnectionResetError:
            pass
        old.close()
        for number in (None, signal.SIGKILL):
            if number:
                lab.server.stop(number)
            lab.server.start()
            begin = time.monotonic()
            eventually("a new connection works", works_again, 45)
            print(f"back after {time.monotonic() - begin:.1f} s")
        eventually("the channels are there again",
                   lambda: home(lab.client)["mux_channels"] == CHANNELS, 45)
