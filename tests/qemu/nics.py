#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client box with a NIC of another maker, bound to vfio-pci behind an IOMMU: TCP and UDP of hosts on the wire pass
through it, IPv4 and IPv6, and ping and ARP through the TAP or vhost-net.

    guest: client, one worker, the NIC ── wire ── server
"""

import sys

from guest import Guest
from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, port
import traffic

nic, exception = sys.argv[1:]
with Lab() as lab:
    lab.client.config.update(workers=[0], memory={"hugepages": True, "mb": 256},
                             ports=[{**port(CLIENT4, CLIENT6, ""), "device": Guest.NIC, "exception": exception}])
    lab.client.config["tunnels"][0]["destination_address"] = [SERVER4, SERVER6]
    guest = Guest(lab, lab.client.config, nic, 1, "vfio-pci")
    lab.server.start()
    with lab.server.ns:
        services = [traffic.serve_echo(*DESTINATION)]
    guest.wait_ready()
    assert 'instead of "vhost"' not in guest.log()
    with lab.wire:
        for address in (CLIENT4, CLIENT6):
            traffic.tcp_echo(address, ENTRY[1], 200_000)
            with traffic.udp_socket(address, ENTRY[1], timeout_s=60) as s:
                traffic.echo_over(s, range(1, 1401, 200))
        lab.wire.run("ping", "-c", "3", "-W", "20", CLIENT4)
    worker, = guest.worker_stats()
    assert worker["delivered"] > 100 and worker["punted"] > 0, worker
    print(f"{nic}, {exception}: {worker['delivered']} datagrams delivered, {worker['punted']} frames for Linux")
