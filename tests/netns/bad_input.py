#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whatever arrives at a server's ports, it is counted under the right reason, opens nothing, moves no
peer and does not disturb the traffic that runs beside it.

    client, honest ── bridge, hostile ── server: "home" AES-GCM on 3000, "open" unencrypted on 3001
"""

import random
import socket
import threading

from lab import DESTINATION, ENTRY, SERVER4, Lab, eventually, tunnel
from wire import ACK, Sniffer, initialise, seal_none, segment, send_frames
import traffic

SEED = 7
HOME, OPEN = (SERVER4, 3000), (SERVER4, 3001)
rng = random.Random(SEED)


class Attack:
    def __init__(self, lab):
        self.lab, self.server = lab, lab.server
        with lab.wire:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def channels(self):
        """Channels of the server, those of the honest load left out."""
        return {row["conv"] for row in self.server.channels() if row["protocol"] == "udp"}

    def moves(self):
        return sum(row["peer_moves"] for row in self.server.tunnels().values())

    def expect(self, what, reasons, count, send):
        """send() makes `count` datagrams, all of which are dropped for one of the reasons."""
        before = {reason: self.server.drops(reason) for reason in reasons}
        channels, moves = self.channels(), self.moves()
        send()
        eventually(f"{what}: {count} × {'|'.join(reasons)}", lambda: count <= sum(
            self.server.drops(reason) - before[reason] for reason in reasons))
        assert self.channels() == channels, f"{what}: a channel came or went"
        assert self.moves() == moves, f"{what}: a peer's address moved"
        print(f"ok {what}")

    def datagrams(self, what, reasons, target, payloads):
        payloads = list(payloads)
        self.expect(what, reasons, len(payloads),
                    lambda: [self.socket.sendto(data, target) for data in payloads])


def capture_handshake(lab):
    """A connection's first datagrams as frames on the wire, and the flow they belong to."""
    with Sniffer(lab.wire, "to-client") as sniffer, lab.client.ns:
        flow = traffic.udp_socket(*ENTRY)
        for _ in range(20):
            flow.send(b"honest")
            assert flow.recv(100) == b"honest"
    packets = [p for p in sniffer.packets() if p.udp_destination == HOME[1]]
    # The load's channels are there as well: ours is one of those whose handshake is among them.
    return packets, flow


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
    packets, flow = capture_handshake(lab)

    stop, failures = threading.Event(), []

    def load():
        try:
            with lab.client.ns:
                while not stop.is_set():
                    traffic.tcp_echo(*ENTRY, 300_000)
        except (OSError, AssertionError) as error:
            failures.append(error)

    loader = threading.Thread(target=load, daemon=True)
    loader.start()
    with lab.client.ns:
        open_flow = traffic.udp_socket(ENTRY[0], 6001)
        open_flow.send(b"x")
        open_flow.recv(10)
    attack = Attack(lab)
    conv = next(row["conv"] for row in lab.server.channels()
                if row["tunnel"] == "open" and row["protocol"] == "udp")

    attack.datagrams("empty and tiny", ["datagram_size"], HOME,
                     [bytes(n) for n in range(46)] * 5)
    attack.datagrams("random bytes", ["auth_failed"], HOME,
                     (rng.randbytes(rng.randrange(60, 1400)) for _ in range(1000)))
    attack.datagrams("random bytes, unencrypted", ["auth_failed", "clock_skew"], OPEN,
                     (rng.randbytes(rng.randrange(60, 1400)) for _ in range(1000)))
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

    first = packets[0]
    attack.datagrams("replayed handshake, other sender", ["handshake_replayed"], HOME,
                     [first.payload] * 50)
    # While the handshake lives, its own sender's copy is a duplicate like any other.
    channels = attack.channels()
    send_frames(lab.wire, "to-server", [first.frame] * 50)

    moves = attack.moves()
    assert attack.channels() == channels, "a replayed handshake has opened a channel"
    for p in packets:
        attack.socket.sendto(p.payload, HOME)
    flow.send(b"still honest")
    assert flow.recv(100) == b"still honest", "a replay has diverted the answers"
    assert attack.moves() == moves, "a replay has moved a peer"

    sample = max(packets, key=lambda p: len(p.frame)).frame
    attack.expect("truncated frames", ["frame_truncated"], len(sample) - 60,
                  lambda: send_frames(lab.wire, "to-server",
                                      [sample[:n] for n in range(34, len(sample))]))
    for name, reason, where in (("IP header", "ip_checksum", range(22, 34)),
                                ("payload", "udp_checksum", range(42, len(sample)))):
        frames = []
        for _ in range(300):
            frame = bytearray(sample)
            frame[rng.choice(where)] ^= 1 << rng.randrange(8)
            frames.append(bytes(frame))
        attack.expect(f"bit flips in the {name}", [reason], 250,
                      lambda: send_frames(lab.wire, "to-server", frames))
    channels, frames = attack.channels(), []
    for _ in range(3000):
        frame = bytearray(sample)
        for _ in range(rng.randrange(1, 8)):
            frame[rng.randrange(12, len(frame))] = rng.randrange(256)
        frames.append(bytes(frame[:rng.randrange(14, len(frame) + 1)]))
    send_frames(lab.wire, "to-server", frames)
    assert attack.channels() == channels

    stop.set()
    loader.join(60)
    assert not failures and not loader.is_alive(), failures
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 1_000_000)
        traffic.udp_echo(ENTRY[0], 6001, sizes=range(1, 1400, 50))
