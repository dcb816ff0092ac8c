#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A server behind a NAT that forgets what was silent for 30 s asks a STUN server so often that a client
finds it there after a longer silence.

    client ── NAT, 198.19.0.254 ── server
         └─ coturn on 198.19.0.9
"""

import time

from lab import DESTINATION, ENTRY, TUNNEL_PORT, Lab, eventually
import servers
import traffic

OUTSIDE, INSIDE, COTURN = "198.19.0.254", "198.18.0.2", "198.19.0.9"
FORGETS_S = 30


class Nat:
    """Keeps ports, and lets in whoever speaks to one that has spoken lately."""

    def __init__(self, lab):
        self.ns = lab.host("nat", "198.18.0.254/24", f"{OUTSIDE}/24")
        self.ns.sysctl("net.ipv4.ip_forward", 1)
        for link in ("all", "eth"):
            self.ns.sysctl(f"net.ipv4.conf.{link}.send_redirects", 0)
        self.ns.run("nft", "-f", "-", input=f"""
            table ip nat {{
                set bindings {{ type inet_service; flags dynamic, timeout; timeout {FORGETS_S}s; size 64; }}
                chain out {{ type filter hook postrouting priority 300;
                    ip saddr {INSIDE} meta l4proto udp update @bindings {{ udp sport }} ip saddr set {OUTSIDE}
                }}
                chain in {{ type filter hook prerouting priority -300;
                    ip daddr {OUTSIDE} udp dport @bindings ip daddr set {INSIDE}
                }}
            }}""")

    def bindings(self):
        return self.ns.run("nft", "list", "set", "ip", "nat", "bindings")


def configure(lab):
    lab.client.config["ports"][0].update(addresses=["198.19.0.1/24"])
    lab.server.config["ports"][0].update(addresses=[f"{INSIDE}/24"], gateway=["198.18.0.254"])
    lab.client.config["tunnels"][0].update(destination_address=OUTSIDE)
    lab.server.config["tunnels"][0].update(stun_server=COTURN)


def serve_stun(lab):
    servers.stun(lab, lab.host("coturn", f"{COTURN}/24"), COTURN)


with Lab() as lab:
    nat = Nat(lab)
    configure(lab)
    serve_stun(lab)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    lab.server.wait_log(rf"home: from outside its port is {OUTSIDE}:{TUNNEL_PORT}\n", 60)
    known = time.monotonic()
    eventually("what was silent would be forgotten", lambda: time.monotonic() > known + FORGETS_S + 1,
               FORGETS_S + 60)
    assert f"{TUNNEL_PORT} " in nat.bindings(), nat.bindings()
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)
        traffic.udp_echo(*ENTRY, sizes=range(1, 100))
