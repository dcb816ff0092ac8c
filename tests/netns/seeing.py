#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own dpdk-telemetry.py shows counters and what they mean, tunnels and channels; a table of 100 channels comes in
pages and is whole. DPDK's exporter, where it is installed (Debian 13), exports the port.

    client, 100 × ── wire ── server
"""

import http.client
import json
import re
import shutil

from lab import DESTINATION, ENTRY, Lab, eventually, run, skip, tunnel
import telemetry
import traffic

SETTINGS = {"name", "mode", "encryption", "protocol", "kcp", "kcp_mtu", "fec"}  # beside the numbers of a tunnel
EXPORTER = shutil.which("dpdk-telemetry-exporter.py")
EXPORTED = ("127.0.0.1", 9876)
READER = shutil.which("dpdk-telemetry.py")
if not READER:
    skip("dpdk-telemetry.py is not installed")


def ask(box, *commands):
    lines = run("python3", READER, "-f", f"kcpgate-{box.name}",
                input="\n".join((*commands, "quit", ""))).splitlines()
    answers = [json.loads(line) for line in lines if line.startswith("{")]
    return {command: answer for one in answers for command, answer in one.items()}


def scrape(box):
    try:
        with box.ns:
            connection = http.client.HTTPConnection(*EXPORTED, timeout=10)
            connection.connect()
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    except OSError:
        return ""  # not there yet


def check_exporter(lab):
    box = lab.client
    lab.popen(box.ns, "python3", EXPORTER, "-s", telemetry.socket_path(box.name), "-o", "openmetrics://%s:%d" % EXPORTED)
    text = eventually("the exporter answers", lambda: scrape(box), 30)
    packets = re.search(r'rx_packets(?:_total)?\{[^}]*port="net_[^}]*\} (\d+)', text)
    assert packets and int(packets[1]) > 200, text


with Lab() as lab:
    lab.client.config["tunnels"] += [
        tunnel("client", name=f"far-away.{number}", listen_port=6100 + number) for number in range(20)]
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        flows = [traffic.connect(*ENTRY) for _ in range(100)]
        for flow in flows:
            flow.sendall(b"hello")
            assert traffic.receive_exactly(flow, 5) == b"hello"

    for box in lab.boxes:
        eventually("all channels are counted", lambda: box.tunnels()["home"]["channels"] == 100)
        seen = ask(box, "/kcpgate/stats", "/kcpgate/tunnels", "/kcpgate/channels")
        assert seen["/kcpgate/stats"]["delivered"] > 200
        assert seen["/kcpgate/tunnels"]["home"]["channels"] == 100
        row = next(iter(seen["/kcpgate/channels"].values()))
        assert row["state"] == "open" and row["protocol"] == "tcp"

    assert ask(lab.client, "/kcpgate/help")["/kcpgate/help"]["rx_bytes"] == {
        "help": "bytes of frames from NIC queues", "type": "counter", "unit": "bytes",
        "of": "worker"}
    assert len(lab.client.tunnels()) == 21 and "far-away.19" in lab.client.tunnels()
    explained = lab.client.help()
    shown = {*lab.client.stats(), *lab.client.tunnels()["home"]} - SETTINGS
    assert shown <= explained.keys(), f"not explained: {shown - explained.keys()}"
    assert all(all(row.values()) for row in explained.values())

    rows = {box.role: {row["conv"]: row for row in box.channels()} for box in lab.boxes}
    assert len(rows["client"]) == 100 and rows["client"].keys() == rows["server"].keys()
    for conv, row in rows["client"].items():
        assert row["sent_bytes"] == rows["server"][conv]["received_bytes"]
    if EXPORTER:
        check_exporter(lab)
    else:
        print("not looked at: dpdk-telemetry-exporter.py, which comes with DPDK 24.11")
    for flow in flows:
        flow.close()
    eventually("all channels are gone", lambda: not lab.client.channels() + lab.server.channels())
