#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A long datagram is lost once, and a short one is sent behind it. With "udp_order": "arrival" the
application gets the short one first; with "sequence", the default, it waits. On a channel of its own and
on a mux channel.

    client ── wire that loses one long datagram ── server
"""

import queue

from lab import DESTINATION, ENTRY, Lab
import traffic

LONG, SHORT = b"l" * 1200, b"s" * 300  # too long for one datagram of the tunnel


def lose_one_long(lab):
    lab.wire.run("nft", "-f", "-", input="""
        table netdev order { chain ingress {
            type filter hook ingress device to-client priority 0;
            udp length > 1200 quota until 2000 bytes counter drop
        }
        }""")


def order_of_two(lab, got):
    """What the server's application gets, of both, which is first the one and then the other."""
    with lab.client.ns, traffic.udp_socket(*ENTRY, timeout_s=20) as flow:
        flow.send(b"begin")
        assert got.get(timeout=20) == b"begin"
        lose_one_long(lab)
        flow.send(LONG)
        flow.send(SHORT)
        order = [got.get(timeout=20), got.get(timeout=20)]
    assert "packets 1 " in lab.wire.run("nft", "list", "table", "netdev", "order")
    return order


def serve(lab, got):
    def note(datagram):
        got.put(datagram)
        return datagram

    with lab.server.ns:
        return traffic.serve_udp(*DESTINATION, note)


def main():
    for settings, mux, expected in (({}, 0, [LONG, SHORT]),
                                    ({"udp_order": "arrival"}, 0, [SHORT, LONG]),
                                    ({"udp_order": "arrival"}, 1, [SHORT, LONG])):
        with Lab() as lab:
            lab.set_tunnels(pmtu=1500, **settings)
            lab.client.config["tunnels"][0].update(mux_tunnels=mux)
            lab.start()
            got = queue.Queue()
            service = serve(lab, got)
            order = order_of_two(lab, got)
            assert order == expected, (settings, mux, [len(d) for d in order])
            service.close()


if __name__ == "__main__":
    main()
