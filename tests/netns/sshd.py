# SPDX-License-Identifier: BSD-3-Clause
"""A real SSH server with keys and configuration of its own, and a client for it."""

import os
import pwd
import shutil

from lab import eventually, run, skip


class Sshd:
    def __init__(self, lab, ns, address, port=22):
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if not program:
            skip("sshd is not installed")
        self.port = port
        self._dir = lab.directory / f"ssh-{port}"
        self._dir.mkdir()
        for key in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._dir / key))
        (self._dir / "sshd_config").write_text(f"""
            ListenAddress {address}
            Port {port}
            HostKey {self._dir}/host
            AuthorizedKeysFile {self._dir}/user.pub
            PidFile none
            StrictModes no
            UsePAM no
            PermitRootLogin yes
            PasswordAuthentication no
            Subsystem sftp internal-sftp
        """)
        os.makedirs("/run/sshd", exist_ok=True)  # its privilege separation wants to see it
        log = open(lab.directory / "sshd.log", "ab")
        process = lab.popen(ns, program, "-D", "-e", "-f", str(self._dir / "sshd_config"),
                            stderr=log)
        eventually("sshd listens", lambda: b"listening" in
                   (lab.directory / "sshd.log").read_bytes() or process.poll() is not None)
        assert process.poll() is None, (lab.directory / "sshd.log").read_text()

    def run(self, ns, address, command, port=None, stdin=""):
        """Runs a command over SSH as the current user and returns what it printed."""
        user = pwd.getpwuid(os.geteuid()).pw_name
        return ns.run("ssh", "-F", "none", "-i", str(self._dir / "user"),
                      "-p", str(port or self.port), "-o", "StrictHostKeyChecking=no",
                      "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                      "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", f"{user}@{address}",
                      command, input=stdin, timeout=60)
