#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Custom mappings: the client's configuration says where the server connects to, many targets in
one tunnel; names are resolved on the server, which says what may be reached.

    applications ── client ══ server ─┬─ 127.0.0.1, ::1, 198.18.0.2, fd00:18::2
      each on a port of its own       └─ a name server on 127.0.0.1, port 53
"""

import time

from lab import (CLIENT4, CLIENT6, DESTINATION, ENTRY, SERVER4, SERVER6, Lab, eventually,
                 tunnel)
import servers
import traffic

# Services in the server's namespace; each says its name first.
SERVICES = {
    "four": ("127.0.0.1", 7000), "six": ("::1", 7000), "other": ("127.0.0.1", 7001),
    "port4": (SERVER4, 7002), "port6": (SERVER6, 7003), "hidden": ("127.0.0.9", 7004),
    "both4": (SERVER4, 7005), "both6": (SERVER6, 7005),
    "files": ("127.0.0.1", 7006), "dns": (SERVER4, 7006),
}
ALLOWED = ["127.0.0.1:7000-7006", "[::1]:7000", f"{SERVER4}/31:*", f"[{SERVER6}]:1-65535",
           "127.0.0.1:9"]
NAMES = {"four.test": SERVER4, "six.test": SERVER6, "inside.test": "127.0.0.9",
         "mapped.test": "::ffff:127.0.0.9", "known.test": SERVER4}
RESOLV = "nameserver 127.0.0.1\n"
HOSTS = (f"127.0.0.1 localhost\n{SERVER4} written.test\n"
         f"{SERVER6} twice.test\n{SERVER4} twice.test\n127.0.0.1 known.test\n")


def serve(name, at):
    def tell(connection):
        connection.sendall(f"{name}\n".encode())
        traffic.echo(connection)

    return traffic.serve_tcp(*at, tell), traffic.serve_udp(
        *at, lambda data: f"{name}\n".encode() + data)


def tcp_name(at, size=100_000):
    """Who is at the other end; an echo goes with it."""
    with traffic.connect(*at, timeout_s=10) as s:
        name = b""
        while not name.endswith(b"\n"):
            piece = s.recv(1)
            assert piece, "the connection has ended"
            name += piece
        data = bytes(range(256)) * (size // 256)
        s.sendall(data)
        assert traffic.receive_exactly(s, len(data)) == data
        return name.decode().strip()


def udp_name(at, s=None):
    with s or traffic.udp_socket(*at, timeout_s=10) as flow:
        flow.send(b"hello")
        name, data = flow.recv(2000).split(b"\n")
        assert data == b"hello"
        return name.decode()


def refused(at):
    """The connection is closed without a byte; returns the seconds it took."""
    begin = time.monotonic()
    try:
        with traffic.connect(*at, timeout_s=30) as s:
            assert s.recv(1) == b"", "there is data from nowhere"
    except ConnectionResetError:
        pass
    return time.monotonic() - begin


def mapping(local, remote, protocol="both"):
    return {"local": local, "remote": remote, "protocol": protocol}


def configure(lab, **more):
    lab.client.config["tunnels"][0].update(listen_port="{}", custom_input=[
        mapping(":8000", "127.0.0.1:7000"),
        mapping(":8001", "[::1]:7000", "tcp"),
        mapping(":8001", "127.0.0.1:7001", "udp"),
        mapping("[::1]:8002", "four.test:7002"),
        mapping("127.0.0.1:8002", "six.test:7003"),
        mapping(f"{CLIENT4}:8003", "written.test:7002"),
        mapping(f"[{CLIENT6}]:8003", "localhost:7000", "tcp"),
        mapping(":8004", "double.test:7002"),
        mapping(":8005", "double.test:7003"),
        mapping(":8006", "crowd.test:7002"),
        mapping(":8007", "double.test:7005"),
        mapping(":8008", "twice.test:7005"),
        mapping(":8009", "known.test:7006"),
        mapping(":8010", "missing.test:7000"),
        mapping(":8011", "127.0.0.1:9", "tcp"),
        mapping(":8012", "127.0.0.9:7004"),
        mapping(":8013", "inside.test:7004"),
        mapping(":8014", "mapped.test:7004"),
        mapping(":8015", "silent.test:7000", "tcp"),
        mapping(":8016", "mail.test:7000", "tcp"),
    ], **more)
    server = lab.server.config["tunnels"][0]
    server.update(destination_port="{}", custom_allow=ALLOWED)
    del server["destination_address"]
    lab.server.etc = {"resolv.conf": RESOLV, "hosts": HOSTS}


def start_names(lab):
    """Answers to what is in NAMES; `double.test` has an address of each family, `mail.test` none of
    either, `crowd.test` so many that the answer takes TCP, of which one is allowed; nobody answers
    for `silent.test`."""
    records = [f"--address=/{name}/{ip}" for name, ip in NAMES.items()]
    records += [f"--host-record=double.test,{SERVER4},{SERVER6}",
                "--mx-host=mail.test,double.test,10", f"--host-record=crowd.test,{SERVER4}"]
    records += [f"--host-record=crowd.test,198.18.1.{i}" for i in range(1, 50)]
    servers.names(lab, lab.server.ns, "--server=/silent.test/198.18.0.77", *records)


def works(lab, first):
    """`first`: who is asked before the other, "files" or "dns"."""
    local4, local6 = "127.0.0.1", "::1"
    with lab.client.ns:
        for at, name in (((local4, 8000), "four"), ((local6, 8000), "four"),
                         ((local4, 8001), "six"), ((local6, 8002), "port4"),
                         ((local4, 8002), "port6"), ((CLIENT4, 8003), "port4"),
                         ((CLIENT6, 8003), "four"), ((local4, 8004), "port4"),
                         ((local4, 8005), "port6"), ((local4, 8006), "port4"),
                         # Unique local addresses come after IPv4's.
                         ((local4, 8007), "both4"), ((local4, 8008), "both4"),
                         ((local4, 8009), first)):
            found = tcp_name(at)
            assert found == name, f"tcp {at}: {found} instead of {name}"
        for at, name in (((local4, 8000), "four"), ((local6, 8001), "other"),
                         ((local6, 8002), "port4"), ((local4, 8002), "port6"),
                         ((CLIENT4, 8003), "port4"), ((local4, 8007), "both4"),
                         ((local4, 8008), "both4")):
            found = udp_name(at)
            assert found == name, f"udp {at}: {found} instead of {name}"
        # Flows of one source beside each other: each keeps its own target.
        flows = {at: traffic.udp_socket(*at) for at in ((local4, 8000), (local4, 8001),
                                                        (local4, 8002))}
        for _ in range(3):
            for (at, flow), name in zip(flows.items(), ("four", "other", "port6")):
                assert udp_name(at, flow.dup()) == name


def is_refused(lab, mux_tunnels):
    """Each in the words of its reason, in both logs; but mux has no words for the client."""
    before = lab.server.stats()
    for port, target, words in (
            (8010, "missing.test port 7000", "no such host name"),
            (8011, "127.0.0.1 port 9", "Connection refused"),
            (8012, "127.0.0.9 port 7004", "not allowed by the server"),
            (8013, "inside.test port 7004", "not allowed by the server"),
            (8014, "mapped.test port 7004", "not allowed by the server"),
            (8016, "mail.test port 7000", "no usable address"),
            (8015, "silent.test port 7000", "no answer to the host name")):
        with lab.client.ns:
            took_s = refused(("127.0.0.1", port))
        assert took_s < (10 if "silent" in target else 3), f"{target}: {took_s:.1f} s"
        lab.server.wait_log(f"cannot connect tcp to {target}: {words}")
        if not mux_tunnels:
            lab.client.wait_log(f"closed: .*: {words}: {target}")
    with lab.client.ns, traffic.udp_socket("127.0.0.1", 8012) as s:
        s.send(b"?")
        lab.server.wait_log("cannot connect udp to 127.0.0.9 port 7004: not allowed")
    after = lab.server.stats()
    for name, count in (("custom_denied", 4), ("names_failed", 3)):
        changed = after[f"payload_{name}"] - before[f"payload_{name}"]
        assert changed == count, f"{name}: {changed}"


def one_side_only():
    """A server with a destination of its own does not listen to its clients; one that has none
    refuses whoever names none."""
    with Lab() as lab:
        lab.client.config["tunnels"] = [
            tunnel("client", name="deaf", destination_port=3001, listen_port="{}",
                   custom_input=[mapping(":6001", "198.18.0.77:1")]),
            tunnel("client", name="mute")]
        lab.server.config["tunnels"] = [
            tunnel("server", name="deaf", listen_port=3001),
            tunnel("server", name="mute", destination_port="{}", destination_address="{}")]
        lab.start()
        lab.server.wait_log("tunnel mute: clients say where to, and there is no custom_allow: "
                            "whoever has the password can reach anything that this box can")
        assert "tunnel deaf: clients" not in lab.server.log()
        with lab.server.ns:
            services = serve("home", DESTINATION)
        with lab.client.ns:
            assert tcp_name(("127.0.0.1", 6001)) == udp_name(("127.0.0.1", 6001)) == "home"
            refused(ENTRY)
        lab.client.wait_log("mute: tcp channel .* refused: no target is named")
        del services


def main(mux_tunnels, cpus=None, lookups=("files", "dns")):
    """With `cpus` a worker on each, and as many payload threads."""
    with Lab(pmd="net_af_packet0" if cpus else None) as lab:
        if cpus:
            lab.use_workers(cpus, payload_threads=len(cpus))
        configure(lab, mux_tunnels=mux_tunnels)
        lab.server.etc["nsswitch.conf"] = f"hosts: {' '.join(lookups)}\n"
        start_names(lab)
        lab.start()
        with lab.server.ns:
            services = [serve(name, at) for name, at in SERVICES.items()]
        lab.server.wait_log("clients say where to, within 5 entries of custom_allow")
        works(lab, lookups[0])
        is_refused(lab, mux_tunnels)
        works(lab, lookups[0])
        for box in lab.boxes:
            eventually(f"{box.role} has no TCP channel left",
                       lambda: all(c["protocol"] != "tcp" for c in box.channels()), 20)
        # Who waits for a name does not keep the box from ending.
        asked = lab.server.counter("payload_names_asked")
        with lab.client.ns:
            lab.defer(traffic.connect("127.0.0.1", 8015).close)
        eventually("the name is asked for",
                   lambda: lab.server.counter("payload_names_asked") > asked)
        del services


if __name__ == "__main__":
    main(mux_tunnels=0)
    main(mux_tunnels=1, lookups=("dns", "files"))
    one_side_only()
