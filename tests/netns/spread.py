#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A carrier caps each 5-tuple at a fifth of the path, or punishes those that have more for five seconds: a client
that spreads over eight of them has most of the path all the same, each way, every byte arrives, and the ledger
shows what passed on each. A timer alone has a fifth.

Sizes are for a busy machine; KG_PATH_MBIT names the path, KG_SECONDS how long each transfer takes if all of the
path is used, or all that the timer has. Each case has a lab of its own; where the path is no wider than that, all
are there at once, for they wait most of their time.

    client ── wire: 40 ms, PATH_MBIT each way, and a carrier ── server, 3000-3010
"""

import os
import struct
from concurrent.futures import ProcessPoolExecutor

from lab import DESTINATION, ENTRY, Lab
import traffic

PORTS = "3000-3010"
LIVE = 8
PATH_MBIT = float(os.environ.get("KG_PATH_MBIT", "20"))
SECONDS = float(os.environ.get("KG_SECONDS", "10"))
TUPLE_MBIT = PATH_MBIT / 5
AT_ONCE = 3 if PATH_MBIT <= 20 else 1
TUNNEL_BYTES = 1.062  # on the wire, for each of an application: of 1,514 in a frame 1,425 are its own
ROUND_TRIP_MS = 40


UP, DOWN = traffic.tcp_upload, traffic.tcp_download


def parts(lab, ways, mbit):
    """Of the path, what one transfer each way gets, beside a connection that keeps the 5-tuples. It takes SECONDS
    where so much passes."""
    size = int(mbit / 8 * 1e6 * SECONDS)
    whole_s = SECONDS * mbit / PATH_MBIT
    with lab.client.ns, traffic.connect(*ENTRY) as held:
        held.sendall(struct.pack("!cQ", b"d", 8))
        traffic.receive_exactly(held, 8)
        return [TUNNEL_BYTES * whole_s / way(*ENTRY, size, timeout_s=SECONDS * 20) for way in ways]


def show_ledger(box):
    """The rows; they are up to LIVE, and some of each is left."""
    rows = [row for row in box.paths() if "verdict" in row]
    for row in rows:
        print(f"  {row['local']} {row['state']} {row['verdict']}: acknowledged {row['acked_bytes']}, lost "
              f"{row['lost_bytes']}, received {row['received_bytes']}", flush=True)
    assert len(rows) <= LIVE
    return rows


def through(lab, carrier, name, start_boxes, ways=(UP, DOWN), mbit=PATH_MBIT):
    """Through a wire with this carrier, where so much is awaited; parts of the path."""
    with lab.server.ns:
        traffic.serve_tcp(*DESTINATION, traffic.bulk)
    start_boxes()
    lab.impair(ROUND_TRIP_MS, 0, 0, f"rate={PATH_MBIT}", f"{carrier}={TUPLE_MBIT}")
    got = parts(lab, ways, mbit)
    print(f"{carrier:8} {name:16} of {PATH_MBIT:g} Mbit/s, up and down:", *(f"{part:.2f}" for part in got),
          flush=True)
    return got


def between_boxes(carrier, spread):
    with Lab() as lab:
        lab.set_tunnels(kcp="regular3")
        lab.server.config["tunnels"][0].update(listen_port=PORTS)
        lab.client.config["tunnels"][0].update(destination_port=PORTS, spread=spread, dport_refresh=30)
        used = through(lab, carrier, f"spread {spread}" if spread else "timer 30 s", lab.start,
                       mbit=PATH_MBIT if spread else TUPLE_MBIT)
        counters = lab.server.tunnels()["home"], lab.client.tunnels()["home"]
        print(f"  server: {counters[0]['peer_moves']} moves; client: {counters[1]['paths_beside']} beside, "
              f"{counters[1]['policers']} policers, {counters[1]['hops_penalty']} left", flush=True)
        if spread:
            assert len(show_ledger(lab.client)) > 4
            assert counters[0]["peer_moves"] <= 2
        return used


if __name__ == "__main__":
    with ProcessPoolExecutor(AT_ONCE) as at_once:
        spread = [at_once.submit(between_boxes, carrier, LIVE) for carrier in ("cap", "penalty")]
        timer = at_once.submit(between_boxes, "cap", 0)
    for case in spread:
        assert min(case.result()) > 0.7
    assert max(timer.result()) < 0.3
