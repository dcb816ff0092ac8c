# SPDX-License-Identifier: BSD-3-Clause
"""A box on a machine of its own: QEMU without KVM, a kernel, and an initramfs made of this host's
files. What namespaces cannot have is there: NICs on PCI, with queues, RSS and offloads.

    kernel       /boot/vmlinuz-* with its modules, or a linux-image package unpacked in $KG_KERNEL
    initramfs    init.py as /init, Python, kcpgate, DPDK's drivers and all their libraries
    ttyS0        kernel, init.py and the box; the second line carries counters, one JSON per line

Nothing on this host's disk is changed; the guest runs from memory.
"""

import json
import modulefinder
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TELEMETRY = HERE.parents[1] / "scripts/lib/telemetry.py"
SETUP = HERE.parents[1] / "scripts/kcpgate-setup"
SETUP_NEEDS = ("bash", "awk", "basename", "cat", "cut", "grep", "ip", "ls", "mkdir", "mount", "mountpoint", "readlink",
               "rm", "rmdir", "sed", "sort", "ss", "tac", "tail", "tr", "umount", "wc")
sys.path.insert(0, str(HERE.parent / "netns"))
from lab import eventually, kcpgate, skip  # noqa: E402

QEMU = "qemu-system-x86_64"
BOOT_S = 150  # ten seconds when the host has nothing else to do
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_af_xdp", "net_e1000", "net_tap", "net_virtio", "net_vmxnet3")
# The NIC is DPDK's, by a driver of the kernel; or it is the kernel's `eth0`, and net_tap has rules made of tc's parts.
MODULES_FOR_DPDK = {"uio_pci_generic": ("tun", "udp_diag", "uio_pci_generic"),
                    "vfio-pci": ("tun", "udp_diag", "vfio_iommu_type1", "vfio-pci", "vhost_net")}
MODULES_FOR_TAP = ("tun", "udp_diag", "virtio_pci", "virtio_net", "sch_multiq", "sch_ingress", "cls_flower",
                   "act_mirred", "act_skbedit")


class Kernel:
    """An image with certain modules."""

    def __init__(self, modules):
        self._wanted = modules
        root = Path(os.environ.get("KG_KERNEL", "/"))
        for image in sorted((root / "boot").glob("vmlinuz-*"), reverse=True):
            self.image = image
            self.modules = root / "lib/modules" / image.name.removeprefix("vmlinuz-")
            if all(self._files(name) for name in modules):
                return
        skip(f"no kernel with modules {' '.join(modules)} under {root} (environment variable "
             "KG_KERNEL)")

    def _files(self, name):
        return list((self.modules / "kernel").rglob(f"{name}.ko"))

    def in_order(self):
        """Files of the modules we want, each after those that it needs."""
        found = []

        def add(name):
            file = self._files(name)[0]
            # As modinfo reads it; uncompressed, as Debian's are.
            needed = re.search(rb"\0depends=([^\0]*)\0", file.read_bytes()).group(1).decode()
            for module in filter(None, needed.split(",")):
                add(module)
            if file not in found:
                found.append(file)

        for name in self._wanted:
            add(name)
        return found


def _libraries(file):
    """Shared objects that an ELF file wants, its loader included."""
    text = subprocess.run(("ldd", file), check=False, capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", text)]


def _python_files(script):
    finder = modulefinder.ModuleFinder([str(TELEMETRY.parent), *sys.path])
    finder.run_script(str(script))
    paths = [Path(module.__file__) for module in finder.modules.values() if module.__file__]
    library = Path(os.__file__).parent
    paths += (library / "encodings").glob("*.py")
    return [path for path in paths if path.is_relative_to(library)]


class Initramfs:
    """A newc archive; parents are made as needed."""

    def __init__(self, path):
        self._file = open(path, "wb")
        self._names = set()

    def _entry(self, name, mode, data=b""):
        if name in self._names:
            return
        self._names.add(name)
        fields = (len(self._names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self._file.write(_pad(header + name.encode() + b"\0") + _pad(data))

    def _parents(self, name):
        for parent in reversed(Path(name).parents[:-1]):
            self._entry(str(parent), stat.S_IFDIR | 0o755)

    def directory(self, name):
        self._parents(name + "/x")

    def add(self, name, data, mode=0o755):
        name = name.lstrip("/")
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def host_file(self, path):
        """A file where the host has it; an ELF file with its libraries."""
        if str(path).lstrip("/") in self._names:
            return
        real = path.resolve()
        data = real.read_bytes()
        self.add(str(real), data)
        if path != real:  # two names must not become two libraries
            self._parents(str(path).lstrip("/"))
            self._entry(str(path).lstrip("/"), stat.S_IFLNK | 0o777, str(real).encode())
        if data.startswith(b"\x7fELF"):
            for library in _libraries(path):
                self.host_file(library)

    def close(self):
        self._entry("TRAILER!!!", 0)
        self._file.close()


def _pad(data):
    return data + bytes(-len(data) % 4)


class Guest:
    """A box in a virtual machine, its port on the switch of `lab` with `queues` queues. `nic` is a
    network device of QEMU with its properties. A configuration whose device is NIC gets it through
    `driver`, behind an IOMMU and by kcpgate-setup if that is vfio-pci; otherwise it is eth0 in the guest, for net_tap."""

    NIC = "0000:00:02.0"

    def __init__(self, lab, config, nic, queues, driver="uio_pci_generic"):
        if shutil.which(QEMU) is None:
            skip(f"needs {QEMU}")
        self._config, self._driver = config, driver
        self._console = lab.directory / "guest.console"
        self._counters = lab.directory / "guest.counters"
        initramfs = lab.directory / "guest.initramfs"
        self._pack(initramfs)
        tap = f"tap,id=wan,ifname=to-guest,script=no,downscript=no,vhost=off,queues={queues}"
        width = ("multi_queue",) if queues > 1 else ()
        lab.wire.ip("tuntap", "add", "to-guest", "mode", "tap", "vnet_hdr", *width)
        lab.wire.ip("link", "set", "to-guest", "master", "switch", "up")
        lab.defer(self._show)
        iommu = ("-device", "intel-iommu,intremap=on,caching-mode=on") if driver == "vfio-pci" else ()
        vectors = f",vectors={2 * queues + 2}" if nic.startswith("virtio") else ""
        self.process = lab.popen(
            lab.wire, QEMU, "-accel", "tcg", "-cpu", "max", "-machine", "q35,kernel-irqchip=split",
            *iommu, "-nodefaults",
            "-display", "none", "-no-reboot", "-smp", str(len(config["workers"])), "-m", "1024",
            "-kernel", str(self.kernel.image), "-initrd", str(initramfs),
            "-append", "console=ttyS0 panic=-1 quiet intel_iommu=on no_timer_check",
            "-serial", f"file:{self._console}",
            "-serial", f"file:{self._counters}", "-netdev", tap,
            "-device", f"{nic},netdev=wan,addr=2.0{vectors}",
            stdin=subprocess.DEVNULL)

    def _pack(self, path):
        for_dpdk = self._config["ports"][0]["device"] == self.NIC
        self.kernel = Kernel(MODULES_FOR_DPDK[self._driver] if for_dpdk else MODULES_FOR_TAP)
        image = Initramfs(path)
        for name in ("proc", "sys", "dev", "run", "tmp", "var/run", "dev/hugepages"):
            image.directory(name)
        python = Path(sys.executable)
        image.add("init", f"#!{python}\n".encode() + (HERE / "init.py").read_bytes())
        image.add("telemetry.py", TELEMETRY.read_bytes())
        image.add("box.json", json.dumps(self._config).encode())
        if for_dpdk:
            image.add("nic", f"{self.NIC} {self._driver}".encode())
            image.add("kcpgate-setup", SETUP.read_bytes())
            for name in SETUP_NEEDS:
                image.host_file(Path(shutil.which(name)))
        modules = self.kernel.in_order()
        for file in modules:
            image.add(f"modules/{file.name}", file.read_bytes())
        image.add("modules/order", "\n".join(file.name for file in modules).encode())
        image.host_file(python)
        for file in _python_files(HERE / "init.py"):
            image.host_file(file)
        image.add("kcpgate", Path(kcpgate()).read_bytes())
        for library in _libraries(kcpgate()):
            image.host_file(library)
        for driver in DRIVERS:
            for file in Path("/usr/lib").glob(f"*/dpdk/pmds-*/librte_{driver}.so"):
                image.host_file(file)
        for file in Path("/usr/lib").glob("*/bpf/x*.o"):  # libxdp's, for AF_XDP
            image.host_file(file)
        image.close()

    def _show(self):
        print("---- log of the guest, last lines")
        print("\n".join(self.log().splitlines()[-40:]))

    def log(self):
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def wait_ready(self):
        eventually("guest says ready", lambda: "kcpgate ready" in self.log() or
                   self.process.poll() is not None, BOOT_S)
        assert self.process.poll() is None, f"the guest has ended\n{self.log()}"

    def worker_stats(self):
        """Counters of each worker, as they are now."""
        seen = self._counters.stat().st_size

        def fresh():
            lines = self._counters.read_bytes()[seen:].split(b"\n")
            return lines[1:-1][-1:]  # the first may be older, the last not complete

        return json.loads(eventually("the guest tells its counters", fresh)[0])
