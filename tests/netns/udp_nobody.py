#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams at the client's entry whose sources are made up, in the port's own network: nobody answers
Linux's ARP, so answers to them wait there, in the room of the socket that all flows of the entry
share. A flow that has been a conversation does not lose any, nor does one that is new, on this host or
beside it, and sends several before it has heard an answer.

    client ── wire, hostile ── server
                └── a host of applications
"""

import json

from lab import CLIENT4, DESTINATION, ENTRY, Lab
from wire import send_frames, udp_frame
import traffic

BESIDE = "198.18.0.50"
NOBODY = [f"198.18.0.{host}" for host in range(100, 164)]
PORTS = range(1024, 3000)
FURTHER = 50  # rounds when their share is full


def counter(name):
    return lab.client.counter(f"payload_udp_{name}")


def flood(port):
    """Each datagram is a flow of its own, and the destination answers all of them."""
    send_frames(lab.wire, "to-client", [udp_frame(mac, (host, port), (CLIENT4, ENTRY[1]), bytes(1000))
                                        for host in NOBODY])


def echo(text):
    flow.send(text)
    assert flow.recv(100) == text


def begin():
    """Flows that are new, with all that they say at once."""
    with lab.client.ns:
        traffic.udp_echo(*ENTRY, sizes=range(100, 116))
    with beside:
        traffic.udp_echo(CLIENT4, ENTRY[1], sizes=range(100, 116))


with Lab() as lab:
    beside = lab.host("beside", f"{BESIDE}/24")
    lab.start()
    with lab.server.ns:
        services = traffic.serve_udp_echo(*DESTINATION)
    mac = json.loads(lab.client.ns.ip("-j", "link", "show", "kg-wan"))[0]["address"]
    with lab.client.ns, traffic.udp_socket(*ENTRY) as flow:
        for number in range(3):
            echo(b"%d" % number)
        full_rounds = 0
        for port in PORTS:
            flood(port)
            echo(b"%d" % port)
            full_rounds += counter("dropped_doubted") > 0
            if full_rounds > 0:
                begin()
            if full_rounds > FURTHER:
                break
    assert full_rounds > FURTHER, "there was always room"
    assert counter("dropped_error") == 0, f"Linux refused {counter('dropped_error')}"
