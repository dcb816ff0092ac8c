#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/compare.py says what is missing before it measures, keeps what it has measured when a
measure fails, and writes no docs beside other programs."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import compare  # noqa: E402
import load  # noqa: E402

HERE = ("KCPTUBE", "UDPHOP_1_1_7", "KCPGATE", "KG_IMPAIR")
NOWHERE = "/nowhere/at/all"


def refused_without(missing):
    environment = os.environ | {name: sys.executable for name in HERE} | {missing: NOWHERE}
    done = subprocess.run([sys.executable, SCRIPTS / "compare.py"], env=environment, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and NOWHERE in done.stderr, (missing, done)
    assert "Traceback" not in done.stderr, done.stderr


def without_originals():
    environment = {name: value for name, value in os.environ.items() if name not in HERE}
    done = subprocess.run([sys.executable, SCRIPTS / "compare.py"], env=environment, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    *left_out, last = done.stderr.splitlines()
    assert last == "no measure is left" and len(left_out) == len(compare.MEASURES), done.stderr
    assert left_out[-1] == ("datagrams_of_udphop: left out, no original to compare with "
                            "(environment variable UDPHOP_1_1_7)"), left_out


def two_rounds(fails_in_round):
    """Two measures of made-up figures, the second of which fails in a round."""
    calls = []

    def goodput(*_):
        return {"tcp_gbit_per_s": 2.0}

    def idle(*_):
        calls.append(1)
        if len(calls) == 2 * fails_in_round:
            raise RuntimeError("a measure fails")
        return {"cores_for_1000_idle_connections": 0.5}

    compare.measure = lambda what, start: what()
    compare.MEASURES = (goodput, idle)
    compare.check_programs = lambda measures: None
    compare.with_originals = list
    compare.load_before = lambda for_docs: 0.25
    sys.argv = ["compare.py", "--rounds", "2"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        try:
            compare.main()
        except RuntimeError:
            return printed.getvalue()
    raise AssertionError("a failure is forgotten")


def load_of(loads, for_docs):
    """What is taken for the load before, and how often it was looked at; None: it refused."""
    looks = []

    def look():
        looks.append(1)
        return loads[min(len(looks), len(loads)) - 1]

    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            found = load.load_before(for_docs, look, sleep=lambda _: None)
        except SystemExit as refusal:
            assert "nothing is written" in str(refusal), refusal
            found = None
    assert "load average before" in said.getvalue()
    return found, len(looks)


def a_load_keeps_docs_as_they_are():
    assert load_of([7.5], for_docs=False) == (7.5, 1)
    assert load_of([0.9], for_docs=True) == (0.9, 1)
    assert load_of([3, 2, 1], for_docs=True) == (1, 3)
    found, looks = load_of([1.1], for_docs=True)
    assert found is None and looks > 10


def main():
    a_load_keeps_docs_as_they_are()
    for missing in HERE:
        refused_without(missing)
    without_originals()
    assert "one TCP stream, Gbit/s | 2 |" in two_rounds(1)
    text = two_rounds(2)
    assert "1,000 idle connections, cores | 0.5 |" in text and "of 2 rounds" in text, text
    assert "load average 0.2 before" in text, text


if __name__ == "__main__":
    main()
