#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a box with "udp_deadline" sends in the place of a datagram that is too old an original passes over:
its application gets the next one, and nothing empty or late.

    udp_deadline.py client|server COUNT      which end the original is, mux_tunnels
    environment: KCPTUBE=path of an original binary; skipped without

    client ── wire that is cut for a while ── server
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from kcptube import lab_with_original, run_original, start_original  # noqa: E402
from udp_deadline import DEADLINE_MS, lost_does_not_come_late, open_flow  # noqa: E402

TIMES = 5
STARTS = 4  # a client of v0.7.4 with mux_tunnels passes nothing after some of them
role, count = sys.argv[1], int(sys.argv[2])
with lab_with_original(role, "KCPTUBE", "AES-GCM", pmtu=1500,
                       udp_deadline=DEADLINE_MS) as (lab, theirs, ours, binary):
    lab.client.config["tunnels"][0]["mux_tunnels"] = count
    ours.start()
    more = {"mux_tunnels": count} if role == "client" else {}
    process = start_original(lab, theirs, binary, "AES-GCM", **more)
    for _ in range(STARTS - 1):
        if (flow := open_flow(lab, 10)) is not None:
            break
        process.kill()
        process.wait()
        process = run_original(lab, theirs, binary)
    application, service = flow or open_flow(lab)
    ends = (application, service) if role == "server" else (service, application)
    for _ in range(TIMES):
        lost_does_not_come_late(lab, ours, *ends)
    ends[1].send(b"answer")
    assert ends[0].recv(2048) == b"answer"
    assert process.poll() is None, "the original has ended"
