#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""HTTP through the tunnel: nginx, curl, a file of 20 MB by several requests of one connection and by
several connections at once, and an upload.

    curl ── wire ── server ── nginx on 127.0.0.1:7000
"""

import hashlib
import os
import shutil

from lab import DESTINATION, ENTRY, Lab, eventually, skip
import traffic

if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
    skip("nginx is not installed")

URL = f"http://{ENTRY[0]}:{ENTRY[1]}"

with Lab() as lab:
    lab.start()
    root = lab.directory
    os.chmod(root, 0o755)
    blob = os.urandom(20_000_000)
    (root / "file").write_bytes(blob)
    (root / "nginx.conf").write_text(f"""
        daemon off;
        user root;
        worker_processes 1;
        pid {root}/nginx.pid;
        error_log {root}/nginx.log;
        events {{ }}
        http {{
            access_log off;
            client_body_temp_path {root}/body;
            proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
            uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
            server {{
                listen {DESTINATION[0]}:{DESTINATION[1]};
                root {root};
                client_max_body_size 0;
                location /drop {{ client_body_in_file_only clean; return 204; }}
            }}
        }}""")
    server = lab.popen(lab.server.ns, "nginx", "-e", f"{root}/nginx.log", "-c", f"{root}/nginx.conf")

    def answers():
        assert server.poll() is None, (root / "nginx.log").read_text()
        try:
            with lab.server.ns:
                traffic.connect(*DESTINATION).close()
            return True
        except OSError:
            return False

    eventually("nginx listens", answers)
    wanted = hashlib.sha256(blob).hexdigest()
    for parallel in ([], ["--parallel", "--parallel-immediate"]):
        outputs = [root / f"out{i}" for i in range(4)]
        lab.client.ns.run("curl", "-sS", "--fail", "--max-time", "60", *parallel,
                          *(word for out in outputs for word in ("-o", str(out), f"{URL}/file")))
        for out in outputs:
            assert hashlib.sha256(out.read_bytes()).hexdigest() == wanted
            out.unlink()
    status = lab.client.ns.run("curl", "-sS", "--max-time", "60", "-o", "/dev/null", "-w",
                               "%{http_code} %{size_upload}", "--data-binary", f"@{root}/file",
                               f"{URL}/drop")
    assert status == f"204 {len(blob)}", status
