#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers and two payload threads per box: connections and UDP flows spread over all of them, every
worker talks to every payload thread, and each flow stays where it is.

    applications ── 2 payload threads ── 2 workers ── wire ── 2 workers ── 2 payload threads ── echo
"""

from lab import DESTINATION, Lab, eventually, two_cpus
import traffic

CPUS = two_cpus()
JOBS = 48

with Lab(pmd="net_af_packet0") as lab:
    lab.use_workers(CPUS, payload_threads=2)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    datagrams = lab.echo_often(JOBS, 200_000, range(1, 1400, 30))

    opened = {"client": "payload_tcp_accepted", "server": "payload_tcp_connected"}
    for box in lab.boxes:
        threads = box.payload_stats()
        assert len(threads) == 2
        flows = sum(thread[opened[box.role]] + thread["payload_udp_flows"] for thread in threads)
        for thread in threads:
            tcp, udp = thread[opened[box.role]], thread["payload_udp_flows"]
            # A hash spreads the client's: all 48 at one thread is one case in 10^14.
            assert tcp > 0 and udp > 0, f"{box.role}: {thread}"
            # A server's worker takes the threads in turn.
            assert box.role == "client" or 2 * (tcp + udp) >= flows - 2, f"{box.role}: {thread}"
        stats = box.stats()
        for counter in ("payload_udp_rx_datagrams", "payload_udp_flows", opened[box.role]):
            assert stats[counter] == sum(thread[counter] for thread in threads)
        assert stats[opened[box.role]] == JOBS
        # Less when a later socket had the port of an earlier one, more when a flow was divided.
        assert JOBS // 2 < stats["payload_udp_flows"] <= JOBS
        assert stats["payload_udp_rx_datagrams"] == datagrams
        # Nothing goes past Linux here: what sockets gave and took is what channels took and gave.
        for way in ("rx", "tx"):
            assert stats[f"payload_socket_{way}_bytes"] == stats[f"payload_{way}_bytes"], way
        assert all(worker["delivered"] > 100 for worker in box.worker_stats())
    # TCP is over; the UDP flows are still there, and closed in order when the boxes stop.
    for box in lab.boxes:
        eventually(f"{box.role} has only its UDP flows left",
                   lambda: box.counter("payload_flows") == box.counter("payload_udp_flows"), 40)
