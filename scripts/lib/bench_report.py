#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures, and writes the results into docs/: bench_report.py KCPGATE-BENCH [--quick | --paths]

Each round measures everything once; a ratio is taken within its round, and the median of the
rounds is shown. --quick: one short round, printed only. --paths: senders on paths alone."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import bench
import bench_path
import bench_talk
import svg
from load import load_before

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
ROUNDS = 5

STREAM, DATAGRAM = 1400, 64  # payload bytes
HEADLINE_WINDOW = 256
TUNNEL_WINDOWS = (128, 256, 512, 1024, 2048)
KCP_WINDOWS = (128, 2048, 32768)
KCP_LOSSES = (0, 1)
KCP_SIZES = (1376, 16)  # a full segment; hardly any payload, so that only the engine counts
IDLE_CHANNELS = 100_000
SIDES = ("client", "server")
# What a tunnel may be configured to, each compared with the first.
FORMATS = {
    "AES-GCM": {},
    **{name: {"algorithm": name} for name in ("AES-OCB", "chacha20", "xchacha20", "XOR", "none")},
    "AES-GCM, fec 10:3": {"fec": "10:3"},
    "AES-GCM, fec 20:4": {"fec": "20:4"},
    "AES-GCM, 8 connections": {"channels": 8},
    "AES-GCM, 8 connections, mux_tunnels 1": {"channels": 8, "mux": 1},
    "AES-GCM, 8 connections, mux_tunnels 4": {"channels": 8, "mux": 4},
}

# The original's best in two namespaces of one machine of this class; docs/performance.md says how.
ORIGINAL_GBIT, ORIGINAL_DATAGRAMS_PER_S = 0.54, 57_000


# ---- measuring ----

def measure_round(binary, quick):
    """One value per figure. AEAD and tunnel alternate, so that both see the same disturbances."""
    found = {}
    for window in (HEADLINE_WINDOW,) if quick else TUNNEL_WINDOWS:
        found["aead", STREAM, window] = bench.aead(binary, STREAM)
        found["tunnel", STREAM, window] = bench.tunnel(binary, STREAM, window)
    found["aead", DATAGRAM] = bench.aead(binary, DATAGRAM)
    found["tunnel", DATAGRAM] = bench.tunnel(binary, DATAGRAM, HEADLINE_WINDOW, datagrams=True)
    for workers in (1, 2):
        found["pairs", workers] = bench.pairs(binary, STREAM, workers)
    found.update(bench.many(binary, IDLE_CHANNELS))
    for size in KCP_SIZES:
        for row in bench.run(binary, "kcp", size=size, segments=200_000 if quick else 1_000_000):
            found["kcp", size, row["window"], row["loss_percent"]] = row
    measure_formats(binary, found)
    return found


def measure_formats(binary, found):
    """Every cipher at both sizes, FEC with every code, the tunnel with each."""
    for row in bench.run(binary, "aead", seconds=1):
        found["cipher", row["algorithm"], row["size"]] = row
    for row in bench.run(binary, "fec", seconds=1):
        found["fec", row["code"]] = row
    for name, options in FORMATS.items():
        found["format", name] = bench.tunnel(binary, STREAM, HEADLINE_WINDOW, **options)


def cost(size, window, loss):
    """Of the engine: cycles per segment relative to window 128 without loss, same payload."""
    return lambda found: found["kcp", size, window, loss]["to_first"]


def scaling(found):
    """What two pairs of workers on two cores carry, against one pair on one."""
    return (found["pairs", 2]["pairs_messages_per_s"] /
            found["pairs", 1]["pairs_messages_per_s"])


def dearer(test, field, which=max):
    """The worse of both sides."""
    return lambda found: which(found[test, side][field] for side in SIDES)


def growth(size, loss):
    """Of the engine's cost: largest window against the smallest, same payload and loss."""
    return lambda found: found["kcp", size, KCP_WINDOWS[-1], loss]["growth"]


def share(window):
    """Of the AEAD's own rate that is left for goodput; the slower direction of either."""
    def of(found):
        alone = found["aead", STREAM, window]
        return (found["tunnel", STREAM, window]["gbit"] /
                min(alone["seal_gbit"], alone["open_gbit"]))
    return of


class Rounds:
    """What was measured, a value per figure and round."""

    def __init__(self):
        self.rounds = []

    def values(self, function):
        return [function(found) for found in self.rounds]

    def median(self, function):
        return median(self.values(function))

    def of(self, key, field):
        return self.median(lambda found: found[key][field])

    def tsc_mhz(self):
        row = self.rounds[0]["aead", DATAGRAM]
        return row["seal_gbit"] * 1e3 * row["seal_cycles"] / (DATAGRAM * 8)


# ---- tables ----

def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def spread(values, form):
    """Median, and least to greatest of the rounds."""
    return form(median(values)), f"{form(min(values))} to {form(max(values))}"


def aims(rounds):
    goodput = rounds.values(lambda found: found["tunnel", STREAM, HEADLINE_WINDOW]["gbit"])
    datagrams = rounds.values(lambda found: found["tunnel", DATAGRAM]["messages_per_s"])
    rows = [
        ("stream of 1,400 bytes, AES-GCM, window 256, a core per side: Gbit/s",
         *spread(goodput, "{:.1f}".format), "≥ 10"),
        ("share of the AEAD's rate alone",
         *spread(rounds.values(share(HEADLINE_WINDOW)), "{:.2f}".format), "≥ 0.35"),
        ("against the original's 0.54 Gbit/s, end to end",
         *spread([value / ORIGINAL_GBIT for value in goodput], "{:.0f} ×".format), "≥ 20 ×"),
        ("datagrams of 64 bytes, AES-GCM, a core per side: million/s",
         *spread([value / 1e6 for value in datagrams], "{:.1f}".format), "≥ 3"),
        ("against the original's 57,000/s, end to end",
         *spread([value / ORIGINAL_DATAGRAMS_PER_S for value in datagrams], "{:.0f} ×".format), ""),
    ]
    for loss, aim in zip(KCP_LOSSES, ("≤ 1.3 ×", "≤ 1.5 ×")):
        for size, what in zip(KCP_SIZES, ("full segments", "16-byte segments")):
            rows.append((f"engine, window 32,768 against 128, {loss} % loss, {what}",
                         *spread(rounds.values(growth(size, loss)), "{:.2f} ×".format), aim))
    rows.append(("two workers per box on two cores against one on one, eight streams",
                 *spread(rounds.values(scaling), "{:.2f} ×".format), "≥ 1.7 ×"))
    rows += [
        (f"{IDLE_CHANNELS:,} idle channels: % of a core",
         *spread(rounds.values(dearer("idle", "percent")), "{:.2f}".format), "≤ 2"),
        ("the same: bytes of state each, without buffers",
         *spread(rounds.values(dearer("idle", "bytes")), "{:,.0f}".format), "≤ 1,024"),
        ("channels that come, say a word and go: thousand/s per core",
         *spread(rounds.values(lambda found: dearer("handshake", "handshakes_per_s", min)(found) /
                               1e3), "{:.0f}".format), "≥ 20"),
    ]
    return table(("figure", "median", "least to greatest round", "aim"), rows)


def tunnel_table(rounds, windows):
    rows = []
    for window in windows:
        key = ("tunnel", STREAM, window)
        rows.append((f"stream, 1,400 bytes, window {window:,}",
                     f"{rounds.of(('aead', STREAM, window), 'seal_cycles'):.0f}",
                     f"{rounds.of(key, 'client_cycles'):.0f}",
                     f"{rounds.of(key, 'server_cycles'):.0f}", f"{rounds.of(key, 'gbit'):.1f}",
                     f"{rounds.of(key, 'messages_per_s') / 1e6:.2f}",
                     f"{rounds.median(share(window)):.2f}"))
    key = ("tunnel", DATAGRAM)
    rows.append((f"datagrams, 64 bytes, window {HEADLINE_WINDOW:,}",
                 f"{rounds.of(('aead', DATAGRAM), 'seal_cycles'):.0f}",
                 f"{rounds.of(key, 'client_cycles'):.0f}",
                 f"{rounds.of(key, 'server_cycles'):.0f}", f"{rounds.of(key, 'gbit'):.1f}",
                 f"{rounds.of(key, 'messages_per_s') / 1e6:.2f}", ""))
    return table(("payload", "AEAD alone, cycles", "client, cycles", "server, cycles", "Gbit/s",
                  "million/s", "share of AEAD"), rows)


def kcp_table(rounds):
    rows = []
    for size in KCP_SIZES:
        for loss in KCP_LOSSES:
            cycles = rounds.of(("kcp", size, KCP_WINDOWS[0], loss), "cycles")
            rows.append((f"{size:,} bytes, {loss} % loss", f"{cycles:.0f}",
                         *(f"{rounds.median(cost(size, window, loss)):.2f}"
                           for window in KCP_WINDOWS)))
    return table(("segment", "cycles at window 128",
                  *(f"window {window:,}" for window in KCP_WINDOWS)), rows)


def cipher_table(rounds):
    rows = []
    for _, name, size in (key for key in rounds.rounds[0] if key[0] == "cipher"):
        key = ("cipher", name, size)
        rows.append((name, f"{size:,}", f"{rounds.of(key, 'seal_cycles'):.0f}",
                     f"{rounds.of(key, 'open_cycles'):.0f}", f"{rounds.of(key, 'seal_gbit'):.1f}",
                     f"{rounds.of(key, 'open_gbit'):.1f}"))
    return table(("algorithm", "payload bytes", "seal, cycles", "open, cycles", "seal, Gbit/s",
                  "open, Gbit/s"), rows)


def fec_table(rounds):
    rows = []
    for key in (key for key in rounds.rounds[0] if key[0] == "fec"):
        rows.append((key[1], *(f"{rounds.of(key, part + '_cycles'):.0f}"
                               for part in ("encode", "decode", "recover")),
                     *(f"{rounds.of(key, part + '_GBps'):.1f}"
                       for part in ("encode", "decode", "recover"))))
    return table(("fec", "encode, cycles", "decode, cycles", "with loss, cycles", "encode, GB/s",
                  "decode, GB/s", "with loss, GB/s"), rows)


def against_first_format(name):
    """What of the goodput with the first of all formats is left."""
    return lambda found: (found["format", name]["gbit"] /
                          found["format", next(iter(FORMATS))]["gbit"])


def format_table(rounds):
    rows = [(name, *(f"{rounds.of(('format', name), side + '_cycles'):.0f}" for side in SIDES),
             f"{rounds.of(('format', name), 'gbit'):.1f}",
             f"{rounds.median(against_first_format(name)):.2f}") for name in FORMATS]
    return table(("stream, 1,400 bytes, window 256", "client, cycles", "server, cycles", "Gbit/s",
                  "of the first"), rows)


def many_table(rounds):
    rows = []
    for side in SIDES:
        idle, life = ("idle", side), ("handshake", side)
        rows.append((side, f"{rounds.of(idle, 'bytes'):,.0f}",
                     f"{rounds.of(idle, 'cycles_per_s'):.0f}",
                     f"{rounds.of(idle, 'percent'):.3f}", f"{rounds.of(idle, 'empty_percent'):.3f}",
                     f"{rounds.of(life, 'cycles'):,.0f}",
                     f"{rounds.of(life, 'handshakes_per_s') / 1e3:.0f}"))
    return table((f"{IDLE_CHANNELS:,} channels", "bytes each", "cycles per second each",
                  "% of a core", "an empty box, %", "a channel's life, cycles",
                  "lives, thousand/s per core"), rows)


# ---- the machine ----

def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def commit():
    """Of the sources: what this script and others like it write into docs/ does not count."""
    changed = output_of("git", "-C", str(DOCS.parent), "status", "--porcelain", "-uno", "--", ".",
                        ":!docs")
    name = output_of("git", "-C", str(DOCS), "describe", "--always")
    return f"{name}-dirty" if changed else name


def first_match(path, pattern):
    match = re.search(pattern, Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    return match.group(1) if match else "unknown"


def machine_table(rounds, before, after):
    cpu = first_match("/proc/cpuinfo", r"^model name\s*: (.*)")
    numbers = "family {} model {}".format(first_match("/proc/cpuinfo", r"^cpu family\s*: (.*)"),
                                          first_match("/proc/cpuinfo", r"^model\s*: (.*)"))
    hypervisor = " (virtual)" if " hypervisor" in Path("/proc/cpuinfo").read_text() else ""
    rows = (
        ("processor", f"{cpu}, {numbers}{hypervisor}"),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("cycle counter", f"{rounds.tsc_mhz():.0f} MHz"),
        ("memory pages", "2 MiB" if rounds.rounds[0]["aead", DATAGRAM]["huge_pages"] else "4 KiB"),
        ("kernel", os.uname().release),
        ("compiler", output_of("cc", "--version").splitlines()[0]),
        ("DPDK", output_of("pkg-config", "--modversion", "libdpdk")),
        ("ipsec-mb", first_match("/usr/include/intel-ipsec-mb.h", r'IMB_VERSION_STR "([^"]*)"')),
        ("kcpgate", commit()),
        ("date", time.strftime("%Y-%m-%d", time.gmtime())),
        ("load average, before and after", f"{before:.1f}, {after:.1f}"),
    )
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


# ---- docs/ ----

def fill_in(text, name, content, script):
    """Replaces what stands between the page's two markers of that name."""
    begin, end = f"<!-- {name}: written by {script} -->", f"<!-- end of {name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{content}\n{rest[rest.index(end):]}"


def write_docs(tables, script="scripts/bench.sh"):
    text = PAGE.read_text(encoding="utf-8")
    for name, content in tables.items():
        text = fill_in(text, name, content, script)
    PAGE.write_text(text, encoding="utf-8")


def write_plots(rounds):
    cycles = {f"tunnel, {side}": [rounds.of(("tunnel", STREAM, window), f"{side}_cycles")
                                  for window in TUNNEL_WINDOWS] for side in ("client", "server")}
    cycles["AEAD alone"] = [rounds.of(("aead", STREAM, window), "seal_cycles")
                            for window in TUNNEL_WINDOWS]
    (DOCS / "performance-tunnel.svg").write_text(svg.lines(
        "A message of 1,400 bytes, AES-GCM", "window, segments in flight", "cycles per message",
        TUNNEL_WINDOWS, cycles), encoding="utf-8")
    costs = {f"{size:,} bytes, {loss} % loss": [rounds.median(cost(size, window, loss))
                                                for window in KCP_WINDOWS]
            for size in KCP_SIZES for loss in KCP_LOSSES}
    (DOCS / "performance-kcp.svg").write_text(svg.lines(
        "The KCP engine, both ends", "window, segments in flight",
        "cost of a segment, window 128 = 1", KCP_WINDOWS, costs), encoding="utf-8")


def measure_paths(binary):
    """Virtual time: no load disturbs it."""
    paths, picture = bench_path.results(binary)
    tables = {name: table(*found) for name, found in paths.items()}
    print("\n\n".join(tables.values()))
    write_docs(tables)
    (DOCS / "performance-path.svg").write_text(picture, encoding="utf-8")


def main(binary, quick):
    rounds, load = Rounds(), load_before(for_docs=not quick)
    paths, picture = bench_path.results(binary)
    for number in range(1, 2 if quick else ROUNDS + 1):
        print(f"round {number}", file=sys.stderr)
        rounds.rounds.append(measure_round(binary, quick))
    windows = (HEADLINE_WINDOW,) if quick else TUNNEL_WINDOWS
    tables = {"aims": aims(rounds), "tunnel": tunnel_table(rounds, windows),
              "engine": kcp_table(rounds), "many": many_table(rounds),
              "ciphers": cipher_table(rounds),
              "fec": fec_table(rounds),
              "formats": format_table(rounds),
              "talk": table(*bench_talk.results(binary)),
              **{name: table(*found) for name, found in paths.items()},
              "machine": machine_table(rounds, load, os.getloadavg()[0])}
    print("\n\n".join(tables.values()))
    if not quick:
        write_docs(tables)
        write_plots(rounds)
        (DOCS / "performance-path.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--quick"], ["--paths"]):
        sys.exit(__doc__)
    if sys.argv[2:] == ["--paths"]:
        measure_paths(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), quick=sys.argv[2:] == ["--quick"])
