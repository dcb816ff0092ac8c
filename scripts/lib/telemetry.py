#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks a running box what it sees, over DPDK's telemetry socket.

    telemetry.py NAME /kcpgate/stats        prints the answer as JSON

NAME is the configuration's "name". `dpdk-telemetry.py -f kcpgate-NAME` is the interactive way.
"""

import json
import os
import socket
import sys


def socket_path(name):
    base = os.environ.get("RUNTIME_DIRECTORY") or (
        "/var/run" if os.getuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp"))
    return f"{base}/dpdk/kcpgate-{name}/dpdk_telemetry.v2"


class Connection:
    def __init__(self, name):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(10)
        self._socket.connect(socket_path(name))
        self._room = json.loads(self._socket.recv(1024))["max_output_len"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def ask(self, command, *parameters):
        self._socket.send(",".join((command, *map(str, parameters))).encode())
        return json.loads(self._socket.recv(self._room + 1024))[command]

    def stats(self):
        return self.ask("/kcpgate/stats")

    def worker_stats(self):
        """The same for each worker."""
        return [self.ask("/kcpgate/stats", worker) for worker in range(self.stats()["workers"])]

    def payload_stats(self):
        """Of each payload thread."""
        return [self.ask("/kcpgate/payload", thread)
                for thread in range(self.stats()["payload_threads"])]

    def _pages(self, command, *parameters):
        """All rows of a command that answers in pages."""
        rows, skip = {}, 0
        while skip is not None:
            page = self.ask(command, *parameters, skip) or {}
            skip = page.pop("next", None)
            rows.update(page)
        return rows

    def tunnels(self):
        return {row["name"]: row for row in self._pages("/kcpgate/tunnels").values()}

    def help(self):
        """What each number means: name to "help", "type", "unit" and "of" what it is."""
        return self._pages("/kcpgate/help")

    def troubles(self):
        """What keeps tunnels from working: rows, the latest of each kind and peer."""
        return list((self.ask("/kcpgate/troubles") or {}).values())

    def channels(self):
        """All channels, page by page; the key is a field "conv"."""
        return [{"conv": int(conv, 16), "worker": worker, **row}
                for worker in range(self.stats()["workers"])
                for conv, row in self._pages("/kcpgate/channels", worker).items()]

    def names(self):
        """Host names of servers: rows."""
        return list(self._pages("/kcpgate/names").values())

    def stun(self):
        """How the ports of servers look from outside: rows, one for each IP version."""
        return list(self._pages("/kcpgate/stun").values())

    def paths(self):
        """All paths: their ends, state, users."""
        return [{"worker": worker, **row} for worker in range(self.stats()["workers"])
                for row in self._pages("/kcpgate/paths", worker).values()]


def drops_of(stats):
    """Reason to count, those that have happened."""
    return {name.removeprefix("drop_"): count for name, count in stats.items()
            if name.startswith("drop_") and count}


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with Connection(sys.argv[1]) as box:
        for wanted in sys.argv[2:]:
            print(json.dumps(box.ask(*wanted.split(",")), indent=2))
