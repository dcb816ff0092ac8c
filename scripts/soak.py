#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Half an hour of what boxes meet in a year: connections that open, carry something and close, hops, loss, settings
that change. At the start and at the end, both with nothing open, memory, buffers and descriptors are looked at, and
what was counted as an error in between.

    scripts/soak.py [--minutes N] [--connections N] [--loss PERCENT]

Needs root; runs in namespaces of its own. Exit status 0: all is back, nothing is unexplained, nobody's connection broke.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "netns"), str(ROOT / "scripts" / "lib")]
import level  # noqa: E402
from lab import DESTINATION, ENTRY, Lab, eventually, tunnel  # noqa: E402

CTL = os.environ.get("KCPGATE_CTL") or str(ROOT / "build/release/app/kcpgate-ctl/kcpgate-ctl")
GUEST = (ENTRY[0], 6100)
RELOAD_EVERY_S, HOP_S, LINGER_S, STEADY_S = 10, 20, 90, 25
BYTES_MAX, HELD_S = 60_000, 60
# What a good box counts when the wire loses, paths change and tunnels come and go: in what it says, and why.
EXPLAINED = {
    "drop_conv_unknown": "late copies of what has ended, and of tunnels that have gone",
    "drop_handshake_unknown": "answers to handshakes that were asked more than once, or that have ended",
    "drop_fragment_lost": "datagrams in pieces of which the wire has lost one",
    "drop_handshake_replayed": "requests that were asked more than once",
    "drop_handshake_stale": "requests in the second in which a tunnel came; asked again",
    "drop_exception_unasked": "broadcasts of the namespaces' own stacks",
    "drop_source_unknown": "late answers to paths that were left",
    "drop_tx_icmp_tunnel": "what Linux says of ports that tunnels have left",
}


class Applications:
    """So many connections at a time, each of which opens, echoes, rests, closes, and is opened again."""

    def __init__(self, lab, count):
        self.lab, self.count = lab, count
        self.over = None
        self.done = 0
        self.broken = []

    async def _echo_server(self):
        async def serve(reader, writer):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            except (OSError, asyncio.CancelledError):
                pass  # the client's end, or the test's
            writer.close()
        with self.lab.server.ns:
            listener = socket.create_server(DESTINATION, backlog=1024)
        return await asyncio.start_server(serve, sock=listener)

    async def _connect(self, entry):
        with self.lab.client.ns:
            s = socket.socket()
        s.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(s, entry)
        except OSError:
            s.close()
            raise
        return await asyncio.open_connection(sock=s)

    async def _one(self, entry, rng, step):
        """`step` is told how far it is."""
        step("connecting")
        reader, writer = await self._connect(entry)
        for turn in ("first", "second"):
            step(turn)
            data = rng.randbytes(rng.randrange(1, BYTES_MAX))
            writer.write(data)
            back = await asyncio.wait_for(reader.readexactly(len(data)), 60)
            assert back == data, "bytes came back changed"
            try:
                await asyncio.wait_for(self.over.wait(), rng.uniform(0, HELD_S / 2))
            except asyncio.TimeoutError:
                pass
        step("ending")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 60) == b"", "more came back than was sent"
        writer.close()
        self.done += 1

    async def _again_and_again(self, seed):
        rng = random.Random(seed)
        await asyncio.sleep(rng.uniform(0, HELD_S / 4))
        while not self.over.is_set():
            steps, begun = [], time.monotonic()
            entry = GUEST if rng.random() < 0.3 else ENTRY
            try:
                await self._one(entry, rng, steps.append)
            except (OSError, AssertionError, EOFError, asyncio.TimeoutError) as failure:
                self.broken.append(f"{time.strftime('%H:%M:%S')} port {entry[1]}, {steps[-1]}, after "
                                   f"{time.monotonic() - begun:.1f} s: {type(failure).__name__}: {failure}")
                print(self.broken[-1], flush=True)
                await asyncio.sleep(1)

    async def run(self, seconds, meanwhile):
        """For so long; `meanwhile` is called each second and may take its time."""
        self.over = asyncio.Event()
        server = await self._echo_server()
        tasks = [asyncio.create_task(self._again_and_again(i)) for i in range(self.count)]
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            await asyncio.sleep(1)
            await asyncio.to_thread(meanwhile, time.monotonic() - begun)
        self.over.set()
        await asyncio.gather(*tasks)
        server.close()


def at_rest(lab):
    """Nothing is open, and what lingers, handshakes and paths, has gone."""
    for box in lab.boxes:
        eventually(f"{box.role}: no channel is open", lambda b=box: not b.channels(), LINGER_S)
    end = time.monotonic() + 2 * LINGER_S
    seen, since = None, time.monotonic()
    while time.monotonic() < min(end, since + STEADY_S):
        now = [box.stats()["mem_state_bytes"] for box in lab.boxes]
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(1)
    return {box.role: level.figures(box) for box in lab.boxes}


class Watch:
    """Says when a box counts what is not explained, what it was, and how the neighbours were; and what its log says of
    channels that closed."""

    def __init__(self, box):
        self.box = box
        self.before = errors(box)
        self.read = len(box.log())

    def _dropped(self, names):
        done = subprocess.run([CTL, "--json", "--box", self.box.name, "why"], capture_output=True, text=True, check=False)
        rows = json.loads(done.stdout)["dropped"] if done.returncode == 0 else []
        return [row for row in rows if f"drop_{row['reason']}" in names]

    def look(self):
        now = errors(self.box)
        grown = {name: count - self.before.get(name, 0) for name, count in now.items()
                 if name not in EXPLAINED and count > self.before.get(name, 0)}
        said = self.box.log()[self.read:]
        closed = [line for line in said.splitlines() if " closed: " in line][:5]
        self.before, self.read = now, self.read + len(said)
        if grown or closed:
            print(f"{time.strftime('%H:%M:%S')} {self.box.role}: {grown} {self._dropped(grown)[:4]} {closed} "
                  f"{self.box.ns.ip('neighbour').split()} load {os.getloadavg()[0]}", flush=True)


class Meanwhile:
    """Settings of the guest change, in turn at either end; once a minute it is said how things are."""

    def __init__(self, lab, applications, seconds):
        self.lab, self.applications, self.seconds = lab, applications, seconds
        self.reloads, self.minute = 0, 0
        self.watches = [Watch(box) for box in lab.boxes]
        self.rss_kib = {}  # when the pages of pools and heaps have been touched

    def __call__(self, seconds):
        for watch in self.watches:
            watch.look()
        if seconds >= self.seconds / 5 and not self.rss_kib:
            self.rss_kib = {box.role: box.rss_kib() for box in self.lab.boxes}
        if seconds >= (self.reloads + 1) * RELOAD_EVERY_S:
            box = self.lab.boxes[self.reloads % 2]
            box.config["tunnels"][1]["udp_timeout"] = 100 + self.reloads
            outcome, said = box.reload()
            assert outcome.endswith(" 0 could not"), said
            self.reloads += 1
        if seconds >= 60 * (self.minute + 1):
            self.minute += 1
            print(f"{self.minute} min: {self.applications.done} connections done, {len(self.applications.broken)} broken, "
                  f"{self.reloads} reloads; " + "; ".join(f"{b.role} {level.figures(b)}" for b in self.lab.boxes), flush=True)


def hops(lab):
    return sum(count for row in lab.client.tunnels().values() for name, count in row.items() if name.startswith("hops_"))


def errors(box):
    return {name: count for name, count in box.stats().items() if name.startswith("drop_") and count}


def judge(lab, before, after, rss_kib):
    """What is not as it should be, in words."""
    wrong = []
    for box in lab.boxes:
        first, last = before[box.role], after[box.role]
        print(f"{box.role}: " + ", ".join(f"{name} {first[name]} → {last[name]}" for name in first))
        wrong += [f"{box.role}: {text}" for text in level.above(first, last)]
        if last["rss_kib"] > rss_kib[box.role] * 1.02:
            wrong.append(f"{box.role}: {rss_kib[box.role]} KiB were in use after a fifth of the time, {last['rss_kib']} are")
        for name, count in errors(box).items():
            print(f"{box.role}: {count} {name}: {EXPLAINED.get(name, 'unexplained')}")
            if name not in EXPLAINED:
                wrong.append(f"{box.role}: {count} {name}")
    return wrong


def soak(lab, args):
    lab.start()
    lab.impair(20, 2, args.loss)
    # Tables and heaps have their size after this; from then on nothing may grow.
    asyncio.run(Applications(lab, args.connections).run(min(args.minutes * 12, 60), lambda _: None))
    before = at_rest(lab)
    applications = Applications(lab, args.connections)
    meanwhile = Meanwhile(lab, applications, args.minutes * 60)
    hops_before = hops(lab)
    asyncio.run(applications.run(args.minutes * 60, meanwhile))
    after = at_rest(lab)
    print(f"{applications.done} connections opened and closed, {meanwhile.reloads} reloads, "
          f"{hops(lab) - hops_before} hops")
    return [f"broken: {text}" for text in applications.broken] + judge(lab, before, after, meanwhile.rss_kib)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--loss", type=float, default=1, help="per cent of frames, each way")
    args = parser.parse_args()
    with Lab() as lab:
        for box in lab.boxes:
            first = box.config["tunnels"][0]
            wire = "destination_port" if box is lab.client else "listen_port"
            first[wire] = "3000-3009"
            more = {"listen_port": GUEST[1], "destination_port": 3100} if box is lab.client else {"listen_port": 3100}
            box.config["tunnels"].append(tunnel(box.role, name="guest", **more))
        lab.client.config["tunnels"][0]["dport_refresh"] = HOP_S
        wrong = soak(lab, args)
    level.conclude("soak", wrong)


main()
