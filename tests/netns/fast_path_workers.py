#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UDP of applications behind the ports with two workers and two payload threads per box: whichever
worker receives a datagram, it finds the flow's owner, and no datagram needs a socket.

    near ── client, 2 queues ══ 2 queues, server ── far      (af_packet spreads by flow, like RSS)
"""

from lab import CLIENT4, Lab, eventually, two_cpus
import traffic

FLOWS = 24
FAR = "198.18.0.12"
CPUS = two_cpus()

with Lab(pmd="net_af_packet0") as lab:
    near = lab.host("near", "198.18.0.11/24")
    far = lab.host("far", f"{FAR}/24")
    lab.server.config["tunnels"][0].update(destination_address=FAR)
    lab.use_workers(CPUS, payload_threads=2)
    lab.start()
    with far:
        services = traffic.serve_udp_echo(FAR, 7000)
    with near:
        flows = [traffic.udp_socket(CLIENT4, 6000) for _ in range(FLOWS)]

    def by_sockets():
        return [box.counter("payload_udp_rx_datagrams") + box.counter("payload_udp_tx_datagrams")
                for box in lab.boxes]

    def settled():
        before = by_sockets()
        for flow in flows:
            traffic.echo_over(flow, [64])
        return by_sockets() == before

    eventually("all flows go by the wire", settled)
    before = by_sockets()
    sizes = range(1, 1401, 50)
    for flow in flows:
        traffic.echo_over(flow, sizes)
    assert by_sockets() == before, "datagrams have gone through sockets"

    for box in lab.boxes:
        workers = box.worker_stats()
        for index, worker in enumerate(workers):
            assert worker["app_rx"] >= 2 * len(sizes), f"{box.role}'s worker {index} has none"
            assert worker["app_rx"] - worker["app_tx"] < FLOWS, f"{box.role}: answers elsewhere"
        assert sum(worker["app_rx"] for worker in workers) >= FLOWS * len(sizes)
        handed = sum(worker["handed_off"] for worker in workers)
        assert handed == sum(worker["handed_in"] for worker in workers) > 0
        assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"
