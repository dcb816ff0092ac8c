#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ten minutes of boxes that sanitizers watch, among peers that know the password and keep to nothing: a client that
misuses a server box and a relay, a server that misuses a client box and the relay, either end of UDP Hop's wire; and
applications that come and go at both ends as they like. Beside them others must be served. In the end, when all that
has gone, memory, buffers and descriptors are as at the start, every frame is accounted for, and nothing was reported.

    scripts/hostile.py [--minutes N] [--seed N]

Builds build/sanitized as scripts/test.sh does, unless KCPGATE names a kcpgate. Needs root; runs in namespaces of its
own. Exit status 0: all of that was so.
"""

import argparse
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "netns"), str(ROOT / "scripts" / "lib")]
import level  # noqa: E402
import traffic  # noqa: E402
from hostile_peer import Client, Hop, Server  # noqa: E402
from lab import DESTINATION, RELAY4, SERVER4, WIRE4, Lab, eventually, tunnel  # noqa: E402

SANITIZED = ("--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false",
             "-Dc_args=-fno-sanitize-recover=undefined")
WATCHED = {"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": f"suppressions={ROOT}/tests/netns/leaks.supp",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
REPORT = re.compile(r".*(?:Sanitizer|runtime error).*")
ADDRESS, ECHO_PORT = DESTINATION
STORM_PORT, REFUSED_PORT, SILENT_PORT = 7001, 7998, 7999
SERVED_S, EVERY_S, SAY_S = 20, 5, 60
ASKS, ASKS_AGAIN_PART = 5, 10  # datagrams on UDP Hop's wire; and one look of so many at most asks again
IDLE_S, IDLE_MORE = 10, 0.1  # how much of a CPU more than at the start
UDP_TIMEOUT_S = 60
GONE_S = 600  # within which what peers have left behind expires: 255 s of silence, and what lingers after

# Tunnels between the two boxes: entry, UDP port between them, destination, settings of both, of the client.
ECHOES = ((6000, 3000, {}, {}), (6001, 3001, {}, {"mux_tunnels": 2}), (6002, 3002, {"protocol": "udphop"}, {}))
STORMS = ((6003, 3003, {}, {}), (6004, 3004, {}, {"mux_tunnels": 8}), (6005, 3005, {"fec": "3:2"}, {}))
# Tunnels that only one of our boxes has. The other end is not ours.
OPEN_TO_ALL = {3006: {"destination_port": "{}", "custom_allow": [f"127.0.0.0/8:{ECHO_PORT}", f"[::1]:{ECHO_PORT}"]},
               3007: {"destination_port": REFUSED_PORT}, 3008: {"destination_port": SILENT_PORT},
               3009: {"destination_port": ECHO_PORT, "fec": "20:10"}}
ASKING = {6010: (4000, {}), 6011: (4001, {"mux_tunnels": 3}), 6012: (4002, {"fec": "3:2"}),
          6013: (4003, {"fec": "20:10"}),
          6014: (4004, {"listen_port": "{}", "custom_input": [{"local": ":6014", "remote": "host.name:80"}]}),
          6015: (4005, {"protocol": "udphop"})}
# Of the relay: listener, where it asks, settings. Half of the servers are ours.
RELAYED = ((3100, SERVER4, 3000, {}), (3101, SERVER4, 3001, {}), (3102, SERVER4, 3002, {"protocol": "udphop"}),
           (3103, WIRE4, 4006, {}), (3104, WIRE4, 4005, {"protocol": "udphop"}))
FEC = {3005: (3, 2), 3009: (20, 10), 4002: (3, 2), 4003: (20, 10)}


def settings(mode, name, **more):
    made = tunnel(mode, name=name, encryption_algorithm="none", udp_timeout=UDP_TIMEOUT_S, **more)
    del made["encryption_password"]
    if more.get("protocol") == "udphop":
        del made["kcp"]
    if made.get("destination_port") == "{}":
        del made["destination_address"]
    return made


def relayed(listen, address, port, more):
    wire = {"encryption_algorithm": "none", "udp_timeout": UDP_TIMEOUT_S}
    made = {"name": f"r{listen}", "mode": "relay", "listener": {"listen_port": listen, **wire},
            "forwarder": {"destination_address": address, "destination_port": port, **wire}, **more}
    if not more:
        made["kcp"] = "fast1"
    return made


def configure(lab):
    client, server = [], []
    for tunnels, port in ((ECHOES, ECHO_PORT), (STORMS, STORM_PORT)):
        for entry, between, both, ours in tunnels:
            client.append(settings("client", f"t{entry}", listen_port=entry, destination_port=between, **both, **ours))
            server.append(settings("server", f"t{entry}", listen_port=between, destination_port=port, **both))
    for port, more in OPEN_TO_ALL.items():
        server.append(settings("server", f"t{port}", listen_port=port, **more))
    for entry, (port, more) in ASKING.items():
        client.append(settings("client", f"t{entry}", destination_address=WIRE4, destination_port=port,
                               **{"listen_port": entry, **more}))
    lab.client.config["tunnels"], lab.server.config["tunnels"] = client, server
    lab.relay(*(relayed(*row) for row in RELAYED))
    for box in lab.boxes:
        box.environment = WATCHED


# ---- applications

def reset_at_close(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def as_it_likes(connection):
    """A destination that ends, resets, talks, stops or echoes."""
    what = random.random()
    if what < 0.2:
        reset_at_close(connection)
    elif what < 0.35:
        connection.recv(100)
        reset_at_close(connection)
    elif what < 0.5:
        connection.sendall(bytes(50_000))
    elif what < 0.6:
        connection.shutdown(socket.SHUT_WR)
        connection.recv(100_000)
    elif what > 0.7:
        traffic.echo(connection)


class Storm:
    """Applications of the client box, so many connections and flows at a time, which do what they like."""

    OPEN_MAX, DATAGRAMS = 300, (0, 0, 1, 2, 1400, 1424, 1425, 1426, 1427, 1472, 9000, 30_000, 65_507)

    def __init__(self, lab, rng, entries, over):
        self.ns, self.rng, self.entries, self.over = lab.client.ns, rng, entries, over
        self.open, self.deeds = [], 0

    def _begin(self):
        kind = self.rng.choice((socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM))
        s = socket.socket(socket.AF_INET, kind)
        s.setblocking(False)
        self.open.append(s)
        s.connect_ex(("127.0.0.1", self.rng.choice(self.entries)))

    def _end(self, s, how):
        self.open.remove(s)
        if how < 0.5 and s.type == socket.SOCK_STREAM:
            reset_at_close(s)
        s.close()

    def _use(self, s, what):
        if s.type == socket.SOCK_DGRAM:
            s.send(bytes(self.rng.choice(self.DATAGRAMS)))
        elif what < 0.5:
            s.send(bytes(self.rng.choice((1, 100, 1400, 30_000, 200_000))))
        elif what < 0.55:
            s.send(b"u", socket.MSG_OOB)
        elif what < 0.65:
            s.shutdown(socket.SHUT_WR)
        else:
            s.recv(self.rng.choice((1, 100, 100_000)))

    def _turn(self):
        what = self.rng.random()
        if not self.open or (what < 0.3 and len(self.open) < self.OPEN_MAX):
            self._begin()
            return
        s = self.rng.choice(self.open)
        try:
            if what > 0.9:
                self._end(s, self.rng.random())
            else:
                self._use(s, self.rng.random())
        except BlockingIOError:
            pass
        except OSError:
            if s in self.open and self.rng.random() < 0.5:
                self._end(s, 1)

    def run(self):
        with self.ns:
            while not self.over.is_set():
                self._turn()
                self.deeds += 1
                time.sleep(0.003)
        for s in self.open:
            s.close()


# ---- peers

def peers(lab, seed):
    """Each is driven by a thread of its own."""
    ports = [(SERVER4, port) for port in (3000, 3001, *range(3003, 3010))] + [(RELAY4, p) for p in (3100, 3101, 3103)]
    made = [Client(lab.wire, [(*place, FEC.get(place[1])) for place in ports], random.Random(seed)),
            Client(lab.wire, [(*place, FEC.get(place[1])) for place in ports], random.Random(seed + 1)),
            Server(lab.wire, WIRE4, {p: FEC.get(p) for p in (*range(4000, 4005), 4006)}, random.Random(seed + 2)),
            Hop(lab.wire, [(SERVER4, 3002), (RELAY4, 3102), (RELAY4, 3104)], (WIRE4, 4005), random.Random(seed + 3))]
    return made


def drive(peer, over, failures):
    try:
        while not over.is_set():
            peer.turn()
            time.sleep(0.001)
    except Exception as failure:  # pylint: disable=broad-except
        failures.append(f"{type(peer).__name__} failed: {failure!r}")
        raise


# ---- others

class Losses:
    """Where datagrams are thrown away: in the boxes, by name; before them, where a box did not come for what its port
    had; and by Linux, for want of room in the sockets of applications."""

    def __init__(self, lab):
        self.lab = lab
        self.last = self._now()

    @staticmethod
    def _of_box(box):
        stats = box.stats()
        link, = json.loads(box.ns.ip("-s", "-j", "link", "show", "wan"))
        counts = {name: count for name, count in stats.items() if "drop" in name}
        return {**counts, "not_fetched": link["stats64"]["rx"]["packets"] - stats["rx_frames"]}

    def _now(self):
        now = {}
        for box in self.lab.boxes:
            names, counts = (line.split()[1:] for line in box.ns.run("cat", "/proc/net/snmp").splitlines()
                             if line.startswith("Udp:"))
            sockets = int(counts[names.index("RcvbufErrors")])
            now[box.role] = {**self._of_box(box), "socket_full": sockets}
        return now

    def since(self):
        """What has been thrown away since this was asked last, in words."""
        last, self.last = self.last, self._now()
        return "; ".join(f"{role} " + ", ".join(f"{count - last[role].get(name, 0)} {name}"
                                                for name, count in counts.items() if count > last[role].get(name, 0))
                         for role, counts in self.last.items())


def echo_datagrams(entry, asks):
    """Whether it took more than one question. What a wire without KCP loses is lost: as with any UDP, who has to have
    an answer asks again, from where he has asked before."""
    with traffic.udp_socket("127.0.0.1", entry, SERVED_S / asks) as s:
        for left in reversed(range(asks)):
            try:
                traffic.echo_over(s, range(0, 1400, 250))
                return left + 1 < asks
            except AssertionError:
                if left == 0:
                    raise


def served(lab):
    """How long an application of each of the echoes waits, in seconds, and how many had to ask again."""
    slowest = again = 0
    with lab.client.ns:
        for entry, _, both, _ in ECHOES:
            begun = time.monotonic()
            try:
                if "protocol" not in both:
                    traffic.tcp_echo("127.0.0.1", entry, 20_000, timeout_s=SERVED_S)
                again += echo_datagrams(entry, ASKS if "protocol" in both else 1)
            except (OSError, AssertionError) as failure:
                raise AssertionError(f"entry {entry}: {failure}") from failure
            slowest = max(slowest, time.monotonic() - begun)
    return slowest, again


def reports(box):
    return [f"{box.role}: {line}" for line in REPORT.findall(box.log())]


def in_words(boxes):
    return "; ".join(f"{b.role} {level.figures(b)}" for b in boxes)


def look(lab, losses, wrong):
    """How long the slowest of others waited, and whether one had to ask again."""
    slowest, again = SERVED_S, 0
    try:
        slowest, again = served(lab)
    except (OSError, AssertionError) as failure:
        wrong.append(f"{time.strftime('%H:%M:%S')} others were not served: {failure!r}")
    if all(b.running for b in lab.boxes):
        lost = losses.since()
        if slowest == SERVED_S or again:
            print(f"{time.strftime('%H:%M:%S')} thrown away since the look before: {lost}", flush=True)
    return slowest, again


def watch(lab, seconds, wrong):
    """Serves others now and then, as long as all boxes live; the longest that one of them waited."""
    end, said, longest, looks, again = time.monotonic() + seconds, time.monotonic(), 0, 0, 0
    losses = Losses(lab)
    while time.monotonic() < end and all(b.running for b in lab.boxes):
        time.sleep(EVERY_S)
        slowest, asked_again = look(lab, losses, wrong)
        longest, looks, again = max(longest, slowest), looks + 1, again + asked_again
        if time.monotonic() > said + SAY_S and all(b.running for b in lab.boxes):
            said = time.monotonic()
            print(f"{(end - said) / 60:.1f} min to go; slowest served in {longest:.2f} s; {in_words(lab.boxes)}",
                  flush=True)
    print(f"{looks} looks, datagrams on UDP Hop's wire were asked for again in {again}")
    if again > max(1, looks // ASKS_AGAIN_PART):
        wrong.append(f"{again} looks of {looks} lost datagrams on UDP Hop's wire")
    return longest


def idle(lab):
    """Of each box how much of a CPU it takes while nobody asks anything of it."""
    def used_s():
        return [sum(int(n) for n in Path(f"/proc/{b.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]) /
                os.sysconf("SC_CLK_TCK") for b in lab.boxes]

    begun_s, begun = used_s(), time.monotonic()
    time.sleep(IDLE_S)
    passed = time.monotonic() - begun
    return {b.role: (last - first) / passed for b, first, last in zip(lab.boxes, begun_s, used_s())}


def rest(lab, before):
    """Until all is back, or patience ends; what is not."""
    begun, more = time.monotonic(), ["?"]
    while more and time.monotonic() < begun + GONE_S:
        time.sleep(5)
        more = [f"{b.role}: {text}" for b in lab.boxes for text in level.above(before[b.role], level.figures(b))]
    print(f"after {time.monotonic() - begun:.0f} s of rest: {in_words(lab.boxes)}")
    return more


def run(lab, args):
    wrong, over = [], threading.Event()
    configure(lab)
    lab.server.ns.run("nft", "-f", "-", input=f"""table inet silent {{ chain input {{
        type filter hook input priority 0; tcp dport {SILENT_PORT} drop; }}; }}""")
    lab.start()
    # A process of its own: what these threads do meanwhile must not make it slow.
    lab.popen(lab.server.ns, sys.executable, str(ROOT / "scripts/lib/traffic.py"), "serve", ADDRESS, str(ECHO_PORT))
    with lab.server.ns:
        _services = (traffic.serve_udp_echo(ADDRESS, STORM_PORT),
                     traffic.serve_tcp(ADDRESS, STORM_PORT, as_it_likes))
    with lab.server.ns:
        eventually("the echo answers", lambda: traffic.echoes(ADDRESS, ECHO_PORT), SERVED_S)
    served(lab)
    time.sleep(EVERY_S)
    before, idle_before = {box.role: level.figures(box) for box in lab.boxes}, idle(lab)
    hostile = peers(lab, args.seed)
    rng = random.Random(args.seed + 4)
    storms = [Storm(lab, random.Random(rng.random()), [t[0] for t in STORMS], over) for _ in range(2)]
    storms.append(Storm(lab, random.Random(rng.random()), list(ASKING), over))
    threads = [threading.Thread(target=drive, args=(p, over, wrong), daemon=True) for p in hostile]
    threads += [threading.Thread(target=s.run, daemon=True) for s in storms]
    for thread in threads:
        thread.start()
    longest = watch(lab, args.minutes * 60, wrong)
    over.set()
    for thread in threads:
        thread.join(30)
    print(f"slowest served in {longest:.2f} s; " + ", ".join(
        f"{type(p).__name__.lower()} {p.deeds} deeds, {p.answered} answered" for p in hostile) +
        f", applications {sum(s.deeds for s in storms)} deeds")
    wrong += [text for box in lab.boxes for text in reports(box)]
    wrong += [f"{box.role} has ended" for box in lab.boxes if not box.running]
    if all(box.running for box in lab.boxes):
        wrong += rest(lab, before)
        for role, share in idle(lab).items():
            print(f"{role}: idle it takes {share:.3f} of a CPU, {idle_before[role]:.3f} before")
            if share > idle_before[role] + IDLE_MORE:
                wrong.append(f"{role} does not come to rest")
        for box in lab.boxes:
            print(f"{box.role}: " + ", ".join(f"{count} {name}" for name, count in box.all_drops().items() if count))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if "KCPGATE" not in os.environ:
        subprocess.run([ROOT / "scripts/build.sh", "build/sanitized", *SANITIZED, "--", "app/kcpgate/kcpgate"],
                       env={**os.environ, "CC": "clang"}, stdout=sys.stderr, check=True)
        os.environ["KCPGATE"] = str(ROOT / "build/sanitized/app/kcpgate/kcpgate")
    with Lab() as lab:
        wrong = run(lab, args)
    level.conclude("hostile", wrong)


main()
