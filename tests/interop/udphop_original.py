# SPDX-License-Identifier: BSD-3-Clause
"""Starts an original udphop, as either end."""

import kcptube

from lab import CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, TUNNEL_PORT, eventually


def settings_of(role, algorithm, more):
    ends = {
        "client": {"listen_port": ENTRY[1], "destination_address": SERVER4,
                   "destination_port": TUNNEL_PORT},
        "server": {"listen_port": TUNNEL_PORT, "destination_address": DESTINATION[0],
                   "destination_port": DESTINATION[1]},
    }
    settings = {"mode": role, **ends[role], "encryption_algorithm": algorithm, **more}
    if algorithm not in kcptube.UNKEYED:
        settings["encryption_password"] = kcptube.PASSWORD
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def start_original(lab, box, binary, algorithm, more):
    """Its process."""
    settings, log_path = (lab.directory / f"original-{box.role}.{ending}" for ending in ("conf", "log"))
    address = CLIENT4 if box.role == "client" else SERVER4
    box.ns.ip("address", "add", f"{address}/24", "dev", "wan")
    box.ns.run("sysctl", "-qw", "net.ipv6.conf.wan.disable_ipv6=0")
    box.ns.ip("address", "add", f"{CLIENT6 if box.role == 'client' else SERVER6}/64", "dev", "wan", "nodad")
    settings.write_text(settings_of(box.role, algorithm, more))
    log = open(log_path, "ab")
    process = lab.popen(box.ns, binary, str(settings), stdout=log, stderr=log)
    port = ENTRY[1] if box.role == "client" else TUNNEL_PORT

    def listens():
        assert process.poll() is None, log_path.read_text()
        return box.ns.run("ss", "-Hlnu", f"sport = :{port}").strip()

    eventually("the original listens", listens)
    return process
