#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What routers say of a path's width is heard when it changes, by every worker; what strangers say in their
name does no lasting harm.

    client ── router ══ MTU 1500, then 1300 ══ router ── server
"""

import re
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

from lab import CLIENT4, ENTRY, Lab, eventually, two_cpus
from narrow import BYTES, ENDS, narrow_lab, serve, set_width, transfer
import traffic


def trial_narrows():
    """Between two transfers; an honest router says so in the second."""
    with Lab() as lab:
        routers = narrow_lab(lab, 4, 1500)
        lab.start()
        services = serve(lab)
        transfer(lab, 300)
        for box in lab.boxes:  # a server keeps room for IPv6
            box.wait_log(r"packets of 1(500|480) bytes pass to .*probed")
        set_width(routers, 1300)
        transfer(lab)
        for box in lab.boxes:
            box.wait_log(r"packets of 1300 bytes pass to .*told")
        del services


def trial_workers():
    """A router's word comes to one worker, whosever the datagram was."""
    with Lab(pmd="net_af_packet0") as lab:
        routers = narrow_lab(lab, 4, 1500)
        lab.use_workers(two_cpus())
        lab.start()
        services = serve(lab)

        def upload(count):
            with lab.client.ns, ThreadPoolExecutor(4) as pool:
                for job in [pool.submit(traffic.tcp_upload, *ENTRY, count, timeout_s=30)
                            for _ in range(4)]:
                    job.result()

        def both_say(word):
            pattern = rf"packets of \d+ bytes pass to {ENDS[4][1]} .*{word}"
            eventually(f"both workers say {word}",
                       lambda: len(re.findall(pattern, lab.client.log())) >= 2)

        upload(300)
        both_say("probed")
        set_width(routers, 1300)
        upload(BYTES)
        both_say("told")
        del services


def too_big(channel, mtu):
    """A router's word, made up: that no more passes on the channel's path, of 1,500 bytes."""
    address, port = channel["remote"].rsplit(":", 1)
    ends = socket.inet_aton(CLIENT4), socket.inet_aton(address)
    quoted = struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 1500, 0, 0x4000, 64, socket.IPPROTO_UDP, 0, *ends,
                         channel["local_port"], int(port), 1480, 0)
    head = struct.pack("!BBHHH", 3, 4, 0, 0, mtu)
    total = sum(struct.unpack(f"!{len(head + quoted) // 2}H", head + quoted))
    total = (total & 0xffff) + (total >> 16)
    total = ~((total & 0xffff) + (total >> 16)) & 0xffff
    return head[:2] + struct.pack("!H", total) + head[4:] + quoted


def trial_forged():
    """A stranger who knows a path can make it small for a moment: not below the floor, and what passes is
    found out again."""
    with Lab() as lab:
        lab.start()
        services = serve(lab)
        with lab.client.ns, traffic.connect(*ENTRY) as held:
            held.sendall(b"d")  # the server waits for the rest: a length
            lab.client.wait_log("packets of 1500 bytes pass to .*probed")
            channel = lab.client.channels()[0]
            with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
                for mtu in (68, 0, 576, 100):
                    s.sendto(too_big(channel, mtu), (CLIENT4, 0))
            lab.client.wait_log("packets of 576 bytes pass to .*told")

            def is_wide():
                transfer(lab, 30_000)  # who says nothing is not asked
                return all(c["path_mtu"] == 1500 for c in lab.client.channels())

            eventually("the path is wide again", is_wide, 60)  # tried again after 10 s
            held.sendall(struct.pack("!Q", 0))
        assert "packets of 68 " not in lab.client.log()
        del services


trial_narrows()
trial_workers()
trial_forged()
