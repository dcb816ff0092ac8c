# SPDX-License-Identifier: BSD-3-Clause
"""A tunnel's settings for UDP Hop's wire, whose two modes fit each other unless told otherwise."""

from lab import tunnel


def udphop(mode, **more):
    settings = tunnel(mode, protocol="udphop", **more)
    del settings["kcp"]
    if settings["encryption_algorithm"] in ("XOR", "none"):
        del settings["encryption_password"]
    return settings
