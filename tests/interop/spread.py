#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original server knows a client that spreads for one, answers where it has heard it last, and sends what it is
granted: where a carrier caps each 5-tuple, or punishes it, a transfer has most of what it has without, each way
(netns/spread.py has the wire).

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
    """The parts of the path that an upload and a download have, and how many 5-tuples were punished."""
    with lab_with_original("server", "KCPTUBE", "AES-GCM") as (lab, theirs, ours, binary):
        ours.config["tunnels"][0].update(destination_port=netns_spread.PORTS, spread=netns_spread.LIVE,
                                         dport_refresh=30)
        running = []

        def start():
            ours.start()
            running.append(start_original(lab, theirs, binary, "AES-GCM", listen_port=netns_spread.PORTS))

        used, wire = netns_spread.through(lab, carrier, "original server", start)
        netns_spread.show_ledger(ours)
        assert running[0].poll() is None, "the original has ended"
        return used, netns_spread.punished_by(wire)


there = with_original("none")[0]
for of in ("cap", "penalty"):
    parts, punished = with_original(of)
    assert all(part > netns_spread.MOST * most for part, most in zip(parts, there)), of
    assert of == "cap" or punished == 0
