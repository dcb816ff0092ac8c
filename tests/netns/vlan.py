#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ports with a VLAN: everything on the wire carries tag 7, tunnel, slow path and applications alike;
frames without a tag or with another one are dropped and counted.

    client ═ 802.1Q, id 7 ═ bridge ═ server
"""

import subprocess

from lab import CLIENT4, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, eventually
from wire import send_frames
import traffic

FRAMES = 400

with Lab() as lab:
    for box in lab.boxes:
        box.config["ports"][0]["vlan"] = 7
    lab.wire.sysctl("net.ipv6.conf.switch.disable_ipv6", 1)  # the wire itself keeps silent
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    dump = lab.popen(lab.wire, "tcpdump", "-n", "-e", "-c", str(FRAMES), "-i", "to-server",
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "listening" not in dump.stderr.readline():
        assert dump.poll() is None
    for address in (SERVER4, SERVER6):
        lab.client.ns.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "5", address)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 1_000_000)
        traffic.udp_echo(*ENTRY, sizes=range(1, 1400, 25))
    with lab.server.ns:  # from the client's side an application behind its port
        traffic.udp_echo(CLIENT4, ENTRY[1], sizes=range(1, 1473, 25), window=4)
    for counter in ("app_rx", "app_tx"):
        assert lab.client.counter(counter) > 40, f"{counter} is {lab.client.counter(counter)}"
    lines = dump.communicate(timeout=20)[0].splitlines()
    untagged = [line for line in lines if "vlan 7," not in line]
    assert len(lines) == FRAMES and not untagged, untagged[:3]
    for kind in ("ARP", "ICMP ", "ICMP6", ".3000: UDP"):
        assert any(kind in line for line in lines), f"no {kind} seen"

    head = bytes.fromhex("ffffffffffff" "020000000001")
    foreign = [head + bytes.fromhex("0806") + bytes(46),          # no tag
               head + bytes.fromhex("8100" "0008" "0806") + bytes(46)]  # id 8
    before = lab.server.drops("vlan_foreign")
    send_frames(lab.wire, "to-server", foreign * 5)
    eventually("foreign tags are counted", lambda: lab.server.drops("vlan_foreign") >= before + 10)
