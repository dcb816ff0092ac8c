#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers per box, each with a queue of its own: channels spread over both, datagrams that come
in at the wrong worker are handed to the right one, and nothing is lost on the way.

    client, 2 queues ── wire ── 2 queues, server      (af_packet spreads by flow, like RSS)
"""

from lab import DESTINATION, Lab, two_cpus
import traffic

CPUS = two_cpus()

with Lab(pmd="net_af_packet0") as lab:
    lab.use_workers(CPUS)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    lab.echo_often(32, 300_000, range(1, 1400, 20))

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
