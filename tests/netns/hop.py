#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Paths hop over eleven ports and two addresses of the server under continuous TCP and UDP: nothing is
lost. A port that dies in the middle of a stream is left at once, and rests.

    client ── wire, which can drop a port ── server, 3000-3010 at an IPv4 and an IPv6 address
"""

import re
import time

from lab import DESTINATION, ENTRY, SERVER4, SERVER6, Lab, eventually
from wire import Sniffer
import traffic

PORTS = range(3000, 3011)
HOPS = 4  # of two channels
EVERY_S = 0.01


def hops(lab, reason):
    return lab.client.tunnels()["home"][f"hops_{reason}"]


def ask(tcp, udp, number):
    """One word each way on both; the datagram must come back, too."""
    word = number.to_bytes(8, "big") * 8
    tcp.sendall(word)
    udp.send(word)
    assert traffic.receive_exactly(tcp, len(word)) == word
    assert udp.recv(2048) == word, f"datagram {number} was lost"


def hop_on_time(lab):
    with (lab.client.ns, traffic.connect(*ENTRY) as tcp, traffic.udp_socket(*ENTRY) as udp,
          Sniffer(lab.wire, "to-server") as sniffer):
        number, end = 0, time.monotonic() + 60
        while hops(lab, "timer") < HOPS:
            assert time.monotonic() < end, "paths do not hop"
            ask(tcp, udp, number)
            number += 1
            time.sleep(EVERY_S)
        for more in range(number, number + 20):
            ask(tcp, udp, more)
    ways = {(p.version, p.udp_source, p.udp_destination)
            for p in sniffer.packets() if p.udp_destination in PORTS}
    assert len({source for _, source, _ in ways}) >= 2 + HOPS, ways
    assert lab.client.drops("conv_unknown") == 0
    assert hops(lab, "silence") == 0


def port_of_channel(lab):
    """Where the only TCP channel's datagrams go."""
    rows = [row for row in lab.client.channels() if row["protocol"] == "tcp"]
    return int(re.search(r":(\d+)$", rows[0]["remote"])[1])


def leave_a_dead_port(lab):
    with lab.client.ns, traffic.connect(*ENTRY) as tcp:
        tcp.sendall(b"before")
        assert traffic.receive_exactly(tcp, 6) == b"before"
        eventually("one TCP channel", lambda: len(
            [row for row in lab.client.channels() if row["protocol"] == "tcp"]) == 1, 60)
        dead = port_of_channel(lab)
        lab.wire.run("nft", "-f", "-", input=f"""
            table bridge dead {{ chain forward {{ type filter hook forward priority 0;
                udp dport {dead} drop
                udp sport {dead} drop
            }}
            }}""")
        begin = time.monotonic()
        tcp.sendall(b"after")
        assert traffic.receive_exactly(tcp, 5) == b"after"
        print(f"port {dead} died: on after {time.monotonic() - begin:.2f} s")
        assert port_of_channel(lab) != dead
    assert hops(lab, "silence") > 0


with Lab() as lab:
    lab.client.config["tunnels"][0].update(
        destination_address=[SERVER4, SERVER6], destination_port="3000-3010",
        dport_refresh="2-3")
    lab.server.config["tunnels"][0].update(listen_port="3000-3010")
    lab.start()
    with lab.server.ns:
        traffic.serve_echo(*DESTINATION)
    hop_on_time(lab)
    lab.client.stop()
    lab.client.config["tunnels"][0]["dport_refresh"] = 3000
    lab.client.start()
    leave_a_dead_port(lab)
