#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A box is started a second time, or another with one of its devices: it is refused by name before it touches
anything, and the box that runs goes on. After SIGKILL nothing of the old one is in the way.

    client ── wire ── server, and again, and again
"""

import json
import signal
import subprocess

from lab import DESTINATION, ENTRY, Lab, kcpgate
import traffic


def start_again(box, **changes):
    """With these settings of box and port changed; status and what it said."""
    config = json.loads(json.dumps(box.config))
    config["name"] += changes.pop("name", "")
    config["ports"][0].update(changes)
    path = lab.directory / "again.json"
    path.touch(mode=0o600)  # else a warning comes first
    path.write_text(json.dumps(config))
    with box.ns:
        done = subprocess.run([kcpgate(), str(path)], capture_output=True, text=True, timeout=30,
                              check=False)
    return done.returncode, done.stderr


with Lab() as lab:
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    pid = lab.server.process.pid
    other_tap = {"tap": "kg-two", "addresses": ["198.18.0.3/24"]}
    for what, changes in (("name", {}), ("device", {"name": "x"}),
                          ("device", {"name": "x", **other_tap})):
        status, said = start_again(lab.server, **changes)
        assert status == 1 and said.startswith(f'kcpgate: {what} "'), said
        assert f"process {pid}" in said and len(said.splitlines()) == 1, said
        with lab.client.ns:
            traffic.tcp_echo(*ENTRY, 100_000, timeout_s=10)
        assert lab.server.stats()["workers"] == 1, "telemetry of the first box is gone"

    lab.server.stop(signal.SIGKILL)
    lab.server.start()
