#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The path is narrower than the ports, by a width drawn by chance: whether routers say so or are
silent and lose fragments too, 2 MB pass both ways, over IPv4 and IPv6, with mux channels and with
FEC. What passes is found out, and is in the log and in telemetry. `pmtu` off lets routers cut.

    client ── router ══ MTU 576 … 1499 ══ router ── server
"""

import random
import re

from lab import DESTINATION, ENTRY, Lab, eventually
import traffic

SILENT = """
table inet silent { chain out { type filter hook postrouting priority 0;
    ip frag-off & 0x3fff != 0 drop
    exthdr frag exists drop
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
}; }
"""
ENDS = {4: ("198.18.0.1", "198.19.0.2"), 6: ("fd00:18::1", "fd00:19::2")}
FLOOR = {4: 576, 6: 1280}
BYTES = 2 << 20


def narrow_lab(lab, version, width):
    """Puts two routers and a link of that width between the boxes; the routers."""
    routers = [lab.host("routerone", "198.18.0.254/24", "fd00:18::fe/64"),
               lab.host("routertwo", "198.19.0.254/24", "fd00:19::fe/64")]
    routers[0].ip("link", "add", "narrow", "type", "veth", "peer", "name", "narrow", "netns",
                  routers[1].name)
    for number, router in enumerate(routers):
        near, far = (18, 19)[number], (19, 18)[number]
        for address in (f"198.20.0.{near}/24", f"fd00:20::{near}/64"):
            router.ip("address", "add", address, "dev", "narrow",
                      *(["nodad"] if ":" in address else []))
        router.ip("link", "set", "narrow", "up")
        router.run("ethtool", "-K", "narrow", "tso", "off", "gso", "off", "gro", "off")
        router.sysctl("net.ipv4.ip_forward", 1)
        router.sysctl("net.ipv6.conf.all.forwarding", 1)
        router.ip("route", "add", f"198.{far}.0.0/24", "via", f"198.20.0.{far}")
        router.ip("route", "add", f"fd00:{far}::/64", "via", f"fd00:20::{far}")
    set_width(routers, width)
    for box, number, host in ((lab.client, 18, 1), (lab.server, 19, 2)):
        box.config["ports"][0].update(
            addresses=[f"198.{number}.0.{host}/24", f"fd00:{number}::{host}/64"],
            gateway=[f"198.{number}.0.254", f"fd00:{number}::fe"])
    lab.client.config["tunnels"][0].update(destination_address=ENDS[version][1])
    return routers


def set_width(routers, width):
    for router in routers:
        router.ip("link", "set", "narrow", "mtu", str(width))


def serve(lab):
    with lab.server.ns:
        return traffic.serve_tcp(*DESTINATION, traffic.bulk)


def transfer(lab, count=BYTES):
    with lab.client.ns:
        traffic.tcp_upload(*ENTRY, count, timeout_s=30)
        traffic.tcp_download(*ENTRY, count, timeout_s=30)


def trial(version, silent, **settings):
    width = random.randint(576 if version == 4 else 1280, 1499)
    print(f"IPv{version}, {width} bytes, {'silent' if silent else 'honest'}, {settings}", flush=True)
    with Lab() as lab:
        routers = narrow_lab(lab, version, width)
        lab.set_tunnels(**settings)
        if "mux_tunnels" in settings:
            del lab.server.config["tunnels"][0]["mux_tunnels"]
        for router in routers if silent else []:
            router.run("nft", "-f", "-", input=SILENT)
        lab.start()
        services = serve(lab)
        transfer(lab)
        found = {box: eventually(
            f"{box.role} has found out",
            lambda box=box: re.search(rf"packets of (\d+) bytes pass to {ENDS[version][1 - n]} ",
                                      box.log()))
            for n, box in enumerate(lab.boxes)}
        for box, match in found.items():
            # How exactly it is found depends on time; the unit test says how.
            least = min(FLOOR[version] + 1, width - 4)
            assert least <= int(match.group(1)) <= width, f"{box.role}: {match.group(0)}"
            for channel in box.channels():
                assert channel["path_mtu"] <= width, channel
        assert lab.client.counter("sent_in_pieces") == 0
        del services


def trial_asymmetric():
    """Requests take a narrow way, answers a wide one."""
    with Lab() as lab:
        routers = narrow_lab(lab, 4, 1500)
        routers[0].ip("route", "change", "198.19.0.0/24", "via", "198.20.0.19", "mtu", "lock", "700")
        lab.start()
        services = serve(lab)
        transfer(lab)
        lab.client.wait_log(r"packets of (69[6-9]|700) bytes pass to ")
        assert lab.server.counter("sent_in_pieces") == 0
        assert all(c["path_mtu"] > 1300 for c in lab.server.channels())
        del services


def trial_off():
    with Lab() as lab:
        narrow_lab(lab, 4, 1300)
        lab.set_tunnels(pmtu="off")
        lab.start()
        services = serve(lab)
        transfer(lab)
        assert lab.server.counter("fragments_joined") > 500
        assert "bytes pass to" not in lab.client.log()
        del services


def main():
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    random.seed(seed)
    trial(4, silent=False)
    trial(4, silent=True)
    trial(6, silent=True)
    trial(4, silent=True, mux_tunnels=2)
    trial(4, silent=True, fec="3:2")
    trial_asymmetric()
    trial_off()


if __name__ == "__main__":
    main()
