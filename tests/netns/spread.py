#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A carrier caps each 5-tuple at a fifth of the path, or punishes those that have more for five seconds: a client
that spreads over eight of them has what the path gives without a carrier all the same, each way, every byte arrives,
none is punished, and the ledger shows what passed on each. A timer alone has a fifth, or is punished.

What is awaited are parts of what the same wire gives without a carrier in the same run, for a busy machine gives
less. KG_PATH_MBIT names the path, KG_SECONDS how long each transfer takes if all of the path is used, or all that the
timer has. Each case has a lab of its own; where the path is no wider than that, all are there at once, for they wait
most of their time.

    client ── wire: 40 ms, PATH_MBIT each way, and a carrier ── server, 3000-3010
"""

import os
import struct
import time
from concurrent.futures import ProcessPoolExecutor

from lab import DESTINATION, ENTRY, Lab
import traffic

PORTS = "3000-3010"
LIVE = 8
PATH_MBIT = float(os.environ.get("KG_PATH_MBIT", "20"))
SECONDS = float(os.environ.get("KG_SECONDS", "8"))
TUPLE_MBIT = PATH_MBIT / 5
TUNNEL_BYTES = 1.062  # on the wire, for each of an application: of 1,514 in a frame 1,425 are its own
ROUND_TRIP_MS = 40

# A carrier, 5-tuples at once, and of the path what is awaited at most.
CASES = {"open": ("none", LIVE, 1), "cap": ("cap", LIVE, 1), "penalty": ("penalty", LIVE, 1), "timer": ("cap", 0, 0.2)}
AT_ONCE = len(CASES) + 1 if PATH_MBIT <= 20 else 1
MOST, LITTLE = 0.6, 0.35  # of what there is without a carrier; a cap alone leaves 0.2

UP, DOWN = traffic.tcp_upload, traffic.tcp_download


def parts(lab, ways, awaited):
    """Of the path, what one transfer each way gets, beside a connection that keeps the 5-tuples. It takes SECONDS
    where it gets what is awaited."""
    size = int(PATH_MBIT * awaited / 8 * 1e6 * SECONDS)
    with lab.client.ns, traffic.connect(*ENTRY) as held:
        held.sendall(struct.pack("!cQ", b"d", 8))
        traffic.receive_exactly(held, 8)
        return [TUNNEL_BYTES * awaited * SECONDS / way(*ENTRY, size, timeout_s=SECONDS * 20) for way in ways]


def show_ledger(box):
    """The rows; they are up to LIVE, and some of each is left."""
    rows = [row for row in box.paths() if "verdict" in row]
    for row in rows:
        print(f"  {row['local']} {row['state']} {row['verdict']}: acknowledged {row['acked_bytes']}, lost "
              f"{row['lost_bytes']}, received {row['received_bytes']}", flush=True)
    assert len(rows) <= LIVE
    return rows


def punished_by(wire):
    """Ends it; 5-tuples that crawl, either way."""
    wire.terminate()
    return sum(int(line.split()[-2]) for line in wire.communicate(timeout=10)[0].splitlines())


def wire_of(lab, carrier):
    link = [] if carrier == "none" else [f"{carrier}={TUPLE_MBIT}"]
    return lab.impair(ROUND_TRIP_MS, 0, 0, f"rate={PATH_MBIT}", *link)


def through(lab, carrier, name, start_boxes, ways=(UP, DOWN), awaited=1):
    """Through a wire with this carrier, where so much of the path is awaited; its parts, and the wire."""
    with lab.server.ns:
        traffic.serve_tcp(*DESTINATION, traffic.bulk)
    start_boxes()
    wire = wire_of(lab, carrier)
    got = parts(lab, ways, awaited)
    print(f"{carrier:8} {name:16} of {PATH_MBIT:g} Mbit/s, up and down:", *(f"{part:.2f}" for part in got),
          flush=True)
    return got, wire


def set_up(lab, spread):
    lab.set_tunnels(kcp="regular3")
    lab.server.config["tunnels"][0].update(listen_port=PORTS)
    lab.client.config["tunnels"][0].update(destination_port=PORTS, spread=spread, dport_refresh=30)


def between_boxes(carrier, spread, awaited):
    """Parts of the path, and how many 5-tuples were punished."""
    with Lab() as lab:
        set_up(lab, spread)
        used, wire = through(lab, carrier, f"spread {spread}" if spread else "timer 30 s", lab.start, awaited=awaited)
        counters = lab.server.tunnels()["home"], lab.client.tunnels()["home"]
        if spread:
            assert len(show_ledger(lab.client)) > 4
            assert counters[0]["peer_moves"] <= 2
        punished = punished_by(wire)
        print(f"  server: {counters[0]['peer_moves']} moves; client: {counters[1]['paths_beside']} beside, "
              f"{counters[1]['policers']} policers, {counters[1]['hops_penalty']} left; {punished} punished",
              flush=True)
        return used, punished


def take_all(connection):
    while connection.recv(1 << 16):
        pass


def punished_without():
    """5-tuples that are punished in an upload that does not spread, while the others have theirs each way: one."""
    with Lab() as lab:
        set_up(lab, 0)
        with lab.server.ns:
            traffic.serve_tcp(*DESTINATION, take_all)
        lab.start()
        wire = wire_of(lab, "penalty")
        with lab.client.ns, traffic.connect(*ENTRY) as upload:
            end = time.monotonic() + 2 * SECONDS
            while time.monotonic() < end:
                upload.send(bytes(1 << 14))
        return punished_by(wire)


if __name__ == "__main__":
    with ProcessPoolExecutor(AT_ONCE) as at_once:
        running = {name: at_once.submit(between_boxes, *case) for name, case in CASES.items()}
        alone = at_once.submit(punished_without)
    found = {name: case.result() for name, case in running.items()}
    there = found["open"][0]
    for name in ("cap", "penalty"):
        assert all(part > MOST * most for part, most in zip(found[name][0], there)), name
    assert found["penalty"][1] == 0
    assert all(part < LITTLE * most for part, most in zip(found["timer"][0], there))
    assert alone.result() > 0, "this carrier does not punish"
