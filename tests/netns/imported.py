#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Boxes made of KCPTube's .conf files by --import: a pair that hops as recorded, a relay with another
encryption and FEC on its second leg, a custom mapping. TCP and UDP pass through each.

    client ══ relay ══ server        and client ══ server
"""

import json
from pathlib import Path

from lab import RELAY4, ROOT, SERVER4, Lab, kcpgate, run
import traffic

RECORDED = ROOT / "tests/vectors/captures"
ENTRIES = {"hopping.client": 6000, "near": 6001, "mapped": 6002}
RECORDED_DESTINATION, DESTINATION = ("127.0.0.1", 5201), ("127.0.0.1", 7000)

NEAR = f"""mode=client
listen_port={ENTRIES["near"]}
destination_address={RELAY4}
destination_port=3000
encryption_algorithm=AES-GCM
encryption_password=near
"""
MIDDLE = f"""mode=relay
kcp=fast1
[listener]
listen_port=3000
encryption_algorithm=AES-GCM
encryption_password=near
[forwarder]
destination_address={SERVER4}
destination_port=4000-4010
encryption_algorithm=chacha20
encryption_password=far
fec=10:2
"""
FAR = """mode=server
listen_port=4000-4010
destination_address=127.0.0.1
destination_port=7000
encryption_algorithm=chacha20
encryption_password=far
fec=10:2
"""
MAPPED = f"""mode=client
listen_port={{}}
destination_address={SERVER4}
destination_port=3100
[custom_input]
127.0.0.1:{ENTRIES["mapped"]} -> 127.0.0.1:7000
"""
OPEN = """mode=server
listen_port=3100
destination_port={}
"""


def imported(directory, texts, *recorded):
    """The tunnels of the files, called after them."""
    paths = [RECORDED / name for name in recorded]
    for name, text in texts.items():
        paths.append(Path(directory, name))
        paths[-1].touch(0o600)
        paths[-1].write_text(text)
    return json.loads(run(kcpgate(), "--import", *map(str, paths)))["tunnels"]


with Lab() as lab:
    middle = lab.relay(*imported(lab.directory, {"middle.conf": MIDDLE}))
    lab.client.config["tunnels"] = imported(
        lab.directory, {"near.conf": NEAR, "mapped.conf": MAPPED}, "hopping.client.conf")
    lab.server.config["tunnels"] = imported(
        lab.directory, {"far.conf": FAR, "open.conf": OPEN}, "hopping.server.conf")
    lab.start()
    with lab.server.ns:
        services = [traffic.serve_echo(*RECORDED_DESTINATION), traffic.serve_echo(*DESTINATION)]
    with lab.client.ns:
        for port in ENTRIES.values():
            traffic.tcp_echo("127.0.0.1", port, 1_000_000)
            traffic.udp_echo("127.0.0.1", port, sizes=range(1, 1401, 100))
    for name in ENTRIES:
        assert lab.client.tunnels()[name]["channels_opened"] > 0, name
    assert middle.tunnels()["middle.forwarder"]["fec_parity_sent"] > 0
