#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whatever arrives at a server's ports, it is counted under the right reason, opens nothing, moves no
peer and does not disturb the traffic that runs beside it.

    client, honest ── bridge, hostile ── server: "home" AES-GCM on 3000, "open" unencrypted on 3001
"""

import random
import socket
import threading
import time

from lab import DESTINATION, ENTRY, SERVER4, Lab, tunnel
from wire import ACK, Sniffer, initialise, seal_none, segment, send_frames
import traffic

SEED = 7
BATCH = 64  # datagrams sent at once: rings on the way hold some hundreds
ATTEMPTS = 10
HOME, OPEN = (SERVER4, 3000), (SERVER4, 3001)
rng = random.Random(SEED)


class Attack:
    def __init__(self, lab):
        self.lab, self.server, self.quiet = lab, lab.server, True
        with lab.wire:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def state(self):
        """What no attack may change: UDP channels (the load is TCP) and peers' addresses."""
        return ({row["conv"] for row in self.server.channels() if row["protocol"] == "udp"},
                sum(row["peer_moves"] for row in self.server.tunnels().values()))

    def memory(self):
        stats = self.server.stats()
        return stats["mem_state_bytes"], stats["mem_buf_small_used"] + stats["mem_buf_large_used"]

    def expect(self, what, reasons, payloads, send, at_least=1.0):
        """The box drops what send(payloads) sends, at least this share of it, for one of the
        reasons. Beside traffic the wire itself may lose some: what is missing is sent again."""
        payloads = list(payloads)
        before = sum(map(self.server.drops, reasons))
        state, memory = self.state(), self.memory()

        def missing():
            dropped = sum(map(self.server.drops, reasons)) - before
            return max(0, int(len(payloads) * at_least) - dropped)

        for batch in range(0, len(payloads), BATCH):
            send(payloads[batch:batch + BATCH])
            time.sleep(0.002)
        for _ in range(ATTEMPTS):
            if settled(missing) == 0:
                break
            send(payloads[-missing():])
        assert missing() == 0, f"{what}: {missing()} of {len(payloads)} not {'|'.join(reasons)}"
        assert self.state() == state, f"{what}: {state} became {self.state()}"
        if self.quiet:
            grown = [now - before for now, before in zip(self.memory(), memory)]
            assert max(grown) <= 0, f"{what}: state has grown by {grown} bytes, buffers"
        print(f"ok {what}")

    def datagrams(self, what, reasons, target, payloads):
        self.expect(what, reasons, payloads,
                    lambda batch: [self.socket.sendto(data, target) for data in batch])

    def frames(self, what, reasons, frames, at_least=1.0):
        self.expect(what, reasons, frames,
                    lambda batch: send_frames(self.lab.wire, "to-server", batch), at_least)


def settled(count):
    """count() when it is 0, or has not changed for a while."""
    value, changed = count(), time.monotonic()
    while value and time.monotonic() - changed < 0.5:
        time.sleep(0.02)
        now = count()
        if now != value:
            value, changed = now, time.monotonic()
    return value


def random_datagrams(attack):
    def noise():
        return [rng.randbytes(rng.randrange(60, 1400)) for _ in range(1000)]

    attack.datagrams("empty and tiny", ["datagram_size"], HOME, [bytes(n) for n in range(46)] * 5)
    attack.datagrams("random bytes", ["auth_failed"], HOME, noise())
    attack.datagrams("random bytes, unencrypted", ["auth_failed", "clock_skew"], OPEN, noise())


def sealed_datagrams(attack, conv):
    """Anybody can seal for the unencrypted tunnel: what is inside must be checked as well."""
    for skew in (-300, 300, -100_000):
        attack.datagrams(f"clock off by {skew} s", ["clock_skew"], OPEN,
                         [seal_none(segment(0, initialise()), skew)] * 20)
    attack.datagrams("conv of nobody", ["conv_unknown"], OPEN,
                     [seal_none(segment(conv ^ 0x5555, b"\x35hello", sn=n)) for n in range(50)])
    attack.datagrams("broken segments", ["kcp_malformed"], OPEN, map(seal_none, (
        segment(conv, b"\x35x", cmd=99), segment(conv, b"\x35x", cmd=0),
        segment(conv, b"\x35x", length=100), segment(conv, b"\x35x", length=0xffffffff),
        segment(conv, cmd=ACK) + segment(conv, b"\x35x", length=0x80000000))))
    attack.datagrams("no handshake", ["handshake_malformed", "handshake_unknown"], OPEN,
                     map(seal_none, (
                         segment(0, b""), segment(0, initialise()[:20]), segment(0, b"\x2fxxx"),
                         segment(0, cmd=ACK), segment(0, initialise(), length=5000),
                         segment(0, initialise(protocol=9)))))


def replays(attack, packets, flow):
    attack.datagrams("replayed handshake, other sender", ["handshake_replayed"], HOME,
                     [packets[0].payload] * 50)
    # While the handshake lives, its own sender's copy is a duplicate like any other.
    state = attack.state()
    send_frames(attack.lab.wire, "to-server", [packets[0].frame] * 50)
    for p in packets:
        attack.socket.sendto(p.payload, HOME)
    flow.send(b"still honest")
    assert flow.recv(100) == b"still honest", "a replay has diverted the answers"
    assert attack.state() == state, "a replay has opened a channel or moved a peer"


def broken_frames(attack, sample):
    attack.frames("truncated frames", ["frame_truncated"],
                  [sample[:n] for n in range(34, len(sample))])
    for name, reason, where in (("IP header", "ip_checksum", range(22, 34)),
                                ("payload", "udp_checksum", range(42, len(sample)))):
        frames = []
        for _ in range(300):
            frame = bytearray(sample)
            frame[rng.choice(where)] ^= 1 << rng.randrange(8)
            frames.append(bytes(frame))
        attack.frames(f"bit flips in the {name}", [reason], frames, at_least=0.8)
    state, frames = attack.state(), []
    for _ in range(3000):
        frame = bytearray(sample)
        for _ in range(rng.randrange(1, 8)):
            frame[rng.randrange(12, len(frame))] = rng.randrange(256)
        frames.append(bytes(frame[:rng.randrange(14, len(frame) + 1)]))
    send_frames(attack.lab.wire, "to-server", frames)
    assert attack.state() == state


def honest_flow(lab, port):
    """A UDP flow through the tunnel behind `port`, which has exchanged some datagrams."""
    with lab.client.ns:
        flow = traffic.udp_socket(ENTRY[0], port)
    for _ in range(20):
        flow.send(b"honest")
        assert flow.recv(100) == b"honest"
    return flow


class Load:
    """TCP traffic beside the attacks, until stopped; must not notice them."""

    def __init__(self, lab):
        self._lab, self._stop, self._errors = lab, threading.Event(), []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            with self._lab.client.ns:
                while not self._stop.is_set():
                    traffic.tcp_echo(*ENTRY, 300_000)
        except (OSError, AssertionError) as error:
            self._errors.append(error)

    def stop(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._errors and not self._thread.is_alive(), self._errors


with Lab() as lab:
    lab.client.config["tunnels"].append(
        tunnel("client", name="open", encryption_algorithm="none", listen_port=6001,
               destination_port=OPEN[1]))
    lab.server.config["tunnels"].append(
        tunnel("server", name="open", encryption_algorithm="none", listen_port=OPEN[1]))
    for box in lab.boxes:
        del box.config["tunnels"][1]["encryption_password"]
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)

    open_flow = honest_flow(lab, 6001)
    conv = lab.server.channels()[0]["conv"]
    with Sniffer(lab.wire, "to-client") as sniffer:
        flow = honest_flow(lab, ENTRY[1])
    packets = [p for p in sniffer.packets() if p.udp_destination == HOME[1]]

    attack = Attack(lab)
    for load in (None, Load):
        attack.quiet = not load
        running = load and load(lab)
        random_datagrams(attack)
        sealed_datagrams(attack, conv)
        replays(attack, packets, flow)
        broken_frames(attack, max(packets, key=lambda p: len(p.frame)).frame)
        if running:
            running.stop()
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 1_000_000)
        traffic.udp_echo(ENTRY[0], 6001, sizes=range(1, 1400, 50))
