#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/operations.md, followed line by line: its commands are read out of the page and run on a machine with a systemd of
its own, whose disk is this one's with what changes on top, in memory; its NIC is a veth. In the end a client's
connection comes in. Lines that a namespace cannot follow are named here with the reason; a line that is neither run nor
named fails the test.

    client ── wire ── machine: systemd, kcpgate.service
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from lab import DESTINATION, ENTRY, ROOT, Lab, eventually, kcpgate, need_root, skip
import traffic

NIC = "enp3s0"  # as the page has it
CGROUP = Path("/sys/fs/cgroup/unified")
# What is not for a namespace.
NOT_HERE = {
    "kcpgate-setup --hugepages 1024 --nic enp3s0": "hugepages and drivers are the machine's: setup.py, tests/qemu/nics.py",
    "kcpgate --try /etc/kcpgate/kcpgate.json": "for clients, and this is a server: try_servers.py",
}
MAY_FAIL = {"kcpgate --doctor /etc/kcpgate/kcpgate.json": 1}  # when this machine lacks something
# Becomes the first process there. The kernel's settings stay out of its reach but for those of its network.
BOOT = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind /proc/self/root/proc/sys/net proc/sys/net
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for place in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $place; done
chmod 1777 tmp
for device in null zero full random urandom tty net/tun; do
    mkdir -p "dev/${device%/*}" 2>/dev/null || :
    rm -rf "dev/$device"
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
: >etc/machine-id
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot . /lib/systemd/systemd --system --unit=minimal.target --log-target=null
"""


def commands():
    """The page's, without comments; what a backslash continues is one."""
    page = (ROOT / "docs/operations.md").read_text().replace("\\\n", " ")
    lines = [re.sub(r"\s+#.*", "", line.strip()) for line in page.splitlines() if line.startswith("    ")]
    assert len(lines) > 10, lines
    return [line for line in lines if line]


class Machine:
    def __init__(self, lab):
        self.directory = lab.directory / "machine"
        self.directory.mkdir()
        self.cgroup = CGROUP / lab.prefix
        self.cgroup.mkdir()
        lab.defer(self._leave_cgroup)
        ns = lab.server.ns
        for words in (("set", "wan", "down"), ("set", "wan", "name", NIC), ("set", NIC, "up")):
            ns.ip("link", *words)
        with ns:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child",
                 "bash", "-c", BOOT, "boot", str(self.directory)],
                preexec_fn=lambda: (self.cgroup / "cgroup.procs").write_text(str(os.getpid())))
        lab.defer(self._kill)
        self.first = eventually("systemd has begun", self._first, 30)
        eventually("systemd answers", lambda: self.try_run("systemctl is-system-running || systemctl list-units").returncode
                   == 0, 30)

    def _first(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert self.process.poll() is None, "it does not boot"
        if children and "systemd" in Path(f"/proc/{children[0]}/comm").read_text():
            return children[0]
        return None

    def _kill(self):
        self.process.kill()
        self.process.wait()

    def _leave_cgroup(self):
        def left():
            with contextlib.suppress(OSError):
                for place in sorted(self.cgroup.rglob("*/"), reverse=True):
                    if place.is_dir():
                        place.rmdir()
                self.cgroup.rmdir()
            return not self.cgroup.exists()
        eventually("its processes have ended", left)

    def try_run(self, line):
        return subprocess.run(["nsenter", f"--target={self.first}", "--all", "--root", "bash", "-c", f"cd {ROOT} && {line}"],
                              capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL)

    def run(self, line, status=0):
        done = self.try_run(line)
        assert done.returncode in (0, status), f"{line}\n{done.stdout}{done.stderr}\n" \
            f"{self.try_run('journalctl -n 40 --no-pager').stdout}"
        return done.stdout

    def write(self, path, text, mode):
        self.run(f"cat >{path} <<'END'\n{text}\nEND\nchmod {mode} {path}")


def prepare(machine, box):
    """A machine that runs udev, on which somebody edits; what is compiled here is not compiled again."""
    machine.run("/lib/systemd/systemd-udevd --daemon")
    edited = dict(box.config, name="server", ports=[dict(box.config["ports"][0], device=f"net_af_packet0,iface={NIC}")])
    machine.write("/usr/local/bin/editor", f"#!/bin/sh\ncat >\"$1\" <<'JSON'\n{json.dumps(edited)}\nJSON", 755)
    build = next(line for line in commands() if line.startswith("scripts/build.sh "))
    place, *options = build.split()[1:]
    machine.run(f"meson configure {place} {' '.join(o for o in options if o.startswith('-D'))} && "
                f"echo '{' '.join(options)}' >{place}/options")


def follow(machine):
    lines = commands()
    missing = [line for line in NOT_HERE if line not in lines]
    assert not missing, f"the page has no {missing}"
    for line in lines:
        if line in NOT_HERE:
            print(f"not followed: {line}: {NOT_HERE[line]}")
            continue
        said = machine.run(line, MAY_FAIL.get(line, 0))
        print(f"followed: {line}")
        if line.startswith("journalctl"):  # which may be told a moment later
            eventually("the journal has it", lambda again=line: "kcpgate ready" in machine.run(again))
        if line == "kcpgate-ctl status":
            assert re.search(r"^tunnels +1$", said, re.M), said


need_root()
for program in ("systemctl", "unshare", "nsenter", "meson"):
    if not shutil.which(program):
        skip(f"needs {program}")
if not Path("/lib/systemd/systemd").exists() or not (CGROUP / "cgroup.procs").exists():
    skip("needs systemd, and cgroups that it can be given a part of")
if Path(kcpgate()).resolve().parents[2] != (ROOT / "build/release").resolve():
    skip("needs the build of build/release")
with Lab(pmd="net_af_packet0") as lab:
    machine = Machine(lab)
    prepare(machine, lab.server)
    follow(machine)
    lab.client.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)
    machine.run("systemctl disable --now kcpgate")  # and away with it
    assert machine.try_run("pidof kcpgate").returncode != 0
