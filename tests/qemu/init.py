# SPDX-License-Identifier: BSD-3-Clause
"""The first program of a guest (guest.py): gives the NIC to DPDK, starts the box, and tells the host
what its workers count."""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import time
from pathlib import Path

HUGEPAGES = 256
FINIT_MODULE = 313      # x86-64
POWER_OFF = 0x4321fedc  # <linux/reboot.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def mount(kind, where):
    check(libc.mount(kind.encode(), where.encode(), kind.encode(), 0, None), f"mount {where}")


def insert_modules():
    for name in Path("/modules/order").read_text().split():
        with open(f"/modules/{name}", "rb") as file:
            check(libc.syscall(FINIT_MODULE, file.fileno(), b"", 0), name)


def make_ready():
    Path("/proc/sys/vm/nr_hugepages").write_text(str(HUGEPAGES))
    os.makedirs("/dev/hugepages", exist_ok=True)
    mount("hugetlbfs", "/dev/hugepages")


def give_to_dpdk(device, driver):
    Path(f"/sys/bus/pci/devices/{device}/driver_override").write_text(driver)
    Path("/sys/bus/pci/drivers_probe").write_text(device)


def set_up(link):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", link.encode(), IFF_UP))


def setup(*arguments):
    """Twice, for the second time finds all done; what it tells is for the console."""
    for _ in range(2):
        subprocess.run(("/usr/bin/bash", "/kcpgate-setup", *arguments), check=True)


def main():
    os.chmod("/", 0o755)  # or DPDK does not trust what is below
    mount("proc", "/proc")
    mount("sysfs", "/sys")
    mount("devtmpfs", "/dev")
    insert_modules()
    device, driver = Path("/nic").read_text().split() if os.path.exists("/nic") else ("", "")
    if driver == "vfio-pci":
        setup("--now", "--hugepages", str(2 * HUGEPAGES), "--nic", device)
        setup("--status")
    else:
        make_ready()
        if device:
            give_to_dpdk(device, driver)
        else:
            set_up("eth0")
    console = os.open("/dev/ttyS0", os.O_RDWR)
    box = subprocess.Popen(("/kcpgate", "/box.json"), stdin=console, stdout=console, stderr=console)
    import telemetry
    name = json.loads(Path("/box.json").read_text())["name"]
    with open("/dev/ttyS1", "w", encoding="ascii") as line:
        while box.poll() is None:
            time.sleep(0.3)
            try:
                with telemetry.Connection(name) as connection:
                    print(json.dumps(connection.worker_stats()), file=line, flush=True)
            except (OSError, TypeError, ValueError):
                pass  # not yet, or too busy for an answer
    libc.reboot(POWER_OFF)


main()
