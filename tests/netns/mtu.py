#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""At MTU 1500 full-size TCP both ways and datagrams of 1 … 4000 bytes make no IP fragments, no
packet over 1500 bytes, and use nearly all of the 1500.

    client ── bridge, every frame looked at ── server
"""

from lab import DESTINATION, ENTRY, SERVER4, SERVER6, Lab, tunnel
from wire import Sniffer
import traffic

with Lab() as lab:
    lab.client.config["tunnels"] = [
        tunnel("client", mtu=1500),
        tunnel("client", name="six", mtu=1500, destination_address=SERVER6, listen_port=6001,
               destination_port=3001)]
    lab.server.config["tunnels"] = [
        tunnel("server", mtu=1500), tunnel("server", name="six", mtu=1500, listen_port=3001)]
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    assert lab.client.config["tunnels"][0]["destination_address"] == SERVER4

    for entry, version in ((ENTRY, 4), ((ENTRY[0], 6001), 6)):
        with Sniffer(lab.wire, "to-server") as sniffer, lab.client.ns:
            traffic.tcp_echo(*entry, 3_000_000)
            traffic.udp_echo(*entry, sizes=[*range(1, 1401, 7), 1400, *range(1401, 4000, 97), 4000])
        packets = [p for p in sniffer.packets() if p.version == version]
        assert len(packets) > 4000, f"only {len(packets)} packets were seen"
        assert not any(p.fragment for p in packets), "there are IP fragments on the wire"
        for up in (True, False):
            longest = max(p.length for p in packets
                          if (p.udp_destination if up else p.udp_source) in (3000, 3001))
            assert 1400 <= longest <= 1500, f"longest packet has {longest} bytes"
    for box in lab.boxes:
        assert box.drops("tx_full") == 0 and box.drops("datagram_size") == 0
