#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A box runs and forwards as its unit has it: as a user of its own, with the capabilities of the unit and no others, in
no thread and with no way back; and who has taken the process over can write to its run directory only. systemd finds
nothing wrong with the unit, nor much exposed.

    client, as the service ── wire ── server
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lab import DESTINATION, ENTRY, ROOT, Lab, kcpgate, need_root, skip
import traffic

UNIT = ROOT / "config/kcpgate.service"
NOBODY = 65534
EXPOSURE_MAX = 45  # tenths
# capabilities(7)
NUMBERS = {"net_bind_service": 10, "net_admin": 12, "net_raw": 13, "ipc_lock": 14, "sys_nice": 23}


def of_unit(key):
    """The value of a key that stands once."""
    return re.search(rf"^{key}=(.*)$", UNIT.read_text(), re.M)[1]


def capabilities():
    assert of_unit("AmbientCapabilities") == of_unit("CapabilityBoundingSet")
    return [word.removeprefix("CAP_").lower() for word in of_unit("AmbientCapabilities").split()]


def as_service(*command):
    some = ",".join(("-all", *(f"+{name}" for name in capabilities())))
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", f"--inh-caps={some}",
            f"--ambient-caps={some}", f"--bounding-set={some}", "--no-new-privs", *command]


def check_unit(directory):
    if not shutil.which("systemd-analyze"):
        return
    unit = directory / UNIT.name
    unit.write_text(re.sub(r"/usr/bin/kcpgate\b", kcpgate(), UNIT.read_text()))
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True,
                          check=False)
    assert said.returncode == 0, said
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(unit)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def check_threads(pid):
    mask = sum(1 << NUMBERS[name] for name in capabilities())
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        words = dict(re.findall(r"^(\w+):\s+(.*)$", status.read_text(), re.M))
        assert set(words["Uid"].split() + words["Gid"].split()) == {str(NOBODY)}, words
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert int(words[kind], 16) == mask, f"{kind} {words[kind]}"
        assert words["NoNewPrivs"] == "1"


def check_writes(lab, directory):
    """What somebody could do who is in the process."""
    def tries(script):
        with lab.client.ns:
            return subprocess.run(as_service("sh", "-c", script), capture_output=True, check=False).returncode

    for place in ("/etc", "/usr/bin", "/root", "/var/lib", "/run", "/boot"):
        assert tries(f"touch {place}/kcpgate-test") != 0 and not Path(place, "kcpgate-test").exists(), place
    for way in ("setpriv --reuid=0 true", "mount -t tmpfs none /mnt", "cat /etc/shadow", "chown 0 /proc/self/cwd",
                f"kill -0 {os.getpid()}", "unshare --mount true"):
        assert tries(way) != 0, way
    assert tries(f"touch {directory}/kcpgate/file") == 0


need_root()
if not shutil.which("setpriv"):
    skip("setpriv is not installed")
with Lab(pmd="net_af_packet0") as lab:
    check_unit(lab.directory)
    lab.directory.chmod(0o711)
    own = lab.directory / "run"
    for part in (own, own / "kcpgate", own / "dpdk"):
        part.mkdir()
        os.chown(part, NOBODY, NOBODY)
    client = lab.client
    client.path.touch(0o600)
    os.chown(client.path, NOBODY, NOBODY)
    client.command = as_service(kcpgate(), str(client.path))
    os.environ["RUNTIME_DIRECTORY"] = str(own)  # of DPDK, here and in the boxes
    client.environment["XDG_RUNTIME_DIR"] = str(own)
    lab.start()
    check_threads(client.process.pid)
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with client.ns:
        traffic.tcp_echo(*ENTRY, 1_000_000, 1)
        traffic.udp_echo(*ENTRY, sizes=range(1, 1000, 100))
    assert (own / "kcpgate" / f"ctl-{client.name}").is_socket()
    check_writes(lab, own)
    check_threads(client.process.pid)
