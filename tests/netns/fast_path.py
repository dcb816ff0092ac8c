#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UDP of applications behind the boxes' ports: the workers take it from the wire and put it there,
the sockets stand still; what needs fragments goes through Linux, in the same flow.

    near 198.18.0.11 ── client 198.18.0.1 ══ server 198.18.0.2 ── far 198.18.0.12
         fd00:18::11           fd00:18::1           fd00:18::2         fd00:18::12

Then Linux has its say: a neighbour with a new MAC address, an application that comes again, flows
that end.
"""

import contextlib

from lab import CLIENT4, CLIENT6, Lab, eventually, tunnel
import traffic

FAR = {"four": "198.18.0.12", "six": "fd00:18::12"}
ENTRIES = {"four": (CLIENT4, 6000), "six": (CLIENT6, 6001)}
ONE_FRAME = {"four": 1472, "six": 1452}
TIMEOUT_S = 4

with Lab() as lab:
    near = lab.host("near", "198.18.0.11/24", "fd00:18::11/64")
    far = lab.host("far", *(f"{FAR['four']}/24", f"{FAR['six']}/64"))
    lab.client.config["tunnels"] = [
        tunnel("client", name="four", udp_timeout=TIMEOUT_S, listen_on=[CLIENT4]),
        tunnel("client", name="six", udp_timeout=TIMEOUT_S, listen_port=6001,
               destination_port=3001)]
    lab.server.config["tunnels"] = [
        tunnel("server", name="four", udp_timeout=TIMEOUT_S, destination_address=FAR["four"]),
        tunnel("server", name="six", udp_timeout=TIMEOUT_S, destination_address=FAR["six"],
               listen_port=3001)]
    lab.start()
    senders = set()
    with far:
        services = {name: traffic.serve_udp_echo(FAR[name], 7000, senders) for name in FAR}

    def counts(box):
        stats = box.stats()
        return (min(stats["app_rx"], stats["app_tx"]),
                stats["payload_udp_rx_datagrams"] + stats["payload_udp_tx_datagrams"])

    @contextlib.contextmanager
    def by_wire(datagrams):
        """All of them pass each box without its sockets."""
        before = [counts(box) for box in lab.boxes]
        yield
        for box, (wire, sockets) in zip(lab.boxes, before):
            wire_now, sockets_now = counts(box)
            assert (wire_now - wire, sockets_now - sockets) == (datagrams, 0), \
                f"{box.role}: {wire_now - wire} by wire, {sockets_now - sockets} by sockets"

    def goes_by_wire(flow):
        def tried():
            with contextlib.suppress(ConnectionError, AssertionError):
                with by_wire(3):
                    for _ in range(3):  # one after the other
                        traffic.echo_over(flow, [100])
                return True
        eventually("the flow goes by the wire", tried)

    def connect(name):
        with near:
            flow = traffic.udp_socket(*ENTRIES[name], timeout_s=2)
        goes_by_wire(flow)
        return flow

    flows = {}
    for name in FAR:
        senders.clear()
        flows[name] = connect(name)
        with by_wire(ONE_FRAME[name] + 1):
            traffic.echo_over(flows[name], range(ONE_FRAME[name] + 1))
        sockets = counts(lab.server)[1]
        larger = range(ONE_FRAME[name] + 1, 9000, 500)
        traffic.echo_over(flows[name], larger, window=2)
        assert counts(lab.server)[1] - sockets == 2 * len(larger)
        assert len(senders) == 1, f"one flow, several sources: {senders}"
    for box in lab.boxes:
        assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"

    # The application is gone for a while: Linux hears the refusals, the flow lives on.
    services["four"].close()
    eventually("Linux hears a refusal", lambda: flows["four"].send(b"?")
               and lab.server.counter("payload_udp_icmp_errors"))
    with far:
        services["four"] = traffic.serve_udp_echo(FAR["four"], 7000, senders)
    goes_by_wire(flows["four"])

    # Applications' hosts with new MAC addresses, announced and not.
    for box in lab.boxes:
        box.ns.sysctl("net.ipv4.neigh.kg-wan.base_reachable_time_ms", 1000)
        box.ns.sysctl("net.ipv4.neigh.kg-wan.delay_first_probe_time", 1)
        box.ns.sysctl("net.ipv4.neigh.kg-wan.locktime", 0)
    for notify, host in ((1, far), (0, near)):
        host.sysctl("net.ipv4.conf.eth.arp_notify", notify)
        host.ip("link", "set", "eth", "address", f"02:00:00:00:bb:0{notify}")
        goes_by_wire(flows["four"])

    # A new source port is a new flow.
    senders.clear()
    again = connect("four")
    traffic.echo_over(flows["four"], [1])
    assert len(senders) == 2, senders

    for box in lab.boxes:
        eventually(f"{box.role} forgets the flows", lambda: not box.channels(), 20)
        assert box.counter("payload_flows") == 0
    goes_by_wire(flows["four"])
