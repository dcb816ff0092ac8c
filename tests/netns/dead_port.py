#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One of the server's three ports is dead from the beginning. New connections that ask there first ask at
another port soon, and nothing is opened twice.

    client ── wire, which drops 3001 ── server, 3000-3002
"""

import time

from lab import DESTINATION, ENTRY, Lab
import traffic

CONNECTIONS = 20
PATIENCE_S = 15  # a handshake that asks at one port only is given up after 30 s


def connect():
    begin = time.monotonic()
    traffic.tcp_echo(*ENTRY, 100, timeout_s=PATIENCE_S)
    return time.monotonic() - begin


def serve(connection):
    opened.append(connection)
    traffic.echo(connection)


opened = []
with Lab() as lab:
    lab.client.config["tunnels"][0].update(destination_port="3000-3002", dport_refresh=0)
    lab.server.config["tunnels"][0].update(listen_port="3000-3002")
    lab.start()
    lab.wire.run("nft", "-f", "-", input="""
        table bridge dead { chain forward { type filter hook forward priority 0;
            udp dport 3001 counter drop
        }
        }""")
    with lab.server.ns:
        service = traffic.serve_tcp(*DESTINATION, serve)
    with lab.client.ns:
        times = [connect() for _ in range(CONNECTIONS)]
    print(f"{CONNECTIONS} connections, the slowest after {max(times):.2f} s")
    assert len(opened) == CONNECTIONS, f"{len(opened)} connections at the destination"
    assert "packets 0" not in lab.wire.run("nft", "list", "ruleset"), "nobody met the dead port"
