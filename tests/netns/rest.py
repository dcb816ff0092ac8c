#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Connections through tunnels that change go on under the old settings, whichever end changes and whatever does, the
password included, and end well; what is opened meanwhile has the new ones. UDP flows go on in the new tunnel; of UDP
Hop's wire they keep their port at the destination when the server's tunnel changes. When nothing is open any more
nothing of the old tunnel is left.

    client, downloads ── wire ── server         of both the tunnels change while they last
"""

import socket
import threading

from lab import DESTINATION, ENTRY, Lab, eventually, tunnel, two_cpus
from udphop_settings import udphop
import traffic

OTHER = (DESTINATION[0], 7001)
RESTING_MAX = 16  # as in app/kcpgate/resting.h
CHANGES = 40


class Held:
    """A connection that carries something before and after."""

    def __init__(self, lab):
        with lab.client.ns:
            self.socket = traffic.connect(*ENTRY)
        self.go_on()

    def go_on(self):
        self.socket.sendall(b"still here")
        assert traffic.receive_exactly(self.socket, 10) == b"still here"

    def end(self):
        """In good order, both ways."""
        self.socket.shutdown(socket.SHUT_WR)
        assert self.socket.recv(1) == b""
        self.socket.close()


def apply(box, *tunnels):
    box.config["tunnels"] = list(tunnels)
    outcome, said = box.reload()
    assert outcome.endswith(" 0 could not"), said
    return said


def is_reset(held):
    try:
        held.socket.settimeout(5)
        return held.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def channels(box):
    return len(box.channels())


def check_target(lab):
    """The server dials somewhere else: the old connection stays where it was."""
    held = Held(lab)
    apply(lab.server, dict(lab.server.config["tunnels"][0], destination_port=OTHER[1]))
    held.go_on()
    with lab.client.ns, traffic.connect(*ENTRY) as new:
        assert new.recv(10) == b"the other"
    held.go_on()
    said = lab.server.log()
    assert "connections go on under its old settings" in said, said
    assert list(lab.server.tunnels()) == ["home"], "one of that name is shown"
    held.end()
    eventually("the old one has gone", lambda: lab.server.log().count("tunnel home: has gone") == 1)
    apply(lab.server, tunnel("server"))


def check_password(lab):
    """Both ends have another, one after the other. Who is still on its way with the old one is heard."""
    helds = [Held(lab) for _ in range(3)]
    for box in (lab.server, lab.client):
        apply(box, dict(box.config["tunnels"][0], encryption_password="another", kcp="fast3"))
        for held in helds:
            held.go_on()
    helds.append(Held(lab))
    for held in helds:
        held.go_on()
        held.end()
    for box in lab.boxes:
        eventually(f"{box.role}: nothing of the old is left", lambda b=box: channels(b) == 0)


def check_removed(lab):
    """No tunnel at all comes in its place."""
    held = Held(lab)
    guest = tunnel("client", name="guest", listen_port=6100, destination_port=3100)
    before, before_server = (box.config["tunnels"][0] for box in lab.boxes)
    apply(lab.client, guest)
    held.go_on()
    with lab.client.ns, socket.socket() as refused:
        assert refused.connect_ex(ENTRY) != 0, "it still lets applications in"
    apply(lab.client, before)
    held.go_on()
    apply(lab.server, tunnel("server", name="guest", listen_port=3100))
    held.go_on()
    with lab.client.ns, traffic.connect(*ENTRY) as new:
        new.settimeout(1.5)
        new.sendall(b"is anybody there")
        try:
            raise AssertionError(f"the server's tunnel that is no more has let {new.recv(16)} in")
        except (TimeoutError, ConnectionResetError):
            pass
    held.go_on()
    apply(lab.server, before_server)
    held.go_on()
    held.end()
    Held(lab).end()


def check_ports(lab):
    """The server listens on others, of which some are the same; and the client goes there."""
    helds = [Held(lab)]
    for ports in ("3000-3003", "3002-3009"):
        apply(lab.server, dict(lab.server.config["tunnels"][0], listen_port=ports))
        apply(lab.client, dict(lab.client.config["tunnels"][0], destination_port=ports))
        helds.append(Held(lab))
        for held in helds:
            held.go_on()
    for held in helds:
        held.end()
    apply(lab.server, dict(lab.server.config["tunnels"][0], listen_port=3000))
    apply(lab.client, dict(lab.client.config["tunnels"][0], destination_port=3000))


def check_newcomers(lab):
    """Listening sockets are handed on: whoever comes at any moment of the change is let in."""
    over, came, failures = threading.Event(), [], []

    def come():
        try:
            with lab.client.ns:
                while not over.is_set():
                    with traffic.connect(*ENTRY) as s:
                        s.sendall(b"here")
                        came.append(traffic.receive_exactly(s, 4) == b"here")
        except BaseException as failure:  # the main thread says it
            failures.append(failure)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for i in range(CHANGES):
        apply(lab.client, dict(lab.client.config["tunnels"][0], udp_timeout=300 + i))
    before = len(came)
    eventually("they are let in by the last one, too", lambda: failures or len(came) > before + 8)
    over.set()
    for thread in threads:
        thread.join()
    assert not failures and all(came), failures


def check_udp(lab):
    """An application that speaks by UDP does not know."""
    with lab.client.ns:
        flow = traffic.udp_socket(*ENTRY)
    with flow:
        traffic.echo_over(flow, range(100, 110))
        apply(lab.client, dict(lab.client.config["tunnels"][0], udp_timeout=77))
        traffic.echo_over(flow, range(100, 110))


def check_udphop(lab):
    """A session has no end, so the server's old tunnel keeps it, also when the password is another."""
    senders = set()
    with lab.server.ns:
        service = traffic.serve_udp_echo(DESTINATION[0], 7400, senders)
    mine = udphop("client", name="hop", listen_port=6400, destination_port=3400)
    theirs = udphop("server", name="hop", listen_port=3400, destination_port=7400)
    apply(lab.client, lab.client.config["tunnels"][0], mine)
    apply(lab.server, lab.server.config["tunnels"][0], theirs)
    with lab.client.ns:
        flow = traffic.udp_socket("127.0.0.1", 6400)
    with flow:
        traffic.echo_over(flow, range(100, 110))
        for change in ({"udp_timeout": 77}, {"encryption_password": "another"}):
            theirs = dict(theirs, **change)
            apply(lab.server, lab.server.config["tunnels"][0], theirs)
            traffic.echo_over(flow, range(100, 110))
        assert len(senders) == 1, senders
    apply(lab.client, lab.client.config["tunnels"][0], dict(mine, encryption_password="another"))
    with lab.client.ns:
        traffic.udp_echo("127.0.0.1", 6400, sizes=range(100, 110))
    assert len(senders) == 2, senders
    for box in lab.boxes:
        apply(box, box.config["tunnels"][0])


def check_most(lab):
    """So many tunnels rest at a time; of one more the oldest ends, as it would when its time is over."""
    helds = []
    for i in range(RESTING_MAX + 1):
        helds.append(Held(lab))
        apply(lab.client, dict(lab.client.config["tunnels"][0], udp_timeout=200 + i))
    assert is_reset(helds[0]), "it is there still"
    for held in helds[1:]:
        held.go_on()
        held.end()
    eventually("all of them have gone", lambda: channels(lab.client) == 0)


def check_fec(lab):
    """That is what cannot go on at a server, also of a tunnel that rests already; it ends, and the log says so.
    Clients can."""
    helds = [Held(lab)]
    apply(lab.server, dict(lab.server.config["tunnels"][0], udp_timeout=77))
    helds.append(Held(lab))
    apply(lab.client, dict(lab.client.config["tunnels"][0], fec="10:3"))
    for held in helds:
        held.go_on()
    said = apply(lab.server, dict(lab.server.config["tunnels"][0], fec="10:3"))
    assert said.count("tunnel home cannot go on beside what comes in its place") == 2, said
    assert [is_reset(held) for held in helds] == [True, True]
    Held(lab).end()


def check_download(lab):
    """Under load, with every reload another setting."""
    done = []

    def download():
        with lab.client.ns:
            traffic.tcp_download(ENTRY[0], 6200, 60 << 20, timeout_s=120)
        done.append(True)

    for box, more in ((lab.client, {"listen_port": 6200, "destination_port": 3200}),
                      (lab.server, {"listen_port": 3200, "destination_port": 7200})):
        apply(box, box.config["tunnels"][0], tunnel(box.role, name="bulk", **more))
    with lab.server.ns:
        service = traffic.serve_tcp(DESTINATION[0], 7200, traffic.bulk)
    thread = threading.Thread(target=download)
    thread.start()
    try:
        eventually("it has begun", lambda: channels(lab.client) > 0)
        for i in range(6):
            for box in lab.boxes:
                first, bulk = box.config["tunnels"]
                apply(box, first, dict(bulk, udp_timeout=100 + i))
            if done:
                break
        assert i > 0, "it was over before anything changed"
    finally:
        thread.join()
    assert done, "the download broke off"


def trial(cpus):
    with Lab(pmd="net_af_packet0" if cpus else None) as lab:
        if cpus:
            lab.use_workers(cpus, payload_threads=2)
        lab.start()
        with lab.server.ns:
            services = [traffic.serve_echo(*DESTINATION), traffic.serve_tcp(*OTHER, lambda c: c.sendall(b"the other"))]
        check_target(lab)
        check_password(lab)
        check_removed(lab)
        check_ports(lab)
        check_newcomers(lab)
        check_udp(lab)
        check_udphop(lab)
        check_most(lab)
        check_download(lab)
        check_fec(lab)


trial(None)
trial(two_cpus())
