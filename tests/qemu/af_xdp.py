#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""AF_XDP on an older Linux, with a NIC of its own: what leaves together leaves as one frame, or, before Linux 6.2, which
refuses that once, one by one. Every byte arrives.

    client ── wire ── guest: server, AF_XDP on eth0
    the application is on the wire
"""

import re

from guest import Guest
from lab import ENTRY, SERVER4, SERVER6, WIRE4, Lab, port
import traffic

APPLICATION = (WIRE4, 7000)
BYTES = 500_000

with Lab() as lab:
    lab.server.config.update(
        workers=[0], memory={"hugepages": True, "mb": 256},
        ports=[{**port(SERVER4, SERVER6, ""), "device": "net_af_xdp0,iface=eth0"}])
    lab.server.config["tunnels"][0]["destination_address"] = APPLICATION[0]
    guest = Guest(lab, lab.server.config, "virtio-net-pci", 1)
    lab.client.start()
    with lab.wire:
        services = traffic.serve_echo(*APPLICATION)
    guest.wait_ready()
    with lab.client.ns:
        for seed in range(3):
            traffic.tcp_echo(*ENTRY, BYTES, seed)
    worker, = guest.worker_stats()
    release = tuple(map(int, re.search(r"vmlinuz-(\d+)\.(\d+)", guest.kernel.image.name).groups()))
    print(f"Linux {release}: {worker['tx_frames']} frames, {worker['tx_in_trains']} of them in trains")
    assert worker["tx_frames"] > 3 * BYTES // 1500
    assert (worker["tx_in_trains"] > 0) == (release >= (6, 2)), worker
