#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original server knows a client that spreads for one, and answers where it has heard it last: where a carrier
caps each 5-tuple, or punishes it, an upload has most of what it has without (netns/spread.py has the wire). What an
original sends itself has no pace and dies in short queues, with a carrier and without.

    environment: KCPTUBE=path of an original binary; skipped without
"""

import importlib.util
from pathlib import Path

from kcptube import lab_with_original, start_original

SPEC = importlib.util.spec_from_file_location(
    "netns_spread", Path(__file__).resolve().parents[1] / "netns" / "spread.py")
netns_spread = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(netns_spread)


def with_original(carrier):
    """The part of the path that an upload has, and how many 5-tuples were punished."""
    with lab_with_original("server", "KCPTUBE", "AES-GCM") as (lab, theirs, ours, binary):
        ours.config["tunnels"][0].update(destination_port=netns_spread.PORTS, spread=netns_spread.LIVE,
                                         dport_refresh=30)
        running = []

        def start():
            ours.start()
            running.append(start_original(lab, theirs, binary, "AES-GCM", listen_port=netns_spread.PORTS))

        used, wire = netns_spread.through(lab, carrier, "original server", start, [netns_spread.UP])
        netns_spread.show_ledger(ours)
        assert running[0].poll() is None, "the original has ended"
        return used[0], netns_spread.punished_by(wire)


there = with_original("none")[0]
for of in ("cap", "penalty"):
    part, punished = with_original(of)
    assert part > netns_spread.MOST * there, of
    assert of == "cap" or punished == 0
