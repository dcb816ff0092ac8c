#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What boxes write into log_path. Connections that begin and end, hops, moves and failures come one by one,
and floods of them are cut short and counted; files may be moved away and emptied, by SIGHUP nothing is
disturbed, a full disk costs lines and nothing else; a minute after the start there is a status. A directory
that is not there is an error.

    client, whose log_path is a small file system ══ relay ══ server
"""

import collections
import json
import os
import re
from pathlib import Path

from lab import DESTINATION, ENTRY, RELAY4, SERVER4, Lab, eventually, kcpgate, tunnel
import traffic

PORTS = "3000-3003"
NEAR = {"encryption_algorithm": "AES-GCM", "encryption_password": "near"}
SHARED = ("127.0.0.1", 6001)
FAR = {"encryption_algorithm": "chacha20", "encryption_password": "far", "fec": "2:1"}
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] "
RATE = r"\d+ (Byte/s|Bytes / 60 seconds|Bytes/s|KiB/s|MiB/s)"
RATES = rf"receive \(raw\): {RATE}, receive \(inner\): {RATE}, send \(inner\): {RATE}, " \
        rf"send \(raw\): {RATE}, fec recover: \d+\n"
MUX_RATES = rf"mux_tunnels:\treceive \(tcp\): (?!0 ){RATE}, receive \(udp\): 0 Byte/s, " \
            rf"send \(tcp\): (?!0 ){RATE}, send \(udp\): 0 Byte/s\n\n"
FLOOD, FLOODERS = 400, 4  # connections, each with two lines
LINES_PER_S = 100  # of those that a journal takes


class Journal:
    """A box's log_path."""

    def __init__(self, lab, box):
        self.box = box
        self.directory = lab.directory / f"{box.role}-journal"
        self.directory.mkdir()
        box.config["tunnels"][0]["log_path"] = str(self.directory)

    def on_small_disk(self):
        """The box alone sees the file system; it is gone with it."""
        self.box.command = ["unshare", "--mount", "sh", "-c",
                            f'mount -t tmpfs -o size=128k kcpgate {self.directory} && exec "$@"', "sh",
                            kcpgate(), str(self.box.path)]

    def file(self, name):
        return Path(f"/proc/{self.box.process.pid}/root{self.directory}/{name}")

    def text(self, name=None):
        file = self.file(name or f"{self.box.role}_output.log")
        return file.read_text() if file.exists() else ""

    def wait(self, pattern, name=None, timeout_s=20):
        return eventually(f"{self.box.role} writes /{pattern}/",
                          lambda: re.search(pattern, self.text(name), re.M), timeout_s)


def echo():
    traffic.tcp_echo(*ENTRY, 10_000)


def count(journal, word):
    return journal.text().count(f" {word}")


def suppressed(journal):
    return sum(int(n) for n in re.findall(r"home: (\d+) more lines suppressed", journal.text()))


def fill(journal):
    """Leaves not a byte; the file that takes all room."""
    ballast = journal.file("ballast")
    with open(ballast, "wb", buffering=0) as f:
        size = 65536
        while size:
            try:
                f.write(bytes(size))
            except OSError:
                size //= 2
    return ballast


def begin_and_end(journals):
    echo()
    for journal in journals:
        journal.wait(STAMP + r"(home|home\.listener): tcp channel [0-9a-f]{8} with \S+ opened, local port \d+$")
        journal.wait(STAMP + r"(home|home\.listener): tcp channel [0-9a-f]{8} with \S+ ended after \d+ s: "
                     "(finished|peer)$")
    journals[1].wait(r"home\.forwarder: tcp channel [0-9a-f]{8} with \S+ opened")
    journals[0].wait(r"^\[.* tunnel home: client, AES-GCM")


def rotate(journal):
    journal.file("client_output.log").rename(journal.file("client_output.log.1"))
    echo()
    journal.wait(r"home: tcp channel \S+ with \S+ opened")
    os.truncate(journal.file("client_output.log"), 0)
    echo()
    journal.wait(r"home: tcp channel \S+ with \S+ opened")
    assert "\0" not in journal.text()
    outcome, _ = journal.box.reload()
    assert outcome == "reload: 0 tunnels have gone, 0 have come, 0 could not"
    before = count(journal, "opened")
    echo()
    eventually("it goes on after SIGHUP", lambda: count(journal, "opened") > before)


def fill_up(journal):
    ballast = fill(journal)
    before = journal.box.counter("log_lines_lost")
    # What is left of the last block of the file has some lines yet.
    eventually("lines are lost", lambda: echo() or journal.box.counter("log_lines_lost") > before, 60)
    journal.box.wait_log(r"cannot write \S+/client_output.log: No space left on device")
    traffic.udp_echo(*ENTRY, sizes=range(1, 1401, 100))
    ballast.unlink()
    eventually("lines are written again",
               lambda: echo() or re.search(STAMP + r"\d+ lines are missing here$", journal.text(), re.M), 60)
    assert journal.box.log().count("client_output.log: No space") == 1


def knock(times):
    for _ in range(times):
        with traffic.connect(*ENTRY) as s:
            s.sendall(b"x")
            assert s.recv(1) == b"x"


def flood(lab, journal):
    """All that have not come are counted, and no second has more than two of the control thread's may have."""
    def told():
        return count(journal, "opened") + count(journal, "ended") + suppressed(journal)

    before = told()
    lab.client.ns.side_by_side(*[(knock, FLOOD // FLOODERS)] * FLOODERS)
    eventually("each has its line or is counted", lambda: told() >= before + 2 * FLOOD, 60)
    seconds = collections.Counter(re.findall(rf"^({STAMP}).* (?:opened,|ended after) ", journal.text(), re.M))
    assert max(seconds.values()) <= 2 * LINES_PER_S, seconds


def mux_has_its_line(journal):
    def told():
        traffic.tcp_echo(*SHARED, 10_000)
        return re.search(MUX_RATES, journal.text("home_status.log"))
    eventually("the status tells of mux channels", told, 90)


def begins_not_without_its_directory(lab):
    outcome, said = lab.server.reload(json.dumps({**lab.server.config, "tunnels": [
        {**lab.server.config["tunnels"][0], "log_path": "/nowhere"}]}))
    assert outcome.endswith("nothing has changed"), said
    assert "log_path of tunnel home: /nowhere: No such file or directory" in said, said
    lab.server.stop()
    lab.server.config["tunnels"][0]["log_path"] = "/nowhere"
    lab.server.start(wait=False)
    assert lab.server.process.wait(30) == 2
    lab.server.wait_log(r'log_path of home: "/nowhere": No such file or directory')
    lab.server.process = None


with Lab() as lab:
    middle = lab.relay({"name": "home", "mode": "relay", "kcp": "fast1",
                        "listener": {"listen_port": PORTS, **NEAR},
                        "forwarder": {"destination_address": SERVER4, "destination_port": PORTS,
                                      "dport_refresh": 2, **FAR}})
    lab.client.config["tunnels"] = [tunnel("client", destination_address=RELAY4, destination_port=PORTS,
                                           dport_refresh=2, **NEAR),
                                    tunnel("client", name="shared", destination_address=RELAY4,
                                           destination_port=PORTS, listen_on=SHARED[0], listen_port=SHARED[1],
                                           mux_tunnels=1, **NEAR)]
    lab.server.config["tunnels"] = [tunnel("server", listen_port=PORTS, **FAR)]
    journals = [Journal(lab, box) for box in (lab.client, middle, lab.server)]
    journals[0].on_small_disk()
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        begin_and_end(journals)
        rotate(journals[0])
        with traffic.connect(*ENTRY) as held:
            held.sendall(b"held")
            assert traffic.receive_exactly(held, 4) == b"held"
            fill_up(journals[0])
            flood(lab, journals[2])
            for journal, leg in ((journals[0], "home"), (journals[1], r"home\.forwarder")):
                journal.wait(leg + r": hops from \S+ to \S+, local port \d+ \(timer\)", timeout_s=60)
            journals[2].wait(r"home: peer of channel \S+ has moved from \S+ to \S+", timeout_s=60)
            traffic.tcp_echo(*SHARED, 10_000)  # so that the same status tells of it
            # The client's may have met the full disk.
            for journal, legs in ((journals[2], [""]),
                                  (journals[1], [r"\[Client <-> This\] ", r"\[This <-> Remote\] "])):
                rates = "".join(leg + RATES for leg in legs)
                status = journal.wait(r"^" + STAMP + r"Summary of home\n" + rates, "home_status.log", 90)
                for leg in legs:
                    journal.wait(leg + r"KCP#\d+ average latency: \d+ ms", "home_status.log")
                assert "raw): 0 Byte/s" not in status[0] and "inner): 0 Byte/s" not in status[0], status[0]
            mux_has_its_line(journals[2])
    begins_not_without_its_directory(lab)
