#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client with the wrong password gets nothing: the server counts auth_failed, opens no channel and
stays silent, and the client closes the application's connection when the handshake times out.

    client, wrong password ── wire ── server
"""

from lab import DESTINATION, ENTRY, Lab, eventually
from wire import Sniffer
import traffic

with Lab() as lab:
    lab.client.config["tunnels"][0]["encryption_password"] = "not the same"
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns, Sniffer(lab.wire, "to-server") as sniffer:
        flow = traffic.connect(*ENTRY, timeout_s=45)
        flow.sendall(b"hello")
        eventually("auth_failed is counted", lambda: lab.server.drops("auth_failed") >= 3)
        assert not lab.server.channels() and lab.server.counter("delivered") == 0
        try:
            assert flow.recv(1) == b""
        except ConnectionResetError:
            pass
    assert not [p for p in sniffer.packets() if p.udp_source == 3000], "the server answered"
    lab.client.wait_log(r"(?i)no answer|handshake")
    eventually("the client's channel is gone", lambda: not lab.client.channels())
