# SPDX-License-Identifier: BSD-3-Clause
"""The table of a conversation on a path with delay and loss. Virtual time and fixed seeds: a
checkout gives the same figures on every machine, so one run is enough."""

import bench

PRESETS = ("regular3", "fast3")
# what it is called, and options of kcpgate-bench --test talk beyond 40 ms +-1 ms
PATHS = (
    ("1 Gbit/s, queue of 20 ms", {}),
    ("100 Mbit/s, queue of 10 ms", {"rate": 100, "queue": 10, "seconds": 10}),
)

HEAD = ("path of 40 ms ± 1 ms", "preset", "loss", "goodput, Mbit/s", "wire / payload",
        "copies needless", "lost in the queue", "every 10 ms, one way: p50, p99", "ping-pong: p50, p99")


def row(name, preset, found):
    def latency(values):
        return f"{values[0]:.1f}, {values[2]:.1f} ms"

    return (name, preset, f"{found['loss_percent']:g} %", f"{found['goodput_mbit']:.0f}",
            f"{found['wire_per_payload']:.2f}", f"{found['needless_percent']:.1f} %",
            f"{found['overflowed_percent']:.1f} %", latency(found["steady_ms"]),
            latency(found["ping_pong_ms"]))


def results(binary):
    """Head and rows."""
    return HEAD, [row(name, preset, found) for name, options in PATHS for preset in PRESETS
                  for found in bench.run(binary, "talk", kcp=preset, **options)]
