#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The command line of kcpgate-bench: what is wrong with it is said, and the exit status is 2."""

import subprocess
import sys

# arguments, what the complaint must contain
BAD = (
    ("", "usage:"),
    ("--test", "requires an argument"),
    ("--test nothing", 'no test "nothing"'),
    ("--test aead --size", "requires an argument"),
    ("--test aead --size 0", "--size"),
    ("--test aead --size 1401", "from 1 to 1400"),
    ("--test aead --size 64x", '"64x"'),
    ("--test aead --size 1.5", "whole number"),
    ("--test aead --size=", "--size"),
    ("--test aead --size nan", "--size"),
    ("--test tunnel --window 65536", "from 1 to 65535"),
    ("--test tunnel --cores 3", "from 1 to 2"),
    ("--test tunnel --datagrams=yes", "doesn't allow an argument"),
    ("--test kcp --loss -1", "--loss"),
    ("--test kcp --loss 51", "from 0 to 50"),
    ("--test kcp --sgements 1", "unrecognized option"),
    ("--test kcp more", 'what is "more"?'),
    ("--test kcp --flows 2", "--flows is not for --test kcp, but for: box"),
    ("--test fec --fec 3:2", "--fec is not for --test fec, but for: talk"),
    ("--flows 2 --test tunnel", "--flows is not for --test tunnel"),
    ("--test box --window 2", "--window is not for --test box"),
    ("--test box --loss-tolerance 51", "from 0 to 50"),
    ("--test path --rtt 5", "--rtt is not for --test path, but for: talk"),
    ("--test path --seeds 0", "from 1 to 100"),
    ("--test idle --channels 200001", "from 1 to 200000"),
    ("--test handshake --keep-alive 5", "--keep-alive is not for --test handshake"),
    ("--no-huge -- --test nothing", 'no test "nothing"'),
    ("--no-huge --", "usage:"),
)


def main(binary):
    failures = 0
    for arguments, complaint in BAD:
        done = subprocess.run([binary, *arguments.split()], capture_output=True, text=True,
                              timeout=20, check=False, env={"LC_ALL": "C"})
        if done.returncode != 2 or complaint not in done.stderr or done.stdout:
            print(f'"{arguments}": status {done.returncode}, not 2, or no "{complaint}" in:\n'
                  f"{done.stdout}{done.stderr}")
            failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
