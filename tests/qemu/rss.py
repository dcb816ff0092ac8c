#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A NIC with RSS: a client box with three workers chooses its local ports so that answers come in
on the queue of the worker that waits for them, and (nearly) nothing is handed from one to another.
By chance it would be two thirds.

    guest: client, 3 workers, virtio NIC with RSS ── wire ── server
    applications on the wire enter through the guest's address
"""

from concurrent.futures import ThreadPoolExecutor

from guest import Guest
from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, port
import traffic

WORKERS = 3
CONNECTIONS = 60


def total(workers, counter):
    return sum(worker[counter] for worker in workers)


with Lab() as lab:
    lab.client.config.update(
        workers=list(range(WORKERS)), memory={"hugepages": True, "mb": 256},
        ports=[{**port(CLIENT4, CLIENT6, ""), "device": Guest.NIC}])
    lab.client.config["tunnels"][0]["destination_address"] = [SERVER4, SERVER6]
    guest = Guest(lab, lab.client.config, "virtio-net-pci,mq=on,rss=on", WORKERS)
    lab.server.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    guest.wait_ready()
    assert f"{WORKERS} queues, RSS on UDP ports" in guest.log()

    def connection(seed):
        with lab.wire:
            traffic.tcp_echo(CLIENT4, ENTRY[1], 20_000, seed)

    # Before the next hops are known there is nothing to choose by.
    for seed in range(4 * WORKERS):
        connection(seed)
    before = guest.worker_stats()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(connection, range(CONNECTIONS)))
    workers = guest.worker_stats()

    for index, worker in enumerate(workers):
        assert worker["delivered"] > 50, f"worker {index} has had no work"
        assert index == 0 or worker["punted"] == 0, "only UDP is spread; the rest is for worker 0"
    delivered = total(workers, "delivered") - total(before, "delivered")
    handed = total(workers, "handed_off") - total(before, "handed_off")
    print(f"{delivered} datagrams delivered, {handed} of them handed from worker to worker")
    assert delivered > 10 * CONNECTIONS
    assert handed < delivered / 20
