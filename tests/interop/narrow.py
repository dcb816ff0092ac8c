#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A path narrower than the ports, by a width drawn by chance, with an original at the client's end: 2 MB pass
both ways. Routers say what passes, for an original learns it from nobody else; it sends fragments.

    environment: KCPTUBE=path of an original binary; skipped without

    client, an original ── router ══ MTU 576 … 1499 ══ router ── server
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))
from kcptube import lab_with_original, start_original  # noqa: E402
from narrow import ENDS, narrow_lab, serve, transfer  # noqa: E402

seed = random.randrange(1 << 32)
print(f"seed {seed}")
random.seed(seed)
with lab_with_original("client", "KCPTUBE", "AES-GCM") as (lab, theirs, ours, binary):
    width = random.randint(576, 1499)
    print(f"{width} bytes")
    narrow_lab(lab, 4, width)
    ours.start()
    start_original(lab, theirs, binary, "AES-GCM", destination_address=ENDS[4][1])
    theirs.ns.ip("route", "add", "default", "via", "198.18.0.254")
    services = serve(lab)
    transfer(lab)
    for channel in ours.channels():
        assert channel["path_mtu"] <= width, channel
    del services
