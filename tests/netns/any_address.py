#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`0.0.0.0` and `::` mean any address of their family, for a client's applications and for a server's
tunnel. UDP is answered from the address that was asked.

    client, listens on 0.0.0.0 and ::    ── wire ──    server, listens on 0.0.0.0 and ::
"""

from lab import CLIENT4, DESTINATION, SERVER6, Lab, tunnel
import traffic

with Lab() as lab:
    for box in lab.boxes:
        box.config["tunnels"][0]["listen_on"] = "0.0.0.0,::"
    lab.client.config["tunnels"].append(
        tunnel("client", name="six", listen_on="::", listen_port=6001,
               destination_address=f"[{SERVER6}]"))
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        for entry in (("127.0.0.1", 6000), ("127.0.0.5", 6000), (CLIENT4, 6000), ("::1", 6000),
                      ("::1", 6001)):
            traffic.tcp_echo(*entry, 100_000)
            traffic.udp_echo(*entry, sizes=range(1, 1000, 100))
    with lab.client.ns, traffic.udp_socket("127.0.0.1", 6001) as s:
        s.send(b"to a family that is not listened on")
        try:
            s.recv(100)
            raise AssertionError("IPv4 came in at ::")
        except ConnectionRefusedError:
            pass
