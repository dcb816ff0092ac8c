#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A relay asks a real STUN server how its listener looks from outside, and finds its server by a name,
which is somebody else's at first.

    client ══ relay ══ server.test
               └─ coturn on 198.18.0.9, port 3478
"""

import signal

from lab import (DESTINATION, ENTRY, RELAY4, SERVER4, TUNNEL_PORT, WIRE4, Lab, eventually, tunnel)
import servers
import traffic

NOBODY4 = "198.18.0.77"
TTL_S = 2


def relay():
    key = {name: tunnel("client")[name] for name in ("encryption_algorithm", "encryption_password")}
    return {"name": "home", "mode": "relay", "kcp": "fast1",
            "listener": {"listen_port": TUNNEL_PORT, "stun_server": f"{WIRE4}:3478", "ipv4_only": True, **key},
            "forwarder": {"destination_address": "server.test", "destination_port": TUNNEL_PORT, "keep_alive": 1,
                          **key}}


with Lab() as lab:
    middle = lab.relay(relay())
    middle.etc = {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": "127.0.0.1 localhost\n"}
    lab.client.config["tunnels"][0]["destination_address"] = RELAY4
    servers.stun(lab, lab.wire, WIRE4)
    known = lab.directory / "names"
    known.write_text(f"{NOBODY4} server.test\n")
    names = servers.names(lab, middle.ns, f"--addn-hosts={known}", f"--local-ttl={TTL_S}")
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    middle.wait_log(rf"home\.listener: from outside its port is {RELAY4}:{TUNNEL_PORT}\n", 60)
    middle.wait_log(rf"home\.forwarder: server\.test is {NOBODY4}\n", 60)
    known.write_text(f"{SERVER4} server.test\n")
    names.send_signal(signal.SIGHUP)
    middle.wait_log(rf"home\.forwarder: server\.test is {SERVER4}\n", 60)
    with lab.client.ns:
        eventually("the relay's server is found", lambda: traffic.echoes(*ENTRY), 60)
    row = {row["tunnel"]: row for row in middle.stun()}["home.listener"]
    assert row["mapped"] == f"{RELAY4}:{TUNNEL_PORT}", row
