#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A service manager that asks by NOTIFY_SOCKET is told when the box forwards and when it stops.

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
