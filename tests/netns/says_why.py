#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A tunnel that cannot work says why, at either end where it is known, with both addresses, in the log and in
telemetry; where there is no way to the server, applications are refused at once.

    client ✗ wire ✗ server
"""

import contextlib
import socket
import time

from lab import CLIENT4, DESTINATION, ENTRY, SERVER4, WIRE4, Lab, eventually
from wire import initialise, seal_none, segment
import traffic


def refused_at_once(lab):
    begin = time.monotonic()
    with lab.client.ns:
        try:
            with traffic.connect(*ENTRY, timeout_s=25) as s:
                s.sendall(b"hello")
                assert s.recv(1) == b""
        except ConnectionResetError:
            pass
    assert time.monotonic() - begin < 15, "the application waited for the time-out"


def stays(lab):
    """A connection, if it is not refused at once."""
    try:
        flow = traffic.connect(*ENTRY, timeout_s=1)
        assert flow.recv(1) == b""
        return None
    except ConnectionResetError:
        return None
    except TimeoutError:
        flow.settimeout(25)
        return flow


def says(box, trouble, remote, *words):
    """In telemetry, and in one line of the log."""
    eventually(f"{box.role} says {trouble} of {remote}", lambda: any(
        row["trouble"] == trouble and row["remote"].startswith(remote)
        for row in box.troubles()), 20)
    eventually(f"{box.role} logs {words}", lambda: any(
        all(part in line for part in (remote, *words)) for line in box.log().splitlines()))


def trial(check, server=None, **client):
    with Lab() as lab:
        lab.client.config["tunnels"][0].update(client)
        lab.server.config["tunnels"][0].update(server or {})
        lab.start()
        with lab.server.ns:
            services = traffic.serve_echo(*DESTINATION)
        with lab.client.ns, contextlib.suppress(ConnectionResetError):
            flow = traffic.connect(*ENTRY)  # good until the end of the trial
            flow.sendall(b"hello")
        check(lab)


def no_route(lab):
    says(lab.client, "no_route", "198.19.99.1:3000", "no route", "Linux has none")
    begin = time.monotonic()
    for _ in range(30):
        refused_at_once(lab)
    eventually("all of them are counted",
               lambda: lab.client.tunnels()["home"]["closed_no_route"] >= 30)
    assert lab.client.log().count("no route to") <= 2 + (time.monotonic() - begin) / 10, \
        "it is said with every connection"
    # Nor does an application wait when the way gets lost while it does.
    lab.client.ns.ip("route", "add", "198.19.99.0/24", "via", SERVER4, "dev", "kg-wan")
    with lab.client.ns:
        flow = eventually("the route is taken up", lambda: stays(lab))
    says(lab.client, "no_answer", "198.19.99.1:3000", CLIENT4)
    lab.client.ns.ip("route", "delete", "198.19.99.0/24")
    try:
        assert flow.recv(1) == b""
    except ConnectionResetError:
        pass


def nobody(lab):
    says(lab.client, "no_answer", "198.18.0.77:3000", CLIENT4, "hardware address is not found")


def wrong_password(lab):
    says(lab.server, "check", f"{CLIENT4}:", f"to {SERVER4}:3000", "fail the check")
    says(lab.client, "no_answer", f"{SERVER4}:3000", CLIENT4)


def other_clock(lab):
    with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for _ in range(5):
            peer.sendto(seal_none(segment(0, initialise()), -1000), (SERVER4, 3000))
    says(lab.server, "clock", f"{WIRE4}:", f"to {SERVER4}:3000")
    seconds = lab.server.troubles()[0]["seconds"]
    assert -1005 <= seconds <= -995, seconds
    lab.server.wait_log(f"{-seconds} s behind ours")


def other_fec(lab):
    says(lab.server, "malformed", f"{CLIENT4}:", f"to {SERVER4}:3000", "malformed")


trial(no_route, destination_address="198.19.99.1")
trial(nobody, destination_address="198.18.0.77")
trial(wrong_password, encryption_password="another")
trial(other_clock, server={"encryption_algorithm": "none"}, encryption_algorithm="none")
trial(other_fec, fec="10:3")
trial(other_fec, server={"fec": "10:3"})
