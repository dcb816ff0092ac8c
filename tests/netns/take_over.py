#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Linux's addresses, routes and neighbours on a port's interface go to the TAP and come back, also when
the box was killed; a DHCP client there is named.

    client, 198.18.0.1/24 and a route on its NIC ── wire ── server
"""

import signal

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, Lab, eventually
import traffic

ROUTER, BEHIND, BEHIND6 = "198.18.0.9", "198.51.100.0/24", "2001:db8::/32"
ROUTER6, KNOWN = "fd00:18::9", "198.18.0.77"
DHCLIENT = """
import ctypes, socket, time
ctypes.CDLL(None).prctl(15, b"dhclient", 0, 0, 0)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("wan", 0x0800))
print("listens", flush=True)
time.sleep(60)
"""


def belongings(lab, link):
    """What a user would see on the link, without its name."""
    ns = lab.client.ns
    shown = [ns.run("ip", "-o", "address", "show", "dev", link, "scope", "global"),
             ns.run("ip", "-4", "route", "show", "dev", link),
             ns.run("ip", "-6", "route", "show", "dev", link),
             ns.run("ip", "neighbour", "show", "dev", link, "nud", "permanent")]
    words = (f"{CLIENT4}/24", f"{CLIENT6}/64", BEHIND, BEHIND6, KNOWN)
    return [word for word in words if any(word in text for text in shown)]


def give_to_nic(ns):
    ns.sysctl("net.ipv6.conf.wan.disable_ipv6", 0)
    ns.ip("address", "add", f"{CLIENT4}/24", "dev", "wan")
    ns.ip("address", "add", f"{CLIENT6}/64", "dev", "wan", "nodad")
    ns.ip("route", "add", BEHIND, "via", ROUTER)
    ns.ip("-6", "route", "add", BEHIND6, "via", ROUTER6)
    ns.ip("neighbour", "add", KNOWN, "lladdr", "02:00:00:00:00:77", "dev", "wan")


def refused(lab, pattern):
    """The client's start says so, and status 2."""
    lab.client.start(wait=False)
    eventually("the client ends", lambda: not lab.client.running)
    assert lab.client.process.wait() == 2, lab.client.process.returncode
    return lab.client.wait_log(pattern)


with Lab() as lab:
    port = lab.client.config["ports"][0]
    give_to_nic(lab.client.ns)
    everything = belongings(lab, "wan")
    assert len(everything) == 5, everything
    port.update(addresses=[], take_over=True)

    client = lab.popen(lab.client.ns, "python3", "-c", DHCLIENT, stdout=-1, text=True)
    assert client.stdout.readline() == "listens\n"
    refused(lab, rf"dhclient, process {client.pid}, keeps an address on wan")
    client.kill()
    client.wait()
    assert belongings(lab, "wan") == everything

    lab.start()
    assert belongings(lab, "kg-wan") == everything and belongings(lab, "wan") == []
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)
    assert lab.client.stop() == 0
    assert belongings(lab, "wan") == everything

    lab.client.start()
    assert belongings(lab, "wan") == []
    lab.client.stop(signal.SIGKILL)
    assert belongings(lab, "wan") == []
    port.update(addresses=[f"{CLIENT4}/24"], take_over=False)
    refused(lab, rf"wan has back.*\n(.*\n)*.*Linux has {CLIENT4}/24 on wan")
    assert belongings(lab, "wan") == everything

    port.update(addresses=[], take_over=True)
    lab.client.start()
    assert belongings(lab, "kg-wan") == everything
