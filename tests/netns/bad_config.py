#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Configuration files that are wrong: every error is shown, with file and line or the key's path, and
the exit status is 2. No wire needed."""

import copy
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import ROOT, kcpgate, need_root, port, tunnel

GOOD = {"name": "config-test", "workers": [0], "memory": {"hugepages": False, "mb": 128},
        "ports": [port("198.18.0.1", "fd00:18::1", "net_null0")], "tunnels": [tunnel("client")]}


need_root()  # to open devices


def call(*arguments):
    done = subprocess.run([kcpgate(), *arguments], capture_output=True, text=True, check=False,
                          timeout=30)
    return done.returncode, done.stdout, done.stderr


def check(directory, text, status, *words, options=("--check-config",)):
    path = Path(directory, "box.json")
    path.touch(0o600)
    path.write_text(text if isinstance(text, str) else json.dumps(text, indent=2))
    got, out, errors = call(*options, str(path))
    assert got == status, f"status {got} instead of {status} for {text}\n{out}{errors}"
    for word in words:
        assert word in errors, f"no word of {word!r} in:\n{errors}"
    return out


def changed(**changes):
    config = copy.deepcopy(GOOD)
    config["tunnels"][0].update(changes)
    return config


with tempfile.TemporaryDirectory() as d:
    check(d, GOOD, 0)
    assert "for tests" not in check(d, GOOD, 0, options=["--print-config"]), "a password is shown"
    whole = ["--print-config", "--show-secrets"]
    printed = check(d, GOOD, 0, options=whole)
    check(d, printed, 0)
    assert check(d, printed, 0, options=whole) == printed, "not what was read"

    # What the documents show has to be right.
    for document in ("README.md", "docs/configuration.md"):
        for example in re.findall(r"```json\n(\{.*?)```", (ROOT / document).read_text(), re.S):
            check(d, {**json.loads(example), "workers": [0]}, 0)

    check(d, '{\n  "name": "x",\n  "workers": [0,\n}\n', 2, "box.json:4")
    check(d, "", 2, "box.json")
    check(d, "[]", 2, "box.json")
    check(d, changed(listen_port=70000), 2, "tunnels[0].listen_port", "70000", "65535")
    check(d, changed(listen_port=True), 2, "tunnels[0].listen_port")
    check(d, changed(encryption_pasword="x"), 2, "encryption_pasword", "encryption_password")
    check(d, changed(kcp="regular9"), 2, "tunnels[0].kcp", "regular9")
    check(d, changed(fib_ingress="x"), 2, "tunnels[0].fib_ingress", "not supported yet")
    check(d, changed(fec="250:6"), 2, "tunnels[0].fec", "250:6", "255")
    check(d, changed(mode="relay"), 2, "tunnels[0].listener", "tunnels[0].listen_port")
    check(d, {**GOOD, "workers": "all"}, 2, "workers")
    check(d, {**GOOD, "workers": [0, 1023]}, 2, "workers[1]", "1023")
    check(d, {**GOOD, "ports": []}, 2, "ports")
    # All at once.
    check(d, {**changed(listen_port=0, kcp="fast7", udp_timeout="soon"), "pol": "busy"}, 2,
          "tunnels[0].listen_port", "tunnels[0].kcp", "tunnels[0].udp_timeout", "pol", "poll")

    status, _, errors = call("--check-config", f"{d}/absent.json")
    assert status == 2 and "absent.json" in errors
    status, _, errors = call("--no-such-option")
    assert status == 2 and errors
    status, _, errors = call()
    assert status == 2 and errors

    # A device that is not there shows itself only when it is opened.
    unreachable = copy.deepcopy(GOOD)
    unreachable["ports"][0]["device"] = "net_af_packet0,iface=absent0"
    check(d, unreachable, 2, "ports[0].device", "absent0", options=[])
    unreachable["ports"][0]["device"] = "0000:ff:1f.7"
    check(d, unreachable, 2, "ports[0].device", "0000:ff:1f.7", options=[])

    # Hugepages that nobody has set up: said in words of the configuration.
    huge = Path(d, "huge.json")
    huge.touch(0o600)
    huge.write_text(json.dumps({**GOOD, "memory": {"hugepages": True, "mb": 128}}))
    done = subprocess.run(["unshare", "--mount", "sh", "-c",
                           'umount -a -t hugetlbfs; exec "$@"', "sh", kcpgate(), str(huge)],
                          capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1 and "no hugetlbfs is mounted" in done.stderr, done.stderr
    shutil.rmtree("/var/run/dpdk/kcpgate-config-test", ignore_errors=True)  # EAL leaves it
