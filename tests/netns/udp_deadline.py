#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""With "udp_deadline" a datagram that was lost does not come late: while the wire is cut some are sent, and
when it is whole again new ones are all that the application gets. Then, on a wire that loses one
in ten, all that comes is right and in time, and of TCP beside it nothing is lost. On a channel of its own and
on a mux channel.

    client ── wire ── server
"""

import socket
import struct
import threading
import time
from contextlib import contextmanager

from lab import DESTINATION, ENTRY, Lab
import traffic

DEADLINE_MS = 200
LOST = (b"lost", b"l" * 1000, b"")
NEW = b"new"
ROUND_TRIP_MS, LOSS_PERCENT = 80, 10
WORDS, WORD_S = 500, 0.01
BUSY_MS = 150  # that applications and boxes may take on a machine that does other things, too


def open_flow(lab, tries=40):
    """The two applications' sockets, which know each other; None: nothing comes through."""
    with lab.server.ns:
        service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        service.bind(DESTINATION)
    with lab.client.ns:
        application = traffic.udp_socket(*ENTRY, timeout_s=20)
    # Until its channel is open it may become too old.
    for _ in range(tries):
        application.send(b"begin")
        if (source := take_all(service, b"begin")) is not None:
            service.connect(source)
            service.settimeout(20)
            return application, service
    application.close()
    service.close()
    return None


def take_all(receiver, expected):
    """Takes what comes until nothing does; who has sent it, if anything came."""
    source = None
    receiver.settimeout(0.5)
    try:
        while True:
            got, source = receiver.recvfrom(2048)
            assert got == expected, f"{len(got)} bytes came"
    except TimeoutError:
        return source


def cut(lab):
    lab.wire.run("nft", "add table bridge cut; "
                 "add chain bridge cut forward { type filter hook forward priority 0; policy drop; }")


def mend(lab):
    lab.wire.run("nft", "delete table bridge cut")


def too_old(box):
    tunnel = box.tunnels()["home"]
    return tunnel["datagrams_stale"] + tunnel["datagrams_blanked"]


def lost_does_not_come_late(lab, box, sender, receiver):
    """`box` is the sender's."""
    before = too_old(box)
    cut(lab)
    for datagram in LOST:
        sender.send(datagram)
    time.sleep(2 * DEADLINE_MS / 1000)
    mend(lab)
    # The first ones may wait for what was sent before, and become too old themselves.
    for _ in range(40):
        sender.send(NEW)
        if take_all(receiver, NEW) is not None:
            break
    else:
        raise AssertionError("nothing comes any more")
    assert too_old(box) >= before + len(LOST), box.tunnels()
    receiver.settimeout(20)


def word(number):
    return struct.pack("!Id", number, time.monotonic()) + bytes([number % 251]) * (20 + 37 * number % 1000)


def speak(application):
    for number in range(WORDS):
        application.send(word(number))
        time.sleep(WORD_S)
    for _ in range(20):  # of the end nothing is behind it: one of these arrives
        application.send(b"end")
        time.sleep(WORD_S)


def heard(service):
    """What comes, up to half a second after the end: words that were lost come behind it."""
    try:
        while True:
            got = service.recv(2048)
            if got == b"end":
                service.settimeout(0.5)
            else:
                yield got
    except TimeoutError:
        return


def listen(service, ages_ms):
    for got in heard(service):
        number, said = struct.unpack("!Id", got[:12])
        ages_ms.append((time.monotonic() - said) * 1000)
        assert got[12:] == bytes([number % 251]) * (20 + 37 * number % 1000), number


def all_is_in_time(lab):
    ages_ms = []
    lab.impair(ROUND_TRIP_MS, 1, LOSS_PERCENT)
    application, service = open_flow(lab)
    with lab.server.ns:
        other = traffic.serve_tcp(*DESTINATION, traffic.bulk)
    speaker = threading.Thread(target=speak, args=(application,))
    listener = threading.Thread(target=listen, args=(service, ages_ms))
    listener.start()
    speaker.start()
    with lab.client.ns:
        traffic.tcp_upload(*ENTRY, 1_000_000, timeout_s=60)
    speaker.join()
    listener.join()
    ages_ms.sort()
    p99 = ages_ms[len(ages_ms) * 99 // 100]
    print(f"{len(ages_ms)} of {WORDS} came, p99 {p99:.0f} ms, the last {ages_ms[-1]:.0f} ms old;"
          f" {too_old(lab.client)} were too old")
    tunnel = lab.client.tunnels()["home"]
    assert len(ages_ms) + too_old(lab.client) >= WORDS, tunnel
    assert len(ages_ms) > WORDS / 2, tunnel
    assert p99 <= DEADLINE_MS + ROUND_TRIP_MS + BUSY_MS, ages_ms
    other.close()


@contextmanager
def lab_with(mux):
    with Lab() as lab:
        lab.set_tunnels(pmtu=1500, udp_deadline=DEADLINE_MS, udp_order="arrival")
        lab.client.config["tunnels"][0].update(mux_tunnels=mux)
        lab.start()
        yield lab


def main():
    for mux in (0, 1):
        with lab_with(mux) as lab:
            application, service = open_flow(lab)
            lost_does_not_come_late(lab, lab.client, application, service)
            lost_does_not_come_late(lab, lab.server, service, application)
            for box in lab.boxes:
                assert box.tunnels()["home"]["messages_dropped"] == 0, box.tunnels()
        with lab_with(mux) as lab:
            all_is_in_time(lab)


if __name__ == "__main__":
    main()
