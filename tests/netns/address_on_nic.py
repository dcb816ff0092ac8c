#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An interface that a port takes over keeps an address of Linux: the box says so, with the command that
takes it away, and starts once that has been done.

    client, 198.18.0.1/24 on its NIC ── wire ── server
"""

from lab import CLIENT4, DESTINATION, ENTRY, Lab, eventually
import traffic

with Lab() as lab:
    lab.client.ns.ip("address", "add", f"{CLIENT4}/24", "dev", "wan")
    lab.client.start(wait=False)
    eventually("the client ends", lambda: not lab.client.running)
    assert lab.client.process.wait() == 2, lab.client.process.returncode
    found = lab.client.wait_log(r"ports\[0\]\.device: Linux has 198\.18\.0\.1/24 on wan.*as root: (.*)")
    lab.client.ns.run(*found.group(1).split())

    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)
