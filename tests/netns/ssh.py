#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real SSH through the tunnel: a command, 10 MB in and out of it, and its exit status.

    ssh client ── wire ── server ── sshd on 127.0.0.1:7000
"""

import hashlib
import random

from lab import DESTINATION, ENTRY, Lab
from sshd import Sshd

with Lab() as lab:
    lab.start()
    sshd = Sshd(lab, lab.server.ns, *DESTINATION)

    def ssh(command, stdin=""):
        return sshd.run(lab.client.ns, ENTRY[0], command, ENTRY[1], stdin)

    assert ssh("echo through the tunnel") == "through the tunnel\n"
    text = random.Random(3).randbytes(5_000_000).hex()
    assert ssh("sha256sum", text).split()[0] == hashlib.sha256(text.encode()).hexdigest()
    assert ssh("cat", text) == text
    try:
        ssh("exit 3")
        raise SystemExit("the exit status was lost")
    except AssertionError as error:
        assert "status 3" in str(error), error
