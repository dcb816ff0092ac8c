# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate-bench --test box around the lab's boxes, each of which gets a second port for it:

    tester namespace                                        tester namespace
    to-client ═══ `lan` kcpgate `wan` ── wire ── `wan` kcpgate `lan` ═══ to-server
    198.18.1.9    198.18.1.1                           198.18.2.1        198.18.2.9
    fd00:18:1::9  fd00:18:1::1                         fd00:18:2::1      fd00:18:2::9
    sender                                                               sink

    with Lab() as lab:
        tester = Tester(lab)
        lab.start()
        rows = tester.run("--pps", "1000")
"""

import json
import os
import subprocess

from lab import ROOT, Namespace

ENTRY_PORT, SINK_PORT = 6000, 7000
SIDES = (("client", "to-client", 1), ("server", "to-server", 2))


def kcpgate_bench():
    path = os.environ.get("KCPGATE_BENCH") or str(
        ROOT / "build/release/app/kcpgate-bench/kcpgate-bench")
    assert os.access(path, os.X_OK), f"no benchmark at {path} (environment variable KCPGATE_BENCH)"
    return path


def address(version, net, host):
    return f"198.18.{net}.{host}" if version == 4 else f"fd00:18:{net}::{host}"


def endpoint(version, net, host, port):
    ip = address(version, net, host)
    return f"{ip}:{port}" if version == 4 else f"[{ip}]:{port}"


class Tester:
    """To be made before the boxes start. With `direct` there are none: its ports are joined."""

    def __init__(self, lab, version=4, direct=False):
        self.lab, self.version = lab, version
        self.ns = Namespace(f"{lab.prefix}-tester")
        lab.defer(self.ns.delete)
        self.to = endpoint(version, 1, 1, ENTRY_PORT)
        self.sink = endpoint(version, 2, 9, SINK_PORT)
        if direct:
            self.to = self.sink
            self._join(self.ns, SIDES[0][1], self.ns, SIDES[1][1])
            return
        for box, (role, link, net) in zip(lab.boxes, SIDES):
            assert box.role == role
            self._join(box.ns, "lan", self.ns, link)
            box.config["ports"].append(
                {"name": "lan", "device": f"{lab.pmd[:-1]}1,iface=lan", "tap": "kg-lan",
                 "addresses": [f"{address(4, net, 1)}/24", f"{address(6, net, 1)}/64"]})
        for tunnel in lab.server.config["tunnels"]:
            tunnel.update(destination_address=address(version, 2, 9), destination_port=SINK_PORT)

    @staticmethod
    def _join(ns_a, name_a, ns_b, name_b):
        """A veth pair; both hosts on it are DPDK's, Linux keeps silent."""
        ns_a.ip("link", "add", name_a, "type", "veth", "peer", "name", name_b, "netns", ns_b.name)
        for ns, name in ((ns_a, name_a), (ns_b, name_b)):
            ns.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
            ns.run("ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off")
            ns.ip("link", "set", name, "up")

    def command(self, *options):
        cores = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0)))
        devices = [f"--vdev={self.lab.pmd[:-1]}{number},iface={link}"
                   for number, (_, link, _) in enumerate(SIDES)]
        return [kcpgate_bench(), f"--lcores=0@({cores})", "--no-huge", "-m", "256", "--no-pci",
                "--no-shconf", "--no-telemetry", "--log-level=error",
                f"--file-prefix=kcpgate-{self.lab.prefix}-tester", *devices, "--",
                "--test", "box", "--cores", "1", "--adaptive",
                "--from", address(self.version, 1, 9), "--to", self.to, "--sink", self.sink, *options]

    def run(self, *options, timeout_s=100):
        """Its result rows."""
        results = self.lab.directory / "bench.json"
        with self.ns:
            done = subprocess.run(self.command("--json", str(results), *options),
                                  capture_output=True, text=True, check=False, timeout=timeout_s)
        print(done.stdout)
        assert done.returncode == 0, f"kcpgate-bench: status {done.returncode}\n{done.stderr}"
        return json.loads(results.read_text())
