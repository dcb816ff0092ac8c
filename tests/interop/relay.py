#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A relay of ours between an original's client and an original's server: AES-GCM on the one leg, chacha20 on
the other, hops on both, TCP and UDP, longer than an original's relay speaks.

    environment: KCPTUBE=path of an original binary; skipped without

    client, an original ══ relay ══ server, an original
"""

import os
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from kcptube import PASSWORD, start_original  # noqa: E402
from lab import DESTINATION, ENTRY, RELAY4, SERVER4, Lab, eventually, skip  # noqa: E402
import traffic  # noqa: E402

PORTS = "3000-3010"
BYTES = 5 << 20
TALK_S = int(os.environ.get("KG_TALK_S", "60"))  # an original hops after 20 s at the earliest


def serve(connection):
    first = connection.recv(1, socket.MSG_PEEK)
    (traffic.echo if first == b"e" else traffic.bulk)(connection)


binary = os.environ.get("KCPTUBE") or skip("no original to talk to (environment variable KCPTUBE)")
with Lab() as lab:
    relay = lab.relay({
        "name": "home", "mode": "relay", "kcp": "regular3", "encryption_password": PASSWORD,
        "listener": {"listen_port": PORTS, "encryption_algorithm": "AES-GCM"},
        "forwarder": {"destination_address": SERVER4, "destination_port": PORTS,
                      "encryption_algorithm": "chacha20", "dport_refresh": 5}})
    relay.start()
    originals = [
        start_original(lab, lab.server, binary, "chacha20", listen_port=PORTS),
        start_original(lab, lab.client, binary, "AES-GCM", destination_address=RELAY4,
                       destination_port=PORTS, dport_refresh=20)]
    with lab.server.ns:
        services = (traffic.serve_tcp(*DESTINATION, serve), traffic.serve_udp_echo(*DESTINATION))
    with lab.client.ns:
        traffic.tcp_download(*ENTRY, BYTES, timeout_s=90)
        traffic.tcp_upload(*ENTRY, BYTES, timeout_s=90)
        traffic.udp_echo(*ENTRY, timeout_s=10)
        end = time.monotonic() + TALK_S
        with traffic.connect(*ENTRY) as tcp, traffic.udp_socket(*ENTRY) as udp:
            while time.monotonic() < end:
                tcp.sendall(b"echo")
                assert traffic.receive_exactly(tcp, 4) == b"echo"
                traffic.echo_over(udp, range(1, 1401, 350))
                time.sleep(0.2)
    legs = relay.tunnels()
    assert legs["home.listener"]["peer_moves"] > 0, legs["home.listener"]
    assert legs["home.forwarder"]["hops_timer"] > 0, legs["home.forwarder"]
    for leg in legs.values():
        assert leg["messages_dropped"] == 0, leg
    eventually("channels end on both legs", lambda: all(
        row["protocol"] == "udp" for row in relay.channels()), 60)
    for process in originals:
        assert process.poll() is None, "an original has ended"
