#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams of an original's applications overtake a lost one at a box with "udp_order": "arrival".

    environment: KCPTUBE=path of an original binary; skipped without

    client, an original ── wire that loses one long datagram ── server
"""

import queue
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from kcptube import lab_with_original, start_original  # noqa: E402
from udp_order import LONG, SHORT, order_of_two, serve  # noqa: E402

with lab_with_original("client", "KCPTUBE", "AES-GCM", udp_order="arrival") as (lab, theirs, ours,
                                                                                binary):
    ours.start()
    start_original(lab, theirs, binary, "AES-GCM")
    got = queue.Queue()
    service = serve(lab, got)
    assert order_of_two(lab, got) == [SHORT, LONG]
    service.close()
