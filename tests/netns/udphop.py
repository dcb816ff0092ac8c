#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""UDP Hop's wire: applications' datagrams through it with every cipher, IPv4 and IPv6, many sources at once.
One source, one source port at the destination, over hops, a port that dies, and a server that is started anew.
A server may have a name, several addresses, or a TXT record. Through a relay between two ciphers, of which one leg has FEC and
loses. Between applications on the wire port to port, past Linux. A NAT that changes its mind is followed by the next
datagram, or by a sign of life.

    udphop.py [ciphers|hop|named|rebound|relay|past_linux ...]      all unless named; how long one hops: KG_SECONDS,
                                                                    and how often: KG_DPORT_REFRESH

    client ── wire, which can drop a port ── server, 3000-3010
    client ── NAT ── server
    client ══ AES-GCM ══ relay ══ chacha20, FEC 3:2, which loses ══ server
"""

import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from lab import (CLIENT4, DESTINATION, ENTRY, RELAY4, SERVER4, SERVER6, TUNNEL_PORT, Lab, eventually,
                 kcpgate)
from nat_between import Nat
from udphop_settings import udphop
import servers
import traffic

CIPHERS = ("AES-GCM", "AES-OCB", "chacha20", "xchacha20", "XOR", "none")
SIZES = (*range(1, 1400, 37), 1400, 1472, 1473, 2000, 2021)  # the longest in two IP packets
SOURCES = 32
EVERY_S = 0.02
SECONDS = int(os.environ.get("KG_SECONDS", "10"))
DPORT_REFRESH = os.environ.get("KG_DPORT_REFRESH", "2-3")


def ciphers():
    with Lab() as lab:
        for n, cipher in enumerate(CIPHERS):
            lab.client.config["tunnels"].append(udphop(
                "client", name=cipher, encryption_algorithm=cipher, listen_port=ENTRY[1] + n,
                destination_port=TUNNEL_PORT + n, destination_address=(SERVER4, SERVER6)[n % 2]))
            lab.server.config["tunnels"].append(udphop(
                "server", name=cipher, encryption_algorithm=cipher, listen_port=TUNNEL_PORT + n))
        for box in lab.boxes:
            del box.config["tunnels"][0]
        lab.start()
        senders = set()
        with lab.server.ns:
            _service = traffic.serve_udp_echo(*DESTINATION, senders)
        for n, cipher in enumerate(CIPHERS):
            senders.clear()
            with lab.client.ns:
                traffic.udp_echo(ENTRY[0], ENTRY[1] + n, sizes=SIZES, window=4)
            assert len(senders) == 1, (cipher, senders)
            for box in lab.boxes:
                box.wait_log(f"tunnel {cipher}: {box.role}, {cipher}, UDP Hop")
        senders.clear()

        def source(n):
            with lab.client.ns:
                traffic.udp_echo(ENTRY[0], ENTRY[1] + n % len(CIPHERS), sizes=range(n + 1, 1200, 97),
                                 window=2)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(source, range(SOURCES)))
        assert len(senders) == SOURCES, len(senders)
        for box in lab.boxes:
            assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"


class Talk:
    """One source that asks and is answered, as long as it is told to."""

    def __init__(self, lab, senders):
        self.lab, self.senders, self.number = lab, senders, 0
        with lab.client.ns:
            self.flow = traffic.udp_socket(*ENTRY)

    def ask(self, patience_s=0.2):
        self.flow.settimeout(patience_s)
        word = b"%08d" % self.number * 16
        self.number += 1
        self.flow.send(word)
        try:
            while (answer := self.flow.recv(2048)) != word:
                assert answer < word, "an answer to what was not asked"
        except TimeoutError:
            return False
        return True

    def is_whole_for(self, seconds):
        """The longest time that an answer took."""
        end, longest_s = time.monotonic() + seconds, 0
        while (begin := time.monotonic()) < end:
            assert self.ask(5), f"datagram {self.number} was lost"
            longest_s = max(longest_s, time.monotonic() - begin)
            time.sleep(EVERY_S)
        return longest_s

    def is_on_again(self, what, within_s):
        begin = time.monotonic()
        eventually(f"datagrams pass after {what}", self.ask, within_s)
        print(f"{what}: on after {time.monotonic() - begin:.2f} s")
        self.is_whole_for(1)

    def has_one_source(self):
        assert len(self.senders) == 1, self.senders


def port_of(box, key):
    rows = [row for row in box.channels() if row["protocol"] == "udp"]
    assert len(rows) == 1, rows
    return int(re.search(r":(\d+)$", rows[0][key])[1])


def hops(lab, reason):
    return lab.client.tunnels()["home"][f"hops_{reason}"]


def hop():
    with Lab() as lab:
        lab.client.config["tunnels"] = [udphop("client", destination_port="3000-3010",
                                               dport_refresh=DPORT_REFRESH)]
        lab.server.config["tunnels"] = [udphop("server", listen_port="3000-3010")]
        lab.start()
        senders = set()
        with lab.server.ns:
            _service = traffic.serve_udp_echo(*DESTINATION, senders)
        tried = lab.client.ns.run(kcpgate(), "--try", str(lab.client.path))
        assert tried.count("answered in") >= 1 and "no answer" not in tried, tried
        assert not lab.server.channels(), "a trial is no channel"
        talk = Talk(lab, senders)
        eventually("datagrams pass", talk.ask)
        longest_s = talk.is_whole_for(SECONDS)
        print(f"{talk.number} datagrams in {SECONDS} s, {hops(lab, 'timer')} hops, none lost, "
              f"the longest answer took {longest_s * 1000:.0f} ms")
        assert hops(lab, "timer") >= SECONDS // int(DPORT_REFRESH.rpartition("-")[2])
        talk.has_one_source()

        dead = port_of(lab.client, "remote")
        lab.wire.run("nft", "-f", "-", input=f"""
            table bridge dead {{ chain forward {{ type filter hook forward priority 0;
                udp dport {dead} drop
                udp sport {dead} drop
            }}
            }}""")
        talk.is_on_again(f"port {dead} died", 2)
        talk.has_one_source()
        lab.wire.run("nft", "flush", "ruleset")

        lab.server.stop()
        lab.server.start()
        senders.clear()
        talk.is_on_again("the server was started anew", 5)
        talk.has_one_source()


def named():
    """A server with a name and another address, between which paths hop; and one that a TXT record says."""
    with Lab() as lab:
        servers.names(lab, lab.client.ns, f"--txt-record=text.test,{SERVER4}:{TUNNEL_PORT}")
        lab.client.etc = {"resolv.conf": "nameserver 127.0.0.1\n",
                          "hosts": f"127.0.0.1 localhost\n{SERVER4} hop.test\n"}
        lab.client.config["tunnels"] = [udphop("client", destination_address=["hop.test", SERVER6],
                                               dport_refresh="1-2"),
                                        udphop("client", name="text", listen_port=ENTRY[1] + 1,
                                               destination_dnstxt="text.test")]
        del lab.client.config["tunnels"][1]["destination_address"], lab.client.config["tunnels"][1]["destination_port"]
        lab.server.config["tunnels"] = [udphop("server")]
        lab.start()
        senders, places = set(), set()
        with lab.server.ns:
            _service = traffic.serve_udp_echo(*DESTINATION, senders)
        talk = Talk(lab, senders)
        eventually("datagrams pass", talk.ask)

        def both_were_used():
            talk.is_whole_for(0.5)
            places.update(row["remote"].rpartition(":")[0] for row in lab.client.channels())
            return len(places) == 2

        eventually("paths hop to the other address", both_were_used, timeout_s=60)
        talk.has_one_source()
        lab.client.wait_log(rf"text: text\.test is {SERVER4}, port {TUNNEL_PORT}\n", 60)
        with lab.client.ns:
            traffic.udp_echo(ENTRY[0], ENTRY[1] + 1, sizes=SIZES)


def rebound():
    """Of what is under way as the mapping changes nothing may come; the next datagram passes."""
    with Lab() as lab:
        lab.client.config["tunnels"] = [udphop("client", keep_alive=1)]
        lab.server.config["tunnels"] = [udphop("server")]
        nat = Nat(lab)
        lab.start()
        senders = set()
        with lab.server.ns:
            _service = traffic.serve_udp_echo(*DESTINATION, senders)
        talk = Talk(lab, senders)
        eventually("datagrams pass", talk.ask)
        for _ in range(4):
            nat.rebind()
            talk.is_on_again("another mapping", 2)

        def moves():
            return lab.server.tunnels()["home"]["peer_moves"]

        before = moves()
        nat.rebind()
        eventually("a sign of life tells of the mapping", lambda: moves() > before)
        talk.has_one_source()


def relay():
    far = {"encryption_algorithm": "chacha20", "encryption_password": "far", "fec": "3:2"}
    with Lab() as lab:
        near = {"encryption_algorithm": "AES-GCM", "encryption_password": "near"}
        lab.client.config["tunnels"] = [udphop("client", destination_address=RELAY4, **near)]
        lab.server.config["tunnels"] = [udphop("server", listen_port=3100, **far)]
        box = lab.relay({"name": "between", "mode": "relay", "protocol": "udphop",
                         "listener": {"listen_port": TUNNEL_PORT, **near},
                         "forwarder": {"destination_address": SERVER4, "destination_port": 3100,
                                       **far}})
        lab.start()
        senders = set()
        with lab.server.ns:
            _service = traffic.serve_udp_echo(*DESTINATION, senders)
        with lab.client.ns:
            traffic.udp_echo(*ENTRY, sizes=range(1, 2000, 37), window=4)
        assert len(senders) == 1, senders
        idens = {row["conv"] for b in lab.boxes for row in b.channels()}
        assert len(idens) == 1, idens
        lab.wire.run("nft", "-f", "-", input="""
            table bridge loss { chain forward { type filter hook forward priority 0;
                udp dport 3100 numgen inc mod 8 == 3 counter drop
            }
            }""")
        talk = Talk(lab, senders)
        answered = sum(talk.ask() for _ in range(300))
        recovered = lab.server.tunnels()["home"]["fec_recovered"]
        print(f"{answered} of 300 are answered, {recovered} came back by parity")
        assert recovered >= 30 and answered >= 240
        assert not box.drops("auth_failed")


def past_linux():
    """Applications are hosts on the wire."""
    with Lab() as lab:
        near, far = lab.host("near", "198.18.0.11/24"), lab.host("far", "198.18.0.12/24")
        lab.client.config["tunnels"] = [udphop("client", listen_on=[CLIENT4])]
        lab.server.config["tunnels"] = [udphop("server", destination_address="198.18.0.12")]
        lab.start()
        with far:
            _service = traffic.serve_udp_echo("198.18.0.12", DESTINATION[1])
        with near:
            flow = traffic.udp_socket(CLIENT4, ENTRY[1], timeout_s=2)

        def by_sockets():
            return [box.stats()["payload_udp_rx_datagrams"] + box.stats()["payload_udp_tx_datagrams"]
                    for box in lab.boxes]

        def goes_by_wire():
            before = by_sockets()
            traffic.echo_over(flow, [100, 101, 102], window=1)
            return by_sockets() == before

        eventually("the flow goes by the wire", goes_by_wire)
        before = by_sockets()
        traffic.echo_over(flow, range(1, 1473), window=4)
        assert by_sockets() == before
        for box in lab.boxes:
            assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"


PARTS = {part.__name__: part for part in (ciphers, hop, named, rebound, relay, past_linux)}
if __name__ == "__main__":
    with ProcessPoolExecutor(3) as at_once:  # they wait most of their time
        for done in [at_once.submit(PARTS[name]) for name in sys.argv[1:] or PARTS]:
            done.result()
