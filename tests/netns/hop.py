#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Paths hop over eleven ports and two addresses of the server under continuous TCP and UDP: nothing is
lost. Where the wire loses, TCP is still whole. A port that dies in the middle of a stream is left at once,
and rests. KG_DPORT_REFRESH names another interval than two or three seconds, KG_SECONDS how long applications
talk at least.

    client ── wire, which can lose, or drop a port ── server, 3000-3010 at an IPv4 and an IPv6 address
"""

import os
import re
import time

from lab import DESTINATION, ENTRY, SERVER4, SERVER6, Lab, eventually
from wire import Sniffer
import traffic

PORTS = range(3000, 3011)
DPORT_REFRESH = os.environ.get("KG_DPORT_REFRESH", "2-3")
SECONDS = float(os.environ.get("KG_SECONDS", "0"))
HOPS = 2  # of each channel
EVERY_S = 0.01
PATIENCE_S = 100


def hops(lab, reason):
    return lab.client.tunnels()["home"][f"hops_{reason}"]


class Conversation:
    """A word each way on each of the sockets, again and again; what is left out would be seen. The longest
    time that an answer took beyond the pause between words is what a hop costs."""

    def __init__(self, tcp, udp=None):
        self.tcp, self.udp, self.number, self.longest_s = tcp, udp, 0, 0

    def ask(self):
        word = self.number.to_bytes(8, "big") * 8
        begin = time.monotonic()
        self.tcp.sendall(word)
        if self.udp:
            self.udp.send(word)
        assert traffic.receive_exactly(self.tcp, len(word)) == word
        if self.udp:
            assert self.udp.recv(2048) == word, f"datagram {self.number} was lost"
        self.longest_s = max(self.longest_s, time.monotonic() - begin)
        self.number += 1
        time.sleep(EVERY_S)

    def ask_until(self, done):
        begin = time.monotonic()
        while time.monotonic() < begin + SECONDS or not done():
            assert time.monotonic() < begin + SECONDS + PATIENCE_S, "paths do not hop"
            self.ask()
        for _ in range(20):
            self.ask()


def hop_on_time(lab):
    with (lab.client.ns, traffic.connect(*ENTRY) as tcp, traffic.udp_socket(*ENTRY) as udp,
          Sniffer(lab.wire, "to-server") as sniffer):
        conversation = Conversation(tcp, udp)
        conversation.ask_until(lambda: hops(lab, "timer") >= 2 * HOPS)
    ways = {(p.version, p.udp_source, p.udp_destination)
            for p in sniffer.packets() if p.udp_destination in PORTS}
    assert len({source for _, source, _ in ways}) >= 2 + 2 * HOPS, ways
    assert lab.client.drops("conv_unknown") == 0
    print(f"{conversation.number} words and datagrams, {2 * HOPS} hops; longest answer "
          f"{conversation.longest_s * 1000:.1f} ms")


def hop_while_the_wire_loses(lab, percent):
    lab.lose(percent)
    before = hops(lab, "timer")
    with lab.client.ns, traffic.connect(*ENTRY) as tcp:
        conversation = Conversation(tcp)
        conversation.ask_until(lambda: hops(lab, "timer") >= before + HOPS)
    lab.wire.run("nft", "flush", "ruleset")
    print(f"{percent} % lost: {conversation.number} words whole; longest answer "
          f"{conversation.longest_s * 1000:.1f} ms")


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
        lab.client.wait_log(rf"home: hops from \S+:{dead} to \S+, local port \d+ \(silence\)")
        assert any(row["state"] == "current" and row["users"] and not row["remote"].endswith(f":{dead}")
                   for row in lab.client.paths()), lab.client.paths()
    assert hops(lab, "silence") > 0


with Lab() as lab:
    lab.client.config["tunnels"][0].update(
        destination_address=[SERVER4, SERVER6], destination_port="3000-3010",
        dport_refresh=DPORT_REFRESH)
    lab.server.config["tunnels"][0].update(listen_port="3000-3010")
    lab.start()
    with lab.server.ns:
        traffic.serve_echo(*DESTINATION)
    hop_on_time(lab)
    hop_while_the_wire_loses(lab, 3)
    lab.client.stop()
    lab.client.config["tunnels"][0]["dport_refresh"] = 3000
    lab.client.start()
    leave_a_dead_port(lab)
