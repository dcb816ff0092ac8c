#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that #include lines point downward only: app -> drivers -> lib.

lib/ may include lib/ and the C library, but nothing of it that reaches the outside world (files
of a configuration and the library of their JSON excepted, in lib/config and lib/import), and its components stand above one
another: each names those it may know. drivers/ may include lib/, drivers/
and any library. app/ and tests/ may include everything. Inside lib/ and drivers/ a quoted include
is a full path from the layer's root ("kcp/kcp.h"), so that a reader sees where it leads.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# C11, and of POSIX only what computes: no sockets, threads, clocks or files.
PURE = {
    "assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h", "stdalign.h",
    "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
    "stdnoreturn.h", "string.h", "strings.h",
    "arpa/inet.h",   # inet_pton, inet_ntop
    "endian.h",
    "immintrin.h",   # SSE2, AVX2
    "net/if.h",      # IFNAMSIZ
    "sys/queue.h",
}
EXTRA = {"config": {"jansson.h",
                    "malloc.h",    # malloc_usable_size, to wipe what the parser frees
                    "sys/stat.h"},  # who may read the file
         "import": {"jansson.h"}}

# FEC codes datagrams without knowing whose they are; only the session brings it and KCP together.
KNOWS = {
    "aead": {"base"},
    "base": set(),
    "config": {"aead", "base", "fec", "kcp", "net", "rate", "wire"},
    "fec": {"base", "wire"},
    "import": {"base", "config", "fec", "net"},
    "kcp": {"base", "rate"},
    "mux": {"base", "session"},
    "net": {"base"},
    "relay": {"base", "session"},
    "rate": {"base"},
    "rival": {"base", "kcp", "net", "rate", "sim"},
    "session": {"base", "fec", "kcp", "net", "rate", "wire"},
    "sim": {"base", "fec", "kcp", "net", "session"},
    "telemetry": {"base", "net"},
    "trial": {"base", "kcp", "net", "session", "wire"},
    "wire": {"aead", "base"},
}


def problems_of_lib(component, kind, target):
    if kind == "<":
        if target not in PURE | EXTRA.get(component, set()):
            yield f"lib/{component} may not include <{target}>"
    elif not (ROOT / "lib" / target).is_file():
        yield f'"{target}" is not in lib/'
    elif Path(target).parts[0] not in KNOWS[component] | {component}:
        yield f'lib/{component} may not know "{target}"'


def problems_of_drivers(_component, kind, target):
    if kind == '"' and not any((ROOT / layer / target).is_file() for layer in ("lib", "drivers")):
        yield f'"{target}" is neither in lib/ nor in drivers/'


def check(layer, problems_of):
    count = 0
    for path in sorted((ROOT / layer).rglob("*.[ch]")):
        component = path.relative_to(ROOT / layer).parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            for problem in problems_of(component, *match.groups()):
                print(f"{path.relative_to(ROOT)}:{number}: {problem}")
                count += 1
    return count


def main():
    count = check("lib", problems_of_lib) + check("drivers", problems_of_drivers)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
