#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A relay between a client and a server, with another cipher, FEC and length of segments on each leg:
bulk both ways, half-close, UDP, mux channels, a custom mapping, hops on both legs. Then a leg's settings
change, and the relay is killed and started again. KG_MEGABYTES names how much goes each way, KG_SECONDS how long
applications talk by all ways while both legs hop.

    client ══ AES-GCM, hops ══ relay ══ chacha20, FEC 10:2, short segments, hops ══ server
"""

import os
import signal
import socket
import time

from lab import DESTINATION, ENTRY, RELAY4, SERVER4, Lab, eventually, tunnel
import traffic

PORTS, CUSTOM_PORTS = "3000-3010", "3100-3110"
SHARED, MAPPED = ("127.0.0.1", 6001), ("127.0.0.1", 6002)
MEGABYTES = int(os.environ.get("KG_MEGABYTES", "20"))
BULK_BYTES, BULK_S = MEGABYTES << 20, 60 + 6 * MEGABYTES
SECONDS = float(os.environ.get("KG_SECONDS", "2"))
EVERY_S = 0.2
NEAR = {"kcp": "fast1", "encryption_algorithm": "AES-GCM", "encryption_password": "near",
        "mtu": 1400, "dport_refresh": 2}
FAR = {"encryption_algorithm": "chacha20", "encryption_password": "far", "fec": "10:2",
       "kcp_mtu": 500}


def client(name, ports, **more):
    return {"name": name, "mode": "client", "destination_address": RELAY4,
            "destination_port": ports, **NEAR, **more}


def relay(name, ports):
    return {"name": name, "mode": "relay", "kcp": "fast1",
            "listener": {"listen_port": ports, **{k: v for k, v in NEAR.items()
                                                  if k != "dport_refresh"}},
            "forwarder": {"destination_address": SERVER4, "destination_port": ports,
                          "dport_refresh": 2, **FAR}}


def words_until(connection, what, condition):
    """An echo's words to and fro on one connection, until the condition holds."""
    def word():
        connection.sendall(b"to and fro")
        assert traffic.receive_exactly(connection, 10) == b"to and fro"
        return condition()
    eventually(what, word, 60)


def talk():
    """Words on a connection and datagrams on a flow of each entry, none of which is left out; the longest time that
    an answer took."""
    ways = [(traffic.connect(*entry), traffic.udp_socket(*entry, timeout_s=30))
            for entry in (ENTRY, SHARED, MAPPED)]
    longest_s, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        begin = time.monotonic()
        for number, (tcp, udp) in enumerate(ways):
            word = b"%d to and fro" % number
            tcp.sendall(word)
            assert traffic.receive_exactly(tcp, len(word)) == word
            traffic.echo_over(udp, range(1, 1401, 350))
        longest_s = max(longest_s, time.monotonic() - begin)
        time.sleep(EVERY_S)
    for way in ways:
        for s in way:
            s.close()
    return longest_s


def serve(connection):
    """An echo for those that begin with a number, else a transfer."""
    first = connection.recv(1, socket.MSG_PEEK)
    (traffic.echo if first.isdigit() else traffic.bulk)(connection)


def works():
    return traffic.echoes(*MAPPED, 10_000, timeout_s=3)


def hops(box, name):
    return box.tunnels()[name]["hops_timer"]


with Lab() as lab:
    middle = lab.relay(relay("home", PORTS), relay("custom", CUSTOM_PORTS))
    lab.client.config["tunnels"] = [
        client("home", PORTS, listen_on=ENTRY[0], listen_port=ENTRY[1]),
        client("shared", PORTS, listen_on=SHARED[0], listen_port=SHARED[1], mux_tunnels=2),
        client("custom", CUSTOM_PORTS, listen_port="{}", custom_input=[
            {"local": "127.0.0.1:6002", "remote": "localhost:7002"}])]
    lab.server.config["tunnels"] = [
        tunnel("server", **FAR, listen_port=PORTS),
        tunnel("server", **FAR, name="custom", listen_port=CUSTOM_PORTS, destination_port="{}",
               destination_address="")]
    lab.server.etc = {"hosts": "127.0.0.1 localhost\n"}  # a Debian may name ::1, too, which is asked first
    lab.start()
    with lab.server.ns:
        services = (traffic.serve_tcp(*DESTINATION, serve),
                    traffic.serve_udp_echo(*DESTINATION), traffic.serve_echo("127.0.0.1", 7002))
    with lab.client.ns:
        for entry in (ENTRY, SHARED):
            traffic.tcp_download(*entry, BULK_BYTES, BULK_S)
            traffic.tcp_upload(*entry, BULK_BYTES, BULK_S)
            assert traffic.udp_echo(*entry, sizes=range(1, 1401, 7)) == 200
        print(f"{SECONDS:g} s of talk, longest answer {talk() * 1000:.0f} ms")
        traffic.tcp_echo(*MAPPED, 100_000)
        assert traffic.udp_echo(*MAPPED, sizes=range(1, 1401, 7)) == 200
        with traffic.connect(*MAPPED) as s, traffic.udp_socket(*MAPPED) as udp:
            words_until(s, "both legs hop", lambda: hops(lab.client, "custom") > 1
                        and hops(middle, "custom.forwarder") > 1)
            traffic.echo_over(udp, range(1, 1401, 7))
            s.shutdown(1)
            assert s.recv(1) == b""

        rows = {row["protocol"] for row in middle.channels()}
        assert "mux" in rows and "udp" in rows, rows
        legs = middle.tunnels()
        for name in ("home.listener", "home.forwarder", "custom.listener", "custom.forwarder"):
            assert legs[name]["messages_dropped"] == 0, legs[name]
        assert legs["home.listener"]["handshakes_done"] == legs["home.forwarder"]["handshakes_done"]

        # A leg's setting changes, and both legs come anew.
        middle.config["tunnels"][1]["forwarder"]["kcp_mtu"] = 600
        outcome, said = middle.reload()
        assert outcome == "reload: 2 tunnels have gone, 2 have come, 0 could not", said
        eventually("a new connection works", works, 30)
        traffic.tcp_download(*ENTRY, 100_000)

        held = traffic.connect(*MAPPED)
        held.sendall(b"held")
        assert traffic.receive_exactly(held, 4) == b"held"
        middle.stop(signal.SIGKILL)
        middle.start()
        begin = time.monotonic()
        eventually("a new connection works", works, 30)
        print(f"back after {time.monotonic() - begin:.1f} s")
        held.settimeout(30)
        try:
            held.sendall(b"held")
            assert held.recv(4) == b"", "a connection outlived its relay"
        except ConnectionResetError:
            pass
        held.close()
