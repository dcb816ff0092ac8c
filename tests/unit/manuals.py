#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Manual pages have every option and every setting, and groff finds nothing wrong with them.

    manuals.py SCHEMA.json PAGE...
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path


def items(page):
    """What stands in bold after .TP."""
    lines = page.read_text().splitlines()
    return {after[3:].replace("\\-", "-") for before, after in zip(lines, lines[1:])
            if before == ".TP" and after.startswith(".B ")}


def keys(schema):
    """Of all objects, however deep."""
    if isinstance(schema, list):
        return set().union(*map(keys, schema))
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties", {})
    return set(own) | keys(list(schema.values()))


def check_roff(page):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-K", "utf8", "-ww", "-z", page],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", f"{page}:\n{done.stderr}"


def main(schema, *pages):
    pages = {Path(page).name: Path(page) for page in pages}
    missing = keys(json.loads(Path(schema).read_text())) - items(pages["kcpgate-json.5"])
    assert not missing, f"kcpgate-json(5) has no {sorted(missing)}"
    assert {"--check-config", "--version"} <= items(pages["kcpgate.8"])
    assert {"--test", "--json"} <= items(pages["kcpgate-bench.1"])
    assert {"--hugepages LIST", "--undo"} <= items(pages["kcpgate-setup.8"])
    assert {"--json", "reload", "hop TUNNEL"} <= items(pages["kcpgate-ctl.8"])
    for page in pages.values():
        assert "@" not in page.read_text(), f"{page}: something was not filled in"
        if shutil.which("groff"):
            check_roff(page)


if __name__ == "__main__":
    main(*sys.argv[1:])
