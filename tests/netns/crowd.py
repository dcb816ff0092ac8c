#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A peer that knows the password opens many channels from one place, has an echo talk, and acknowledges nothing. What
is under way to it would be all payload buffers of the server; others are served all the same.

    client ── wire, the peer ── server
"""

import socket
import struct
import time

from lab import DESTINATION, ENTRY, SERVER4, TUNNEL_PORT, Lab, eventually
from wire import ACK, PUSH, SO_RCVBUFFORCE, initialise, seal_none, segment
import traffic

CHANNELS, UDP = 1500, 3
ON_THEIR_WAY = 256  # buffers that come and go
SEGMENTS = 24  # in each channel; short of buffers 16 have room
AT = (SERVER4, TUNNEL_PORT)
HEADER = struct.Struct("<IBBHIIII")


def ask(port):
    """For a channel, from a port that has asked for no other; its number. What says the same as another is a copy."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("0.0.0.0", port))
        s.settimeout(10)
        s.sendto(seal_none(segment(0, initialise(UDP), ts=port)), AT)
        while True:
            body = s.recv(4096)[4:-2]
            conv, cmd, _, _, ts, sn, _, _ = HEADER.unpack_from(body)
            if conv == 0 and cmd == PUSH:
                s.sendto(seal_none(segment(0, cmd=ACK, ts=ts, sn=sn, una=1)), AT)
                return struct.unpack_from("!I", body, HEADER.size + 1)[0]


def say(s, convs):
    data = bytes((UDP << 4 | 5,)) + bytes(1300)
    for sn in range(SEGMENTS):
        for i, conv in enumerate(convs):
            now_ms = int(time.monotonic() * 1000) & 0xffffffff
            s.sendto(seal_none(segment(conv, data, ts=now_ms, sn=sn, wnd=1024)), AT)
            if i % 20 == 0:
                time.sleep(0.001)


with Lab() as lab:
    lab.set_tunnels(encryption_algorithm="none")
    lab.server.config["memory"]["mb"] = 96
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.wire:
        peer_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channels = [ask(port) for port in range(20_000, 20_000 + CHANNELS)]
    peer_socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
    say(peer_socket, channels)
    eventually("buffers are short", lambda: lab.server.stats()["mem_fair_share_segments"] == 4, 10)
    for _ in range(5):
        with lab.client.ns:
            traffic.tcp_echo(*ENTRY, 20_000, timeout_s=10)
            traffic.udp_echo(*ENTRY, sizes=range(300, 310), timeout_s=10)
        time.sleep(0.5)
    assert lab.server.stats()["mem_fair_share_segments"] == 4  # all the time
    # The peer goes on, up to where a crowd is held: an eighth is left, three eighths of what is kept.
    edge = lab.server.counter("mem_buf_large_total") * 7 // 8
    assert lab.server.counter("mem_buf_large_used") > edge - ON_THEIR_WAY
