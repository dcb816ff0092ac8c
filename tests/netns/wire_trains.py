#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a box sends together leaves an AF_XDP port as one frame, which Linux cuts: every byte arrives as it was
sent, over IPv4 and IPv6, whether an interface sums or Linux has to, and no frame is longer than the wire. An
AF_PACKET port has no trains.

    client ── wire ── server
"""

import os

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, check_balance, skip, tunnel
import traffic

BYTES = 3_000_000
SIX = (ENTRY[0], 6001)


def count_frames(lab):
    """All frames on the wire, and those that are longer than it."""
    lab.wire.run("nft", "-f", "-", input="""
        table bridge seen { counter frames { }; counter long { }
            chain forward { type filter hook forward priority 0;
                counter name frames; meta length > 1500 counter name long
            }
        }""")


def counted(lab, name):
    words = lab.wire.run("nft", "list", "counter", "bridge", "seen", name).split()
    return int(words[words.index("packets") + 1])


def know_the_path(lab, at, client, server):
    """Until its width is known datagrams may leave in pieces."""
    traffic.tcp_echo(*at, 100_000)
    lab.client.wait_log(rf"pass to {server} \(probed\)")
    lab.server.wait_log(rf"pass to {client} \(probed\)")


def run(pmd, sums):
    with Lab(pmd) as lab:
        lab.client.config["tunnels"].append(tunnel("client", name="six", listen_port=SIX[1],
                                                   destination_address=SERVER6, destination_port=3001))
        lab.server.config["tunnels"].append(tunnel("server", name="six", listen_port=3001))
        for box in lab.boxes:
            box.ns.run("ethtool", "-K", "wan", "tx", "on" if sums else "off")
        lab.start()
        count_frames(lab)
        with lab.server.ns:
            services = traffic.serve_echo(*DESTINATION)
        with lab.client.ns:
            for at, *ends in ((ENTRY, CLIENT4, SERVER4), (SIX, CLIENT6, SERVER6)):
                know_the_path(lab, at, *ends)
                before = [box.stats().get("tx_in_trains", 0) for box in lab.boxes]
                traffic.tcp_echo(*at, BYTES)
                for box, was in zip(lab.boxes, before):
                    gained = box.counter("tx_in_trains") - was
                    assert (gained > 100) == (pmd == "net_af_xdp0"), (pmd, box.role, at, gained)
        del services
        for box in lab.boxes:
            assert box.drops("udp_checksum") == box.drops("ip_checksum") == 0, box.all_drops()
            check_balance(box)
        assert counted(lab, "frames") > 2 * BYTES // 1500 and counted(lab, "long") == 0


if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 2):
    skip("Linux before 6.2 cuts no UDP of a packet socket")
run("net_af_xdp0", True)
run("net_af_xdp0", False)
run("net_af_packet0", True)
