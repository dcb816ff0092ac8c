#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original kcptube at the other end of mux channels: a hundred short connections, one after the
other and some beside each other, while a long one goes on; UDP; when the original is the server, one
that speaks first (an original's client tells nobody of a connection before it has data). Then all is
silent for longer than an original keeps a mux channel that says nothing. (The first word in a channel
is always the client's; one that an original has not used yet comes and goes.)

    mux.py client|server COUNT      which end the original is, mux_tunnels
    environment: KCPTUBE=path of an original binary; skipped without
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab import DESTINATION, ENTRY, eventually  # noqa: E402
import traffic  # noqa: E402
from kcptube import MEGABYTE, lab_with_original, start_original  # noqa: E402

ALGORITHM = "AES-GCM"
SHORT = 100
BESIDE = 5          # short connections at a time
LONG_BYTES = 4 * MEGABYTE
SILENCE_S = 36      # an original gives up a mux channel after 31


def greet_and_serve(connection):
    """Says something first, then serves one transfer."""
    connection.sendall(greeting)
    traffic.bulk(connection)


def short_connections(number):
    for i in range(number, SHORT, BESIDE):
        with traffic.connect(*ENTRY, 20) as s:
            assert traffic.receive_exactly(s, len(greeting)) == greeting
            data = os.urandom(1 + 37 * i)
            s.sendall(b"u" + len(data).to_bytes(8, "big") + data)
            assert traffic.receive_exactly(s, 32) == traffic.digest(data), f"connection {i}"


def long_connection():
    data = os.urandom(LONG_BYTES)
    with traffic.connect(*ENTRY, 60) as s:
        assert traffic.receive_exactly(s, len(greeting)) == greeting
        s.sendall(b"u" + len(data).to_bytes(8, "big"))
        for at in range(0, LONG_BYTES, 1 << 16):
            s.sendall(data[at:at + (1 << 16)])
            time.sleep(0.05)
        assert traffic.receive_exactly(s, 32) == traffic.digest(data), "the long connection"


def has_channels():
    return ours.tunnels()["home"]["mux_channels"] == count


def start_until_it_speaks():
    """An original's client forgets every other time to send what it has to say at its start."""
    more = {"mux_tunnels": count} if role == "client" else {}
    for _ in range(20):
        process = start_original(lab, theirs, binary, ALGORITHM, **more)
        try:
            eventually(f"{count} mux channels", has_channels, 3)
            return process
        except AssertionError:
            process.kill()
            process.wait()
            theirs.ns.ip("address", "flush", "dev", "wan")
    raise AssertionError("no mux channels")


role, count = sys.argv[1], int(sys.argv[2])
greeting = b"hello" if role == "server" else b""
with lab_with_original(role, "KCPTUBE", ALGORITHM) as (lab, theirs, ours, binary):
    lab.client.config["tunnels"][0]["mux_tunnels"] = count
    ours.start()
    process = start_until_it_speaks()
    with lab.server.ns:
        services = (traffic.serve_tcp(*DESTINATION, greet_and_serve),
                    traffic.serve_udp_echo(*DESTINATION))
    lab.client.ns.side_by_side((long_connection,), *((short_connections, n) for n in range(BESIDE)))
    with lab.client.ns:
        traffic.udp_echo(*ENTRY, timeout_s=20)
    tunnel = ours.tunnels()["home"]
    assert tunnel["streams_opened"] == SHORT + 2, tunnel
    eventually("only the UDP flow is left", lambda: ours.tunnels()["home"]["streams"] == 1, 30)

    time.sleep(SILENCE_S)
    lab.client.ns.side_by_side((short_connections, SHORT - 1))
    eventually("the last one has ended", lambda: ours.tunnels()["home"]["streams"] == 1, 30)
    tunnel = ours.tunnels()["home"]
    assert tunnel["streams"] == 1, f"the UDP flow's channel did not outlive silence: {tunnel}"
    if role == "server":
        assert tunnel["channels_opened"] == count, f"nor did another: {tunnel}"
    assert tunnel["messages_dropped"] == 0 and tunnel["datagrams_dropped"] == 0, tunnel
    assert process.poll() is None, "the original has ended"
    del services
