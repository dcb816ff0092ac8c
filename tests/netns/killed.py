#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Either box is killed in the middle of transfers and started again some seconds later. New connections
work soon after it is back; those of before are reset at the application, at both ends; a UDP flow goes on.
Nothing is left behind, however often. KG_ROUNDS says how often, KG_AWAY_S after how many seconds.

    killed.py MUX                 mux_tunnels of the client; 0: a channel each

    client ↻ ── wire ── server ↻
"""

import os
import signal
import sys
import threading
import time

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

ROUNDS = int(os.environ.get("KG_ROUNDS", "3"))
AWAY_S = float(os.environ.get("KG_AWAY_S", "1"))
UDP_TIMEOUT_S = 5
PATIENCE_S = 30  # a silence would be one of 255 s
SLACK = 2, 4096, 16  # of what a box holds: a flow that comes or goes


class Application:
    """An end of a connection that is busy until it is cut off; `upload`: this end talks."""

    def __init__(self, connection, upload):
        self.connection, self.end, self.moved = connection, None, 0
        connection.settimeout(0.5)
        self.thread = threading.Thread(target=self._run, args=(upload,), daemon=True)
        self.thread.start()

    def _run(self, upload):
        while self.end is None:
            try:
                moved = self.connection.send(bytes(10_000)) if upload else len(
                    self.connection.recv(65536))
                self.moved += moved
                if not moved:
                    self.end = "end"
                time.sleep(0.001)
            except TimeoutError:
                pass
            except OSError:
                self.end = "reset"
        self.ended_at = time.monotonic()
        self.connection.close()


def serve(connection):
    """Whether the peer uploads or downloads, or wants an echo."""
    job = connection.recv(1)
    if job == b"e":
        connection.sendall(connection.recv(100))
        connection.close()
        return
    far.append(Application(connection, job == b"d"))
    far[-1].thread.join()


def open_busy(job):
    s = traffic.connect(*ENTRY)
    s.sendall(job)
    return Application(s, job == b"u")


def works_again():
    try:
        with traffic.connect(*ENTRY, timeout_s=3) as s:
            s.sendall(b"eword")
            return traffic.receive_exactly(s, 4) == b"word"
    except (OSError, AssertionError):
        return False


def udp_goes_on(flow):
    def asked():
        flow.send(b"are you there")
        try:
            return flow.recv(100) == b"are you there"
        except OSError:
            return False
    eventually("the UDP flow goes on", asked, PATIENCE_S)


def kill(lab, victim, flow):
    """Returns how long after its return the first new connection worked, and the last old one ended."""
    far.clear()
    near = [open_busy(job) for job in (b"u", b"d")]
    udp_goes_on(flow)
    eventually("transfers have begun", lambda: len(far) == 2 and all(
        a.moved > 100_000 for a in near + far), PATIENCE_S)
    victim.stop(signal.SIGKILL)
    time.sleep(AWAY_S)
    victim.start()
    back = time.monotonic()
    eventually("a new connection works", works_again, PATIENCE_S)
    new = time.monotonic() - back
    eventually("the connections of before are reset", lambda: all(
        a.end is not None for a in near + far), PATIENCE_S)
    survivors = near if victim is lab.server else far
    assert all(a.end == "reset" for a in survivors), [a.end for a in survivors]
    udp_goes_on(flow)
    return new, max(a.ended_at for a in survivors) - back


def held(box):
    """Descriptors, bytes of channels and tables, buffers."""
    stats = box.stats()
    return (len(os.listdir(f"/proc/{box.process.pid}/fd")), stats["mem_state_bytes"],
            stats["mem_buf_small_used"] + stats["mem_buf_large_used"])


def is_empty(box):
    """But for mux channels, and for UDP, which ends by itself in UDP_TIMEOUT_S."""
    return sum(row["protocol"] == "tcp" for row in box.channels()) == 0


def rounds(lab):
    with lab.client.ns, traffic.udp_socket(*ENTRY) as flow:
        flow.settimeout(0.2)
        for victim, other in ((lab.server, lab.client), (lab.client, lab.server)):
            results, after = [], []
            for _ in range(ROUNDS):
                results.append(kill(lab, victim, flow))
                eventually(f"{other.role} has let go", lambda: is_empty(other), PATIENCE_S)
                after.append(held(other))
            eventually(f"{other.role} keeps nothing", lambda: all(
                now <= first + more for now, first, more in zip(held(other), after[0], SLACK)),
                PATIENCE_S)
            print(f"{victim.role} killed {ROUNDS} times: new connections after "
                  f"{max(r[0] for r in results):.2f} s at most, old ones ended after "
                  f"{max(r[1] for r in results):.2f} s; what the other holds {after}, {held(other)}")


far = []
mux, = sys.argv[1:]
with Lab() as lab:
    lab.set_tunnels(udp_timeout=UDP_TIMEOUT_S)
    lab.client.config["tunnels"][0]["mux_tunnels"] = int(mux)
    lab.start()
    with lab.server.ns:
        services = traffic.serve_tcp(*DESTINATION, serve), traffic.serve_udp_echo(*DESTINATION)
    rounds(lab)
    assert "forgotten" in lab.client.log() + lab.server.log()
