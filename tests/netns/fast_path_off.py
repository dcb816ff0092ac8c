#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UDP of applications behind the ports that must not go past Linux: a tunnel that is told so, and
applications who know the box by an address translation of Linux's.

    near 198.18.0.11 ── client 198.18.0.1 ══ server 198.18.0.2 ── far 198.18.0.12
"""

from lab import CLIENT4, Lab, skip, tunnel
import traffic

FAR = "198.18.0.12"
SIZES = range(1, 1401, 50)

with Lab() as lab:
    near, far = lab.host("near", "198.18.0.11/24"), lab.host("far", f"{FAR}/24")
    lab.client.config["tunnels"] = [
        tunnel("client", name="off", fast_path=False),
        tunnel("client", name="on", listen_port=6001, destination_port=3001)]
    lab.server.config["tunnels"] = [
        tunnel("server", name="off", fast_path=False, destination_address=FAR),
        tunnel("server", name="on", listen_port=3001, destination_address=FAR)]
    lab.start()
    with far:
        service = traffic.serve_udp_echo(FAR, 7000)

    def echo(port):
        """What of it went by the wire: received and sent by client and server."""
        before = [box.counter(name) for box in lab.boxes for name in ("app_rx", "app_tx")]
        with near:
            traffic.udp_echo(CLIENT4, port, SIZES, window=1)
        after = [box.counter(name) for box in lab.boxes for name in ("app_rx", "app_tx")]
        return [b - a for a, b in zip(before, after)]

    assert echo(6000) == [0, 0, 0, 0]
    assert min(echo(6001)) > len(SIZES) / 2

    try:
        lab.client.ns.run("nft", "-f", "-", input="""
            table ip other { chain door { type nat hook prerouting priority dstnat;
                udp dport 6100 redirect to :6001
            }
            }""")
    except AssertionError as error:
        skip(f"no address translation here: {error}")
    # The answers come back from port 6100, or the application's socket would not take them.
    assert echo(6100)[:2] == [0, 0]
