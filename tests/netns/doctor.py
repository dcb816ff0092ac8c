#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate --doctor says what keeps a box from starting, in the words of the start that fails; the commands that it
names mend it, and the box starts. For programs it says the same as JSON, and without a file what any box needs.

    client, alone, on a machine without hugepages and hugetlbfs
"""

import json
import os
import subprocess
from pathlib import Path

from lab import Lab, kcpgate, need_root, skip

PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
STOPS = {"hugepages", "hugetlbfs"}


def missing(report):
    return {f["check"]: f for f in report["findings"] if f["health"] == "missing"}


class Machine:
    """Commands in a mount namespace of their own, which has no hugetlbfs."""

    def __init__(self, lab):
        self.ns = lab.client.ns
        lab.defer(PAGES.write_text, PAGES.read_text())
        PAGES.write_text("0")
        self.shell = lab.popen(self.ns, "unshare", "--mount", "sh", "-c",
                               "umount -a -t hugetlbfs; echo; exec sleep infinity", stdout=subprocess.PIPE)
        self.shell.stdout.readline()
        self.inside = ["nsenter", "--mount", "--target", str(self.shell.pid)]

    def run(self, *command):
        with self.ns:
            return subprocess.run([*self.inside, *command], capture_output=True, text=True, check=False, timeout=60)

    def doctor(self, *files):
        done = self.run(kcpgate(), "--doctor", "--json", *files)
        report = json.loads(done.stdout)
        assert report["missing"] == len(missing(report)), report
        assert done.returncode == (1 if report["missing"] else 0), done
        return report


need_root()
if not os.access(PAGES, os.W_OK):
    skip("Linux has no hugepages here")
with Lab() as lab:
    client = lab.client
    client.config["memory"]["hugepages"] = True
    client.path.touch(0o600)
    client.path.write_text(json.dumps(client.config))
    machine = Machine(lab)
    if PAGES.read_text().strip() != "0":
        skip("others use hugepages: what is missing is not known")

    before = PAGES.read_text(), machine.run("cat", "/proc/self/mounts").stdout
    found = missing(machine.doctor(str(client.path)))
    assert found.keys() == STOPS, found
    assert missing(machine.doctor(str(client.path))) == found, "asked again, it says something else"
    assert (PAGES.read_text(), machine.run("cat", "/proc/self/mounts").stdout) == before, "it has changed something"
    assert STOPS <= missing(machine.doctor()).keys()
    table = machine.run(kcpgate(), "--doctor", str(client.path))
    assert table.returncode == 1 and "2 missing" in table.stdout, table
    failed = machine.run(kcpgate(), str(client.path))
    assert failed.returncode == 1, failed
    for finding in found.values():
        words = f'{finding["text"]}; as root: {finding["mend"]}'
        assert words in failed.stderr and finding["mend"] in table.stdout, f"{words}\n{failed}\n{table}"

    for finding in found.values():
        done = machine.run("sh", "-c", finding["mend"])
        assert done.returncode == 0, done
    left = missing(machine.doctor(str(client.path)))
    if "hugepages" in left:
        print("Linux has no room for hugepages: the start is left out")
    else:
        assert not left, left
        client.command = [*machine.inside, kcpgate(), str(client.path)]
        client.start()
        assert not missing(machine.doctor(str(client.path))), "what the running box has taken is missed"
