#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The first screen is the box's own: what its libraries say about a good start is there when asked for.

    client, quiet ── wire ── server, log levels of its own
"""

from lab import Lab

with Lab() as lab:
    lab.server.config["eal"] = ["--log-level=lib.eal:info", "--log-level=kcpgate.bpf:debug"]
    lab.start()
    chatter = [line for line in lab.client.log().splitlines() if not line.startswith("kcpgate")]
    assert not chatter, chatter
    lab.server.wait_log(r"^EAL: ")
    if lab.pmd.startswith("net_af_xdp"):
        lab.server.wait_log("libbpf: ")
