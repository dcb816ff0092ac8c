# SPDX-License-Identifier: BSD-3-Clause
"""Runs kcpgate-bench and reads its results."""

import json
import subprocess
import tempfile


class BenchError(Exception):
    """kcpgate-bench could not do it; the text is what it said."""


def run(binary, test, **options):
    """The rows of one run. Options are named as on the command line: window=256, datagrams=True."""
    with tempfile.NamedTemporaryFile(suffix=".json") as results:
        command = [str(binary), "--test", test, "--json", results.name]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
        return json.load(results)


def aead(binary, size, seconds=1):
    """Cycles to seal a datagram that carries `size` bytes with AES-GCM, and to open it."""
    row, = run(binary, "aead", algorithm="AES-GCM", size=size, seconds=seconds)
    return row


def tunnel(binary, size, window=256, seconds=1, **options):
    """Cycles per message on either side, the sides in turn on one core."""
    row, = run(binary, "tunnel", cores=1, size=size, window=window, seconds=seconds, **options)
    return row


def pairs(binary, size, workers, window=256):
    """Pairs of workers, client and server together, each pair on a core of its own, eight channels
    in all."""
    row, = run(binary, "tunnel", cores=1, workers=workers, channels=8, size=size, window=window,
               seconds=1)
    return row


def many(binary, channels):
    """Channels at rest, and channels that come and go; a row of each for either side."""
    found = {}
    for row in run(binary, "idle", channels=channels, seconds=2):
        found["idle", row["side"]] = row
    for row in run(binary, "handshake", seconds=1):
        found["handshake", row["side"]] = row
    return found
