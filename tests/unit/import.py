#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kcpgate --import as a user calls it: JSON on standard output, remarks on standard error, status 1 when
something is wrong. What docs/from-kcptube.md shows is what comes out, and boxes in it are right."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/from-kcptube.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"`([\w-]+\.conf)`[^`\n]*:\n\n```ini\n(.*?)```.*?```json\n(.*?)```", PAGE, re.S)
BOXES = re.findall(r'```json\n(\{\s*"ports".*?)```', PAGE, re.S)
REMARKS = re.findall(r"^    (\S+\.conf:.*)$", PAGE, re.M)
BLANKS = re.findall(r"^    box\.json: (ports.*)$", PAGE, re.M)
PORT = {"device": "net_null0", "addresses": ["192.0.2.77/24", "fd00:77::1/64"]}


class Tool:
    """kcpgate in a directory of its own."""

    def __init__(self, binary, directory):
        self.binary, self.directory = Path(binary).resolve(), Path(directory)

    def call(self, *arguments, stdout=subprocess.PIPE):
        done = subprocess.run([self.binary, *arguments], cwd=self.directory, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def write(self, name, text):
        path = self.directory / name
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")

    def check(self, document):
        self.write("box.json", document if isinstance(document, str) else json.dumps(document))
        return self.call("--check-config", "box.json")


def what_the_page_shows(tool):
    said = []
    assert len(SAMPLES) == 8 and BOXES and REMARKS and len(BLANKS) == 3
    for name, text, tunnel in SAMPLES:
        tool.write(name, text)
        status, out, errors = tool.call("--import", name)
        assert status == 0, f"{name}: status {status}\n{errors}"
        assert json.loads(out)["tunnels"] == [json.loads(tunnel)], f"{name}: not as shown:\n{out}"
        said += errors.splitlines()
        round_trip(tool, out)
    assert said == REMARKS, f"not what is said: {said}"
    for box in BOXES:
        status, _, errors = tool.check(box)
        assert status == 0 and not errors, errors


def round_trip(tool, imported):
    """Refused for what is to be filled in, and for nothing else."""
    status, _, errors = tool.check(imported)
    assert status == 2 and errors.splitlines() == [f"box.json: {blank}" for blank in BLANKS], errors
    status, _, errors = tool.check({**json.loads(imported), "ports": [PORT]})
    assert status == 0, errors


def several_files(tool):
    names = [name for name, _, _ in SAMPLES]
    status, out, errors = tool.call("--import", *names[:2], names[-1])
    tunnels = json.loads(out)["tunnels"]
    assert status == 0 and [t["name"] for t in tunnels] == ["client", "server", "mappings"], errors
    round_trip(tool, out)


def what_is_wrong(tool):
    tool.write("bad.conf", "mode=client\nkcp=fast7\n")
    for files in (["bad.conf"], [SAMPLES[0][0], "bad.conf"], ["absent.conf"], ["."]):
        status, out, errors = tool.call("--import", *files)
        assert status == 1 and not out, f"{files}: status {status}\n{out}"
        assert files[-1] in errors, errors
    status, out, errors = tool.call("--import")
    assert status == 2 and not out and "no configuration file" in errors
    with open("/dev/full", "w", encoding="utf-8") as full:
        status, _, errors = tool.call("--import", SAMPLES[0][0], stdout=full)
    assert status == 1 and "standard output: No space" in errors, errors


def main(binary):
    with tempfile.TemporaryDirectory() as directory:
        tool = Tool(binary, directory)
        what_the_page_shows(tool)
        several_files(tool)
        what_is_wrong(tool)


if __name__ == "__main__":
    main(sys.argv[1])
