# SPDX-License-Identifier: BSD-3-Clause
"""What tests do on the wire themselves: look at frames, send frames and datagrams of their own."""

import socket
import struct
import threading
import time
import zlib
from dataclasses import dataclass

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33


@dataclass
class Packet:
    frame: bytes
    version: int = 0
    length: int = 0           # IP packet, bytes
    fragment: bool = False
    udp_source: int = 0
    udp_destination: int = 0
    payload: bytes = b""      # of UDP


def parse(frame):
    p = Packet(frame)
    ether_type = struct.unpack_from("!H", frame, 12)[0]
    ip = frame[14:]
    if ether_type == 0x0800:
        p.version, p.length = 4, struct.unpack_from("!H", ip, 2)[0]
        p.fragment = struct.unpack_from("!H", ip, 6)[0] & 0x3fff != 0
        protocol, header = ip[9], (ip[0] & 15) * 4
    elif ether_type == 0x86dd:
        p.version, p.length = 6, 40 + struct.unpack_from("!H", ip, 4)[0]
        protocol, header = ip[6], 40
        p.fragment = protocol == 44
    else:
        return p
    if protocol == 17 and not p.fragment:
        p.udp_source, p.udp_destination, size = struct.unpack_from("!HHH", ip, header)
        p.payload = ip[header + 8:header + size]
    return p


class Sniffer:
    """Keeps every frame that passes an interface of a namespace while the `with` lasts."""

    def __init__(self, ns, link):
        with ns:
            # No protocol yet: until it is bound the socket would take frames of all links.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._socket.bind((link, ETH_P_ALL))
        self._socket.settimeout(0.2)
        self._frames = []
        self._done = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while True:
            try:
                self._frames.append(self._socket.recv(65536))
            except TimeoutError:
                if self._done:
                    return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done = True
        self._thread.join()
        self._socket.close()

    def packets(self):
        return [parse(frame) for frame in list(self._frames)]


def send_frames(ns, link, frames):
    with ns:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with s:
        s.bind((link, 0))
        for frame in frames:
            s.send(frame)


def seal_none(body, clock_skew_s=0):
    """A datagram of an unencrypted tunnel around KCP segments."""
    plain = struct.pack("<I", int(time.time() + clock_skew_s) & 0xffffffff) + body
    c = struct.pack("!I", zlib.crc32(plain))
    return plain + bytes((c[0] ^ c[2], c[1] ^ c[3]))


PUSH, ACK = 81, 82


def segment(conv, payload=b"", cmd=PUSH, frg=0, wnd=128, ts=0, sn=0, una=0, length=None):
    return struct.pack("<IBBHIIII", conv, cmd, frg, wnd, ts, sn, una,
                       len(payload) if length is None else length) + payload


def initialise(protocol=2):
    """A client's request for a TCP (2) or UDP (3) channel."""
    return bytes((protocol << 4,)) + bytes(27)


def udp_frame(mac, source, destination, payload):
    """To the port with that MAC, from whomever; source and destination are (IPv4 address, port)."""
    length = 8 + len(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, 64, 17, 0,
                     socket.inet_aton(source[0]), socket.inet_aton(destination[0]))
    total = sum(struct.unpack("!10H", ip))
    checksum = ~(total + (total >> 16)) & 0xffff
    return (bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000666") + b"\x08\x00" +
            ip[:10] + struct.pack("!H", checksum) + ip[12:] +
            struct.pack("!HHHH", source[1], destination[1], length, 0) + payload)


MADE_UP = "192.0.2.0/24"


def made_up_sources():
    """All different, of a network where nobody is."""
    for port in range(1024, 65536):
        for host in range(10, 250):
            yield f"192.0.2.{host}", port
