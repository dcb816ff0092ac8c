#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UDP services of the client box on ports of `local_ports` keep them, those that are there before the
start and those that bind later, when a channel has the port already; that channel goes on.

    client, 256 local ports, services on half of them ── wire asks them ── server
"""

from lab import CLIENT4, DESTINATION, ENTRY, Lab, eventually
import traffic

FIRST, LAST = 40000, 40255
EARLY = range(FIRST, LAST + 1, 2)

with Lab() as lab:
    lab.client.config["local_ports"] = f"{FIRST}-{LAST}"
    with lab.client.ns:
        services = [traffic.serve_udp_echo("0.0.0.0", port) for port in EARLY]
    lab.start()
    with lab.server.ns:
        services += [traffic.serve_echo(*DESTINATION)]

    def lost(ports):
        """Services that do not answer the wire."""
        silent = []
        for port in ports:
            with lab.wire, traffic.udp_socket(CLIENT4, port, timeout_s=1) as s:
                s.send(b"hello")
                try:
                    s.recv(10)
                except OSError:
                    silent.append(port)
        return silent

    def ports_in_use():
        """As the server sees them."""
        return {int(row["remote"].rsplit(":", 1)[1]) for row in lab.server.channels()}

    with lab.client.ns:
        connections = [traffic.connect(*ENTRY) for _ in range(60)]
        for c in connections:
            c.sendall(b"x")
            traffic.receive_exactly(c, 1)
    assert not ports_in_use() & set(EARLY), ports_in_use()
    assert not lost(EARLY), lost(EARLY)

    later = sorted(ports_in_use())[0]
    with lab.client.ns:
        # It has words of its own: to the server an echo would be its peer's old address, alive.
        services.append(traffic.serve_udp("0.0.0.0", later, lambda question: b"here"))
    eventually("the channels have left the port", lambda: later not in ports_in_use())
    assert not lost([later])
    with lab.client.ns:
        for c in connections:
            c.sendall(b"y")
            assert traffic.receive_exactly(c, 1) == b"y"
