#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers per box, each with a queue of its own: channels spread over both, datagrams that come
in at the wrong worker are handed to the right one, and nothing is lost on the way.

    client, 2 queues ── wire ── 2 queues, server      (af_packet spreads by flow, like RSS)
"""

import os
from concurrent.futures import ThreadPoolExecutor

from lab import DESTINATION, ENTRY, Lab, skip
import traffic

CPUS = sorted(os.sched_getaffinity(0))[:2]
if len(CPUS) < 2:
    skip("needs two CPUs")

with Lab(pmd="net_af_packet0") as lab:
    for box in lab.boxes:
        box.config["workers"] = CPUS
        box.config["ports"][0]["device"] += ",qpairs=2"
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)

    def one(seed):
        with lab.client.ns:
            traffic.tcp_echo(*ENTRY, 300_000, seed)
            return traffic.udp_echo(*ENTRY, sizes=range(1, 1400, 20), window=4)

    with ThreadPoolExecutor(8) as pool:
        for job in [pool.submit(one, seed) for seed in range(32)]:
            job.result()

    for box in lab.boxes:
        workers = box.worker_stats()
        assert len(workers) == 2
        for index, worker in enumerate(workers):
            assert worker["delivered"] > 100, f"{box.role}'s worker {index} has had no work"
        handed = sum(worker["handed_off"] for worker in workers)
        taken = sum(worker["handed_in"] for worker in workers)
        assert handed == taken, f"{box.role}: {handed} handed off, {taken} taken"
        assert box.drops("handoff_full") == 0
    # A server's channel belongs to a worker by its uid, its datagrams arrive by their flow's hash.
    assert lab.server.counter("handed_off") > 100, "the hand-off has not been used"
