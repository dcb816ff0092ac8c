# SPDX-License-Identifier: BSD-3-Clause
"""The load average before a measurement: what other programs take is not the measured one's."""

import os
import sys
import time

LOAD_MAX = 1.0
PATIENCE_S = 300  # a build just before lingers in the average
LOOK_S = 5


def load_before(for_docs, load=lambda: os.getloadavg()[0], sleep=time.sleep):
    """Prints it and returns it. Figures for docs wait for a quiet machine; ends where it does not come."""
    now, waited_s = load(), 0
    while for_docs and now > LOAD_MAX and waited_s < PATIENCE_S:
        sleep(LOOK_S)
        now, waited_s = load(), waited_s + LOOK_S
    print(f"load average before: {now:.1f}", file=sys.stderr)
    if for_docs and now > LOAD_MAX:
        sys.exit(f"a load average of {now:.1f} is above {LOAD_MAX:g}: nothing is written into docs; "
                 "end what else runs, or measure without writing")
    return now
