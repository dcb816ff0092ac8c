#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces under the server go down and come up again: a line in the log each time, and the tunnel works
again. When one has gone for good, the box ends with status 1 and says which.

    client ── wire ── server ↯
"""

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic


def works():
    with lab.client.ns:
        return traffic.echoes(*ENTRY, timeout_s=3)


def ends(box):
    eventually(f"{box.role} ends", lambda: not box.running, 20)
    status = box.process.returncode
    box.process = None
    return status


def logged(pattern, before):
    """A line that was not there before."""
    eventually(f"the server logs {pattern}", lambda: pattern in lab.server.log()[before:])


with Lab() as lab:
    lab.server.config["ports"][0]["gateway"] = ["198.18.0.254", "fd00:18::254"]
    lab.start()
    server = lab.server
    with server.ns:
        services = traffic.serve_echo(*DESTINATION)
    routes = server.ns.ip("-6", "route", "show", "dev", "kg-wan", "default")
    for device, what in (("wan", "interface wan"), ("kg-wan", "TAP kg-wan")):
        before = len(server.log())
        server.ns.ip("link", "set", device, "down")
        logged(f"{what} is down", before)
        server.ns.ip("link", "set", device, "up")
        logged(f"{what} is up again", before)
        eventually("the tunnel works again", works, 20)
    eventually("the default route is back", lambda: "198.18.0.254" in
               server.ns.ip("-4", "route", "show", "dev", "kg-wan", "default"))
    assert server.ns.ip("-6", "route", "show", "dev", "kg-wan", "default") == routes

    for ns, device, what in ((server.ns, "kg-wan", "TAP kg-wan"),
                             (lab.wire, "to-server", "interface wan")):
        if not server.running:
            server.start()
        before = len(server.log())
        ns.ip("link", "delete", device)
        assert ends(server) == 1
        logged(f"{what} has gone", before)
