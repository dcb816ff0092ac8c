#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""HTTP/1.1 with keep-alive, a TLS session and ssh through every cipher.

    http, tls, ssh ── wire ── server        a tunnel per cipher and service
"""

import hashlib
import http.client
import http.server
import os
import socketserver
import ssl
import threading

from lab import ENTRY, DESTINATION, TUNNEL_PORT, Lab, run, tunnel
from sshd import Sshd
import traffic

CIPHERS = ("AES-GCM", "AES-OCB", "chacha20", "xchacha20", "XOR", "none")
UNKEYED = ("XOR", "none")
SERVICES = ("http", "tls", "ssh")
SIZE = 300_000
TLS_PIECE = 30_000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with a digest of the body it got, and as many bytes."""
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("X-Digest", hashlib.sha256(body).hexdigest())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class HttpServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def place(cipher, service):
    """The number of a tunnel, added to its ports at both ends."""
    return CIPHERS.index(cipher) * len(SERVICES) + SERVICES.index(service)


def tunnels(mode):
    for cipher in CIPHERS:
        for service in SERVICES:
            n = place(cipher, service)
            ports = {"client": {"listen_port": ENTRY[1] + n, "destination_port": TUNNEL_PORT + n},
                     "server": {"listen_port": TUNNEL_PORT + n,
                                "destination_port": DESTINATION[1] + SERVICES.index(service)}}
            settings = tunnel(mode, name=f"{cipher}-{service}", encryption_algorithm=cipher,
                              **ports[mode])
            if cipher in UNKEYED:
                del settings["encryption_password"]
            yield settings


def serve_tls(lab, port):
    key, certificate = lab.directory / "tls.key", lab.directory / "tls.crt"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=kcpgate.test", "-addext",
        "subjectAltName=DNS:kcpgate.test", "-keyout", str(key), "-out", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def handle(connection):
        with context.wrap_socket(connection, server_side=True) as inside:
            traffic.echo(inside)

    return traffic.serve_tcp(DESTINATION[0], port, handle), certificate


def check_http(entry):
    """Several requests and answers, all on one connection."""
    connection = http.client.HTTPConnection(*entry, timeout=30)
    connection.connect()
    sock = connection.sock
    for size in (0, 1, SIZE, 7):
        body = os.urandom(size)
        connection.request("POST", "/", body)
        answer = connection.getresponse()
        assert answer.headers["X-Digest"] == hashlib.sha256(body).hexdigest()
        assert answer.read() == body
        assert connection.sock is sock, "the connection was not kept"
    connection.close()


def check_tls(entry, certificate):
    context = ssl.create_default_context(cafile=certificate)
    data = os.urandom(SIZE)
    with traffic.connect(*entry) as raw:
        with context.wrap_socket(raw, server_hostname="kcpgate.test") as inside:
            # In turn: Python's TLS does not take two threads on one connection.
            for at in range(0, SIZE, TLS_PIECE):
                piece = data[at:at + TLS_PIECE]
                inside.sendall(piece)
                assert traffic.receive_exactly(inside, len(piece)) == piece


with Lab() as lab:
    for box in lab.boxes:
        box.config["tunnels"] = list(tunnels(box.role))
    lab.start()
    with lab.server.ns:
        web = HttpServer(DESTINATION, Handler)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        tls, certificate = serve_tls(lab, DESTINATION[1] + 1)
    sshd = Sshd(lab, lab.server.ns, DESTINATION[0], DESTINATION[1] + 2)

    for cipher in CIPHERS:
        entries = {name: (ENTRY[0], ENTRY[1] + place(cipher, name)) for name in SERVICES}
        with lab.client.ns:
            check_http(entries["http"])
            check_tls(entries["tls"], certificate)
        text = os.urandom(SIZE).hex()
        assert sshd.run(lab.client.ns, entries["ssh"][0], "cat", entries["ssh"][1], text) == text
        for box in lab.boxes:
            keyed = cipher not in UNKEYED
            box.wait_log(f"tunnel {cipher}-ssh: {box.role}, {cipher}, kcp_mtu \\d+[.] "
                         + ("KCPTube's wire hides and checks" if keyed else ".*into the tunnel"))
    web.shutdown()
    for box in lab.boxes:
        assert not box.all_drops(), f"{box.role} dropped {box.all_drops()}"
