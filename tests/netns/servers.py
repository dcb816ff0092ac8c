# SPDX-License-Identifier: BSD-3-Clause
"""Real servers beside the boxes, which end with the lab: coturn for STUN, dnsmasq for names."""


def stun(lab, ns, *addresses):
    """On port 3478 of the addresses."""
    return lab.popen(ns, "turnserver", "-n", "--stun-only", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp",
                     "--min-port=49152", "--max-port=49160", *(f"--listening-ip={ip}" for ip in addresses),
                     f"--pidfile={lab.directory}/turn.pid", "--log-file=/dev/null", "--no-stdout-log",
                     f"--db={lab.directory}/turn.db")


def names(lab, ns, *options):
    """For .test, on 127.0.0.1, port 53; `options` are the records."""
    return lab.popen(ns, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                     "--pid-file=", "--user=root", "--bind-interfaces", "--listen-address=127.0.0.1",
                     "--local=/test/", *options)
