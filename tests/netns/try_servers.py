#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate --try says of each address and port of servers whether it answers, and what is known when not:
live, of a relay's forwarder, with FEC, with a name; closed, firewalled both ways, nobody there, another
password, a clock an hour ahead, other services, no route, no such name. A box runs beside it, and there
are neither hugepages nor the port that the file names.

    box, --try ── wire ─┬─ server, 198.18.0.2
                        ├─ server with a wrong clock, 198.18.0.3
                        └─ host with a firewall, 198.18.0.20
"""

import glob
import json
import os
import subprocess

from lab import CLIENT4, DESTINATION, ENTRY, RELAY4, SERVER4, SERVER6, Lab, kcpgate, tunnel
import traffic

LIVE, LIVE_PORTS = "3000-3299", 300  # more than are tested at a time
HOST4, NOBODY4 = "198.18.0.20", "198.18.0.77"
AHEAD_S = 3600
NO_HUGEPAGES = ["unshare", "--mount", "sh", "-c", 'umount -a -t hugetlbfs; exec "$@"', "sh"]
FIREWALL = """table inet firewall { chain input { type filter hook input priority 0;
    udp dport 5000 drop
    udp dport 5001 reject
    udp dport 5002 reject with icmp type admin-prohibited
    }
}"""

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")  # none: all clocks are right


# By the tunnel's name: where its server is, and what differs.
CLIENTS = {
    "live": ([SERVER4, SERVER6], [LIVE, 3310], {}),
    "fec": (SERVER4, 3400, {"fec": "10:3"}),
    "named": ("box.test", 3000, {}),
    "closed": (SERVER4, 3450, {}),
    "nobody": (NOBODY4, 3000, {}),
    "password": (SERVER4, 3000, {"encryption_password": "another"}),
    "clock": (RELAY4, "3000-3001", {}),
    "dropped": (HOST4, 5000, {}),
    "rejected": (HOST4, 5001, {}),
    "prohibited": (HOST4, 5002, {}),
    "echo": (HOST4, 5010, {}),
    "noise": (HOST4, 5011, {}),
    "lost": ("203.0.113.9", 3000, {}),
    "unknown": ("nobody.test", 3000, {}),
}
TUNNELS = [tunnel("client", name=name, listen_port=6100 + i, destination_address=address,
                  destination_port=port, **more)
           for i, (name, (address, port, more)) in enumerate(CLIENTS.items())]
TUNNELS.append({"name": "passes", "mode": "relay", "kcp": "fast1",
                "listener": {"listen_port": 3900, "encryption_algorithm": "none"},
                "forwarder": {"destination_address": SERVER4, "destination_port": 3000,
                              "encryption_algorithm": "AES-GCM",
                              "encryption_password": "a password for tests"}})
TUNNELS.append(tunnel("server", name="answers", listen_port=3901))
FILE = {"name": "to-be-tried", "workers": [0], "memory": {"hugepages": True, "mb": 512},
        "ports": [{"name": "wan", "device": "0000:ff:1f.7", "addresses": ["198.18.0.1/24", "fd00:18::1/64"]}]}


def attempt(lab, tunnels, *options, limits=(), terminal=None):
    path = lab.directory / "try.json"
    path.touch(0o600)
    path.write_text(json.dumps({**FILE, "tunnels": tunnels}))
    command = [*lab.client.own_etc(), *NO_HUGEPAGES, *limits, kcpgate(), "--try", *options,
               str(path)]
    with lab.client.ns:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal or subprocess.PIPE,
                              text=True, check=False, timeout=60)
    assert not done.stderr, done.stderr  # no progress without a terminal
    return done.returncode, done.stdout


def results(places, name):
    return [place["result"] for place in places if place["tunnel"] == name]


def place(places, name):
    found = [place for place in places if place["tunnel"] == name]
    assert len(found) == 1, found
    return found[0]


def expect(places, of, **details):
    found = place(places, of)
    assert {**found, **details} == found, (of, details, found)


def check_all(status, text):
    told = json.loads(text)
    places = told["places"]
    assert status == 1 and told["tested"] == len(places)
    assert told["failed"] == sum(p["result"] != "answered" for p in places)
    assert results(places, "live") == ["answered"] * 2 * (LIVE_PORTS + 1), places
    for name in ("fec", "passes.forwarder"):
        expect(places, name, result="answered")
    expect(places, "named", result="answered", name="box.test", address=SERVER4)
    expect(places, "closed", result="unreachable", why="port unreachable", by=SERVER4)
    expect(places, "nobody", result="unreachable", why="host unreachable", by=CLIENT4)
    expect(places, "password", result="no_answer")
    expect(places, "dropped", result="no_answer")
    expect(places, "rejected", result="unreachable", why="port unreachable", by=HOST4)
    expect(places, "prohibited", result="unreachable", why="prohibited", by=HOST4)
    expect(places, "echo", result="foreign")
    expect(places, "noise", result="undecryptable")
    expect(places, "lost", result="unreachable", why="Network is unreachable")
    expect(places, "unknown", result="unresolved", why="there is no such name")
    assert results(places, "clock") == ["clock" if FAKETIME else "answered"] * 2, places
    for found in places:
        if found["result"] == "clock":
            assert abs(found["clock_skew_s"] - AHEAD_S) <= 2, found
        elif found["result"] == "answered":
            assert abs(found["clock_skew_s"]) <= 2 and found["ms"] > 0, found
    assert not results(places, "answers"), "a server's own tunnel was tried"


with Lab() as lab:
    skewed = lab.relay(tunnel("server", listen_port="3000-3001"))
    if FAKETIME:
        skewed.environment = {"LD_PRELOAD": FAKETIME[0], "FAKETIME": f"+{AHEAD_S}s",
                              "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    lab.server.config["tunnels"] = [
        tunnel("server", listen_port=[LIVE, 3310]),
        tunnel("server", name="fec", listen_port=3400, fec="10:3")]
    host = lab.host("host", f"{HOST4}/24")
    host.run("nft", "-f", "-", input=FIREWALL)
    lab.client.etc = {"nsswitch.conf": "hosts: files\n", "hosts": f"{SERVER4} box.test\n"}
    lab.start()
    with host:
        others = (traffic.serve_udp_echo(HOST4, 5010),
                  traffic.serve_udp(HOST4, 5011, lambda data: bytes(reversed(data))))
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)

    check_all(*attempt(lab, TUNNELS, "--json"))
    assert (skewed.drops("clock_skew") > 0) == bool(FAKETIME)

    # What answers, alone: status 0, and ports that are alike in a line.
    status, table = attempt(lab, TUNNELS[:2])
    lines = [line.split(maxsplit=3) for line in table.splitlines() if "answered" in line]
    assert status == 0 and [line[:3] for line in lines] == [
        ["live", SERVER4, LIVE], ["live", SERVER4, "3310"],
        ["live", SERVER6, LIVE], ["live", SERVER6, "3310"], ["fec", SERVER4, "3400"]], table
    assert f"{2 * LIVE_PORTS + 3} tested, 0 failed" in table, table

    # Fewer at a time where descriptors are few; and a terminal sees how far it is.
    master, slave = os.openpty()
    status, table = attempt(lab, TUNNELS[:1], limits=["prlimit", "--nofile=64"], terminal=slave)
    os.close(slave)
    assert status == 0 and f"{2 * LIVE_PORTS + 2} tested, 0 failed" in table, table
    assert f"of {2 * LIVE_PORTS + 2} tested, 0 failed" in os.read(master, 4096).decode()
    os.close(master)

    # Nothing to try is no failure.
    status, table = attempt(lab, TUNNELS[-1:])
    assert status == 0 and "nothing to try" in table, table

    # The box beside it did not notice.
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)
    del services, others
