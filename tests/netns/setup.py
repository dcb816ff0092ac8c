#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate-setup reserves hugepages, mounts hugetlbfs, gives NICs to DPDK and has all that at each boot; twice is as
once, --dry-run changes nothing, and --undo leaves the machine as it was. It does not take a NIC that carries the
default route or an ssh session, nor one without an IOMMU, unless it is told to.

Pages and mounts are the machine's own, in a mount namespace; its NICs are made of files, and a thread does what the
kernel does when they are written to.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from lab import ROOT, Namespace, need_root, run, skip

SETUP = str(ROOT / "scripts" / "kcpgate-setup")
PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
UNITS = "/etc/systemd/system"
MB = 16
NIC, LINK = "0000:03:00.0", "eth9"
TOOLS = ("bash cat readlink basename ls sed grep awk cut tail tac sort tr rm rmdir mkdir ln ip ss wc sh mountpoint"
         " systemctl").split()


def call(*arguments, status=0, before=(), **options):
    done = subprocess.run([*before, SETUP, *arguments], capture_output=True, text=True, check=False, timeout=60,
                          **options)
    assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def tree(top):
    """What stands in a directory: name to content, target or kind."""
    def content(path):
        if path.is_symlink():
            return os.readlink(path)
        return path.read_text() if path.is_file() else path.stat().st_mode
    return {str(path): content(path) for path in sorted(top.rglob("*"))}


# ---- hugepages, of this machine ----

class Machine:
    """Commands in a mount namespace without hugetlbfs, whose directory of units is its own."""

    def __init__(self, stack):
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"umount -a -t hugetlbfs; mkdir -p {UNITS};"
             f"mount -t tmpfs none {UNITS}; echo; exec sleep infinity"], stdout=subprocess.PIPE)
        stack.callback(self.holder.wait)
        stack.callback(self.holder.kill)
        self.holder.stdout.readline()
        self.inside = ["nsenter", "--mount", "--target", str(self.holder.pid)]

    def run(self, *command):
        return run(*self.inside, *command)

    def state(self):
        """What kcpgate-setup may change; other tests' namespaces come and go beside it."""
        mounts = [line for line in self.run("cat", "/proc/self/mounts").splitlines() if not line.startswith("nsfs")]
        files = [name for name in self.run("ls", "-a", "/run", "/var/lib").split() if name.startswith("kcpgate-")]
        return PAGES.read_text(), mounts, files, self.run("find", UNITS, "-printf", "%p %l\\n")

    def setup(self, *arguments, status=0):
        return call(*arguments, before=self.inside, status=status)


def has_room(stack):
    """Whether Linux gives so many pages more."""
    before = PAGES.read_text()
    stack.callback(PAGES.write_text, before)
    wanted = int(before) + MB // 2
    PAGES.write_text(str(wanted))
    got = int(PAGES.read_text())
    PAGES.write_text(before)
    return got == wanted


def check_hugepages(stack):
    if not has_room(stack):
        skip("Linux has no room for hugepages; NICs are fine")
    machine = Machine(stack)
    before, pages = machine.state(), int(PAGES.read_text())
    wanted = ["--hugepages", str(MB)]

    said = machine.setup("--dry-run", *wanted)
    assert machine.state() == before and "nr_hugepages" in said and "mount -t hugetlbfs" in said, said
    try:
        machine.setup(*wanted)
        after = machine.state()
        assert int(PAGES.read_text()) >= pages + MB // 2
        assert any("hugetlbfs" in mount for mount in after[1]) and "kcpgate-setup.service" in after[3]
        assert after[2] == ["kcpgate-huge", "kcpgate-setup"], after
        machine.setup(*wanted)
        assert machine.state() == after, "twice is more than once"
        assert f"--hugepages {MB}" in machine.run("cat", f"{UNITS}/kcpgate-setup.service")
        assert "kcpgate-huge" in machine.setup("--status")
        if shutil.which("systemd-analyze"):
            machine.run("systemd-analyze", "verify", f"{UNITS}/kcpgate-setup.service")
    finally:
        machine.setup("--undo")
    assert machine.state() == before, f"{before}\n{machine.state()}"
    machine.setup("--undo")


# ---- a machine of files ----

class Fake:
    def __init__(self, stack):
        self.root = Path(tempfile.mkdtemp(prefix="kcpgate-test-"))
        stack.callback(shutil.rmtree, self.root)
        self.nic = self.root / "sys/bus/pci/devices" / NIC
        self.drivers = self.root / "sys/bus/pci/drivers"
        self.noiommu = self.root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
        for name in ("e1000e", "vfio-pci", "uio_pci_generic"):
            (self.drivers / name).mkdir(parents=True)
            os.mkfifo(self.drivers / name / "unbind")
        os.mkfifo(self.drivers.parent / "drivers_probe")
        for directory in (self.nic / "net" / LINK, self.noiommu.parent, self.root / "proc",
                          self.root / "sys/class/net" / LINK, self.root / "sys/kernel/iommu_groups/7",
                          self.root / "var/lib"):
            directory.mkdir(parents=True)
        os.mkfifo(self.nic / "driver_override")
        (self.root / "sys/class/net" / LINK / "device").symlink_to(f"../../../bus/pci/devices/{NIC}")
        (self.nic / "class").write_text("0x020000\n")
        self.noiommu.write_text("N\n")
        (self.root / "proc/mounts").write_text("")
        self._bind("e1000e")
        self.iommu(True)
        self.tools = self.root.with_name(self.root.name + "-bin")
        self.tools.mkdir()
        stack.callback(shutil.rmtree, self.tools)
        for tool in TOOLS:
            if shutil.which(tool):
                (self.tools / tool).symlink_to(shutil.which(tool))

    def _bind(self, name):
        (self.nic / "driver").unlink(missing_ok=True)
        (self.nic / "driver").symlink_to(f"../../drivers/{name}")

    @property
    def driver(self):
        return os.readlink(self.nic / "driver").rsplit("/", 1)[1]

    def iommu(self, there):
        (self.nic / "iommu_group").unlink(missing_ok=True)
        if there:
            (self.nic / "iommu_group").symlink_to("../../../../kernel/iommu_groups/7")

    def _kernel(self, complaints):
        """One hand-over: each read waits for its write."""
        wanted = (self.nic / "driver_override").read_text().strip()
        heard = [(self.nic / "driver" / "unbind").read_text(), (self.drivers.parent / "drivers_probe").read_text()]
        if heard != [NIC + "\n"] * 2:
            complaints.append(heard)
        self._bind(wanted)
        (self.nic / "driver_override").read_text()

    def hands_over(self, *arguments):
        complaints = []
        kernel = threading.Thread(target=self._kernel, args=(complaints,), daemon=True)
        kernel.start()
        said = self.setup(*arguments)
        kernel.join(30)
        assert not kernel.is_alive() and not complaints, complaints
        return said

    def setup(self, *arguments, status=0):
        return call(*arguments, status=status,
                    env={"PATH": str(self.tools), "KCPGATE_ROOT": str(self.root)})

    def setup_by_devbind(self, *arguments):
        """The same where dpdk-devbind.py is installed."""
        devbind = self.tools / "dpdk-devbind.py"
        devbind.write_text("#!/bin/sh\n"
                           f'case "$*" in "--bind="*" {NIC}") ;; *) exit 1 ;; esac\n'
                           f'd=${{1#--bind=}}; rm {self.nic}/driver; ln -s ../../drivers/$d {self.nic}/driver\n')
        devbind.chmod(0o755)
        said = self.setup(*arguments)
        devbind.unlink()
        return said

    def unchanged(self, before):
        assert tree(self.root) == before, f"{before}\n{tree(self.root)}"


def check_taking(fake, driver, *how):
    before = tree(fake.root)
    fake.setup("--dry-run", "--nic", LINK, *how)
    fake.unchanged(before)
    fake.hands_over("--nic", LINK, *how)
    assert fake.driver == driver
    after = tree(fake.root)
    fake.setup("--nic", NIC, *how)
    fake.unchanged(after)
    unit = (fake.root / UNITS[1:] / "kcpgate-setup.service").read_text()
    assert " ".join(("--nic", NIC, *(h for h in how if h != "--force"))) in unit, unit
    assert f"{NIC}, driver {driver}" in fake.setup("--status")
    fake.hands_over("--undo")
    fake.unchanged(before)


def check_now(fake):
    """Not at the next boot; and what is to be put back is kept where one says."""
    before = tree(fake.root)
    record = ("--record", str(fake.root / "srv/kept"))
    (fake.root / "srv").mkdir()
    with_place = tree(fake.root)
    fake.hands_over("--now", *record, "--nic", LINK)
    assert not (fake.root / UNITS[1:] / "kcpgate-setup.service").exists()
    assert Path(record[1]).exists() and not (fake.root / "var/lib/kcpgate-setup").exists()
    after = tree(fake.root)
    fake.setup("--now", *record, "--nic", LINK)
    fake.unchanged(after)
    fake.hands_over(*record, "--undo")
    fake.unchanged(with_place)
    (fake.root / "srv").rmdir()
    fake.unchanged(before)


def check_refused(fake, word, *how):
    before = tree(fake.root)
    said = fake.setup("--nic", LINK, *how, status=1)
    assert word in said, said
    fake.unchanged(before)


def link_is_up(ns):
    return "UP" in ns.ip("-o", "link", "show", "dev", LINK).split("<")[1].split(">")[0].split(",")


def check_iommu(fake, ns):
    check_taking(fake, "vfio-pci")
    assert not link_is_up(ns)
    ns.ip("link", "set", LINK, "up")
    check_taking(fake, "vfio-pci")
    assert link_is_up(ns)
    before = tree(fake.root)
    for arguments in (("--nic", LINK), ("--undo",)):
        fake.setup_by_devbind(*arguments)
        assert (fake.driver == "vfio-pci") == (arguments[0] == "--nic")
    fake.unchanged(before)
    fake.iommu(False)
    check_refused(fake, "has no IOMMU")
    check_taking(fake, "vfio-pci", "--no-iommu")
    check_taking(fake, "uio_pci_generic", "--uio")
    fake.iommu(True)


def check_what_is_needed(fake, ns):
    ns.ip("address", "add", "198.18.0.1/24", "dev", LINK)
    with ns, socket.create_server(("198.18.0.1", 22)) as server, \
            socket.create_connection(("198.18.0.1", 22)), server.accept()[0]:
        check_refused(fake, "an ssh session")
    ns.ip("route", "add", "default", "via", "198.18.0.9")
    with ns:
        check_refused(fake, "the default route")
        check_taking(fake, "vfio-pci", "--force")
    ns.ip("link", "add", "br9", "type", "bridge")
    ns.ip("address", "add", "198.18.1.1/24", "dev", "br9")
    ns.ip("link", "set", "br9", "up")
    ns.ip("route", "add", "default", "via", "198.18.1.9")
    upper = fake.root / "sys/class/net" / LINK / "upper_br9"
    upper.mkdir()
    with ns:
        check_refused(fake, "the default route (br9)")
    upper.rmdir()


def check_nodes(fake):
    """Pages of each node as told; where one has not got them, nothing has changed."""
    counts = [fake.root / f"sys/devices/system/node/node{node}/hugepages/hugepages-2048kB" for node in (0, 1)]
    for total, directory in zip((4, 0), counts):
        directory.mkdir(parents=True)
        (directory / "nr_hugepages").write_text(f"{total}\n")
        (directory / "free_hugepages").write_text("1\n" if total else "0\n")
    (fake.root / "proc/mounts").write_text("none /dev/hugepages hugetlbfs rw 0 0\n")
    before = tree(fake.root)
    for told, wanted in (("16,32", (3 + 8, 16)), ("8", (3 + 4, 4)), ("0,6", (4, 3)), ("16,32", (3 + 8, 16))):
        fake.setup("--hugepages", told)
        got = tuple(int((directory / "nr_hugepages").read_text()) for directory in counts)
        assert got == wanted, f"{got}, not {wanted}"
    fake.setup("--undo")
    fake.unchanged(before)

    cat = fake.tools / "cat"
    real = os.readlink(cat)
    cat.unlink()
    cat.write_text(f'#!/bin/sh\ncase $1 in *node1*nr_hugepages) echo 0 ;; *) exec {real} "$@" ;; esac\n')
    cat.chmod(0o755)
    assert "Linux has no 32 MB" in fake.setup("--hugepages", "16,32", status=1)
    fake.unchanged(before)


def check_words(fake):
    for arguments in ((), ("--hugepages", "many"), ("--hugepages",), ("--hugepages", "1,,2"), ("--no-such",)):
        fake.setup(*arguments, status=2)
    assert "usage:" in fake.setup("--help")
    assert "no NIC" in fake.setup("--nic", "absent0", status=1)


need_root()
with contextlib.ExitStack() as everything:
    namespace = Namespace(f"kgt{os.getpid()}-setup")
    everything.callback(namespace.delete)
    namespace.ip("link", "add", LINK, "type", "veth", "peer", "name", "far9")
    fake_machine = Fake(everything)
    check_words(fake_machine)
    with namespace:
        check_iommu(fake_machine, namespace)
        check_now(fake_machine)
    check_what_is_needed(fake_machine, namespace)
    check_nodes(fake_machine)
    if not os.access(PAGES, os.W_OK):
        skip("Linux has no hugepages here; NICs are fine")
    check_hugepages(everything)
