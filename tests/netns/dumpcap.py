#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-dumpcap shows a port's frames of a box whose memory is shared, and the box goes on beside it. Of one whose memory
is not, it shows nothing. Neither leaves a file or a page behind.

    client, with hugepages ── wire ── server
"""

import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

from lab import DESTINATION, ENTRY, TUNNEL_PORT, Lab, eventually, need_root, run, skip
import traffic

PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
MB, OTHERS_MB = 192, 64  # of the box, and of who attaches
FRAMES = 50


def pages(what):
    return int((PAGES / what).read_text())


def reserve(lab):
    """Pages beside those that others use, as long as the test runs."""
    wanted = pages("nr_hugepages") - pages("free_hugepages") + (MB + OTHERS_MB) // 2
    lab.defer((PAGES / "nr_hugepages").write_text, (PAGES / "nr_hugepages").read_text())
    (PAGES / "nr_hugepages").write_text(str(max(wanted, pages("nr_hugepages"))))
    if pages("free_hugepages") < (MB + OTHERS_MB) // 2:
        skip("Linux has no room for hugepages")


def mount(lab):
    directory = lab.directory / "huge"
    directory.mkdir()
    run("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", str(directory))
    lab.defer(run, "umount", str(directory))
    lab.defer(lambda: lab.client.running and lab.client.stop())
    return directory


def dump(box, path):
    with box.ns:
        return subprocess.run(["dpdk-dumpcap", f"--file-prefix=kcpgate-{box.name}", "-i", "0", "-c", str(FRAMES), "-w",
                               str(path)], capture_output=True, text=True, check=False, timeout=60)


def talk(lab, over):
    while not over.is_set():
        with lab.client.ns:
            traffic.tcp_echo(*ENTRY, 20_000)


def start(lab, shared):
    lab.client.config["memory"] = {"hugepages": True, "mb": MB, "shared": shared}
    lab.client.start()
    with lab.client.ns:
        eventually("connections pass", lambda: traffic.echoes(*ENTRY), 30)


def all_are_back(free):
    """What an AF_XDP socket had pinned Linux lets go a little later."""
    eventually("all pages are back", lambda: pages("free_hugepages") == free)


def captured(path):
    return run("tcpdump", "-nr", str(path), "udp", "and", "port", str(TUNNEL_PORT)).splitlines()


need_root()
for program in ("dpdk-dumpcap", "tcpdump"):
    if shutil.which(program) is None:
        skip(f"{program} is not installed")
if not os.access(PAGES / "nr_hugepages", os.W_OK):
    skip("Linux has no hugepages here")
with Lab() as lab:
    reserve(lab)
    directory = mount(lab)
    lab.client.config["eal"] = ["--huge-dir", str(directory)]
    lab.server.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    free = pages("free_hugepages")

    start(lab, shared=True)
    assert any(directory.iterdir()), "no pages to attach to"
    over = threading.Event()
    talking = threading.Thread(target=talk, args=(lab, over))
    talking.start()
    done = dump(lab.client, lab.directory / "port.pcapng")
    over.set()
    talking.join()
    assert done.returncode == 0, done.stderr
    frames = captured(lab.directory / "port.pcapng")
    full = [line for line in frames if re.search(r"198\.18\.0\.1\.\d+ > .* length 1[34]\d\d", line)]
    assert len(full) > FRAMES // 10, f"what leaves together is not seen: {frames}"
    assert len(frames) > FRAMES // 2 and re.search(r"198\.18\.0\.1\.\d+ > 198\.18\.0\.2", "\n".join(frames)), frames
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 100_000)
    lab.client.stop()
    assert not any(directory.iterdir()), list(directory.iterdir())
    all_are_back(free)

    start(lab, shared=False)
    assert not any(directory.iterdir()), "pages have files"
    assert dump(lab.client, lab.directory / "nothing.pcapng").returncode != 0
    lab.client.stop()
    all_are_back(free)
