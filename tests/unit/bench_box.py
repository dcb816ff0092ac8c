#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate-bench --test box over a port that is its own other end, which needs no root: what is sent
comes back to the same process, counted exactly. And what is wrong with its arguments is said."""

import json
import subprocess
import sys
import tempfile

EAL = "-l0 --no-huge -m128 --no-shconf --no-telemetry --no-pci --log-level=error".split()
LOOP = ("--vdev=net_ring0",)
ADDRESSES = {4: "--from 198.18.1.9 --to 198.18.1.2:7000 --sink 198.18.1.2:7000",
             6: "--from [fd00:18::9]:100 --to [fd00:18::2]:7000 --sink [fd00:18::2]:7000"}
PPS, FLOWS = 1000, 7

# EAL's devices, arguments, what the complaint must contain
BAD = (
    (LOOP, "--from 198.18.1.300", "--from: found"),
    (LOOP, "--from 198.18.1.9 --to [fd00::1]:1", "--to: found"),
    (LOOP, "--from 198.18.1.9 --to 198.18.1.2:1 --sink 198.18.1.2", "--sink: found"),
    (LOOP, ADDRESSES[4] + " --trials 2", "--trials: found"),
    (LOOP, "--from 198.18.1.9:65530 --to 198.18.1.2:1 --flows 7", "--flows: found"),
    ((), ADDRESSES[4] + " --cores 1", "no ports"),
)


def run(binary, devices, arguments):
    return subprocess.run([binary, *EAL, *devices, "--", "--test", "box", *arguments.split()],
                          capture_output=True, text=True, timeout=60, check=False)


def complaints(binary):
    for devices, arguments, complaint in BAD:
        done = run(binary, devices, arguments)
        if done.returncode != 1 or complaint not in done.stderr:
            yield f'"{arguments}": status {done.returncode}, not 1, or no "{complaint}" in:\n' \
                  f"{done.stdout}{done.stderr}"


def loop(binary, version, more):
    with tempfile.NamedTemporaryFile(suffix=".json") as results:
        done = run(binary, LOOP, f"{ADDRESSES[version]} --cores 1 --adaptive --seconds 1 "
                                 f"--flows {FLOWS} --json {results.name} {more}")
        assert done.returncode == 0, done.stderr
        assert "Accumulated forward statistics" in done.stdout, done.stdout
        return json.load(results)


def main(binary):
    failures = list(complaints(binary))
    print("\n".join(failures))
    for version, more in ((4, "--imix"), (6, "--size 1200 --echo")):
        row, = loop(binary, version, f"--pps {PPS} {more}")
        assert row["sent"] + row["given_up"] == PPS and row["tx_full"] == 0, row
        assert row["received"] == row["sent"] > 0, row
        assert row["lost"] == row["duplicates"] == row["reordered"] == row["missed"] == 0, row
        assert row["latency"] == ("round trip" if "--echo" in more else "one way"), row
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
