#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A box shows all its numbers by HTTP, at an address of the loopback or at a UNIX socket, with help, type and unit as
its list has them; promtool finds nothing wrong with them, a Prometheus reads them, and what config/grafana-kcpgate.json
asks for is there.

    client, 127.0.0.1:9464 ── wire ── server, unix:
"""

import http.client
import json
import re
import shutil
import socket
import stat
import subprocess
from urllib.parse import quote
from pathlib import Path

from lab import DESTINATION, ENTRY, ROOT, Lab, eventually
import traffic

PLACE = ("127.0.0.1", 9464)
PROMETHEUS = ("127.0.0.1", 9090)
OPENMETRICS = "application/openmetrics-text"
DROPS = "kcpgate_drop"  # of a good run there are none


def get(connection, path="/metrics", method="GET", accept=None):
    connection.request(method, path, headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), text


class Local(http.client.HTTPConnection):
    """By a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def from_loopback(box, *arguments, **more):
    with box.ns:
        connection = http.client.HTTPConnection(*PLACE, timeout=30)
        connection.connect()
    return get(connection, *arguments, **more)


def family(name, kind, openmetrics):
    """As a metric of the list is called."""
    bare = name.removesuffix("_total") if kind == "gauge" else name
    return f"kcpgate_{bare}" + ("" if openmetrics or kind == "gauge" else "_total")


def check_all_are_there(box, text, openmetrics):
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    explained = box.help()
    assert len(kinds) == len(explained)
    for name, row in explained.items():
        known = family(name, row["type"], openmetrics)
        assert kinds[known] == row["type"] and helps[known] == row["help"], name
    values = re.findall(r'^kcpgate_(\w+)\{box="([^"]*)"', text, re.M)
    assert {of for _, of in values} == {box.name}
    assert {"rx_frames_total", "channels", "workers"} <= {name for name, _ in values}


def check_formats(lab):
    status, kind, text = from_loopback(lab.client)
    assert status == 200 and kind.startswith("text/plain; version=0.0.4"), kind
    check_all_are_there(lab.client, text, False)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
    status, kind, text = from_loopback(lab.client, accept=f"{OPENMETRICS}; version=1.0.0,text/plain;q=0.5")
    assert status == 200 and kind.startswith(OPENMETRICS) and text.endswith("\n# EOF\n"), kind
    check_all_are_there(lab.client, text, True)
    assert "# UNIT kcpgate_rx_bytes bytes\n" in text
    assert from_loopback(lab.client, "/")[0] == 404
    assert from_loopback(lab.client, method="DELETE")[0] == 405


def check_unix(lab, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    status, _, text = get(Local(str(path)))
    assert status == 200
    check_all_are_there(lab.server, text, False)


def dashboard_queries():
    board = json.loads((ROOT / "config/grafana-kcpgate.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$box", ".*").replace("$__rate_interval", "10s")


def check_prometheus(lab):
    """Every question of the dashboard has an answer, but for what did not happen."""
    settings = lab.directory / "prometheus.yml"
    settings.write_text("global: {scrape_interval: 1s}\n"
                        "scrape_configs: [{job_name: kcpgate, static_configs: [{targets: ['%s:%d']}]}]\n" % PLACE)
    lab.popen(lab.client.ns, "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={lab.directory}/tsdb",
              "--web.listen-address=%s:%d" % PROMETHEUS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(query):
        try:
            with lab.client.ns:
                connection = http.client.HTTPConnection(*PROMETHEUS, timeout=30)
                connection.connect()
            answer = json.loads(get(connection, f"/api/v1/query?query={quote(query)}")[2])
        except (OSError, ValueError):
            return []  # not there yet
        assert answer["status"] == "success", f"{query}: {answer}"
        return answer["data"]["result"]

    eventually("Prometheus has read rates", lambda: ask("rate(kcpgate_turns_total[10s])"), 60)
    for query in dashboard_queries():
        assert DROPS in query or ask(query), f"nothing for {query}"


with Lab() as lab:
    unix = Path(lab.directory, "metrics")
    lab.client.config["metrics"] = "%s:%d" % PLACE
    lab.server.config["metrics"] = f"unix:{unix}"
    lab.start()
    with lab.server.ns:
        services = traffic.serve_echo(*DESTINATION)
    with lab.client.ns:
        traffic.tcp_echo(*ENTRY, 20000, 1)
    check_formats(lab)
    check_unix(lab, unix)
    if shutil.which("prometheus"):
        check_prometheus(lab)
    assert lab.server.stop() == 0 and not unix.exists()
