#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate --try with servers that are originals: what answers, with each algorithm and with FEC; another
password; a port beside the server's; a clock two hours behind ours, which its answer tells.

    environment: KCPTUBE=path of an original binary of v0.7.4; skipped without

    host, --try ── wire ── host, an original for each algorithm
"""

import glob
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from kcptube import PASSWORD, UNKEYED, original_settings  # noqa: E402
from lab import CLIENT4, Lab, eventually, kcpgate, port, skip, tunnel  # noqa: E402

THERE4 = "198.18.0.21"
BEHIND_S = 7200
ALGORITHMS = ("AES-GCM", "AES-OCB", "chacha20", "xchacha20", "XOR", "none")
PORTS = {algorithm: 3000 + 10 * i for i, algorithm in enumerate(ALGORITHMS)}
FEC_PORT, CLOSED_PORT = 3100, 3200
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


def start_server(lab, ns, name, first_port, algorithm, **more):
    """An original in a namespace, with three ports."""
    path = lab.directory / f"{name}.conf"
    path.write_text(original_settings("server", algorithm,
                                      listen_port=f"{first_port}-{first_port + 2}", **more))
    log = open(lab.directory / f"{name}.log", "ab")
    lab.popen(ns, binary, str(path), stdout=log, stderr=log)
    eventually(f"{name} listens",
               lambda: ns.run("ss", "-Hlnu", f"sport = :{first_port + 2}").strip())


def client(name, first_port, algorithm, **more):
    settings = tunnel("client", name=name, listen_port=6000 + len(tunnels), kcp="regular3",
                      destination_address=THERE4,
                      destination_port=f"{first_port}-{first_port + 2}",
                      encryption_algorithm=algorithm, encryption_password=PASSWORD)
    settings.update(more)
    if algorithm in UNKEYED:
        del settings["encryption_password"]
    tunnels.append(settings)


def attempt(lab, ns, tunnels, *before):
    """By tunnel, what --try says of each port."""
    path = lab.directory / "try.json"
    path.touch(0o600)
    path.write_text(json.dumps({"name": "to-be-tried", "workers": [0], "tunnels": tunnels,
                                "ports": [port(CLIENT4, "fd00:18::1", "net_null0")]}))
    with ns:
        done = subprocess.run([*before, kcpgate(), "--try", "--json", str(path)], text=True,
                              capture_output=True, check=False, timeout=60)
    told = json.loads(done.stdout)
    assert done.returncode == (1 if told["failed"] else 0), done
    places = {}
    for place in told["places"]:
        places.setdefault(place["tunnel"], []).append(place)
    return places


def results(places):
    return {name: [place["result"] for place in found] for name, found in places.items()}


binary = os.environ.get("KCPTUBE") or skip("no original to talk to (environment variable KCPTUBE)")
tunnels = []
with Lab() as lab:
    here, there = lab.host("here", f"{CLIENT4}/24"), lab.host("there", f"{THERE4}/24")
    for algorithm, first_port in PORTS.items():
        start_server(lab, there, algorithm, first_port, algorithm)
        client(algorithm, first_port, algorithm)
    start_server(lab, there, "fec", FEC_PORT, "AES-GCM", fec="10:3")
    client("fec", FEC_PORT, "AES-GCM", fec="10:3")
    good = {name: ["answered"] * 3 for name in (*ALGORITHMS, "fec")}
    assert results(attempt(lab, here, tunnels)) == good

    client("password", PORTS["AES-GCM"], "AES-GCM", encryption_password="another")
    client("closed", CLOSED_PORT, "AES-GCM", destination_port=CLOSED_PORT)
    assert results(attempt(lab, here, tunnels[-2:])) == {
        "password": ["no_answer"] * 3, "closed": ["unreachable"]}

    if FAKETIME:  # an original is linked so that its own clock cannot be set
        places = attempt(lab, here, tunnels[:1], "env", f"LD_PRELOAD={FAKETIME[0]}",
                         f"FAKETIME=+{BEHIND_S}s", "FAKETIME_DONT_FAKE_MONOTONIC=1")
        assert results(places) == {ALGORITHMS[0]: ["clock"] * 3}, places
        for place in places[ALGORITHMS[0]]:
            assert abs(place["clock_skew_s"] + BEHIND_S) <= 2, place
