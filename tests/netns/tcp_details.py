#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What an application sees of a TCP connection through the tunnel is what it would see without: resets,
ends, the last byte, and no connection to a host that has vanished. Each detail in both directions, in
channels of their own and in a mux channel.

    near ── client box ══ server box ── far          a host that never answers: 198.18.0.99
"""

import contextlib
import ctypes
import fcntl
import os
import re
import select
import socket
import struct
import termios
import threading
import time

from lab import CLIENT4, TUNNEL_PORT, Lab, eventually, tunnel
import traffic

NEAR, FAR, NOBODY = "198.18.0.11", "198.18.0.12", "198.18.0.99"
FAR_PORT = 7000
TO_FAR = {"destination_address": FAR, "destination_port": FAR_PORT}
ENTRY, MUX_ENTRY = (CLIENT4, 6000), (CLIENT4, 6001)
ENTRY_TO_NOBODY = ("127.0.0.1", 6002)
SIZE = 3_000_000
SLOW_BYTES = 30_000
PIDFD_GETFD = 438  # system call
libc = ctypes.CDLL(None, use_errno=True)


def connect():
    """A connection through the tunnel, both of its ends: near's, far's."""
    with near:
        mine = traffic.connect(*entry)
    theirs, _ = listener.accept()
    theirs.settimeout(30)
    return mine, theirs


def each_way():
    for forward in (True, False):
        ends = connect()
        with ends[0], ends[1]:
            yield ends if forward else ends[::-1]


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def ended(s):
    return s.recv(1) == b""


def is_reset(s):
    try:
        s.recv(1)
    except ConnectionResetError:
        return True
    return False


def borrow(box, peer):
    """The box's own socket toward an application."""
    pidfd = os.pidfd_open(box.process.pid)
    try:
        for fd in os.listdir(f"/proc/{box.process.pid}/fd"):
            copy = libc.syscall(PIDFD_GETFD, pidfd, int(fd), 0)
            try:
                s = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with contextlib.suppress(OSError):
                if s.family in (socket.AF_INET, socket.AF_INET6) and s.type == socket.SOCK_STREAM:
                    host, port = s.getpeername()[:2]
                    if (host.removeprefix("::ffff:"), port) == peer:
                        return s
            s.close()
    finally:
        os.close(pidfd)
    raise AssertionError(f"{box.role} has no socket toward {peer}")


def both_sockets(mine):
    return borrow(lab.client, mine.getsockname()), borrow(lab.server, (FAR, FAR_PORT))


# ---- resets ----

def a_reset_is_a_reset():
    for a, b in each_way():
        a.sendall(b"x")
        assert b.recv(1) == b"x"
        reset(a)
        assert is_reset(b), "an application's reset did not arrive as one"


def it_does_not_overtake_what_was_said():
    for a, b in each_way():
        a.sendall(b"the answer")
        reset(a)
        assert traffic.receive_exactly(b, 10) == b"the answer"
        assert is_reset(b)


def also_behind_its_own_end():
    """Told at once, to an application that neither reads nor writes."""
    for a, b in each_way():
        a.shutdown(socket.SHUT_WR)
        assert ended(b)
        reset(a)
        poll = select.poll()
        poll.register(b, 0)
        assert poll.poll(10_000), "the reset behind the end did not arrive"


def also_behind_the_other_end():
    for a, b in each_way():
        b.shutdown(socket.SHUT_WR)
        assert ended(a)
        reset(a)
        assert is_reset(b), "the reset of who had been told the end did not arrive"


# ---- to the last byte ----

def send_and_close(s, data):
    s.sendall(data)
    s.close()


def send_and_linger(s, data):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 20))
    s.sendall(data)
    s.close()


def send_and_go(s, data):
    """Closes when the box has all of it and its end: what is left at the sender when it closes, its own
    system throws away as soon as somebody sends it something."""
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
    eventually("the box has taken it", lambda: not unsent(s), 30)
    s.close()


def unsent(s):
    return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)))[0]


def end_the_other_way_first(s, data):
    """`s` has heard the end of the other direction before it sends."""
    assert ended(s)
    send_and_close(s, data)


def read_all(s, slowly):
    data = b""
    while piece := s.recv(SLOW_BYTES if slowly else 1 << 16):
        data += piece
        if slowly:
            time.sleep(0.01)
    return data


def all_of_it_arrives(sender, slowly=False, late_s=0.0, ends_first=False):
    data = os.urandom(SIZE)
    for a, b in each_way():
        if slowly:
            b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * SLOW_BYTES)
        if ends_first:
            b.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=sender, args=(a, data))
        thread.start()
        time.sleep(late_s)
        got = read_all(b, slowly)
        assert got == data, f"{sender.__name__}: {len(got)} of {SIZE} bytes"
        thread.join()


def even_when_the_sender_is_gone():
    """`a` says its piece and closes while `b` goes on talking, to nobody: b's words are answered by a
    reset, which may cost nothing of what `a` had said."""
    data = os.urandom(SIZE)
    for a, b in each_way():
        b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * SLOW_BYTES)
        thread = threading.Thread(target=send_and_go, args=(a, data))
        thread.start()
        got = b""
        gone = False
        while len(got) < SIZE:
            piece = b.recv(SLOW_BYTES)
            assert piece, f"the connection ended after {len(got)} of {SIZE} bytes"
            got += piece
            if not thread.is_alive() and not gone:
                try:
                    b.send(b"are you there?")
                except (BrokenPipeError, ConnectionResetError):
                    gone = True
        assert got == data and ended(b)
        thread.join()

        def hears_nobody(b=b):
            try:
                b.send(b"hello?")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False

        eventually("it learns that nobody listens", hears_nobody)


def urgent_bytes_stay_in_place():
    for a, b in each_way():
        a.sendall(b"some")
        a.send(b"!", socket.MSG_OOB)
        a.sendall(b"more")
        assert traffic.receive_exactly(b, 9) == b"some!more"


# ---- options, and who has vanished ----

def sockets_are_tuned():
    mine, theirs = connect()
    with mine, theirs:
        for s in both_sockets(mine):
            assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "small writes wait"
            s.close()
        for box, peer in ((lab.client, mine.getsockname()), (lab.server, (FAR, FAR_PORT))):
            rows = [row for row in box.ns.run("ss", "-tnoH", "state", "established").splitlines()
                    if re.search(rf"{peer[0]}\]?:{peer[1]} ", row)]
            assert any(re.search(r"timer:\(keepalive,(1min5|2min)", row) for row in rows), rows


def who_has_vanished_is_let_go():
    """Keep-alive as the box set it, made impatient: the host at one end is unplugged."""
    for host, name, at in ((near, "near", 0), (far, "far", 1)):
        mine, theirs = connect()
        with mine, theirs:
            s = both_sockets(mine)[at]
            for option, value in ((socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2),
                                  (socket.TCP_KEEPIDLE, 1)):
                s.setsockopt(socket.IPPROTO_TCP, option, value)
            s.close()
            lab.wire.ip("link", "set", name, "down")
            assert is_reset(theirs if at == 0 else mine), f"{name} has vanished unnoticed"
            lab.wire.ip("link", "set", name, "up")
            # Its own end knows nothing of that yet.
            for left in (mine, theirs):
                reset(left)
        eventually(f"{name} answers again", lambda h=host: answers(h))


def answers(host):
    with contextlib.suppress(AssertionError):
        return host.run("ping", "-c1", "-W1", CLIENT4 if host is near else "198.18.0.2")
    return False


def a_box_that_is_stopped_resets():
    """Which does not look like the end of what was said."""
    mine, theirs = connect()
    with mine, theirs:
        assert lab.client.stop() == 0
        assert is_reset(mine) and is_reset(theirs)


# ---- nobody answers ----

unanswered = []


def call_nobody():
    with lab.client.ns, traffic.connect(*ENTRY_TO_NOBODY, timeout_s=60) as s:
        begin = time.monotonic()
        unanswered.append((is_reset(s), time.monotonic() - begin))


with Lab() as lab:
    near = lab.host("near", f"{NEAR}/24")
    far = lab.host("far", f"{FAR}/24")
    # Else Linux would know after three seconds that there is nobody.
    lab.server.ns.run("nft", "-f", "-", input=f"""
        table inet silence {{ chain out {{ type filter hook output priority 0;
            ip daddr {NOBODY} drop; }}; }}""")
    lab.server.config["tunnels"][0].update(TO_FAR)
    lab.server.config["tunnels"] += [
        tunnel("server", name="mux", listen_port=TUNNEL_PORT + 1, **TO_FAR),
        tunnel("server", name="nobody", listen_port=TUNNEL_PORT + 2, destination_address=NOBODY)]
    lab.client.config["tunnels"] += [
        tunnel("client", name="mux", mux_tunnels=1, listen_port=MUX_ENTRY[1],
               destination_port=TUNNEL_PORT + 1),
        tunnel("client", name="nobody", listen_port=ENTRY_TO_NOBODY[1],
               destination_port=TUNNEL_PORT + 2)]
    lab.start()
    with far:
        listener = traffic.listen_tcp(FAR, FAR_PORT)
        listener.settimeout(30)
    caller = threading.Thread(target=call_nobody)
    caller.start()

    for entry in (ENTRY, MUX_ENTRY):
        a_reset_is_a_reset()
        it_does_not_overtake_what_was_said()
        also_behind_its_own_end()
        also_behind_the_other_end()
        for sender in (send_and_close, send_and_linger):
            all_of_it_arrives(sender)
            all_of_it_arrives(sender, slowly=True)
            all_of_it_arrives(sender, late_s=0.5)
        all_of_it_arrives(end_the_other_way_first, slowly=True, ends_first=True)
        even_when_the_sender_is_gone()
        urgent_bytes_stay_in_place()
        sockets_are_tuned()
        who_has_vanished_is_let_go()

    caller.join(60)
    was_reset, waited_s = unanswered[0]
    assert was_reset and waited_s > 15, f"{unanswered}"
    lab.client.wait_log("nobody: tcp channel .* refused: Connection timed out")
    lab.server.wait_log(f"nobody: cannot connect tcp to {NOBODY}:7000: Connection timed out")
    for box in lab.boxes:
        eventually(f"{box.role} has no connection left",
                   lambda b=box: b.counter("payload_flows") == 0, 40)
        eventually(f"no channel of {box.role} is left open", lambda b=box: all(
            row["state"] == "closed" or row["protocol"] == "mux" for row in b.channels()))
    a_box_that_is_stopped_resets()
