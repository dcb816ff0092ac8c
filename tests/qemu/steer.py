#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A NIC with rules: a server box with three workers has its listen ports divided among them,
clients go to the share of the worker that owns their channel, and only handshakes are handed over. Without
rules a third of everything would be, or more.

    client ── wire ── guest: server, 3 workers, net_tap on eth0 (tc's rules made of rte_flow's)
    the application is on the wire
"""

from concurrent.futures import ThreadPoolExecutor

from guest import Guest
from lab import ENTRY, SERVER4, SERVER6, WIRE4, Lab, port
import traffic

WORKERS = 3
CONNECTIONS = 24
PORTS = "3000-3019"
APPLICATION = (WIRE4, 7000)

with Lab() as lab:
    lab.server.config.update(
        workers=list(range(WORKERS)), memory={"hugepages": True, "mb": 256},
        ports=[{**port(SERVER4, SERVER6, ""), "device": "net_tap0,iface=wan,remote=eth0",
                "flow_rules": True}])
    lab.server.config["tunnels"][0].update(listen_port=PORTS, destination_address=APPLICATION[0])
    lab.client.config["tunnels"][0].update(destination_port=PORTS,
                                           destination_address=[SERVER4, SERVER6])
    guest = Guest(lab, lab.server.config, "virtio-net-pci", 1)
    lab.client.start()
    with lab.wire:
        services = traffic.serve_echo(*APPLICATION)
    guest.wait_ready()
    assert "rules bring workers their shares of listen ports" in guest.log()

    def connection(seed):
        with lab.client.ns:
            traffic.tcp_echo(*ENTRY, 200_000, seed)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(connection, range(CONNECTIONS)))

    workers = guest.worker_stats()
    for index, worker in enumerate(workers):
        assert worker["delivered"] > 50, f"worker {index} has had no work"
    delivered = sum(worker["delivered"] for worker in workers)
    handed = sum(worker["handed_off"] for worker in workers)
    print(f"{delivered} datagrams delivered, {handed} of them handed from worker to worker")
    assert delivered > 50 * CONNECTIONS
    assert handed < 6 * CONNECTIONS, "more than the handshakes"
