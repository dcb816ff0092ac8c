# SPDX-License-Identifier: BSD-3-Clause
"""A NAT between the boxes that gives the client another address when told to.

    client ── NAT, 198.19.0.251 … 254 ── server
"""

import itertools

MAPPINGS = ["198.19.0.254", "198.19.0.253", "198.19.0.252", "198.19.0.251"]


class Nat:
    """Rewrites addresses and nothing else; what comes to an old mapping ends here."""

    def __init__(self, lab):
        """Before the boxes start: they are on either side of it, and the client asks the server there."""
        lab.client.config["ports"][0].update(addresses=["198.18.0.1/24"], gateway=["198.18.0.254"])
        lab.server.config["ports"][0].update(addresses=["198.19.0.2/24"])
        lab.client.config["tunnels"][0].update(destination_address="198.19.0.2")
        self.ns = lab.host("nat", "198.18.0.254/24", *(f"{a}/24" for a in MAPPINGS))
        self.ns.sysctl("net.ipv4.ip_forward", 1)
        for link in ("all", "eth"):
            self.ns.sysctl(f"net.ipv4.conf.{link}.send_redirects", 0)
        self.mappings = itertools.cycle(MAPPINGS)
        self.rebind()

    def rebind(self):
        outside = next(self.mappings)
        self.ns.run("nft", "-f", "-", input=f"""
            table ip nat {{ }}
            delete table ip nat
            table ip nat {{
                chain out {{ type filter hook postrouting priority 300
                    ip saddr 198.18.0.1 udp dport 3000 ip saddr set {outside}
                }}
                chain in {{ type filter hook prerouting priority -300
                    udp sport 3000 ip daddr {outside} ip daddr set 198.18.0.1
                }}
            }}""")

    def rebind_until(self, done, every_s):
        while not done.wait(every_s):
            self.rebind()
