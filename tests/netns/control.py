#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate-ctl shows what the box shows by telemetry, has channels hop and settings read again, sets the log's level
and hears what happens. Whoever speaks something else on the socket, or does not read, is let go, and the box and other
clients do not notice.

    client, 3 × ── wire ── server
"""

import json
import os
import re
import select
import socket
import stat
import subprocess
from pathlib import Path

from lab import DESTINATION, ENTRY, ROOT, SERVER4, WIRE4, Lab, eventually, run, tunnel
import traffic

CTL = os.environ.get("KCPGATE_CTL") or str(ROOT / "build/release/app/kcpgate-ctl/kcpgate-ctl")
CLIENTS_MAX = 16


def ctl(box, *words, status=0):
    done = subprocess.run([CTL, "--box", box.name, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, f"{words}: {done}"
    return done.stdout + done.stderr


def ask(box, *words):
    return json.loads(ctl(box, "--json", *words))


class Client:
    """One that speaks the protocol itself."""

    def __init__(self, box):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(f"/run/kcpgate/ctl-{box.name}")
        self.lines = self.socket.makefile("r")
        self.greeting = self.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def hear(self):
        line = self.lines.readline()
        return json.loads(line) if line else None

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def ask(self, **request):
        self.say(json.dumps(request))
        return self.hear()

    def is_let_go_for(self, text):
        """Linux says so when it writes, or reads, or has read all."""
        try:
            self.say(text)
            return self.lines.readline() == ""
        except ConnectionError:
            return True


def check_shown(lab, box):
    assert ask(box, "status")["box"] == box.name and ask(box, "status")["channels"] == 3
    assert {t["name"] for t in ask(box, "tunnels")["tunnels"]} == set(box.tunnels())
    channels = ask(box, "channels")["channels"]
    assert {int(row["conv"], 16) for row in channels} == {row["conv"] for row in box.channels()}
    assert len(ask(box, "paths")["paths"]) == len(box.paths())
    address = {"client": "*", "server": SERVER4}[box.role]
    assert all(row["local"].startswith(f"{address}:") for row in box.paths()), box.paths()
    stats = {row["name"]: row for row in ask(box, "stats")["stats"]}
    assert stats.keys() == box.stats().keys() and all(row["help"] and row["unit"] for row in stats.values())
    for word in ("status", "tunnels", "channels", "paths", "stats", "drops", "why"):
        assert ctl(box, word), word
    assert "home" in ctl(box, "tunnels") and "198.18.0." in ctl(box, "channels")
    top = ctl(box, "top", "--times", "1")
    assert "home" in top and "█" in top + "█", top


def check_help(box):
    """What --help names is what there is: who only looks may do so twice, whoever changes something is tried below or,
    trace, in a test of its own."""
    said = run(CTL, "--help")
    named = re.findall(r"^  ([a-z]+)(?: \S+)?  ", said, re.M)
    looks = {"status", "tunnels", "channels", "paths", "stats", "drops", "why", "log"}
    assert set(named) == looks | {"top", "events", "hop", "reload", "trace"}, named
    for word in looks:
        once, again = ask(box, word), ask(box, word)
        assert once.keys() == again.keys() and once, word
    assert ctl(box, "top", "--every", "1", "--times", "2").count("home") >= 2
    options = set(re.findall(r"^  (--[a-z]+)", said, re.M))
    assert options == {"--box", "--json", "--every", "--times", "--output", "--decrypted", "--version", "--help"}, options
    assert run(CTL, "--version").strip() and ctl(box, "dance", status=2)


def check_events(lab):
    """A line each, for as long as one likes."""
    with subprocess.Popen([CTL, "--box", lab.client.name, "events"], stdout=subprocess.PIPE, text=True) as events:
        try:
            eventually("it has been heard", lambda: ctl(lab.client, "hop", "home") is not None and
                       select.select([events.stdout], [], [], 0.2)[0])
            assert json.loads(events.stdout.readline())["event"] == "hop"
        finally:
            events.terminate()


def check_drops(lab):
    with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        noise.sendto(bytes(100), ("198.18.0.2", 3000))
    row = eventually("a datagram of noise is shown", lambda: ask(lab.server, "drops")["drops"])[0]
    assert row["name"] == "auth_failed" and row["value"] == 1 and row["help"], row
    assert "auth_failed" in ctl(lab.server, "drops")


def check_why(lab):
    """What came, from where and how it began: of datagrams that do not open, and of frames."""
    with lab.wire, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        noise.bind((WIRE4, 4000))
        for i in range(300):
            noise.sendto(b"noise %03d" % i + bytes(100), (SERVER4, 3000))
        noise.sendto(b"short", (SERVER4, 3000))
    rows = eventually("both are there", lambda: [r for r in [ask(lab.server, "why", WIRE4)["dropped"]] if len(r) == 2])
    by_reason = {row["reason"]: row for row in rows[0]}
    assert by_reason.keys() == {"auth_failed", "datagram_size"}, rows[0]
    noise, short = by_reason["auth_failed"], by_reason["datagram_size"]
    for row in (noise, short):
        assert row["stage"] == "open" and row["tunnel"] == "home" and row["remote"] == f"{WIRE4}:4000" and \
            row["local"] == f"{SERVER4}:3000" and row["age_ms"] < 60_000, row
    assert noise["count"] > 1 and noise["bytes"] == 109, noise
    assert bytes.fromhex(noise["first"]).startswith(b"noise 2") and len(noise["first"]) == 64, noise
    assert bytes.fromhex(short["first"]) == b"short", short
    assert ask(lab.server, "why", f"{WIRE4}:4000")["dropped"] and ask(lab.server, "why", "198.18.0.")["dropped"] == []
    said = ctl(lab.server, "why", WIRE4)
    assert "check" in said and "datagram_size" in said and noise["first"] in said, said


def check_hop(lab, hear):
    before = {row["local_port"] for row in ask(lab.client, "channels")["channels"]}
    ctl(lab.client, "hop", "home")
    hops = [hear("hop") for _ in before]
    assert all(e["reason"] == "asked" and e["tunnel"] == "home" for e in hops), hops
    eventually("the hops are counted", lambda: lab.client.tunnels()["home"]["hops_asked"] == len(before))
    now = {row["local_port"] for row in ask(lab.client, "channels")["channels"]}
    assert not now & before, f"{before}, {now}"
    assert "no client" in ctl(lab.server, "hop", "home", status=1)
    assert "no client" in ctl(lab.client, "hop", "absent", status=1)


def check_reload(lab, hear):
    client = lab.client
    client.config["tunnels"].append(tunnel("client", name="guest", listen_port=6001))
    client.path.write_text(json.dumps(client.config))
    assert ask(client, "reload") == {"good": True, "went": 0, "came": 1, "failed": 0, "why": ""}
    assert hear("reload")["came"] == 1 and "guest" in client.tunnels()
    client.path.write_text("{")
    said = ctl(client, "reload", status=1)
    assert f"{client.path.name}:1" in said, said
    event = hear("reload")
    assert not event["good"] and f"{client.path.name}:1" in event["why"], event
    client.path.write_text(json.dumps(client.config | {"workers": [0, 1]}))
    assert "workers differs from what runs, which takes a restart" in ctl(client, "reload", status=1)
    hear("reload")


def check_log(lab):
    assert ask(lab.client, "log") == {"level": "info", "before": "info"}
    assert ask(lab.client, "log", "debug") == {"level": "debug", "before": "info"}
    assert ctl(lab.client, "log").strip() == "debug"
    assert "allowed" in ctl(lab.client, "log", "loud", status=1)


def check_protocol(lab):
    box = lab.client
    mode = Path(f"/run/kcpgate/ctl-{box.name}").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, oct(mode)
    with Client(box) as one:
        assert one.greeting == {"protocol": "kcpgate", "version": 1, "name": box.name, "pid": box.process.pid}
        assert one.ask(do="show", what="stats", id=7)["result"].keys() == box.stats().keys()
        assert one.ask(do="show", what="stats", of="0", id="x")["id"] == "x"
        for wrong in ({"do": "show", "what": "../info"}, {"do": "show", "what": "stats", "of": "a"},
                      {"do": "show", "what": "nothing"}, {"do": "dance"}, {}):
            assert one.ask(**wrong)["error"], wrong
        one.socket.sendall(b'{"id":1,"do":"show","what":"stats"}\n{"id":2,"do":"log"}\n{"id":3,"do":"log"}\n')
        assert [one.hear()["id"] for _ in range(3)] == [1, 2, 3]
    for noise in ("no JSON", "[]", "x" * 2000):
        with Client(box) as other:
            assert other.is_let_go_for(noise), noise


def completed(*words):
    """What bash offers for the last word."""
    script = (f'PATH={Path(CTL).parent}:$PATH; . {ROOT / "config/kcpgate-ctl.bash"};'
              f'_kcpgate_ctl kcpgate-ctl {words[-1]!r} {words[-2]!r}; echo "${{COMPREPLY[@]}}"')
    return run("bash", "-c", script).split()


def check_completion(lab):
    assert completed("kcpgate-ctl", "st") == ["status", "stats"]
    assert completed("kcpgate-ctl", "--j") == ["--json"]
    assert completed("log", "wa") == ["warning"]
    assert lab.client.name in completed("--box", "")


def check_clients(lab):
    """There are so many places, and whoever does not read loses his."""
    box = lab.client
    clients = [Client(box) for _ in range(CLIENTS_MAX)]
    with Client(box) as one_more:
        assert one_more.greeting is None
    deaf = clients[0]
    deaf.socket.settimeout(0.01)

    def asks_on():
        try:
            deaf.socket.send(b'{"do":"show","what":"stats"}\n')
        except TimeoutError:
            return False
        except OSError:
            return True
        return bool(select.poll().poll(0))

    eventually("who does not read is let go", asks_on, 60)
    for client in clients:
        client.__exit__()

    def is_let_in():
        with Client(box) as again:
            return again.greeting
    eventually("there is room again", is_let_in)


with Lab() as lab:
    for box in lab.boxes:
        box.config["tunnels"][0]["kcp"] = "fast1"
    lab.client.config["tunnels"][0]["destination_port"] = "3000-3009"
    lab.server.config["tunnels"][0]["listen_port"] = "3000-3009"
    lab.start()
    with lab.server.ns:
        service = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        flows = [traffic.connect(*ENTRY) for _ in range(3)]

    def echo():
        for flow in flows:
            flow.sendall(b"hello")
            assert traffic.receive_exactly(flow, 5) == b"hello"

    echo()
    for each in lab.boxes:
        check_shown(lab, each)
        check_help(each)
    check_drops(lab)
    check_why(lab)
    with Client(lab.client) as listener:
        assert listener.ask(do="events", id=1) == {"id": 1, "result": {}}

        def hear(kind):
            while True:
                event = listener.hear()
                if event["event"] == kind:
                    assert event["time"] > 0
                    return event

        check_hop(lab, hear)
        echo()
        check_reload(lab, hear)
    check_events(lab)
    check_log(lab)
    check_protocol(lab)
    check_completion(lab)
    check_clients(lab)
    echo()
    for flow in flows:
        flow.close()
