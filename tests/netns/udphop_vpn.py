#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A VPN inside UDP Hop: each end puts the packets of a TUN interface into datagrams, and TCP runs over it for
some seconds while paths hop. The VPN's server sees its client at one place all the time. KG_SECONDS names how long,
KG_DPORT_REFRESH the interval.

    iperf3 ── TUN ── datagrams ── client ══ 3000-3010 ══ server ── datagrams ── TUN ── iperf3
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually, skip
from udphop_settings import udphop

SECONDS = int(os.environ.get("KG_SECONDS", "12"))
DPORT_REFRESH = os.environ.get("KG_DPORT_REFRESH", "2-3")
INSIDE = {"client": "198.19.7.1", "server": "198.19.7.2"}
MTU = 1380  # with all headers outside in one frame
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class Vpn:
    """An end: what the interface sends goes to the peer, who is where the latest datagram came from."""

    def __init__(self, ns, role, sock, peer=None):
        self.ns, self.sock, self.peers = ns, sock, [peer] if peer else []
        with ns:
            self.tun = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH", b"vpn", IFF_TUN | IFF_NO_PI))
        ns.sysctl("net.ipv6.conf.vpn.disable_ipv6", 1)
        ns.ip("address", "add", f"{INSIDE[role]}/24", "dev", "vpn")
        ns.ip("link", "set", "vpn", "mtu", str(MTU), "up")
        for turn in (self.out, self.into):
            threading.Thread(target=turn, daemon=True).start()

    def out(self):
        while True:
            packet = os.read(self.tun, 2048)
            if self.peers:
                self.sock.sendto(packet, self.peers[-1])

    def into(self):
        while True:
            try:
                packet, source = self.sock.recvfrom(2048)
            except ConnectionError:
                continue
            if source not in self.peers:
                self.peers.append(source)
            os.write(self.tun, packet)


def bound(ns, address=None):
    with ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if address:
            s.bind(address)
        return s


if subprocess.run(["sh", "-c", "command -v iperf3"], capture_output=True, check=False).returncode:
    skip("needs iperf3")
with Lab() as lab:
    lab.client.config["tunnels"] = [udphop("client", destination_port="3000-3010",
                                           dport_refresh=DPORT_REFRESH)]
    lab.server.config["tunnels"] = [udphop("server", listen_port="3000-3010")]
    lab.start()
    far = Vpn(lab.server.ns, "server", bound(lab.server.ns, DESTINATION))
    near = Vpn(lab.client.ns, "client", bound(lab.client.ns), ENTRY)
    served = lab.popen(lab.server.ns, "iperf3", "-s", "-1", "-B", INSIDE["server"],
                       stdout=subprocess.DEVNULL)
    eventually("iperf3 listens", lambda: lab.server.ns.run("ss", "-Hlnt", "sport = :5201").strip())
    begin = time.monotonic()
    result = json.loads(lab.client.ns.run("iperf3", "-J", "-c", INSIDE["server"], "-t", str(SECONDS)))
    stills = [i for i in result["intervals"] if i["sum"]["bytes"] == 0]
    hops = lab.client.tunnels()["home"]["hops_timer"]
    mbit = result["end"]["sum_received"]["bits_per_second"] / 1e6
    print(f"{mbit:.0f} Mbit/s in {time.monotonic() - begin:.0f} s, {hops} hops, "
          f"{len(stills)} seconds without a byte")
    assert hops >= 2 and not stills
    assert len(far.peers) == 1, far.peers
    assert lab.server.tunnels()["home"]["channels_opened"] == 1
