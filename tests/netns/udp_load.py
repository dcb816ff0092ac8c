#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The load of a WireGuard tunnel: 20,000 datagrams of 1,200 bytes a second in one flow, one way and the
other, with a channel of its own and in a mux channel. What arrives is whole, what does not is counted,
and that is little.

    near application ── client ══ server ── far application
"""

import contextlib
import multiprocessing
import random
import re
import socket
import struct
import time
from pathlib import Path

from lab import DESTINATION, ENTRY, TUNNEL_PORT, Lab, eventually, tunnel
import traffic

PER_SECOND, BYTES, SECONDS = 20_000, 1_200, 4
TRAIN = 20        # datagrams that the kernel cuts from one, as it does for WireGuard
BEHIND_S = 0.010  # a sender that is held up for longer leaves out what was due
MUX_ENTRY = (ENTRY[0], ENTRY[1] + 1)
SHARE = 0.9       # of what was sent must arrive, at least in one of the tries; see asked()
NO_WAIT_S = 0.5   # all threads of both boxes, on a machine that has time for them
TRIES = 3
UDP_SEGMENT, UDP_GRO, SO_RCVBUFFORCE = 103, 104, 33
FILL = random.Random(5).randbytes(4 * BYTES)


def datagram(number):
    at = number % (3 * BYTES)
    return struct.pack("!I", number) + FILL[at:at + BYTES - 4]


def send(s, result):
    """Tells how many it has sent, and how many it has left out."""
    cut = [(socket.SOL_UDP, UDP_SEGMENT, struct.pack("=H", BYTES))]
    sent, interval, begin = 0, TRAIN / PER_SECOND, time.monotonic()
    trains = int(SECONDS / interval)
    for train in range(trains):
        early_s = begin + train * interval - time.monotonic()
        if early_s > 0:
            time.sleep(early_s)
        if early_s > -BEHIND_S:
            s.sendmsg([b"".join(datagram(sent + i) for i in range(TRAIN))], cut)
            sent += TRAIN
    result.send((sent, trains * TRAIN - sent))


def receive(s, result, at_rest):
    """Until nothing has come for a second and nothing is on its way; tells how many have come, and how many of
    them were not what was sent, or were there before."""
    seen, wrong = set(), 0
    s.settimeout(1)
    while True:
        over = at_rest.is_set()
        try:
            data, notes, _, _ = s.recvmsg(1 << 16, 64)
        except TimeoutError:
            if over:
                break
            continue
        size = struct.unpack_from("=H", notes[0][2])[0] if notes else len(data)
        for start in range(0, len(data), size):
            one = data[start:start + size]
            number = struct.unpack_from("!I", one)[0]
            wrong += number in seen or one != datagram(number)
            seen.add(number)
    result.send((len(seen), wrong))


def one_flow(entry):
    """A socket at each end of a new flow."""
    with lab.client.ns:
        near = traffic.udp_socket(*entry)
    with lab.server.ns:
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind(DESTINATION)
    for s in (near, far):
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        s.setsockopt(socket.SOL_UDP, UDP_GRO, 1)
    near.send(b"hello")
    _, peer = far.recvfrom(100)
    far.connect(peer)
    return near, far


def lost():
    """Datagrams that a box, or Linux before it, has had to throw away, by name; RcvbufErrors are trains of
    them, or what is left of one."""
    counts = {}
    for box in lab.boxes:
        errors = re.findall(r"^Udp: (.*)", box.ns.run("cat", "/proc/net/snmp"), re.M)
        counts[f"{box.role} RcvbufErrors"] = int(dict(zip(*map(str.split, errors)))["RcvbufErrors"])
        counts.update((f"{box.role} {name}", count) for name, count in box.stats().items()
                      if name.startswith("payload_udp_dropped_"))
        counts[f"{box.role} datagrams_dropped"] = sum(
            row["datagrams_dropped"] for row in box.tunnels().values())
    return counts


def waited_s():
    """How long threads of the boxes have been ready to run and were not let, in all."""
    return sum(int(path.read_text().split()[1]) for box in lab.boxes
               for path in Path(f"/proc/{box.process.pid}/task").glob("*/schedstat")) / 1e9


def nothing_is_on_its_way():
    """On a busy machine what was sent last may take seconds."""
    return all(channel[name] == 0 for box in lab.boxes for channel in box.channels()
               for name in ("unread", "in_flight", "queued"))


def come_to_rest():
    """What stays says where."""
    try:
        eventually("all has arrived that was under way", nothing_is_on_its_way, 60)
    except AssertionError:
        for box in lab.boxes:
            print(box.role, box.channels(), box.tunnels())
        print(lost())
        raise


@contextlib.contextmanager
def in_process(function, s, *more):
    """Gives a pipe with the result. The socket is the process's, too, until it has gone."""
    result, told = multiprocessing.Pipe(False)
    process = multiprocessing.Process(target=function, args=(s, told, *more), daemon=True)
    process.start()
    yield result
    process.join()


def asked(sent, left_out, waited):
    """The share that must arrive, where the machine had no time for everybody, too: a thread that has to wait
    for a second may cost what comes in it."""
    return SHARE - max(0, waited - NO_WAIT_S) / SECONDS if left_out < sent / 100 else 0


def attempt(way, sender, receiver):
    """The share that arrived, and the least that had to."""
    before, waited, at_rest = lost(), waited_s(), multiprocessing.Event()
    with in_process(receive, receiver, at_rest) as arrived, in_process(send, sender) as gone:
        sent, left_out = gone.recv()
        come_to_rest()
        at_rest.set()
        seen, wrong = arrived.recv()
    waited = waited_s() - waited
    named = {name: count - before[name] for name, count in lost().items() if count != before[name]}
    print(f"{way}: {sent} sent, {left_out} left out, {seen} arrived, {wrong} wrong, lost: {named}, "
          f"waited for a CPU: {waited:.1f} s")
    assert wrong == 0
    trains = sum(count for name, count in named.items() if name.endswith(" RcvbufErrors"))
    whole = sent - seen - sum(named.values()) + trains  # datagrams in these trains
    assert trains <= whole <= trains * TRAIN, "datagrams have vanished uncounted"
    return seen / sent, asked(sent, left_out, waited)


def load(way, sender, receiver):
    too_few = []
    for _ in range(TRIES):
        share, least = attempt(way, sender, receiver)
        if share >= SHARE:
            return
        if share < least:
            too_few.append(f"{share:.3f} for {least:.3f}")
    assert not too_few, f"{way}: only {too_few} arrived"


with Lab() as lab:
    lab.client.config["tunnels"].append(tunnel(
        "client", name="mux", mux_tunnels=1, listen_port=MUX_ENTRY[1],
        destination_port=TUNNEL_PORT + 1))
    lab.server.config["tunnels"].append(tunnel("server", name="mux", listen_port=TUNNEL_PORT + 1))
    lab.start()
    for entry in (ENTRY, MUX_ENTRY):
        near, far = one_flow(entry)
        with near, far:
            load(f"port {entry[1]}, to the server", near, far)
            load(f"port {entry[1]}, to the client", far, near)
