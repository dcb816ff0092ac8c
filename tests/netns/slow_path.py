#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Linux still answers for the box's addresses through the TAP while the tunnel is under load: ARP,
ND, ping with IPv4 and IPv6, SSH, and UDP that is nobody's tunnel.

    client ── bridge with addresses, asks ── server: ping, sshd, UDP on the box's own address
"""

import threading

from lab import DESTINATION, ENTRY, SERVER4, SERVER6, Lab, eventually
from sshd import Sshd
import traffic

with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = [traffic.serve_echo(*DESTINATION), traffic.serve_udp_echo(SERVER4, 5555)]
    sshd = Sshd(lab, lab.server.ns, SERVER4)
    stop = threading.Event()

    def load():
        with lab.client.ns:
            while not stop.is_set():
                traffic.tcp_echo(*ENTRY, 2_000_000)

    loader = threading.Thread(target=load, daemon=True)
    loader.start()
    eventually("the tunnel is loaded", lambda: lab.server.counter("delivered") > 2000)

    punted = lab.server.counter("punted")
    for address in (SERVER4, SERVER6):
        # Twice, the second time after the wire has forgotten the neighbour: ARP and ND are asked anew.
        for _ in range(2):
            lab.wire.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "5", address)
            lab.wire.ip("neighbour", "flush", "dev", "switch")
    assert sshd.run(lab.wire, SERVER4, "echo it works") == "it works\n"
    with lab.wire:
        traffic.udp_echo(SERVER4, 5555, sizes=range(1, 1400, 50))
    assert lab.server.counter("punted") - punted > 30
    assert lab.server.counter("from_kernel") > 30

    stop.set()
    loader.join(60)
    assert not loader.is_alive(), "the load did not survive"
