#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate-ctl traces a channel, or a peer: every datagram as it is on the wire, or as what is within, with the times of
its stages, in a file that other programs read. Strangers' datagrams show where they are thrown away. Who traces and
does not read loses events, and the box waits for nobody.

    client, 1 flow ── wire ── server
"""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from lab import CLIENT4, DESTINATION, ENTRY, ROOT, SERVER4, WIRE4, Lab, eventually, run, two_cpus
from udphop_settings import udphop
from wire import Sniffer
import traffic

CTL = os.environ.get("KCPGATE_CTL") or str(ROOT / "build/release/app/kcpgate-ctl/kcpgate-ctl")
MARK = b"what applications say"
WAY = {"in": ["rx", "classify", "open", "steer", "session_input"], "out": ["session_output", "seal", "route"]}


def blocks(data):
    """Type and body of each block of a pcapng file of one section in this machine's byte order."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("=II", data, at)
        assert size % 4 == 0 and struct.unpack_from("=I", data, at + size - 4)[0] == size, "a block has its length twice"
        yield kind, data[at + 8:at + size - 4]
        at += size


def options(data):
    found, at = {}, 0
    while at < len(data):
        code, size = struct.unpack_from("=HH", data, at)
        if code == 0:
            break
        found[code] = data[at + 4:at + 4 + size]
        at += 4 + -(-size // 4) * 4
    return found


def read(path):
    """The packets of the file: time, IP packet, bytes it had, outbound, comment."""
    parts = list(blocks(path.read_bytes()))
    assert [kind for kind, _ in parts[:2]] == [0x0a0d0d0a, 1] and struct.unpack_from("=I", parts[0][1])[0] == 0x1a2b3c4d
    link, _, kept_max = struct.unpack_from("=HHI", parts[1][1])
    assert link == 101 and kept_max > 2048 and options(parts[1][1][8:])[9] == b"\x09"
    packets = []
    for kind, body in parts[2:]:
        interface, high, low, kept, length = struct.unpack_from("=5I", body)
        more = options(body[20 + -(-kept // 4) * 4:])
        assert kind == 6 and interface == 0 and kept <= length
        packets.append({"time": (high << 32 | low) / 1e9, "packet": body[20:20 + kept], "length": length,
                        "out": struct.unpack("=I", more[2])[0] == 2, "comment": more[1].decode()})
    return packets


def payload(packet):
    return packet["packet"][(20 if packet["packet"][0] >> 4 == 4 else 40) + 8:]


def check_way(packet, conv):
    """Each stage in its order, and none before the one before."""
    direction = "out" if packet["out"] else "in"
    stages = re.findall(r" (\w+) (\d+) ns", packet["comment"])
    assert [name for name, _ in stages] == WAY[direction], packet["comment"]
    times = [int(ns) for _, ns in stages]
    assert times == sorted(times) and times[0] == 0 and times[-1] < 5e9, packet["comment"]
    assert packet["comment"].startswith(f"home, conv {conv}, worker "), packet["comment"]
    assert abs(packet["time"] - time.time()) < 60, packet["time"]


class Trace:
    """One that writes a file while the `with` lasts."""

    def __init__(self, box, directory, of, *more):
        self.path = Path(directory) / "trace.pcapng"
        self.path.unlink(missing_ok=True)
        self.process = subprocess.Popen([CTL, "--box", box.name, "trace", of, "--output", self.path, *more],
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        eventually("it has begun", lambda: self.path.exists() and self.path.stat().st_size > 0)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said = self.process.communicate(timeout=30)[1]
        assert self.process.returncode == 0, self.said


def echo(flow, text=MARK, times=20):
    for _ in range(times):
        flow.sendall(text)
        assert traffic.receive_exactly(flow, len(text)) == text


def check_channel(lab, directory, flow):
    conv = f"{lab.client.channels()[0]['conv']:08x}"
    with Sniffer(lab.wire, "to-client") as wire, Trace(lab.client, directory, conv) as trace:
        echo(flow)
        time.sleep(0.2)
    packets = read(trace.path)
    assert {p["out"] for p in packets} == {True, False} and len(packets) >= 40, len(packets)
    assert trace.said == f"{len(packets)} datagrams, 0 lost\n", trace.said
    passed = {p.payload for p in wire.packets()}
    for packet in packets:
        check_way(packet, conv)
        assert payload(packet) in passed and MARK not in payload(packet), "it is not what was on the wire"
        assert len(packet["packet"]) == packet["length"]
    if shutil.which("tcpdump"):
        lines = run("tcpdump", "-nnvr", str(trace.path)).splitlines()
        assert sum(": UDP, length" in line for line in lines) == len(packets) and "bad" not in "".join(lines), lines[:4]
        assert any(f"{CLIENT4}." in line and f"> {SERVER4}.3000" in line for line in lines), lines[:4]


def check_decrypted(lab, directory, flow):
    with Trace(lab.client, directory, f"{SERVER4}:3000", "--decrypted") as trace:
        echo(flow)
        time.sleep(0.2)
    packets = read(trace.path)
    assert sum(MARK in payload(p) for p in packets if p["out"]) >= 20
    assert sum(MARK in payload(p) for p in packets if not p["out"]) >= 20


def check_udphop(lab, directory):
    """An iden stands where others have a conv."""
    with lab.client.ns, traffic.udp_socket(ENTRY[0], 6002) as flow:
        traffic.echo_over(flow, [100])
        iden = next(row["conv"] for row in lab.client.channels() if row["tunnel"] == "hop")
        with Trace(lab.client, directory, f"{iden:08x}") as trace:
            traffic.echo_over(flow, [20, 21, 22])
    # Where answers take long there are signs of life, too.
    assert [packet["out"] for packet in read(trace.path)].count(True) >= 3


def check_stranger(lab, directory):
    with Trace(lab.server, directory, WIRE4, "--times", "3") as trace:
        with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for _ in range(3):
                noise.sendto(b"x" * 100, (SERVER4, 3000))
        trace.process.wait(30)
    packets = read(trace.path)
    assert len(packets) == 3
    for packet in packets:
        assert payload(packet) == b"x" * 100 and "dropped at open: auth_failed" in packet["comment"], packet


def ask(box):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(f"/run/kcpgate/ctl-{box.name}")
    lines = s.makefile("r")
    lines.readline()

    def request(**what):
        s.sendall(json.dumps(what).encode() + b"\n")
        return json.loads(lines.readline())
    return s, lines, request


def check_refused(lab, directory):
    s, lines, request = ask(lab.client)
    for wrong in ({}, {"conv": "xyz"}, {"conv": ""}, {"conv": "123456789"}, {"peer": "nowhere"}, {"conv": "1", "peer": "::1"}):
        assert "hexadecimal" in request(do="trace", **wrong)["error"], wrong
    with Trace(lab.client, directory, "1"):
        assert "already" in request(do="trace", conv="1")["error"]
    eventually("there is room for another", lambda: "result" in request(do="trace", conv="1"))
    lines.close()
    s.close()


def check_lost(lab):
    """It does not read while more passes than its socket holds."""
    s, lines, request = ask(lab.client)
    eventually("there is room for another", lambda: "result" in request(do="trace", peer=SERVER4))
    with lab.client.ns:
        traffic.tcp_download(ENTRY[0], 6001, 8 << 20)
    seen = 0
    while True:
        event = json.loads(lines.readline())
        seen += 1
        if event["lost"] > 0:
            break
        if seen % 100 == 0:  # what was lost shows with the next that is told
            with lab.client.ns:
                traffic.tcp_download(ENTRY[0], 6001, 1 << 20)
    assert event["event"] == "packet" and event["lost"] > 0
    lines.close()
    s.close()


def trial(cpus):
    with Lab(pmd="net_af_packet0" if cpus else None) as lab, tempfile.TemporaryDirectory() as directory:
        if cpus:
            lab.use_workers(cpus)
        for box, more in ((lab.client, {"listen_port": 6001, "destination_port": 3001}),
                          (lab.server, {"listen_port": 3001, "destination_port": 7001})):
            box.config["tunnels"].append(dict(box.config["tunnels"][0], name="bulk", **more))
        lab.client.config["tunnels"].append(udphop("client", name="hop", listen_port=6002, destination_port=3002))
        lab.server.config["tunnels"].append(udphop("server", name="hop", listen_port=3002))
        lab.start()
        with lab.server.ns:
            services = [traffic.serve_echo(*DESTINATION), traffic.serve_tcp(DESTINATION[0], 7001, traffic.bulk)]
        with lab.client.ns:
            flow = traffic.connect(*ENTRY)
        echo(flow)
        if cpus:
            check_decrypted(lab, directory, flow)
        else:
            check_channel(lab, directory, flow)
            check_decrypted(lab, directory, flow)
            check_udphop(lab, directory)
            check_stranger(lab, directory)
            check_refused(lab, directory)
            check_lost(lab)
        echo(flow)
        flow.close()


trial(None)
trial(two_cpus())
