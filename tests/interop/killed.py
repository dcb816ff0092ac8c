#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original server is killed and started again. It never says that it has forgotten a channel; our client
finds out, and the applications are reset long before the 255 s of silence. A UDP flow goes on, and so do
new connections.

    killed.py MUX                 mux_tunnels of the client, 0: a channel each
    environment: KCPTUBE=path of an original binary; skipped without

    client (box) ── wire ── server (original ↻)
"""

import sys
import time

from kcptube import lab_with_original, run_original, start_original

from lab import DESTINATION, ENTRY, eventually
import traffic

PATIENCE_S = 60


def say(connection):
    connection.sendall(b"hello")
    assert traffic.receive_exactly(connection, 5) == b"hello"


def was_reset(connection):
    connection.settimeout(PATIENCE_S)
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def works_again():
    return traffic.echoes(*ENTRY, 100, timeout_s=3)


def udp_goes_on(flow):
    def answered():
        flow.send(b"word")
        try:
            return flow.recv(100) == b"word"
        except TimeoutError:
            return False
    eventually("the UDP flow goes on", answered, PATIENCE_S)


mux, = sys.argv[1:]
with lab_with_original("server", "KCPTUBE", "AES-GCM") as (lab, server, client, binary):
    client.config["tunnels"][0]["mux_tunnels"] = int(mux)
    client.start()
    process = start_original(lab, server, binary, "AES-GCM")
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with client.ns, traffic.udp_socket(*ENTRY, timeout_s=1) as flow:
        udp_goes_on(flow)
        for away_s in (0, 5):
            with traffic.connect(*ENTRY) as old:
                say(old)
                process.kill()
                process.wait()
                time.sleep(away_s)
                process = run_original(lab, server, binary)
                back = time.monotonic()
                old.sendall(b"is anybody there")
                assert was_reset(old)
                print(f"away for {away_s} s: reset {time.monotonic() - back:.1f} s after its return")
            eventually("a new connection works", works_again, PATIENCE_S)
            udp_goes_on(flow)
    assert client.tunnels()["home"]["closed_forgotten"] > 0
