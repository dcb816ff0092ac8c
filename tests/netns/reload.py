#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIGHUP applies what has changed of the tunnels. A connection through a tunnel that has not changed never
pauses and loses nothing, while another one changes where it leads to, changes its password, goes and
comes, again and again, and then fifty times as fast as it can. Files with mistakes, and those that change more than tunnels, change nothing, and
the log says why.

    client ── wire ── server        "home" stays, "guest" changes
"""

import copy
import json
import socket
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually, tunnel
import traffic

ROUNDS = 16
FAST_ROUNDS = 50
GUEST_ENTRY = (ENTRY[0], 6100)
GUEST_PORT = 3100
TARGETS = [(DESTINATION[0], 7100), (DESTINATION[0], 7101)]


def guest(mode, **more):
    ends = {"client": {"listen_port": GUEST_ENTRY[1], "destination_port": GUEST_PORT},
            "server": {"listen_port": GUEST_PORT, "destination_port": TARGETS[0][1]}}
    return tunnel(mode, name="guest", **{**ends[mode], **more})


def apply(box, *tunnels):
    box.config["tunnels"][1:] = tunnels
    outcome, said = box.reload()
    assert outcome.endswith(" 0 could not"), said
    return outcome


def answers_through_guest(lab):
    """Who answers there: each target says its port. The first connections may come before peers have
    changed, too."""
    def ask():
        with lab.client.ns, socket.socket() as s:
            s.settimeout(1)
            try:
                s.connect(GUEST_ENTRY)
                return s.recv(100)
            except OSError:
                return b""
    return ask


def changed(config, **changes):
    return json.dumps({**copy.deepcopy(config), **changes})


def with_guest(config, **changes):
    config = copy.deepcopy(config)
    config["tunnels"][1].update(changes)
    return json.dumps(config)


def without(config, key):
    return json.dumps({k: v for k, v in config.items() if k != key})


def broken(config):
    """Files that must not be taken, and a word of the reason."""
    port = config["ports"][0]
    return [
        ("", "json:1"), ("{", "json:1"), ("[]", "object"), ('{"name": "x", "name": "y"}', "name"),
        (json.dumps(config)[:-1], "json:1"), (json.dumps(config) + "}", "json:1"),
        ("\0" * 100, "json:1"), (changed(config, tunnels={}), "tunnels"),
        (changed(config, colour="red"), "colour"), (without(config, "ports"), "port"),
        (with_guest(config, mode="neither"), "mode"), (with_guest(config, name="home"), "home"),
        (with_guest(config, listen_port=70000), "listen_port"),
        (with_guest(config, encryption_password=""), "encryption_password"),
        (with_guest(config, encryption_algorithm="ROT13"), "encryption_algorithm"),
        (with_guest(config, fec="300:300"), "fec"),
        (changed(config, memory={"hugepages": False, "mb": 200}), "memory differs"),
        (changed(config, workers=[config["workers"][0] ^ 1]), "workers differs"),
        (changed(config, ports=[{**port, "mtu": 1400}]), "ports differs"),
        (changed(config, name="another"), "name differs"),
    ]


carried, failures = [], []
over = threading.Event()
with Lab() as lab:
    for box in (lab.client, lab.server):
        box.config["tunnels"].append(guest(box.role))
    lab.start()
    with lab.server.ns:
        services = [traffic.serve_echo(*DESTINATION)]
        for target in TARGETS:
            services.append(traffic.serve_tcp(*target, lambda c, t=target: c.sendall(b"%d" % t[1])))

    def in_client():
        try:
            with lab.client.ns:
                traffic.carry(*ENTRY, over, carried)
        except BaseException as failure:  # the main thread says it
            failures.append(failure)

    ask = answers_through_guest(lab)
    thread = threading.Thread(target=in_client)
    thread.start()
    try:
        for i in range(ROUNDS):
            target = TARGETS[i % 2][1]
            password = f"password {i // 4}"  # of both ends, seldom
            for box in (lab.client, lab.server):
                where = {"destination_port": target} if box is lab.server else {}
                apply(box, guest(box.role, encryption_password=password, **where))
            eventually(f"{target} answers", lambda t=target: failures or ask() == b"%d" % t, 40)
            assert not failures, failures
        assert apply(lab.client).startswith("reload: 1 tunnels have gone, 0 have come")
        assert ask() == b""
        apply(lab.client, guest("client", encryption_password=password))
        eventually("it is back", lambda: ask() == b"%d" % target, 40)

        begun = time.monotonic()
        for i in range(FAST_ROUNDS):
            assert apply(lab.client, guest("client", encryption_password=password, udp_timeout=100 + i)) == \
                "reload: 1 tunnels have gone, 1 have come, 0 could not"
        print(f"{FAST_ROUNDS} reloads in {time.monotonic() - begun:.1f} s")
        eventually("it has come each time", lambda: ask() == b"%d" % target, 40)

        before = len(carried)
        for text, word in broken(lab.client.config):
            outcome, said = lab.client.reload(text)
            assert outcome.endswith("nothing has changed") and word in said, f"{text}\n{said}"
        assert ask() == b"%d" % target
        eventually("the transfer goes on", lambda: failures or len(carried) > before)

        same, said = lab.client.reload()
        assert same == "reload: 0 tunnels have gone, 0 have come, 0 could not", said
        assert set(lab.client.tunnels()) == {"home", "guest"}
    finally:
        over.set()
        thread.join()
    assert not failures, failures
    print(f"{sum(carried)} bytes there and back")
