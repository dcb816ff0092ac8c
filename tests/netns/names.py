#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers and applications with names, asked for at a real name server: A, AAAA, TXT, aliases, names
that do not exist, answers that are no good, an address that changes, a name server that is away.

    applications ── client ══ server (198.18.0.2, 198.18.0.3, fd00:18::2) ── app.test
                      └─────────└─ a name server each on 127.0.0.1, port 53
"""

import signal

from lab import ENTRY, SERVER4, SERVER6, TUNNEL_PORT, Lab, eventually, tunnel
import servers
import traffic

SECOND4 = "198.18.0.3"
TTL_S = 2
RESOLV = "nameserver 127.0.0.1\n"
# By the tunnel's name: its entry's port, and where its server is.
TUNNELS = {
    "alias": (6000, {"destination_address": "alias.test"}),
    "moves": (6001, {"destination_address": "MOVES.test"}),
    "six": (6002, {"destination_address": ["six.test"]}),
    "text": (6003, {"destination_dnstxt": "text.test"}),
    "mixed": (6004, {"destination_address": ["nobody.test", SERVER4]}),
    "nobody": (6005, {"destination_address": "nobody.test"}),
    "blocked": (6006, {"destination_address": "blocked.test"}),
    "both": (6007, {"destination_address": "both.test", "ipv4_only": True}),
}


class NameServer:
    """dnsmasq beside a box; names of `hosts` have a short TTL and may change."""

    def __init__(self, lab, box, hosts):
        self.path = lab.directory / f"{box.name}.names"
        self.path.write_text(hosts)
        self.process = servers.names(
            lab, box.ns, f"--addn-hosts={self.path}",
            f"--local-ttl={TTL_S}", "--cname=alias.test,alias2.test", "--cname=alias2.test,box.test",
            "--txt-record=text.test,v=spf1 -all", f"--txt-record=text.test,{SERVER4}:{TUNNEL_PORT}",
            "--address=/blocked.test/0.0.0.0", f"--host-record=both.test,{SECOND4},{SERVER6}")
        with box.ns:
            eventually("dnsmasq answers", self.answers)

    @staticmethod
    def answers():
        try:
            traffic.connect("127.0.0.1", 53).close()
        except OSError:
            return False
        return True

    def change(self, hosts):
        self.path.write_text(hosts)
        self.process.send_signal(signal.SIGHUP)


def hosts(moves):
    return f"{SERVER4} box.test\n{SERVER6} six.test\n{moves} moves.test\n"


def configure(lab):
    lab.client.config["tunnels"] = []
    for name, (port, where) in TUNNELS.items():
        config = tunnel("client", name=name, listen_port=port, keep_alive=1)
        if "destination_dnstxt" in where:
            del config["destination_address"], config["destination_port"]
        lab.client.config["tunnels"].append({**config, **where})
    lab.client.etc = {"resolv.conf": RESOLV, "hosts": "127.0.0.1 localhost\n"}
    lab.server.config["ports"][0]["addresses"].append(f"{SECOND4}/24")
    lab.server.config["tunnels"][0]["destination_address"] = "app.test"
    lab.server.etc = lab.client.etc


def works(name):
    return traffic.echoes(ENTRY[0], TUNNELS[name][0])


def remotes(lab, name):
    """Addresses of the servers that a tunnel's channels talk to."""
    return {c["remote"].rsplit(":", 1)[0] for c in lab.client.channels() if c["tunnel"] == name}


def goes_to(lab, name, address):
    """A new connection has its channel there. What the log says a worker may hear a little later."""
    try:
        with traffic.connect(ENTRY[0], TUNNELS[name][0]) as s:
            s.sendall(b"hello")
            return traffic.receive_exactly(s, 5) == b"hello" and address in remotes(lab, name)
    except OSError:
        return False


with Lab() as lab:
    configure(lab)
    applications = NameServer(lab, lab.server, "127.0.0.1 app.test\n")
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo("127.0.0.1", 7000)
    with lab.client.ns:
        lab.client.wait_log(r"alias: alias\.test: name servers do not answer", 30)
        assert works("mixed")
        assert not works("alias"), "a server that nobody knows"

        names = NameServer(lab, lab.client, hosts(SERVER4))
        for name in ("alias", "moves", "six", "text", "mixed", "both"):
            eventually(f"{name} works", lambda n=name: works(n), 60)
        lab.client.wait_log(rf"alias: alias\.test is {SERVER4}\n")
        lab.client.wait_log(rf"six: six\.test is {SERVER6}\n")
        lab.client.wait_log(rf"both: both\.test is {SECOND4}\n")
        lab.client.wait_log(rf"text: text\.test is {SERVER4}, port {TUNNEL_PORT}\n")
        lab.client.wait_log(r"nobody: nobody\.test: there is no such name", 60)
        lab.client.wait_log(r"blocked: blocked\.test: it has nothing that can be used", 60)
        assert not works("nobody") and not works("blocked")

        known = {row["name"]: row for row in lab.client.names()}
        assert known["moves.test"]["addresses"] == [SERVER4], known
        assert known["six.test"]["addresses"] == [SERVER6], known
        assert known["alias.test"]["failure"] == "name servers do not answer", known
        assert known["nobody.test"]["failure"] == "there is no such name", known
        assert "age_s" in known["moves.test"] and "age_s" not in known["nobody.test"], known

        names.change(hosts(SECOND4))
        lab.client.wait_log(rf"moves: MOVES\.test is {SECOND4}\n", 30)
        eventually("a channel goes to the new address", lambda: goes_to(lab, "moves", SECOND4))

        for service in services:
            service.close()
        with lab.server.ns:
            services = traffic.serve_echo("127.0.0.2", 7000)
        applications.change("127.0.0.2 app.test\n")
        eventually("connections go where the application is now", lambda: works("alias"), 30)

        names.process.terminate()  # what was known stays so
        names.process.wait(10)
        lab.wire.run("sleep", str(2 * TTL_S))
        assert works("moves") and works("text")
    assert lab.server.counter("payload_names_failed") == 0
