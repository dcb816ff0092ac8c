#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An original kcptube with forward error correction at the other end of a wire that loses 3 % of all
frames: 20 MB of TCP each way with hash check, and an echo of UDP datagrams. The box makes good with
the original's parity what was lost, once it has tested it.

The original reads what it has recovered only when the next datagram comes: keep_alive sends one.

    fec.py client|server DATA:PARITY      which end the original is
    environment: KCPTUBE_FEC=path of an original binary of v0.7.2, the last whose parity is right;
                 skipped without
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from lab import DESTINATION, ENTRY  # noqa: E402
import traffic  # noqa: E402
from kcptube import MEGABYTE, lab_with_original, start_original  # noqa: E402

ALGORITHM = "AES-GCM"
MEGABYTES = 20


def main(role, fec):
    with lab_with_original(role, "KCPTUBE_FEC", ALGORITHM, keep_alive=1,
                           fec=fec) as (lab, theirs, ours, binary):
        lab.lose(3)
        ours.start()
        process = start_original(lab, theirs, binary, ALGORITHM, fec=fec)
        with lab.server.ns:
            services = (traffic.serve_tcp(*DESTINATION, traffic.bulk),
                        traffic.serve_udp_echo(*DESTINATION))
        with lab.client.ns:
            for transfer in (traffic.tcp_download, traffic.tcp_upload):
                took_s = transfer(*ENTRY, MEGABYTES * MEGABYTE, timeout_s=90)
                print(f"{transfer.__name__} of {MEGABYTES} MB in {took_s:.1f} s")
            traffic.udp_echo(*ENTRY, timeout_s=20)
        recovered = 0  # in the channels that are still there: UDP's is
        for row in ours.channels():
            recovered += row["fec_recovered"]
            assert row["fec_peer_wrong"] == 0, f"the original's parity is wrong: {row}"
        assert process.poll() is None, "the original has ended"
        assert recovered > 0, "nothing was recovered"
        assert ours.drops("fec_malformed") == 0
        del services


if __name__ == "__main__":
    main(*sys.argv[1:])
