#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Applications for trying a tunnel out: an echo server for TCP and UDP, and clients that measure it.

    traffic.py serve ADDRESS PORT                  echo server, until ended
    traffic.py udp ADDRESS PORT                    echoes datagrams of 1 … 1400 bytes
    traffic.py pingpong ADDRESS PORT COUNT BYTES   round trips over TCP, percentiles
    traffic.py blast ADDRESS PORT BYTES PER_SECOND SECONDS   datagrams at a steady rate, as far as it goes
"""

import contextlib
import functools
import hashlib
import itertools
import random
import select
import socket
import struct
import sys
import threading
import time

CHUNK = 1 << 16


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listen_tcp(address, port, backlog=512):
    s = socket.socket(_family(address), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(backlog)
    return s


def serve_tcp(address, port, handler):
    """Calls handler(connection) on a thread per connection. Returns the listening socket; closing
    it ends the service."""
    listener = listen_tcp(address, port)

    def handle(connection):
        with connection:
            try:
                handler(connection)
            except OSError:
                pass  # the other side is free to leave

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def echo(connection):
    while data := connection.recv(CHUNK):
        connection.sendall(data)


def serve_udp(address, port, answer_to, senders=None):
    """Sends answer_to(datagram) back; enters in the set `senders` who has sent."""
    s = socket.socket(_family(address), socket.SOCK_DGRAM)
    s.bind((address, port))

    def answer():
        while True:
            try:
                data, sender = s.recvfrom(CHUNK)
                if senders is not None:
                    senders.add(sender)
                s.sendto(answer_to(data), sender)
            except ConnectionError:
                continue  # an ICMP error to an earlier answer
            except OSError:
                return

    threading.Thread(target=answer, daemon=True).start()
    return s


def serve_udp_echo(address, port, senders=None):
    return serve_udp(address, port, lambda data: data, senders)


def serve_echo(address, port):
    return serve_tcp(address, port, echo), serve_udp_echo(address, port)


def bulk(connection):
    """Serves one transfer: 'd' and a length asks for bytes, 'u' and a length announces some; either
    way the receiver answers with a digest of what it got."""
    way, size = struct.unpack("!cQ", receive_exactly(connection, 9))
    if way == b"d":
        connection.sendall(_bytes(size))
        connection.recv(1)
    else:
        got = hashlib.sha256()
        for piece in pieces(connection, size):
            got.update(piece)
        connection.sendall(got.digest())


def digest(data):
    """What a bulk server says it got."""
    return hashlib.sha256(data).digest()


@functools.lru_cache(maxsize=2)  # to make them takes as long as to send them on a fast line
def _bytes(size, seed=1):
    return random.Random(seed).randbytes(size)


def tcp_download(address, port, size, timeout_s=60):
    """One way through a bulk server, bytes compared; returns the seconds until the last one was here."""
    data = _bytes(size)
    begin = time.monotonic()
    with connect(address, port, timeout_s) as s:
        s.sendall(struct.pack("!cQ", b"d", size))
        got = list(pieces(s, size))
        took_s = time.monotonic() - begin
        if b"".join(got) != data:
            raise AssertionError(f"{size} bytes arrived changed")
    return took_s


def tcp_upload(address, port, size, timeout_s=60):
    """The other way; until the server's digest was here."""
    data = _bytes(size)
    begin = time.monotonic()
    with connect(address, port, timeout_s) as s:
        s.sendall(struct.pack("!cQ", b"u", size))
        s.sendall(data)
        got = receive_exactly(s, 32)
        took_s = time.monotonic() - begin
        if got != digest(data):
            raise AssertionError(f"{size} bytes arrived changed")
    return took_s


def connect(address, port, timeout_s=30):
    s = socket.create_connection((address, port), timeout_s)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def carry(address, port, over, carried):
    """There and back on one connection, block by block, until the event; their sizes."""
    with connect(address, port) as connection:
        for seed in itertools.cycle(range(1, 200)):
            block = random.Random(seed).randbytes(50_000)
            connection.sendall(block)
            assert receive_exactly(connection, len(block)) == block
            carried.append(len(block))
            if over.is_set():
                return


def pieces(s, size):
    """So many bytes, as they come."""
    left = size
    while left > 0:
        piece = s.recv(min(CHUNK, left))
        if not piece:
            raise AssertionError(f"connection ended after {size - left} of {size} bytes")
        left -= len(piece)
        yield piece


def receive_exactly(s, size):
    return b"".join(pieces(s, size))


def tcp_echo(address, port, size, seed=1, timeout_s=60):
    """Sends random bytes and checks that the same come back; returns the seconds it took."""
    data = _bytes(size, seed)
    begin = time.monotonic()
    with connect(address, port, timeout_s) as s:
        threading.Thread(target=_send_all, args=(s, data), daemon=True).start()
        back = receive_exactly(s, size)
    if hashlib.sha256(back).digest() != hashlib.sha256(data).digest():
        raise AssertionError(f"{size} bytes came back changed")
    return time.monotonic() - begin


def echoes(address, port, size=50_000, timeout_s=5):
    """Whether tcp_echo comes to an end, and a good one."""
    try:
        tcp_echo(address, port, size, timeout_s=timeout_s)
    except (OSError, AssertionError):
        return False
    return True


def _send_all(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass  # the receiving side reports it


def udp_socket(address, port, timeout_s=5):
    s = socket.socket(_family(address), socket.SOCK_DGRAM)
    s.settimeout(timeout_s)
    s.connect((address, port))
    return s


def udp_echo(address, port, sizes=range(1, 1401), timeout_s=5, window=16):
    """Sends one datagram of each size, some at a time, and waits for all to come back whole."""
    with udp_socket(address, port, timeout_s) as s:
        return echo_over(s, sizes, window)


def echo_over(s, sizes, window=16):
    """The same with a socket that is connected; late answers to an earlier try do not count."""
    rng = random.Random(2)
    late = select.poll()  # select() has no room for the descriptors of a program with many
    late.register(s, select.POLLIN)
    while late.poll(0):
        s.recv(CHUNK)
    sizes = list(sizes)
    for start in range(0, len(sizes), window):
        waiting = [rng.randbytes(size) for size in sizes[start:start + window]]
        for data in waiting:
            s.send(data)
        while waiting:
            try:
                back = s.recv(CHUNK)
            except TimeoutError:
                raise AssertionError(f"no echo of datagrams of "
                                     f"{[len(w) for w in waiting]} bytes") from None
            if back not in waiting:
                raise AssertionError(f"a datagram of {len(back)} bytes came back changed")
            waiting.remove(back)
    return len(sizes)


def udp_blast(address, port, size, per_second, seconds):
    """Sends at a steady rate; what cannot be sent in time is left out. Up to 60 datagrams cost one
    system call: the kernel cuts them (UDP_SEGMENT). That nobody takes them is no error."""
    together = max(1, min(60, 60000 // size, per_second // 1000))
    cut = [(socket.SOL_UDP, 103, struct.pack("=H", size))] if together > 1 else []
    data = bytes(size * together)
    sent, begin = 0, time.monotonic()
    with udp_socket(address, port) as s:
        while (passed := time.monotonic() - begin) < seconds:
            due = int(passed * per_second / together)
            sent = max(sent, due - 200)
            while sent < due:
                with contextlib.suppress(ConnectionRefusedError):  # of those before
                    s.sendmsg([data], cut)
                sent += 1
            time.sleep(0.0005)


def ping_pong(address, port, count, size):
    """Seconds of each round trip of `size` bytes over one TCP connection, in order of length."""
    ball = bytes(size)
    times = []
    with connect(address, port) as s:
        for _ in range(count):
            begin = time.perf_counter()
            s.sendall(ball)
            receive_exactly(s, size)
            times.append(time.perf_counter() - begin)
    return sorted(times)


def talk(address, port, is_enough, pause_s=0.01):
    """Words to and fro over one TCP connection until it is enough: how many, and how many seconds
    the slowest took."""
    count, slowest_s = 0, 0.0
    with connect(address, port) as s:
        while not is_enough():
            word, begin = count.to_bytes(8, "big"), time.perf_counter()
            s.sendall(word)
            assert receive_exactly(s, len(word)) == word, f"word {count} came back changed"
            slowest_s = max(slowest_s, time.perf_counter() - begin)
            count += 1
            time.sleep(pause_s)
    return count, slowest_s


def talk_until(address, port, path, text, times, patience_s=60):
    """The same until a file says a text so many times more."""
    def said():
        with open(path, encoding="utf-8") as file:
            return file.read().count(text)

    enough, end = said() + times, time.monotonic() + patience_s
    return talk(address, port, lambda: said() >= enough or time.monotonic() > end)


def main(command, address, port, *rest):
    port = int(port)
    if command == "serve":
        _services = serve_echo(address, port)
        threading.Event().wait()
    elif command == "udp":
        print(f"{udp_echo(address, port)} datagrams of 1 to 1400 bytes came back unchanged")
    elif command == "pingpong":
        count, size = map(int, rest)
        times = ping_pong(address, port, count, size)
        at = [f"p{p} {times[min(count - 1, count * p // 100)] * 1e3:.2f} ms" for p in (50, 90, 99)]
        print(f"{', '.join(at)} ({count} round trips of {size} bytes)")
    elif command == "talk":
        count, slowest_s = talk_until(address, port, *rest[:2], int(rest[2]))
        print(f"{count} words over one connection, the slowest {slowest_s * 1e3:.1f} ms")
    elif command == "blast":
        udp_blast(address, port, *map(int, rest))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
