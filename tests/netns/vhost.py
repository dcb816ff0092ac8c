#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports that are to be mirrored by vhost-net, where there is none: the TAP stands in, the log says so, and
all that is Linux's passes.

    client, "exception": "vhost" ── wire ── server, "vhost", too
"""

import os

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, kcpgate
import traffic

VHOST = "/dev/vhost-net"

with Lab() as lab:
    for box in lab.boxes:
        box.config["ports"][0]["exception"] = "vhost"
        if os.path.exists(VHOST):  # then something is in its place that is no vhost-net
            box.command = ["unshare", "--mount", "sh", "-c", f'mount --bind /dev/null {VHOST} && exec "$@"',
                           "sh", kcpgate(), str(box.path)]
    lab.start()
    for box in lab.boxes:
        box.wait_log('port wan: "exception" is "tap" instead of "vhost": ')
    for address in (CLIENT4, CLIENT6, SERVER4, SERVER6):
        lab.wire.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "10", address)
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 300_000)
        traffic.udp_echo(*ENTRY, sizes=range(1, 1400, 50))
    for box in lab.boxes:
        assert box.counter("tap_to_kernel") > 0 and box.counter("tap_from_kernel") > 0
