#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Custom mappings with an original kcptube at the other end: TCP and UDP to addresses and names that
the client says, and one that refuses.

    custom.py client|server MUX_TUNNELS      which end the original is
    environment: for a server KCPTUBE=path of an original binary of v0.7.4; for a client
                 KCPTUBE_CUSTOM=one of v0.6.9, the last whose client starts with mappings; skipped
                 without
"""

import contextlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab import DESTINATION, Lab, eventually, skip  # noqa: E402
import traffic  # noqa: E402
from kcptube import PASSWORD, start_original  # noqa: E402

ALGORITHM = "AES-GCM"
BINARIES = {"client": "KCPTUBE_CUSTOM", "server": "KCPTUBE"}
# An original server ends when a UDP target is a name.
MAPPINGS = ((6000, "127.0.0.1:7000", "both"), (6001, "localhost:7000", "tcp"),
            (6002, "127.0.0.2:7000", "both"), (6003, "127.0.0.1:9", "tcp"))


def original_lines(role):
    if role == "server":  # the numbers before them only keep one from crashing
        return "destination_port={}\ndestination_address={}\n"
    lines = "listen_port={}\n"
    for tag, protocol in (("custom_input", "both"), ("custom_input_tcp", "tcp")):
        lines += f"[{tag}]\n" + "".join(f":{port} -> {remote}\n"
                                        for port, remote, which in MAPPINGS if which == protocol)
    return lines


def has_begun():
    """An original client with mux ends the first connections at times before it has sent anything."""
    try:
        traffic.tcp_echo("127.0.0.1", 6000, 100)
    except (AssertionError, OSError):
        return False
    return True


def main(role, mux_tunnels):
    binary = os.environ.get(BINARIES[role])
    if not binary:
        skip(f"no original to talk to (environment variable {BINARIES[role]})")
    with Lab() as lab:
        theirs, ours = (lab.client, lab.server) if role == "client" else (lab.server, lab.client)
        lab.set_tunnels(kcp="regular3", encryption_algorithm=ALGORITHM,
                        encryption_password=PASSWORD)
        lab.client.config["tunnels"][0].update(
            listen_port="{}", mux_tunnels=int(mux_tunnels), custom_input=[
                {"local": f":{port}", "remote": remote, "protocol": protocol}
                for port, remote, protocol in MAPPINGS])
        lab.server.config["tunnels"][0].update(destination_port="{}", destination_address="{}",
                                               custom_allow="127.0.0.0/8:*")
        ours.start()
        settings = {"mux_tunnels": mux_tunnels} if role == "client" else {}
        process = start_original(lab, theirs, binary, ALGORITHM, original_lines(role), **settings)
        with lab.server.ns:
            services = [traffic.serve_echo(*at) for at in (DESTINATION, ("127.0.0.2", 7000))]
        with lab.client.ns:
            if role == "client":
                eventually("the original has a channel", has_begun, 30)
            for port in (6000, 6001, 6002):
                traffic.tcp_echo("127.0.0.1", port, 1_000_000)
            for port in (6000, 6002):
                traffic.udp_echo("127.0.0.1", port, range(1, 1401, 10), timeout_s=20)
            with contextlib.suppress(ConnectionResetError):
                with traffic.connect("127.0.0.1", 6003, timeout_s=40) as s:
                    assert s.recv(1) == b"", "there is data from nowhere"
            traffic.tcp_echo("127.0.0.1", 6000, 100_000)
        assert process.poll() is None, "the original has ended"
        del services


if __name__ == "__main__":
    main(*sys.argv[1:])
