#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Neither the password nor a half of the key made of it (AES expands it by halves) is in memory that a
core dump would have, while a box runs.

    client ── wire ── server        all algorithms that have a key
"""

import hashlib
import re

from lab import DESTINATION, ENTRY, Lab, tunnel
import traffic

PASSWORD = b"a password for tests"
KEY = hashlib.sha3_256(PASSWORD).digest()
SECRETS = {"password": PASSWORD, "key, first half": KEY[:16], "key, second half": KEY[16:]}
ALGORITHMS = ("AES-GCM", "AES-OCB", "chacha20", "xchacha20")


def mappings(pid):
    """Start, end and flags of what is mapped and can be read."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        text = smaps.read()
    for head, flags in re.findall(r"^([0-9a-f]+-[0-9a-f]+ .*)$(?s:.*?)^VmFlags: (.*)$", text, re.M):
        start, end = (int(number, 16) for number in head.split()[0].split("-"))
        if head.split()[1].startswith("r") and "[v" not in head and "io" not in flags.split():
            yield start, end, flags.split()


def dumped(pid):
    """Which secrets a core dump would hold."""
    found = set()
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for start, end, flags in mappings(pid):
            if "dd" in flags:
                continue
            memory.seek(start)
            try:
                content = memory.read(end - start)
            except OSError:
                continue  # a device's
            found |= {name for name, secret in SECRETS.items() if secret in content}
    return found


with Lab() as lab:
    lab.client.config["tunnels"] = [
        tunnel("client", name=name, encryption_algorithm=name, listen_port=ENTRY[1] + i,
               destination_port=3000 + i) for i, name in enumerate(ALGORITHMS)]
    lab.server.config["tunnels"] = [
        tunnel("server", name=name, encryption_algorithm=name, listen_port=3000 + i)
        for i, name in enumerate(ALGORITHMS)]
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        for i in range(len(ALGORITHMS)):
            traffic.tcp_echo(ENTRY[0], ENTRY[1] + i, 10_000)
    for box in lab.boxes:
        assert not dumped(box.process.pid), f"{box.role}: {dumped(box.process.pid)} in a core dump"
