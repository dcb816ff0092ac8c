#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original kcptube at the other end: MEGABYTES of TCP each way with hash check, and an echo of
UDP datagrams of every size from 1 to 1400 bytes, and of bursts of those that WireGuard sends. One way at a time: two originals of v0.7.4
themselves change bytes when 50 MB go both ways at once.

    kcptube.py client|server ALGORITHM MEGABYTES      which end the original is
    environment: KCPTUBE=path of an original binary; skipped without

    client ── wire ── server      one is a box, the other the original on its kernel's sockets
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab import (CLIENT4, DESTINATION, ENTRY, SERVER4, TUNNEL_PORT, Lab, eventually,  # noqa: E402
                 skip)
import traffic  # noqa: E402

PASSWORD = "qwerty1234"
UNKEYED = ("none", "XOR")
MEGABYTE = 1 << 20
WIREGUARD_BYTES = 1452  # a full datagram of it: a little longer than a segment
BURST = 32  # of them always find room where their flow is open: two segments each of KG_BUF_BURST


def original_settings(role, algorithm, destination=DESTINATION[0], **more):
    ends = {
        "client": {"listen_port": ENTRY[1], "destination_address": SERVER4,
                   "destination_port": TUNNEL_PORT, "dport_refresh": 0},
        "server": {"listen_port": TUNNEL_PORT, "destination_address": destination,
                   "destination_port": DESTINATION[1]},
    }
    settings = {"mode": role, "kcp": "regular3", "ipv4_only": 1, **ends[role],
                "encryption_algorithm": algorithm, **more}
    if algorithm not in UNKEYED:
        settings["encryption_password"] = PASSWORD
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def start_original(lab, box, binary, algorithm, more_lines="", **settings):
    address = CLIENT4 if box.role == "client" else SERVER4
    box.ns.ip("address", "add", f"{address}/24", "dev", "wan")
    path = lab.directory / f"original-{box.role}.conf"
    path.write_text(original_settings(box.role, algorithm, **settings) + more_lines)
    return run_original(lab, box, binary)


def run_original(lab, box, binary):
    """Starts it, or starts it again, with the settings of before."""
    log = open(lab.directory / f"original-{box.role}.log", "ab")
    process = lab.popen(box.ns, binary, str(lab.directory / f"original-{box.role}.conf"), stdout=log,
                        stderr=log)

    def listens():
        assert process.poll() is None, (lab.directory / f"original-{box.role}.log").read_text()
        kind = ("-t", ENTRY[1]) if box.role == "client" else ("-u", TUNNEL_PORT)
        return box.ns.run("ss", "-Hln", kind[0], f"sport = :{kind[1]}").strip()

    eventually("the original listens", listens)
    return process


@contextmanager
def lab_with_original(role, variable, algorithm, **settings):
    """Gives the lab, the end that the original will be (`role`), our box, not started yet, with these
    settings, and the original's binary: the environment variable names it, skipped without."""
    binary = os.environ.get(variable)
    if not binary:
        skip(f"no original to talk to (environment variable {variable})")
    with Lab() as lab:
        theirs, ours = (lab.client, lab.server) if role == "client" else (lab.server, lab.client)
        lab.set_tunnels(kcp="regular3", encryption_algorithm=algorithm,
                        encryption_password=PASSWORD, **settings)
        if algorithm in UNKEYED:
            del ours.config["tunnels"][0]["encryption_password"]
        yield lab, theirs, ours, binary


def main(role, algorithm, megabytes):
    size = int(megabytes) * MEGABYTE
    with lab_with_original(role, "KCPTUBE", algorithm) as (lab, theirs, ours, binary):
        ours.start()
        process = start_original(lab, theirs, binary, algorithm)
        with lab.server.ns:
            services = (traffic.serve_tcp(*DESTINATION, traffic.bulk),
                        traffic.serve_udp_echo(*DESTINATION))
        with lab.client.ns:
            for transfer in (traffic.tcp_download, traffic.tcp_upload):
                transfer(*ENTRY, 10_000, timeout_s=20)
                took_s = transfer(*ENTRY, size, timeout_s=90)
                print(f"{transfer.__name__} of {megabytes} MB in {took_s:.1f} s")
            with traffic.udp_socket(*ENTRY, timeout_s=10) as application:
                traffic.echo_over(application, range(1, 1401))
                before = ours.counter("tx_frames")
                traffic.echo_over(application, [WIREGUARD_BYTES] * 512, BURST)
            print(f"{ours.counter('tx_frames') - before} frames for 512 datagrams of WireGuard's")
        assert process.poll() is None, "the original has ended"
        assert ours.counter("delivered") > size / 1500
        wrong = set(ours.all_drops()) - {"handshake_unknown", "conv_unknown", "handshake_replayed"}
        assert not wrong, f"drops {ours.all_drops()}"
        del services


if __name__ == "__main__":
    main(*sys.argv[1:])
