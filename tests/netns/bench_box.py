#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark's sender and sink around two boxes: at a low rate all that is sent arrives, once and in
order, one way and round trip, over IPv4 and IPv6; a search finds a rate without loss.

    sender ── client ── wire ── server ── sink
"""

from lab import Lab
from tester import Tester

RATE, SECONDS, FLOWS = 500, 2, 20


def check_trial(row):
    """What came through a quiet tunnel."""
    assert row["kind"] == "trial" and row["flows"] == FLOWS, row
    assert row["sent"] == row["received"] and row["lost"] == row["duplicates"] == 0, row
    assert row["reordered"] == 0, row
    # A busy machine may keep the sender itself from sending some.
    assert row["sent"] + row["given_up"] + row["tx_full"] == RATE * SECONDS, row
    assert row["sent"] > RATE * SECONDS / 4, row
    times = [row[f"{name}_us"] for name in ("min", "p50", "p90", "p99", "p99.9", "max")]
    assert 0 < times[0] and times == sorted(times), times


def check_search(rows):
    pdr, ndr = rows[-2:]
    assert (pdr["kind"], pdr["tolerance_percent"]) == ("PDR", 5), pdr
    assert (ndr["kind"], ndr["tolerance_percent"]) == ("NDR", 0), ndr
    assert 0 < ndr["pps"] <= pdr["pps"] <= 3000 and ndr["loss_percent"] == 0, rows[-2:]
    loads = [row["load_percent"] for row in rows if row["kind"] == "trial" and row["load_percent"]]
    assert loads == [10, 50, 90], loads


for version in (4, 6):
    with Lab() as lab:
        tester = Tester(lab, version)
        lab.start()
        common = "--flows", str(FLOWS), "--seconds", str(SECONDS)
        one_way, = tester.run("--pps", str(RATE), "--imix", *common)
        check_trial(one_way)
        round_trip, = tester.run("--pps", str(RATE), "--echo", "--size", "1200", *common)
        check_trial(round_trip)
        assert (one_way["latency"], round_trip["latency"]) == ("one way", "round trip")
        assert len(lab.client.channels()) == FLOWS
        if version == 4:
            check_search(tester.run("--max-pps", "3000", "--precision", "30", "--trials", "3",
                                    "--loss-tolerance", "5", "--seconds", "1"))
