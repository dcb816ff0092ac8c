#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A wire that loses frames, and boxes with forward error correction: the payload is whole, parity has
brought back most of what was lost, and both boxes believe each other from the first group on. What
channels have counted stays in their tunnel's sum when they go.

    client ── bridge, drops 3 %, then 10 % ── server      fec 10:3
"""

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

BYTES = 5_000_000


def total(rows, name):
    return sum(row[name] for row in rows)


def check(lab):
    """Returns what all channels of each box have recovered."""
    sums = []
    for box in lab.boxes:
        rows = box.channels()
        assert total(rows, "fec_parity_received") > 100, f"{box.role} has no parity: {rows}"
        assert total(rows, "fec_recovered") > 10, f"{box.role} recovered nothing: {rows}"
        for name in ("fec_refused", "fec_peer_wrong"):
            assert total(rows, name) == 0, f"{box.role} mistrusts the other: {name}, {rows}"
        missing, recovered = total(rows, "fec_missing"), total(rows, "fec_recovered")
        print(f"{box.role}: recovered {recovered}, missing {missing}, resent by time-out "
              f"{total(rows, 'resent_timeout')}, fast {total(rows, 'resent_fast')}")
        assert recovered > missing, f"{box.role} gives up more than it recovers: {rows}"
        sums.append(recovered)
    return sums


with Lab() as lab:
    lab.set_tunnels(fec="10:3")
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    for percent in (3, 10):
        lab.lose(percent)
        with lab.client.ns:
            traffic.tcp_echo(*ENTRY, BYTES, percent)
            traffic.udp_echo(*ENTRY, timeout_s=20)
            flow = traffic.connect(*ENTRY)
            for _ in range(20):
                flow.sendall(b"x" * 100_000)
                traffic.receive_exactly(flow, 100_000)
        recovered = check(lab)  # while the flow's channel is there
        flow.close()
        lab.wire.run("nft", "delete", "table", "bridge", "loss")
    for box in lab.boxes:
        eventually(f"{box.role} has closed its TCP channels",
                   lambda: all(row["protocol"] == "udp" for row in box.channels()), 20)
        assert box.drops("fec_malformed") == 0
    for box, of_channels in zip(lab.boxes, recovered):
        row, = box.tunnels().values()
        assert row["fec"] == "10:3"
        assert row["fec_recovered"] >= of_channels > total(box.channels(), "fec_recovered"), row
        assert row["fec_parity_received"] > row["fec_recovered"] and row["fec_peer_wrong"] == 0, row
