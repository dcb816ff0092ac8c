#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UDP flows of custom mappings whose ends are behind the boxes' ports: the workers take them from
the wire and put them there, each flow to the target of its own.

    near 198.18.0.11 ── client 198.18.0.1 ══ server 198.18.0.2 ── far 198.18.0.12, fd00:18::12
"""

import contextlib

from lab import CLIENT4, Lab, eventually
import traffic

TARGETS = {6000: ("198.18.0.12", 7000), 6001: ("198.18.0.12", 7001), 6002: ("fd00:18::12", 7002)}
DATAGRAMS = 100


def remote(port):
    address, number = TARGETS[port]
    return f"[{address}]:{number}" if ":" in address else f"far.test:{number}"


def by_wire(box):
    stats = box.stats()
    return min(stats["app_rx"], stats["app_tx"])


with Lab() as lab:
    near = lab.host("near", "198.18.0.11/24")
    far = lab.host("far", "198.18.0.12/24", "fd00:18::12/64")
    lab.client.config["tunnels"][0].update(listen_port="{}", custom_input=[
        {"local": f"{CLIENT4}:{port}", "remote": remote(port), "protocol": "udp"}
        for port in TARGETS])
    server = lab.server.config["tunnels"][0]
    server.update(destination_port="{}", custom_allow=["198.18.0.12:*", "[fd00:18::12]:*"])
    del server["destination_address"]
    lab.server.etc = {"hosts": "198.18.0.12 far.test\n"}
    lab.start()
    heard = {port: set() for port in TARGETS}
    with far:
        services = [traffic.serve_udp_echo(*TARGETS[port], heard[port]) for port in TARGETS]
    with near:
        flows = {port: traffic.udp_socket(CLIENT4, port, timeout_s=2) for port in TARGETS}

    def goes_by_wire(flow):
        before = [by_wire(box) for box in lab.boxes]
        with contextlib.suppress(ConnectionError, AssertionError):
            traffic.echo_over(flow, [100] * 10)
        return all(by_wire(box) - count >= 10 for box, count in zip(lab.boxes, before))

    for flow in flows.values():
        eventually("the flow goes by the wire", lambda flow=flow: goes_by_wire(flow))
    before = [by_wire(box) for box in lab.boxes]
    for _ in range(DATAGRAMS):
        for flow in flows.values():
            traffic.echo_over(flow, [1000])
    for box, count in zip(lab.boxes, before):
        went = by_wire(box) - count
        assert went == DATAGRAMS * len(TARGETS), f"{box.role}: {went} by wire"
        assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"
    assert all(len(senders) == 1 for senders in heard.values()), heard
