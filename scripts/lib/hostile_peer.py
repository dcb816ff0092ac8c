# SPDX-License-Identifier: BSD-3-Clause
"""Peers that know the password and keep to nothing: a client and a server of KCPTube's wire, with FEC or without, and
either end of UDP Hop's. What they say is well made and says anything: see docs/wire.md and docs/udphop.md. Tunnels have
the encryption `none`, so that each datagram passes for a peer's."""

import socket
import struct
import time

from wire import ACK, PUSH, SO_RCVBUFFORCE, seal_none, segment

ASK, TELL = 83, 84
MARK = 0x4b47616b  # of a question whether a channel is known
TCP, UDP, MUX = 2, 3, 1
ROOM = 1350  # bytes of segments in a datagram
SEGMENT = struct.Struct("<IBBHIIII")
TEXTS = (b"127.0.0.1", b"::1", b"localhost", b"0.0.0.0", b"::", b"[127.0.0.1]", b"a" * 255, b"", b" ", b"\x01\x02",
         b"fe80::1%lo", b"127.1", b"0x7f000001", b"255.255.255.255", b"224.0.0.1", b"%s%n", b"no.such.name.invalid",
         b"a.b." * 60, b"198.18.0.2")


def u32(number):
    return number & 0xffffffff


def open_socket(ns, address=("0.0.0.0", 0)):
    """UDP, of a namespace; it never waits."""
    with ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    s.bind(address)
    return s


def say(s, body, to):
    try:
        s.sendto(seal_none(body), to)
    except OSError:
        pass  # the socket's room, or what Linux heard of an earlier one


def hear(s, most):
    """So many bodies at most, and who said them."""
    for _ in range(most):
        try:
            datagram, sender = s.recvfrom(4096)
        except OSError:
            return
        yield datagram[4:-2], sender


def segments(body):
    """(conv, cmd, ts, sn, payload) of each."""
    while len(body) >= SEGMENT.size:
        conv, cmd, _, _, ts, sn, _, size = SEGMENT.unpack_from(body)
        yield conv, cmd, ts, sn, body[SEGMENT.size:SEGMENT.size + size]
        body = body[SEGMENT.size + size:]


class Wording:
    """What may stand in a message."""

    def __init__(self, rng):
        self.rng = rng

    def number(self, bits):
        any_one = self.rng.getrandbits(bits)
        return self.rng.choice((0, 1, 2, (1 << bits) - 1, 1 << (bits - 1), any_one,
                                any_one >> self.rng.randrange(bits)))

    def text(self):
        return self.rng.choice(TEXTS) if self.rng.random() < 0.9 else self.rng.randbytes(self.rng.randrange(300))

    def initialise(self, uid, ports=(0, 0)):
        tail = b"KG\x01" + struct.pack("!I", self.rng.choice((0, 7, 3, 15, 15, 0xffffffff)))
        return struct.pack("!BIHHQQH", self.rng.randrange(4) << 4, u32(uid), *ports, self.number(64), self.number(64),
                           self.rng.choice((7000, 7000, 0, self.number(16)))) + \
            self.rng.choice((b"127.0.0.1", b"::1", self.text())) + b"\0" + self.rng.choice((b"", tail))

    def message(self):
        """Of any feature and protocol; an id is often one that was used."""
        rng = self.rng
        feature = rng.choice((0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 8, 9, 10, 11, 11, 12, 13, 15))
        kind = bytes((rng.choice((0, MUX, TCP, TCP, UDP, UDP, 4, 15)) << 4 | feature,))
        of = struct.pack("!I", rng.randrange(4) if rng.random() < 0.7 else rng.getrandbits(32))
        size = rng.choice((0, 0, 1, 2, 10, 100, 600, 1300))
        if feature == 0:
            return self.initialise(self.number(32), (self.number(16), self.number(16)))
        if feature == 1:
            return kind + self.text() + b"\0"
        if feature in (6, 7, 10):
            return kind + of + (rng.randbytes(size) if feature == 6 else bytes(rng.randrange(3)))
        if feature == 8:
            return kind + of + struct.pack("!H", self.number(16)) + self.text() + rng.choice((b"", b"\0"))
        if feature in (11, 12):
            return kind + of + struct.pack("!I", self.number(32))
        return kind + (rng.randbytes(size) if feature in (5, 13, 15) else bytes(rng.choice((0, 1, 2, 3, 50))))


class Channel:
    """One conversation, by a socket with whoever is at `to`."""

    def __init__(self, words, conv, s, to, fec):
        self.words, self.rng, self.conv, self.fec = words, words.rng, conv, fec
        self.socket, self.to = s, to
        self.next, self.heard, self.group = 0, 0, 0
        self.begun_ms = self.rng.getrandbits(32) - time.monotonic() * 1000
        self.moods()

    def moods(self):
        self.window, self.acknowledges = self.rng.choice((0, 1, 128, 2048, 65535)), self.rng.random() < 0.7

    # ---- how it is said

    def put(self, payload=b"", cmd=PUSH, frg=0, sn=None, una=None, wnd=None, ts=None):
        """A segment; without `sn` the next in order."""
        if sn is None:
            sn, self.next = self.next, self.next + 1
        now = int(self.begun_ms + time.monotonic() * 1000)
        return segment(self.conv, payload, cmd, frg, self.window if wnd is None else wnd,
                       u32(now if ts is None else ts), u32(sn), u32(self.heard if una is None else una))

    def say(self, body):
        if self.fec is not None:
            body = self._shard(body)
        say(self.socket, body, self.to)

    def _shard(self, body):
        data, parity = self.fec
        sub = self.rng.choice((self.rng.randrange(data), self.rng.randrange(data + parity), self.rng.randrange(256)))
        header = struct.pack("!IB", self.rng.choice((self.group, self.group, self.group, self.words.number(32))), sub)
        self.group += self.rng.random() < 0.5
        if sub < data:
            return header + body
        block = self.rng.randbytes(self.rng.choice((0, 24, 26, 27, 100, 1400, 1900)))
        return header + struct.pack("!I", self.conv) + block

    # ---- what is said

    def in_order(self):
        body = b""
        for _ in range(self.rng.randrange(1, 6)):
            message = self.words.message()
            if len(body) + SEGMENT.size + len(message) <= ROOM:
                body += self.put(message)
        self.say(body or self.put())

    def in_pieces(self):
        """A long message, some of whose pieces are empty."""
        count = self.rng.choice((2, 3, 50, 127))
        kind = bytes((self.rng.choice((TCP, UDP)) << 4 | self.rng.choice((5, 6)),)) + struct.pack("!I", 1)
        for left in reversed(range(count)):
            piece = self.rng.randbytes(self.rng.choice((0, 0, 1, 100, 1300)))
            self.say(self.put((kind if left == count - 1 else b"") + piece, frg=left))

    def long_datagram(self):
        for left in reversed(range(47)):
            self.say(self.put((b"\x35" if left == 46 else b"") + bytes(1380), frg=left))

    def empties(self):
        """Payload of no bytes, and segments of none."""
        message = self.rng.choice((b"", b"\x25", b"\x35", b"\x26\0\0\0\1", b"\x36\0\0\0\2"))
        for _ in range(self.rng.choice((1, 40, 300))):
            self.say(self.put(message))

    def after_the_end(self):
        """An end, said once or twice, and what must not come behind it."""
        ends = (b"\x29\0\0", b"\x2a\0\0\0\1\0", b"\x27\0\0\0\1\0", b"\x22\0\0", b"\x27\0\0\0\x63\0")
        behind = (b"\x25late", b"\x26\0\0\0\1late", b"\x2b\0\0\0\1\0\0\0\0", b"\x2c\0\0\0\1\xff\xff\xff\xff")
        last = self.rng.choice(ends[:4] if self.rng.random() < 0.3 else ends[:2])
        self.say(b"".join(self.put(m) for m in [last] * self.rng.randrange(1, 3)))
        for _ in range(self.rng.randrange(20)):
            self.say(self.put(self.rng.choice(behind)))

    def anywhere(self):
        """Holes, far ahead and far behind, pieces that contradict each other."""
        number, body = self.words.number, b""
        for _ in range(self.rng.randrange(1, 50)):
            ahead = self.rng.choice((0, 1, 5, 127, 2047, 65535, -1, 1 << 31))
            body += self.put(cmd=self.rng.choice((PUSH, PUSH, ACK, ASK, TELL)), frg=self.rng.choice((0, 0, 1, 126)),
                             wnd=number(16), ts=number(32), sn=self.next + ahead,
                             una=self.heard + self.rng.choice((0, 0, 0, 1, -1, -70000)))
        self.say(body[:ROOM])

    def ahead(self):
        """Behind a hole, many and small."""
        for _ in range(self.rng.randrange(1, 85)):
            self.say(b"".join(self.put(sn=self.next + 1 + self.rng.randrange(2000)) for _ in range(40)))

    def asks(self):
        """Whether it is known, and how much room there is; and what was not asked is answered."""
        cmd, sn = self.rng.choice((ASK, TELL, ACK)), self.rng.choice((MARK, self.next, 0))
        for _ in range(self.rng.choice((1, 100))):
            self.say(self.put(cmd=cmd, sn=sn))

    def noise(self):
        self.say(self.rng.randbytes(self.rng.choice((4, 24, 48, 100))))

    DEEDS = (in_order,) * 10 + (in_pieces, in_pieces, anywhere, anywhere, ahead, asks, noise, long_datagram, empties,
                                after_the_end, moods)

    def act(self):
        self.rng.choice(self.DEEDS)(self)

    def hear(self, body):
        answer = b""
        for _, cmd, ts, sn, _ in segments(body):
            if cmd != PUSH:
                continue
            self.heard += sn == self.heard
            if self.acknowledges:
                answer += self.put(cmd=ACK, ts=ts, sn=sn)
        if answer:
            self.say(answer[:ROOM // SEGMENT.size * SEGMENT.size])


def strip(fec, body):
    """The segments of a datagram, none of parity."""
    if fec is None:
        return body
    return body[5:] if len(body) > 5 and body[4] < fec[0] else b""


def mark(fec):
    """In front of what belongs to no group."""
    return b"" if fec is None else bytes(5)


class Client:
    """Asks servers for channels, and misuses them. `targets`: address, port, FEC or None."""

    CHANNELS, SOCKETS, WAITS_S = 150, 6, 3

    def __init__(self, ns, targets, rng):
        self.words, self.rng, self.targets = Wording(rng), rng, targets
        self.ns, self.sockets = ns, [open_socket(ns) for _ in range(self.SOCKETS)]
        self.asking, self.channels = {}, {}
        self.deeds = self.answered = 0

    def _ask(self):
        target = self.rng.choice(self.targets)
        request = segment(0, self.words.initialise(0), ts=self.rng.getrandbits(32))
        s = open_socket(self.ns)
        say(s, mark(target[2]) + request, target[:2])
        self.asking[s] = target, time.monotonic() + self.WAITS_S

    def _take_answers(self):
        for s, (target, until) in list(self.asking.items()):
            for body, _ in hear(s, 5):
                for _, cmd, ts, sn, payload in segments(strip(target[2], body)):
                    if cmd == PUSH and len(payload) >= 5 and payload[0] & 15 == 0:
                        self._begin(target, *struct.unpack_from("!I", payload, 1))
                    if cmd == PUSH and self.rng.random() < 0.7:
                        say(s, mark(target[2]) + segment(0, cmd=ACK, ts=ts, sn=sn, una=1), target[:2])
                        until = 0
            if time.monotonic() > until:
                s.close()
                del self.asking[s]

    def _begin(self, target, conv):
        s = self.rng.choice(self.sockets)
        self.channels[conv] = Channel(self.words, conv, s, target[:2], target[2])
        self.answered += 1

    def _hear(self):
        for s in self.sockets:
            for body, sender in hear(s, 20):
                fec = next((t[2] for t in self.targets if t[:2] == sender), None)
                body = strip(fec, body)
                channel = self.channels.get(struct.unpack_from("<I", body)[0]) if len(body) >= SEGMENT.size else None
                if channel is not None:
                    channel.hear(body)

    def turn(self):
        if len(self.channels) < self.CHANNELS and self.rng.random() < 0.3:
            self._ask()
        self._take_answers()
        for channel in self.rng.choices(list(self.channels.values()), k=10) if self.channels else ():
            channel.act()
            self.deeds += 1
        self._hear()
        if self.channels and self.rng.random() < 0.02:  # it is never heard of again
            del self.channels[self.rng.choice(list(self.channels))]


class Server:
    """Answers clients' requests with anything, and misuses what they then have. `ports`: port, FEC or None."""

    CHANNELS = 300

    def __init__(self, ns, address, ports, rng):
        self.words, self.rng, self.ports = Wording(rng), rng, ports
        self.sockets = {port: open_socket(ns, (address, port)) for port in ports}
        self.channels = {}
        self.deeds = self.answered = 0

    def _answer(self, port, request_ts, to):
        """A client takes what goes on from its own clock."""
        rng, fec = self.rng, self.ports[port]
        uid = self.words.number(32) if rng.random() < 0.2 else rng.getrandbits(32)
        ports = rng.choice(((0, 0), (1, 65535), (65535, 1), (port, port),
                            (self.words.number(16), self.words.number(16))))
        message = rng.choice((self.words.initialise(uid, ports if rng.random() < 0.1 else (0, 0)),) * 8 +
                             (b"\1" + self.words.text() + b"\0", b"\2\0\0", self.words.message()))
        answer = segment(0, message, ts=request_ts, una=1)
        if rng.random() < 0.2:
            answer += segment(0, self.words.message(), ts=request_ts, sn=1, una=1)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            say(self.sockets[port], mark(fec) + answer[:ROOM], to)
        if message[0] & 15 == 0:
            self._begin(port, uid, to)

    def _begin(self, port, conv, to):
        self.channels[port, conv] = Channel(self.words, conv, self.sockets[port], to, self.ports[port])
        self.answered += 1
        if len(self.channels) > self.CHANNELS:
            del self.channels[next(iter(self.channels))]

    def _hear(self, port, body, sender):
        body = strip(self.ports[port], body)
        for conv, cmd, ts, _, _ in segments(body):
            if conv == 0 and cmd == PUSH:
                self._answer(port, ts, sender)
            elif (port, conv) in self.channels:
                self.channels[port, conv].to = sender
                self.channels[port, conv].hear(body)
            return

    def turn(self):
        for port, s in self.sockets.items():
            for body, sender in hear(s, 30):
                self._hear(port, body, sender)
        for channel in self.rng.choices(list(self.channels.values()), k=12) if self.channels else ():
            channel.act()
            self.deeds += 1


class Hop:
    """Either end of UDP Hop's wire: says anything to servers, and to whoever asks at its own port."""

    IDENS = 60

    def __init__(self, ns, targets, own, rng):
        self.rng, self.targets = rng, targets
        self.client, self.server = open_socket(ns), open_socket(ns, own)
        self.idens = [rng.getrandbits(32) for _ in range(self.IDENS)] + [0, 1, 31, 0xffffffff]
        self.known = {}  # idens of who has asked, and where they are
        self.deeds = self.answered = 0

    def _rest(self):
        number = struct.pack("!I", self.rng.getrandbits(24))
        return self.rng.choice((b"", b"", b"\0", number * 3, number * 3,
                                self.rng.randbytes(self.rng.randrange(1, 1300)), self.rng.randbytes(1990)))

    def _body(self, iden):
        return struct.pack("!IB", iden, self.rng.choice((0, 1, 2, 3, 3, 3, 3, 4, 255))) + self._rest()

    def turn(self):
        for body, sender in hear(self.server, 30):
            if len(body) >= 5:
                self.known[struct.unpack_from("!I", body)[0]] = sender
                self.answered += 1
                say(self.server, self.rng.choice((body, body[:4] + b"\2" + body[5:], self._body(0))), sender)
        for _ in hear(self.client, 30):
            self.answered += 1
        for _ in range(4):
            say(self.client, self._body(self.rng.choice(self.idens)), self.rng.choice(self.targets))
            if self.known:
                iden = self.rng.choice(list(self.known))
                say(self.server, self._body(iden), self.known[iden])
            self.deeds += 1
        if self.rng.random() < 0.01:
            self.idens[self.rng.randrange(self.IDENS)] = self.rng.getrandbits(32)
