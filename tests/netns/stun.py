#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A server asks from its own port how it looks from outside: a real STUN server over both IP versions, and
one of ours that is silent, late, wrong and changes its mind, which a tunnel of UDP Hop's wire asks. Programs are told,
and a file has it.

    client ── wire ── server
               ├─ coturn on 198.18.0.9 and fd00:18::9, port 3478
               └─ ours on 198.18.0.9, port 3580
"""

import re
import socket
import struct
import threading

from lab import DESTINATION, ENTRY, SERVER4, SERVER6, TUNNEL_PORT, WIRE4, WIRE6, Lab, eventually
from udphop_settings import udphop
import servers
import traffic

COOKIE = 0x2112a442
ODD_PORT, OUR_PORT = 3100, 3580
# Tells its argument and its descriptors; an other one of its kind at the same time is a mistake.
HOOK = """#!/bin/sh
mkdir {dir}/alone || echo "two at once" >>{dir}/told
ls -l /proc/$$/fd >>{dir}/descriptors
sleep 0.3
rmdir {dir}/alone
echo "$0 $# $1" >>{dir}/told
"""


def answer(transaction, ip, port):
    """XOR-MAPPED-ADDRESS behind an attribute that needs padding."""
    address = struct.unpack("!I", socket.inet_aton(ip))[0]
    attributes = (struct.pack("!HH3sx", 0x8022, 3, b"kgt")
                  + struct.pack("!HHBBHI", 0x20, 8, 0, 1, port ^ COOKIE >> 16, address ^ COOKIE))
    return struct.pack("!HHI", 0x0101, len(attributes), COOKIE) + transaction + attributes


class OddServer:
    """Silent at first, then wrong, then right; another address for each later transaction."""

    def __init__(self, ns):
        with ns:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((WIRE4, OUR_PORT))
        self.transactions = []
        self.sources = set()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            request, source = self.socket.recvfrom(2000)
            kind, length, cookie = struct.unpack("!HHI", request[:8])
            assert (kind, length, cookie, len(request)) == (1, 0, COOKIE, 20)
            self.sources.add(source)
            if request[8:] not in self.transactions:
                self.transactions.append(request[8:])
                if len(self.transactions) == 1:
                    continue
            number = len(self.transactions)
            good = answer(request[8:], f"192.0.2.{number}", 7000 + number)
            self.socket.sendto(answer(bytes(12), "192.0.2.66", 66), source)  # nobody asked for it
            self.socket.sendto(answer(request[8:16] + bytes(4), "192.0.2.67", 67), source)
            self.socket.sendto(good[:-4] + b"\0", source)
            self.socket.sendto(good, source)
            self.socket.sendto(answer(request[8:], "192.0.2.68", 68), source)  # once is enough


def configure(lab):
    path = lab.directory / "hook"
    path.write_text(HOOK.format(dir=lab.directory))
    path.chmod(0o755)
    home = lab.server.config["tunnels"][0]
    odd = udphop("server")
    logs = lab.directory / "logs"
    logs.mkdir()
    (lab.directory / "taken" / "ip_address.txt.new").mkdir(parents=True)
    home.update(stun_server=["stun.test", f"{WIRE4}:3478"], log_path=str(logs),
                update_ipv4=str(path), update_ipv6=str(path))
    odd.update(name="odd", listen_port=ODD_PORT, stun_server=f"{WIRE4}:{OUR_PORT}", ipv4_only=True,
               log_path=str(lab.directory / "taken"), update_ipv4=str(lab.directory / "missing"))
    lab.server.config["tunnels"].append(odd)
    lab.server.etc = {"hosts": f"{WIRE4} stun.test\n{WIRE6} stun.test\n", "resolv.conf": ""}
    return path, logs / "ip_address.txt"


def told(lab):
    path = lab.directory / "told"
    return path.read_text().splitlines() if path.exists() else []


with Lab() as lab:
    hook, addresses = configure(lab)
    servers.stun(lab, lab.wire, WIRE4, WIRE6)
    ours = OddServer(lab.wire)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)

    lab.server.wait_log(rf"home: from outside its port is {SERVER4}:{TUNNEL_PORT}\n", 60)
    lab.server.wait_log(rf"home: from outside its port is \[{SERVER6}\]:{TUNNEL_PORT}\n", 60)
    eventually("both programs have run", lambda: len(told(lab)) >= 2, 60)
    assert sorted(told(lab)) == sorted([f"{hook} 1 {SERVER4}:{TUNNEL_PORT}",
                                        f"{hook} 1 [{SERVER6}]:{TUNNEL_PORT}"]), told(lab)
    descriptors = (lab.directory / "descriptors").read_text()
    assert not re.search(r"socket:|anon_inode|/dev/net/tun", descriptors), descriptors
    home = {row["ip_version"]: row for row in lab.server.stun() if row["tunnel"] == "home"}
    assert home[4]["mapped"] == f"{SERVER4}:{TUNNEL_PORT}", home
    assert home[6]["mapped"] == f"[{SERVER6}]:{TUNNEL_PORT}" and home[6]["age_s"] < 60, home
    lines = addresses.read_text().splitlines()
    assert lines[0].startswith("Update Time: ") and lines[1:] == [
        f"External IPv4 Address: {SERVER4}", f"External IPv4 Port: {TUNNEL_PORT}",
        f"External IPv6 Address: {SERVER6}", f"External IPv6 Port: {TUNNEL_PORT}"], lines

    lab.server.wait_log(r"odd: from outside its port is 192\.0\.2\.1:7001\n", 60)
    lab.server.wait_log(r"odd: cannot write .*/taken/ip_address\.txt: Is a directory")
    lab.server.wait_log(r"cannot run .*/missing: No such file")
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)

    lab.server.wait_log(r"odd: from outside its port is 192\.0\.2\.2:7002\n", 60)
    assert ours.sources == {(SERVER4, ODD_PORT)}, ours.sources
    assert not re.search(r"192\.0\.2\.6", lab.server.log()), "believed what nobody asked for"
    # Of each round one answer begins as none of ours does: it is taken for a datagram of the tunnel.
    eventually("unasked answers are dropped", lambda: lab.server.drops("auth_failed") >= 2)
    assert len(told(lab)) == 2, "told of what has not changed"
