#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""200 connections at the same time, each with its own bytes, come back unmixed; afterwards neither
box holds a channel.

    client, 200 × ── wire ── server
"""

from concurrent.futures import ThreadPoolExecutor

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

CONNECTIONS, BYTES = 200, 100_000


def one(lab, seed):
    with lab.client.ns:
        return traffic.tcp_echo(*ENTRY, BYTES + seed, seed, timeout_s=90)


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    idle = {box: box.stats() for box in lab.boxes}

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for job in [pool.submit(one, lab, seed) for seed in range(CONNECTIONS)]:
            job.result()

    for box in lab.boxes:
        eventually(f"{box.role} has no channel left", lambda: not box.channels(), 40)
        moved = box.counter("payload_tx_bytes") - idle[box]["payload_tx_bytes"]
        assert moved >= CONNECTIONS * BYTES, f"{box.role} counts {moved} bytes only"
        assert box.drops("no_buffer") == 0
