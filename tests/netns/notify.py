#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A service manager that asks by NOTIFY_SOCKET is told when the box forwards and when it stops, and in between that
it lives, if it has a watchdog.

    client, alone
"""

import socket

from lab import Lab

with Lab() as lab, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.bind(str(lab.directory / "notify"))
    manager.settimeout(30)
    lab.client.environment["NOTIFY_SOCKET"] = str(lab.directory / "notify")
    lab.client.start()
    assert manager.recv(100) == b"READY=1"
    assert lab.client.stop() == 0
    assert manager.recv(100) == b"STOPPING=1"

    lab.client.environment["WATCHDOG_USEC"] = "200000"
    lab.client.start()
    assert manager.recv(100) == b"READY=1"
    for _ in range(3):
        assert manager.recv(100) == b"WATCHDOG=1"
    assert lab.client.stop() == 0
    while (said := manager.recv(100)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"
