#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vrf_ingress and vrf_egress. Applications come in by the client's VRF alone, two tunnels on one port each have
theirs, and the server connects to the target that its VRF leads to: two hosts behind it have the same address.
Where the kernel has no VRFs, plain interfaces stand for them. One that is not there is said.

    host near ── red ─┐                      ┌─ red ── host at TARGET
                    client ══ wire ══ server ┤
    host nigh ── blue ┘                      └─ blue ─ host at TARGET
"""

import subprocess

from lab import ENTRY, TUNNEL_PORT, Lab, eventually, tunnel
import traffic

LINKS = {"red": 1, "blue": 2}
TARGET = ("10.9.0.2", 7000)


def has_vrfs(ns):
    done = subprocess.run(["ip", "-n", ns.name, "link", "add", "probe", "type", "vrf", "table", "99"],
                          capture_output=True, check=False)
    if done.returncode == 0:
        ns.ip("link", "delete", "probe")
    return done.returncode == 0


def add_link(lab, box, color, address, far):
    """A host behind an interface of the box, and the name that sockets are bound by."""
    host = lab.namespace(f"{box.role}-{color}")
    box.ns.ip("link", "add", color, "type", "veth", "peer", "name", "eth", "netns", host.name)
    vrf = color
    if has_vrfs(box.ns):
        vrf = f"vrf-{color}"
        box.ns.ip("link", "add", vrf, "type", "vrf", "table", str(100 + LINKS[color]))
        box.ns.ip("link", "set", vrf, "up")
        box.ns.ip("link", "set", color, "master", vrf)
    for ns, link, ip in ((box.ns, color, address), (host, "eth", far)):
        ns.ip("address", "add", f"{ip}/24", "dev", link)
        ns.ip("link", "set", link, "up")
    return host, vrf


def who_answers(address, port):
    with traffic.connect(address, port) as s:
        return s.recv(100).decode()


def udp_answer(address, port):
    with traffic.udp_socket(address, port) as s:
        s.send(b"who")
        return s.recv(100).decode()


def is_refused(ns, address, port):
    with ns:
        try:
            traffic.connect(address, port, timeout_s=5).close()
        except OSError:
            return True
    return False


with Lab() as lab:
    near, services = {}, []
    for color, number in LINKS.items():
        near[color], ingress = add_link(lab, lab.client, color, f"10.{number}.0.1", f"10.{number}.0.2")
        target, egress = add_link(lab, lab.server, color, "10.9.0.1", TARGET[0])
        with target:
            services += [traffic.serve_tcp(*TARGET, lambda c, w=color: c.sendall(w.encode())),
                         traffic.serve_udp(*TARGET, lambda data, w=color: w.encode())]
        at = {"name": color, "destination_port": TUNNEL_PORT + number}
        lab.client.config["tunnels"].append(tunnel("client", **at, vrf_ingress=ingress))
        lab.server.config["tunnels"].append(tunnel(
            "server", name=color, listen_port=TUNNEL_PORT + number, destination_address=TARGET[0],
            destination_port=TARGET[1], vrf_egress=egress))
    for box in (lab.client, lab.server):
        del box.config["tunnels"][0]
    lab.start()
    for color, number in LINKS.items():
        with near[color]:
            assert who_answers(f"10.{number}.0.1", ENTRY[1]) == color
            assert udp_answer(f"10.{number}.0.1", ENTRY[1]) == color
    assert is_refused(lab.client.ns, *ENTRY), "who comes by no VRF came in"

    lab.server.config["tunnels"][0]["vrf_egress"] = "green"
    outcome, said = lab.server.reload()
    assert outcome == "reload: 1 tunnels have gone, 1 have come, 0 could not", said

    def is_told():
        is_refused(near["red"], f"10.{LINKS['red']}.0.1", ENTRY[1])
        return f"red: cannot connect tcp to {TARGET[0]}:{TARGET[1]}: No such device" in lab.server.log()
    eventually("a VRF that is not there is said", is_told, 40)
    with near["blue"]:
        assert who_answers(f"10.{LINKS['blue']}.0.1", ENTRY[1]) == "blue"

    lab.client.config["tunnels"][0]["vrf_ingress"] = "green"
    outcome, said = lab.client.reload()
    assert outcome == "reload: 1 tunnels have gone, 0 have come, 1 could not", said
    assert "tunnel red: cannot listen on tcp any address (port 6000): No such device" in said, said
