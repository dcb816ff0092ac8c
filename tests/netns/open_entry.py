#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An entry for applications without listen_on is open to hosts on the wire, and the start says so; with
listen_on it is not, and nothing is said."""

from lab import CLIENT4, DESTINATION, ENTRY, Lab
import traffic

WARNING = "hosts on the wire do, too"


def main():
    with Lab() as lab:
        host = lab.host("near", "198.18.0.11/24")
        lab.start()
        with lab.server.ns:
            services = traffic.serve_echo(*DESTINATION)
        assert f"{WARNING}, by {CLIENT4}:{ENTRY[1]}; an address in listen_on" in lab.client.log()
        assert WARNING not in lab.server.log(), "a server has no entries"
        with host:
            traffic.tcp_echo(CLIENT4, ENTRY[1], 1000)
        del services

    with Lab() as lab:
        host = lab.host("near", "198.18.0.11/24")
        lab.client.config["tunnels"][0]["listen_on"] = ENTRY[0]
        lab.start()
        assert WARNING not in lab.client.log()
        with host:
            try:
                traffic.connect(CLIENT4, ENTRY[1], timeout_s=5)
            except ConnectionRefusedError:
                return
        raise AssertionError("a host on the wire came in")


if __name__ == "__main__":
    main()
