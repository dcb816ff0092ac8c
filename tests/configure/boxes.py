#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""boxes.py PAGE: two boxes run with the files that the page has written, once for each use, and carry TCP and UDP, or
UDP alone by UDP Hop's wire.

    client ══ server
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/netns"))
from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, eventually, skip  # noqa: E402
import traffic  # noqa: E402

ANSWERS = {
    "server": SERVER4, "ports": "3000-3003", "listen": ENTRY[0], "entry": str(ENTRY[1]), "target": DESTINATION[0],
    "targetPort": str(DESTINATION[1]), "clientDevice": "wan", "serverDevice": "wan",
    "clientAddresses": f"{CLIENT4}/24, {CLIENT6}/64", "serverAddresses": f"{SERVER4}/24, {SERVER6}/64",
}
USES = [{"use": "web"}, {"use": "game", "loss": "little"}, {"use": "vpn", "loss": "much"}, {"use": "bulk"},
        {"use": "vpn", "protocol": "udphop", "loss": "little"}]


def written(page, directory, answers):
    """What the page writes when it is asked so."""
    Path(directory, "answers.json").write_text(json.dumps(answers))
    done = subprocess.run(["node", ROOT / "tests/configure/fill_in.js", page, directory, directory / "answers.json"],
                          capture_output=True, text=True, check=False)
    if done.returncode == 77:
        skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(Path(directory, f"{end}.json").read_text()) for end in ("client", "server")]


def counted(lab, name):
    [tunnel] = lab.client.tunnels().values()
    return tunnel.get(name, 0)


def carries(page, use):
    with Lab() as lab:
        lab.client.config, lab.server.config = (
            {**config, "name": box.name} for config, box in
            zip(written(page, lab.directory, {**ANSWERS, **use}), (lab.client, lab.server)))
        lab.start()
        with lab.server.ns:
            service = traffic.serve_echo(*DESTINATION)
        with lab.client.ns:
            if "protocol" not in use:
                traffic.tcp_echo(*ENTRY, 1_000_000)
            # So many that groups fill behind the first answers, which say that the peer is a box (decision 86).
            traffic.udp_echo(*ENTRY, sizes=range(1, 1401, 20))
        assert service is not None
        eventually("parity, as asked for", lambda: (counted(lab, "fec_parity_sent") > 0) == ("loss" in use))
        assert counted(lab, "channels_opened") > 0


for one in USES:
    carries(Path(sys.argv[1]).resolve(), one)
