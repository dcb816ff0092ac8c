#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original udphop at the other end: datagrams of 1 to 2,021 bytes both ways, byte for byte, 32 sources at
once, each of which the destination sees as one. With FEC datagrams of one length, as an original's padding
asks for, on a wire that loses; mixed, of many lengths, of which nothing wrong may come. With hops eleven ports,
until the client has hopped twice.

    udphop.py VERSION client|server ALGORITHM [fec|mixed|hop]     which end the original is
    udphop.py VERSION client|server ALGORITHM ipv6            sizes, over IPv6
    environment: UDPHOP_1_1_4, UDPHOP_1_1_7: paths of original binaries; skipped without

    client ── wire ── server      one is a box, the other the original on its kernel's sockets
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import kcptube

from lab import DESTINATION, ENTRY, SERVER6
import traffic
from udphop_original import start_original

PORTS = "3000-3010"
FEC = "3:2"
SOURCES = 32
HOPS = 2


def many_sizes(lab, senders):
    with lab.client.ns:
        traffic.udp_echo(*ENTRY, sizes=[*range(1, 1401, 7), 1472, 1473, 2000, 2021], window=4)
    assert len(senders) == 1, senders
    senders.clear()

    def source(n):
        with lab.client.ns:
            traffic.udp_echo(*ENTRY, sizes=range(n + 1, 1200, 97), window=2)

    with ThreadPoolExecutor(SOURCES) as pool:
        list(pool.map(source, range(SOURCES)))
    assert len(senders) == SOURCES, len(senders)


def is_answered(flow, word, patience_s):
    """An original may say twice what it has had late; nothing else than what was asked comes."""
    flow.settimeout(patience_s)
    flow.send(word)
    try:
        while (answer := flow.recv(2048)) != word:
            assert len(answer) == len(word) and answer < word or answer.endswith(b"first"), answer
    except TimeoutError:
        return False
    return True


def under_loss(lab, ours, version):
    """Towards our box, which tells right parity from wrong; v1.1.4 makes wrong parity."""
    with lab.client.ns, traffic.udp_socket(*ENTRY) as flow:
        flow.send(b"first")  # v1.1.4 takes a session's first datagram for one without a header
        assert flow.recv(2048).endswith(b"first")
        for n in range(60):
            assert is_answered(flow, b"%03d" % n * 133, 5)
        lab.wire.run("nft", "-f", "-", input=f"""
            table netdev loss {{ chain ingress {{
                type filter hook ingress device to-{'server' if ours.role == 'client' else 'client'} priority 0;
                udp length > 400 numgen inc mod 7 == 3 counter drop
            }}
            }}""")
        answered = sum(is_answered(flow, b"%03d" % n * 133, 0.3) for n in range(100, 240))
    stats = ours.tunnels()["home"]
    print(f"{answered} of 140 are answered, {stats['fec_recovered']} came back by parity")
    assert answered >= 90
    assert version == "1.1.4" or stats["fec_recovered"] >= 10, stats


def lose_towards(lab, box):
    lab.wire.run("nft", "-f", "-", input=f"""
        table netdev loss {{ chain ingress {{
            type filter hook ingress device to-{box.role} priority 0;
            udp length > 60 numgen inc mod 7 == 3 counter drop
        }}
        }}""")


def say_three(flow, numbers):
    """What comes back in a while; an original may have some twice."""
    words = {b"%06d" % n * (4 + n * 37 % 200) for n in numbers}
    for word in words:
        flow.send(word)
    came, until = set(), time.monotonic() + 0.3
    while came != words and time.monotonic() < until:
        flow.settimeout(max(until - time.monotonic(), 0.001))
        try:
            came.add(flow.recv(2048))
        except TimeoutError:
            break
    return words, came


def mixed(lab, theirs):
    """An original pads with what is in its memory, so what it would recover of unlike lengths is wrong: before a
    loss, since it opens on several threads, and then."""
    sent, came = set(), set()
    with lab.client.ns, traffic.udp_socket(*ENTRY) as flow:
        flow.send(b"first")
        assert flow.recv(2048).endswith(b"first")
        for first in range(0, 1500, 3):
            if first == 900:
                lose_towards(lab, theirs)
            words, answers = say_three(flow, range(first, first + 3))
            sent |= words
            came |= answers
    wrong = came - sent
    print(f"{len(came)} of {len(sent)} came back, {len(wrong)} are wrong")
    assert not wrong, sorted(wrong)[:3]
    assert len(came) > 1300


def hops(lab, theirs, ours, senders, version):
    asks_s = 0.02
    with lab.client.ns, traffic.udp_socket(*ENTRY) as flow:
        begin, number, seen = time.monotonic(), 0, set()

        def hopped():
            if ours.role == "client":
                return ours.tunnels()["home"]["hops_timer"] >= HOPS
            seen.update(row["remote"] for row in ours.channels())
            return len(seen) > HOPS

        while not hopped():
            assert time.monotonic() < begin + 90, "nobody hops"
            word = b"%08d" % number * 8
            flow.send(word)
            while flow.recv(2048) != word:
                pass
            number += 1
            time.sleep(asks_s)
    lost_by_original = theirs.role == "client" and version == "1.1.7"  # each hop is a session there
    assert lost_by_original or len(senders) == 1, senders
    print(f"{number} datagrams, none lost, {len(senders)} sources at the destination")


def main(version, role, algorithm, what="sizes"):
    variable = "UDPHOP_" + version.replace(".", "_")
    more = {"fec": FEC} if what in ("fec", "mixed") else {}
    with kcptube.lab_with_original(role, variable, algorithm, protocol="udphop", **more) as (
            lab, theirs, ours, binary):
        settings = ours.config["tunnels"][0]
        del settings["kcp"]
        theirs_more = {"ipv4_only": 1, **more}
        if what == "ipv6":
            del theirs_more["ipv4_only"]  # which it takes for set whatever it says
            if role == "client":
                theirs_more["destination_address"] = SERVER6
            else:
                settings["destination_address"] = SERVER6
        if what == "hop":
            key = {"client": "destination_port", "server": "listen_port"}
            settings[key[ours.role]] = PORTS
            theirs_more[key[role]] = PORTS
            if role == "client":
                theirs_more["dport_refresh"] = 20
            else:
                settings["dport_refresh"] = "2-3"
        ours.start()
        start_original(lab, theirs, binary, algorithm, theirs_more)
        senders = set()
        with lab.server.ns:
            _service = traffic.serve_udp_echo(*DESTINATION, senders)
        if what == "fec":
            under_loss(lab, ours, version)
        elif what == "mixed":
            mixed(lab, theirs)
        elif what == "hop":
            hops(lab, theirs, ours, senders, version)
        else:
            many_sizes(lab, senders)
        assert not ours.drops("auth_failed") and not ours.drops("bare_malformed")


if __name__ == "__main__":
    main(*sys.argv[1:])
