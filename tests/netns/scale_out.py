#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two servers stand for one, as Debian's daemons see to: keepalived moves an address between their TAPs (VRRP), or a
router sends to whichever lives, as bird tells it (BGP and BFD, both over the TAPs). A box is killed, and connections
return through the other; how long it took is printed.

    client ── wire, a router ── server A, killed
                           └─── server B
"""

import shutil
import signal
import socket
import threading
import time

from lab import DESTINATION, ENTRY, RELAY4, ROOT, SERVER4, WIRE4, Lab, eventually, skip, tunnel
import traffic

SHARED = "198.18.0.100"  # on the boxes' network: VRRP
BEHIND = "198.19.0.100"  # by the router: BGP
WITHIN_S = 15            # a connection comes in again, on a machine that does much else
CONFIG = ROOT / "config"


class Caller:
    """Connects again and again, and notes when it was answered, and by whom."""

    def __init__(self, lab):
        self.lab, self.over = lab, threading.Event()
        self.answers = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.is_set():
            try:
                with self.lab.client.ns, socket.create_connection(ENTRY, 2) as s:
                    s.settimeout(2)
                    who = s.recv(10)
                    if who:
                        self.answers.append((time.monotonic(), who.decode()))
            except OSError:
                pass
            time.sleep(0.02)

    def by(self, who, since=0.0):
        return [at for at, answer in list(self.answers) if answer == who and at >= since]

    def end(self):
        self.over.set()
        self.thread.join()


def start_daemon(lab, ns, name, *command):
    with open(lab.directory / f"{name}.log", "w", encoding="utf-8") as log:
        return lab.popen(ns, *command, stdout=log, stderr=log)


def sample(lab, name, role, *changes):
    """A file of config/ as it is there, but for what differs from machine to machine."""
    text = (CONFIG / name).read_text()
    for before, after in changes:
        assert before in text, f"{name} has no {before}"
        text = text.replace(before, after)
    path = lab.directory / f"{role}-{name}"
    path.write_text(text)
    path.chmod(0o640)
    return path


def start_keepalived(lab, box, *changes):
    box.ns.run("ip", "address", "del", f"{SHARED}/32", "dev", "kg-wan")
    config = sample(lab, "keepalived.conf", box.role, *changes)
    start_daemon(lab, box.ns, f"keepalived-{box.role}", "keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", config,
                 "-p", lab.directory / f"{box.role}.pid", "-r", lab.directory / f"{box.role}-vrrp.pid")


def start_bird(lab, ns, role, name, *changes):
    config = sample(lab, name, role, *changes)
    start_daemon(lab, ns, f"bird-{role}", "bird", "-f", "-c", config, "-s", lab.directory / f"bird-{role}.ctl")


def with_vrrp(lab, a, b):
    start_keepalived(lab, a)
    start_keepalived(lab, b, ("priority 200", "priority 100"))
    eventually("A has the address", lambda: SHARED in a.ns.run("ip", "address", "show", "dev", "kg-wan"), 20)


def with_ecmp(lab, a, b):
    lab.wire.sysctl("net.ipv4.ip_forward", 1)
    lab.wire.sysctl("net.ipv4.conf.all.send_redirects", 0)
    lab.wire.sysctl("net.ipv4.conf.switch.send_redirects", 0)
    start_bird(lab, lab.wire, "router", "bird-router.conf")
    start_bird(lab, a.ns, a.role, "bird-box.conf")
    start_bird(lab, b.ns, b.role, "bird-box.conf", (SERVER4, RELAY4), ("as 65001", "as 65002"))
    eventually("the router has both ways",
               lambda: lab.wire.run("ip", "route", "show", BEHIND).count("nexthop") == 2, 90)


def trial(shared, begin):
    with Lab() as lab:
        a = lab.server
        b = lab.relay(tunnel("server"))
        for box in (a, b):
            box.config["ports"][0]["addresses"].append(f"{shared}/32")
        lab.client.config["tunnels"][0]["destination_address"] = shared
        if shared == BEHIND:
            lab.client.config["ports"][0]["gateway"] = [WIRE4]
        lab.start()
        services = []
        for box in (a, b):
            with box.ns:
                services.append(traffic.serve_tcp(*DESTINATION, lambda c, r=box.role: c.sendall(r.encode())))
        begin(lab, a, b)
        caller = Caller(lab)
        try:
            eventually("somebody answers", lambda: caller.answers, 30)
            first, second = (a, b) if caller.answers[-1][1] == a.role else (b, a)
            assert shared != SHARED or first is a, "the one of greater priority has the address"
            killed = time.monotonic()
            first.stop(signal.SIGKILL)
            eventually("the other answers", lambda: caller.by(second.role, killed), WITHIN_S)
            print(f"{begin.__name__}: answered again {caller.by(second.role, killed)[0] - killed:.2f} s after the box was killed")
        finally:
            caller.end()


for program in ("keepalived", "bird"):
    if not shutil.which(program):
        skip(f"needs {program}")
trial(SHARED, with_vrrp)
trial(BEHIND, with_ecmp)
