# SPDX-License-Identifier: BSD-3-Clause
"""Two boxes and a wire between them, in network namespaces: what every end-to-end test starts from.

    client namespace            wire namespace             server namespace
    applications                bridge `switch`                applications
    TAP kg-wan 198.18.0.1       198.18.0.9                 TAP kg-wan 198.18.0.2
        fd00:18::1              fd00:18::9                     fd00:18::2
    kcpgate on `wan` ────────── to-client  to-server ───── kcpgate on `wan`

    with Lab() as lab:
        lab.start()
        ...

Tests wait for events (`eventually`, `Box.wait_log`), assert counters as well as traffic, and leave
nothing behind however they end. Exit status 0 passed, 77 skipped, anything else failed.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
import telemetry  # noqa: E402
import traffic  # noqa: E402

CLIENT4, CLIENT6 = "198.18.0.1", "fd00:18::1"
SERVER4, SERVER6 = "198.18.0.2", "fd00:18::2"
RELAY4, RELAY6 = "198.18.0.3", "fd00:18::3"
WIRE4, WIRE6 = "198.18.0.9", "fd00:18::9"
TUNNEL_PORT = 3000       # UDP, between the boxes
ENTRY = ("127.0.0.1", 6000)      # where applications enter the tunnel, client namespace
DESTINATION = ("127.0.0.1", 7000)  # where they come out, server namespace
READY_S = 60

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def skip(reason):
    print(reason)
    sys.exit(77)


def need_root():
    if os.geteuid() != 0:
        skip("needs root")


def eventually(what, condition, timeout_s=10.0):
    """Waits until condition() is true and returns its value; fails with `what` otherwise."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.02)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}"
                             f"{done.stderr}")
    return done.stdout


def two_cpus():
    """For tests with two workers."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        skip("needs two CPUs")
    return cpus


class Namespace:
    """A network namespace. `with ns:` moves the calling thread into it: sockets and processes
    made there belong to it."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
        self._outer = threading.local()
        self.ip("link", "set", "lo", "up")

    def __enter__(self):
        if not hasattr(self._outer, "fds"):
            self._outer.fds = []
        self._outer.fds.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        self._set(self.fd)
        return self

    def __exit__(self, *_):
        fd = self._outer.fds.pop()
        self._set(fd)
        os.close(fd)

    @staticmethod
    def _set(fd):
        if _libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def run(self, *command, **options):
        with self:
            return run(*command, **options)

    def side_by_side(self, *calls):
        """Each call, a function and its arguments, on a thread of its own in here; raises what one
        of them raises when all have ended."""
        def call(function, *arguments):
            with self:
                function(*arguments)

        with ThreadPoolExecutor(len(calls)) as pool:
            running = [pool.submit(call, *c) for c in calls]
        for done in running:
            done.result()

    def ip(self, *arguments):
        return run("ip", "-n", self.name, *arguments)

    def sysctl(self, key, value, must_exist=True):
        path = Path("/proc/sys", key.replace(".", "/"))
        with self:
            if must_exist or path.exists():
                path.write_text(str(value))

    def delete(self):
        os.close(self.fd)
        run("ip", "netns", "delete", self.name)


class Box:
    """One kcpgate process in a namespace of its own."""

    def __init__(self, lab, role, config):
        self.role, self.config = role, config
        self.ns = Namespace(f"{lab.prefix}-{role}")
        self.path = lab.directory / f"{role}.json"
        self.log_path = lab.directory / f"{role}.log"
        self.process = None
        self.command = None  # in place of kcpgate and its configuration
        self.environment = {}
        self.stderr = None  # a descriptor in place of the log file
        self.etc = {}  # files of /etc that this box sees in place of the machine's: name, text
        self._ready = threading.Event()
        self._reader = None

    @property
    def name(self):
        return self.config["name"]

    def start(self, wait=True):
        self.path.touch(0o600)  # it has a password
        self.path.write_text(json.dumps(self.config, indent=2))
        self._ready.clear()
        with self.ns, open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.own_etc(), *(self.command or [kcpgate(), str(self.path)])],
                                            stdout=subprocess.PIPE,
                                            stderr=log if self.stderr is None else self.stderr,
                                            stdin=subprocess.DEVNULL,
                                            env={**os.environ, **self.environment})
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        if wait:
            self.wait_ready()

    def own_etc(self):
        """What goes before a command that shall see self.etc."""
        if not self.etc:
            return []
        mounts = ""
        for name, text in self.etc.items():
            path = self.path.with_name(f"{self.role}-{name}")
            path.write_text(text)
            mounts += f"mount --bind {path} /etc/{name} && "
        return ["unshare", "--mount", "sh", "-c", f'{mounts} exec "$@"', "sh"]

    def _read(self, stream):
        with open(self.log_path, "ab", buffering=0) as log:
            for line in stream:
                log.write(line)
                if line.strip() == b"kcpgate ready":
                    self._ready.set()

    def wait_ready(self):
        eventually(f"{self.role} says ready",
                   lambda: self._ready.is_set() or self.process.poll() is not None, READY_S)
        assert self.process.poll() is None, f"{self.role} ended with {self.process.returncode}"

    def stop(self, number=signal.SIGTERM, timeout_s=60):
        """Sends a signal and returns the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout_s)
        self._reader.join()
        self.process = None
        return status

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, timeout_s=10):
        return eventually(f"{self.role} logs /{pattern}/",
                          lambda: re.search(pattern, self.log()), timeout_s)

    def reload(self, text=None):
        """Has it read its settings anew, or this text instead; what the log says of how it went, and all
        that it said meanwhile."""
        outcomes = re.compile(r"reload: (?:\d+ tunnels have gone.*|nothing has changed)")
        before = self.log()
        self.path.write_text(text if text is not None else json.dumps(self.config))
        self.process.send_signal(signal.SIGHUP)
        said = eventually(f"{self.role} has read its settings anew",
                          lambda: outcomes.search(self.log(), len(before)), 60)
        return said[0], self.log()[len(before):]

    def _ask(self, question):
        with telemetry.Connection(self.name) as connection:
            return question(connection)

    def stats(self):
        return self._ask(telemetry.Connection.stats)

    def worker_stats(self):
        return self._ask(telemetry.Connection.worker_stats)

    def payload_stats(self):
        return self._ask(telemetry.Connection.payload_stats)

    def tunnels(self):
        return self._ask(telemetry.Connection.tunnels)

    def help(self):
        return self._ask(telemetry.Connection.help)

    def troubles(self):
        return self._ask(telemetry.Connection.troubles)

    def channels(self):
        return self._ask(telemetry.Connection.channels)

    def names(self):
        return self._ask(telemetry.Connection.names)

    def stun(self):
        return self._ask(telemetry.Connection.stun)

    def paths(self):
        return self._ask(telemetry.Connection.paths)

    def counter(self, name):
        return self.stats()[name]

    def drops(self, reason):
        return self.stats()[f"drop_{reason}"]

    def all_drops(self):
        return telemetry.drops_of(self.stats())

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status")
                             .read_text()).group(1))


def kcpgate():
    path = os.environ.get("KCPGATE") or str(ROOT / "build/release/app/kcpgate/kcpgate")
    assert os.access(path, os.X_OK), f"no kcpgate binary at {path} (environment variable KCPGATE)"
    return path


def impair_binary():
    path = os.environ.get("KG_IMPAIR") or str(ROOT / "build/release/tests/netns/impair")
    assert os.access(path, os.X_OK), f"no impair at {path} (environment variable KG_IMPAIR)"
    return path


def wire_bytes(impaired):
    """Ends a wire of Lab.impair; bytes of whole frames that entered it, from either side."""
    impaired.terminate()
    return sum(int(line.split()[3]) for line in impaired.communicate(timeout=10)[0].splitlines())


def port(address4, address6, pmd, **more):
    return {"name": "wan", "device": f"{pmd},iface=wan", "tap": "kg-wan", "mtu": 1500,
            "addresses": [f"{address4}/24", f"{address6}/64"], **more}


def tunnel(mode, **more):
    """A tunnel's settings; the two modes fit each other unless told otherwise."""
    ends = {
        "client": {"listen_port": ENTRY[1], "destination_address": SERVER4,
                   "destination_port": TUNNEL_PORT},
        "server": {"listen_port": TUNNEL_PORT, "destination_address": DESTINATION[0],
                   "destination_port": DESTINATION[1]},
    }
    return {"name": "home", "mode": mode, "kcp": "fast1", "encryption_algorithm": "AES-GCM",
            "encryption_password": "a password for tests", **ends[mode], **more}


class Lab:
    """Namespaces, wire and boxes. Changes to the configuration are made on lab.client.config and
    lab.server.config (plain JSON objects) before start()."""

    def __init__(self, pmd=None):
        need_root()
        _sweep()
        pmd = pmd or os.environ.get("KG_PMD", "net_af_xdp0")
        self.pmd = pmd
        self.prefix = f"kgt{os.getpid()}"
        self.directory = Path(tempfile.mkdtemp(prefix="kcpgate-test-"))
        self._cleanups = contextlib.ExitStack()
        self._namespaces = []
        self._more_boxes = []
        try:
            self.client = self._box("client", port(CLIENT4, CLIENT6, pmd), 0, [tunnel("client")])
            self.server = self._box("server", port(SERVER4, SERVER6, pmd), 1, [tunnel("server")])
            self.wire = Namespace(f"{self.prefix}-wire")
            self._namespaces.append(self.wire)
            self._connect()
        except BaseException:
            self._tear_down()
            raise

    def _box(self, role, port_config, cpu, tunnels):
        cpus = sorted(os.sched_getaffinity(0))
        config = {"name": f"{self.prefix}-{role}", "workers": [cpus[cpu % len(cpus)]],
                  "poll": "adaptive", "memory": {"hugepages": False, "mb": 192},
                  "ports": [port_config], "tunnels": list(tunnels)}
        box = Box(self, role, config)
        self._namespaces.append(box.ns)
        return box

    def _connect(self):
        self.wire.ip("link", "add", "switch", "type", "bridge", "forward_delay", "0",
                     "stp_state", "0", "mcast_snooping", "0")
        for box in (self.client, self.server):
            self._plug_in(box)
        # Where br_netfilter is there, a bridge shows every frame to iptables; a cable does not.
        for family in ("iptables", "ip6tables"):
            self.wire.sysctl(f"net.bridge.bridge-nf-call-{family}", 0, must_exist=False)
        # No duplicate address detection: the address can be used at once.
        self.wire.sysctl("net.ipv6.conf.switch.accept_dad", 0)
        self.wire.ip("address", "add", f"{WIRE4}/24", "dev", "switch")
        self.wire.ip("address", "add", f"{WIRE6}/64", "dev", "switch", "nodad")
        self.wire.ip("link", "set", "switch", "up")

    def _plug_in(self, box):
        far = f"to-{box.role}"
        box.ns.ip("link", "add", "wan", "type", "veth", "peer", "name", far, "netns", self.wire.name)
        box.ns.sysctl("net.ipv6.conf.wan.disable_ipv6", 1)
        self.wire.sysctl(f"net.ipv6.conf.{far}.disable_ipv6", 1)
        for ns, link in ((box.ns, "wan"), (self.wire, far)):
            _make_cable(ns, link)
        if self.pmd.startswith("net_af_packet"):
            # AF_PACKET sees a copy; the kernel must not answer the original.
            box.ns.run("nft", "-f", "-", input="""
                table netdev kcpgate { chain quiet {
                    type filter hook ingress device wan priority -500; policy drop; }; }""")
        self.wire.ip("link", "set", far, "master", "switch", "up")
        box.ns.ip("link", "set", "wan", "up")

    def relay(self, *tunnels):
        """A third box on the wire, between the other two by its tunnels."""
        box = self._box("relay", port(RELAY4, RELAY6, self.pmd), 0, tunnels)
        self._more_boxes.append(box)
        self._plug_in(box)
        return box

    @property
    def boxes(self):
        return (self.client, self.server, *self._more_boxes)

    def namespace(self, name):
        ns = Namespace(f"{self.prefix}-{name}")
        self._namespaces.append(ns)
        return ns

    def host(self, name, *addresses):
        """A namespace beside the boxes on the wire, for applications that reach them by it."""
        ns = self.namespace(name)
        ns.ip("link", "add", "eth", "type", "veth", "peer", "name", name, "netns", self.wire.name)
        self.wire.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        for where, link in ((ns, "eth"), (self.wire, name)):
            _make_cable(where, link)
        self.wire.ip("link", "set", name, "master", "switch", "up")
        for address in addresses:
            ns.ip("address", "add", address, "dev", "eth", *(["nodad"] if ":" in address else []))
        ns.ip("link", "set", "eth", "up")
        return ns

    def set_tunnels(self, **settings):
        """Changes settings that both ends share."""
        for box in self.boxes:
            for t in box.config["tunnels"]:
                t.update(settings)

    def use_workers(self, cpus, **more):
        """Gives the boxes a worker on each of these CPUs, each with a queue of its own. The lab must be one
        of af_packet ports, which spread by flow as RSS does."""
        for box in self.boxes:
            box.config.update(workers=cpus, **more)
            box.config["ports"][0]["device"] += f",qpairs={len(cpus)}"

    def echo_often(self, jobs, tcp_bytes, udp_sizes):
        """So many connections and UDP flows to an echo server, eight of each at a time; the number of
        datagrams each way."""
        def one(seed):
            with self.client.ns:
                traffic.tcp_echo(*ENTRY, tcp_bytes, seed)
                return traffic.udp_echo(*ENTRY, sizes=udp_sizes, window=4)

        with ThreadPoolExecutor(8) as pool:
            return sum(job.result() for job in [pool.submit(one, seed) for seed in range(jobs)])

    def start(self):
        for box in self.boxes:
            box.start(wait=False)
        for box in self.boxes:
            box.wait_ready()

    def lose(self, percent):
        """The wire loses this share of all frames, at random, both ways."""
        self.wire.run("nft", "-f", "-", input=f"""
            table bridge loss {{ chain forward {{ type filter hook forward priority 0;
                numgen random mod 1000 < {int(percent * 10)} counter drop
            }}
            }}""")

    def impair(self, round_trip_ms, jitter_ms, loss_percent, *link):
        """The wire takes its time: half the round trip each way, jitter more or less, order kept, and
        loses some; `link` is what impair.c has besides. Returns a process; wire_bytes() of it ends the wire."""
        for box in self.boxes:
            self.wire.ip("link", "set", f"to-{box.role}", "nomaster", "promisc", "on")
            box.ns.run("ethtool", "-K", "wan", "tx", "off")
        process = self.popen(self.wire, impair_binary(), "to-client", "to-server",
                             str(round_trip_ms / 2), str(jitter_ms), str(loss_percent), "0", "0", *link,
                             stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        return process

    def defer(self, function, *arguments):
        """Calls it when the lab is torn down, last one first."""
        self._cleanups.callback(function, *arguments)

    def popen(self, ns, *command, **options):
        """A process in a namespace, ended with the lab."""
        with ns:
            process = subprocess.Popen(command, **options)
        self.defer(_end, process)
        return process

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _: sys.exit(128 + n))
        return self

    def __exit__(self, kind, error, _):
        try:
            if kind is None:
                for box in self.boxes:
                    if box.running:
                        check_balance(box)
                        status = box.stop()
                        assert status == 0, f"{box.role} stopped with status {status}"
        except BaseException:
            self._show()
            raise
        finally:
            if kind is not None and not issubclass(kind, SystemExit):
                self._show()
            self._tear_down()

    def _show(self):
        for box in self.boxes:
            print(f"---- log of {box.role}, last lines")
            print("\n".join(box.log().splitlines()[-40:]))
            with contextlib.suppress(Exception):
                stats = {name: count for name, count in box.stats().items() if count}
                print(f"---- counters of {box.role}: {stats}")

    def _tear_down(self):
        self._cleanups.close()
        for box in (getattr(self, "client", None), getattr(self, "server", None), *self._more_boxes):
            if box and box.process:
                _end(box.process)
        for ns in self._namespaces:
            with contextlib.suppress(Exception):
                ns.delete()
        left = [path for directory in ("/run/dpdk", "/run/kcpgate")
                for path in Path(directory).glob(f"*-{self.prefix}-*")]
        run("rm", "-rf", str(self.directory), *map(str, left))


def _make_cable(ns, link):
    """A frame on this wire is what a frame on a cable is: no longer than the MTU, its tag inside."""
    ns.run("ethtool", "-K", link, "tso", "off", "gso", "off", "tx-udp-segmentation", "off", "gro", "off",
           "txvlan", "off", "rxvlan", "off")


def check_balance(box):
    """Every frame is accounted for, on every worker."""
    def balanced():
        for worker in box.worker_stats():
            drops = sum(count for reason, count in telemetry.drops_of(worker).items()
                        if not reason.startswith("tx_"))
            if worker["rx_frames"] + worker["handed_in"] + worker["fragments_copied"] != (
                    worker["delivered"] + worker["app_rx"] + worker["punted"]
                    + worker["handed_off"] + worker["fragments_joined"] + drops):
                return False
        return True
    eventually(f"counters of {box.role} balance", balanced, 5)


def _end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _sweep():
    """Removes namespaces of earlier tests that were killed before they could clean up."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
        match = re.fullmatch(r"kgt(\d+)-\w+", name)
        if match and not os.path.exists(f"/proc/{match.group(1)}"):
            subprocess.run(["ip", "netns", "delete", name], check=False)
