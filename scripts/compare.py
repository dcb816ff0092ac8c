#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two boxes against two originals, in turn, on the same wire, with the same applications: TCP goodput
and what it costs, small datagrams, latency on a lossy wire, idle connections, and datagrams through UDP Hop
against udphop. Applications are on the same host as the box or original; "of hosts on the wire" they are
hosts of their own.

    KCPTUBE=path/of/kcptube [UDPHOP_1_1_7=path/of/udphop] scripts/compare.py [--rounds N] [--only MEASURE …] [--docs]

Prints each figure as the median over the rounds, and the ratio ours / theirs within a round; --docs
writes the table into docs/performance.md, where nothing else runs (lib/load.py). Needs iperf3. Both sides run with their own defaults but
for the preset, regular3 here and there, and AES-GCM. What has no original to compare with is left out, and a line
says so.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "netns"), str(ROOT / "tests" / "interop"),
                str(ROOT / "scripts" / "lib")]
from bench_report import commit, table, write_docs  # noqa: E402
from load import load_before  # noqa: E402
from lab import (CLIENT4, DESTINATION, ENTRY, Lab, eventually, impair_binary,  # noqa: E402
                 kcpgate, wire_bytes)
from kcptube import PASSWORD, start_original  # noqa: E402
import udphop_original  # noqa: E402
import traffic  # noqa: E402

SECONDS = 4
IDLE_CONNECTIONS = 1000
ROUND_TRIPS = 3000
FAR = "198.18.0.12"
SMALL_BYTES, LARGE_BYTES = 64, 1400
HEADERS_BYTES = 28  # IPv4 and UDP
BLAST_RATES = (50_000, 100_000, 200_000, 400_000, 600_000, 800_000)  # of which the best counts
BLAST_S = 2


def cpu_seconds(processes):
    """User and system time of processes with all their threads."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def iperf(ns, *options, to=ENTRY[0]):
    with ns:
        done = subprocess.run(["iperf3", "-c", to, "-p", str(ENTRY[1]), "-t", str(SECONDS),
                               "-J", *options], capture_output=True, text=True, check=False,
                              timeout=SECONDS + 60)
    if done.returncode:
        raise RuntimeError(f"iperf3: {done.stdout[-300:]} {done.stderr}")
    return json.loads(done.stdout)["end"]


def serve_iperf(lab, ns=None, address=DESTINATION[0]):
    ns = ns or lab.server.ns
    server = lab.popen(ns, "iperf3", "-s", "-B", address, "-p", str(DESTINATION[1]),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually("iperf3 listens",
               lambda: ns.run("ss", "-Hltn", f"sport = :{DESTINATION[1]}").strip())
    return server


def serve_echo(lab):
    with lab.server.ns:
        return traffic.serve_echo(*DESTINATION)


def stream(server, processes, ns, *options, to=ENTRY[0]):
    """One TCP stream to iperf3, which ends with it: Gbit/s, and the CPU time of both ends for a Gbit."""
    before = cpu_seconds(processes)
    gbit = iperf(ns, *options, to=to)["sum_received"]["bits_per_second"] / 1e9
    cost = (cpu_seconds(processes) - before) / (gbit * SECONDS)
    server.terminate()
    server.wait()
    return gbit, cost


def goodput(lab, processes):
    up, cost_up = stream(serve_iperf(lab), processes, lab.client.ns)
    down, cost_down = stream(serve_iperf(lab), processes, lab.client.ns, "-R")
    return {"tcp_gbit_per_s": up, "cpu_s_per_gbit": cost_up,
            "tcp_down_gbit_per_s": down, "cpu_s_per_gbit_down": cost_down}


def streams_of_the_wire(lab, processes):
    """Of two hosts behind the boxes' ports, to the server's and from it."""
    figures = {}
    for way, options in (("up", ()), ("down", ("-R",))):
        gbit, cost = stream(serve_iperf(lab, lab.far, FAR), processes, lab.near, *options, to=CLIENT4)
        figures |= {f"tcp_of_the_wire_{way}_gbit_per_s": gbit,
                    f"cpu_s_per_gbit_of_the_wire_{way}": cost}
    return figures


def shares_of_local(figures):
    """What streams of hosts have of what applications on the boxes' own hosts got in the same round."""
    local = {"up": "tcp_gbit_per_s", "down": "tcp_down_gbit_per_s"}
    return {f"share_of_local_{way}": figures[f"tcp_of_the_wire_{way}_gbit_per_s"] / figures[name]
            for way, name in local.items()
            if name in figures and f"tcp_of_the_wire_{way}_gbit_per_s" in figures}


def iperf_datagrams(lab, _):
    server = serve_iperf(lab)
    end = iperf(lab.client.ns, "-u", "-b", "0", "-l", "64")["sum"]
    server.terminate()
    server.wait()
    return {"iperf_udp_64_byte_per_s": (end["packets"] - end["lost_packets"]) / end["seconds"]}


def count_arrivals(ns, device):
    """Counts and drops datagrams for the destination's port as fast as they come."""
    ns.run("nft", "-f", "-", input=f"""
        table netdev sink {{ counter arrived {{ }}
            chain ingress {{ type filter hook ingress device {device} priority 0;
                udp dport {DESTINATION[1]} counter name arrived drop
            }}
        }}""")


def arrived(ns, size):
    """Datagrams of `size` bytes counted so far, those that came as one train too."""
    counter = json.loads(ns.run("nft", "-j", "list", "counter", "netdev", "sink", "arrived"))
    counter = counter["nftables"][1]["counter"]
    return (counter["bytes"] - counter["packets"] * HEADERS_BYTES) // size


def blast(lab, ns, address, size, per_second, seconds):
    return lab.popen(ns, sys.executable, str(ROOT / "scripts/lib/traffic.py"), "blast", address,
                     str(ENTRY[1]), str(size), str(per_second), str(seconds))


def best_of_rates(lab, processes, sender_ns, address, sink_ns, size=SMALL_BYTES):
    """Of several rates offered: what arrives per second, and the CPU time of both ends for it."""
    best = (0, 0)
    blast(lab, sender_ns, address, size, 100, 1).wait()  # opens the flow
    for rate in BLAST_RATES:
        sender = blast(lab, sender_ns, address, size, rate, BLAST_S + 1)
        time.sleep(0.7)
        begin, before, cpu = time.monotonic(), arrived(sink_ns, size), cpu_seconds(processes)
        time.sleep(BLAST_S)
        count, passed = arrived(sink_ns, size) - before, time.monotonic() - begin
        best = max(best, (count / passed, (cpu_seconds(processes) - cpu) / max(count, 1)))
        sender.wait()
    return best


def datagrams_of_this_host(lab, processes):
    count_arrivals(lab.server.ns, "lo")
    best = best_of_rates(lab, processes, lab.client.ns, ENTRY[0], lab.server.ns)
    return {"udp_64_byte_of_this_host_per_s": best[0], "cpu_us_per_datagram_of_this_host": best[1] * 1e6}


def datagrams_of_udphop(lab, processes):
    count_arrivals(lab.server.ns, "lo")
    figures = {}
    for size in (SMALL_BYTES, LARGE_BYTES):
        best = best_of_rates(lab, processes, lab.client.ns, ENTRY[0], lab.server.ns, size)
        figures |= {f"udphop_{size}_byte_per_s": best[0],
                    f"cpu_us_per_{size}_byte_of_udphop": best[1] * 1e6}
    return figures


def hosts_on_the_wire(lab):
    """Two hosts for applications."""
    lab.near, lab.far = lab.host("near", "198.18.0.11/24"), lab.host("far", f"{FAR}/24")
    lab.server.config["tunnels"][0]["destination_address"] = FAR


def datagrams_of_the_wire(lab, processes):
    count_arrivals(lab.far, "eth")
    best = best_of_rates(lab, processes, lab.near, CLIENT4, lab.far)
    return {"udp_64_byte_of_the_wire_per_s": best[0], "cpu_us_per_datagram_of_the_wire": best[1] * 1e6}


def round_trips(lab, where):
    services = serve_echo(lab)
    with lab.client.ns:
        times = traffic.ping_pong(*ENTRY, ROUND_TRIPS, 100)
    del services
    return {f"ping_pong_p50_ms_{where}": times[len(times) // 2] * 1e3,
            f"ping_pong_p99_ms_{where}": times[len(times) * 99 // 100] * 1e3}


def latency(lab, _):
    return round_trips(lab, "without_loss")


def latency_with_loss(lab, _):
    lab.lose(5)
    return round_trips(lab, "at_5_percent_loss")


def idle(lab, processes):
    services = serve_echo(lab)
    with lab.client.ns:
        connections = [traffic.connect(*ENTRY) for _ in range(IDLE_CONNECTIONS)]
        for connection in connections:
            connection.sendall(b"?")
        for connection in connections:
            traffic.receive_exactly(connection, 1)
    time.sleep(2)
    before = cpu_seconds(processes)
    time.sleep(SECONDS)
    share = (cpu_seconds(processes) - before) / SECONDS
    for connection in connections:
        connection.close()
    del services
    return {"cores_for_1000_idle_connections": share}


def over_40_ms(lab, loss_percent):
    """TCP goodput, and what the wire carries for it: whole frames both ways, per byte of payload."""
    wire = lab.impair(40, 1, loss_percent)
    server = serve_iperf(lab)
    end = iperf(lab.client.ns)["sum_received"]
    carried = wire_bytes(wire)
    server.terminate()
    server.wait()
    where = f"at_40_ms_{loss_percent}_percent_loss"
    return {f"tcp_mbit_per_s_{where}": end["bits_per_second"] / 1e6,
            f"wire_per_payload_{where}": carried / end["bytes"]}


def long_path(lab, _):
    return over_40_ms(lab, 0)


def long_lossy_path(lab, _):
    return over_40_ms(lab, 5)


MEASURES = (goodput, streams_of_the_wire, datagrams_of_this_host, datagrams_of_the_wire,
            iperf_datagrams, latency, latency_with_loss, idle, long_path, long_lossy_path,
            datagrams_of_udphop)
PREPARE = {datagrams_of_the_wire: hosts_on_the_wire, streams_of_the_wire: hosts_on_the_wire}

# What a figure is called, and what was aimed at: of the ratio, or of our own figure.
FIGURES = {
    "tcp_gbit_per_s": ("one TCP stream, Gbit/s", "≥ 4 ×"),
    "cpu_s_per_gbit": ("CPU of both ends, seconds per Gbit", "≤ 0.3 ×"),
    "tcp_down_gbit_per_s": ("the same down, Gbit/s", "≥ 4 ×"),
    "cpu_s_per_gbit_down": ("CPU of both ends, seconds per Gbit", "≤ 0.3 ×"),
    "tcp_of_the_wire_up_gbit_per_s": ("one TCP stream of hosts on the wire, up, Gbit/s", "≥ 4 ×"),
    "cpu_s_per_gbit_of_the_wire_up": ("CPU of both ends, seconds per Gbit", ""),
    "tcp_of_the_wire_down_gbit_per_s": ("the same down, Gbit/s", "≥ 4 ×"),
    "cpu_s_per_gbit_of_the_wire_down": ("CPU of both ends, seconds per Gbit", ""),
    "share_of_local_up": ("streams of hosts, up, of those of the boxes' own hosts", "≥ 0.7"),
    "share_of_local_down": ("the same down", "≥ 0.7"),
    "udp_64_byte_of_this_host_per_s": ("datagrams of 64 bytes that arrive, thousand/s", "≥ 4 ×"),
    "cpu_us_per_datagram_of_this_host": ("CPU of both ends for each of these, µs", ""),
    "udp_64_byte_of_the_wire_per_s": ("the same of hosts on the wire, thousand/s", "≥ 4 ×"),
    "cpu_us_per_datagram_of_the_wire": ("CPU of both ends for each of these, µs", ""),
    "iperf_udp_64_byte_per_s": ("the same of iperf3 at both ends, thousand/s", ""),
    "ping_pong_p50_ms_without_loss": ("ping-pong, 100 bytes, no loss: median, ms", "≤ 1.2 ×"),
    "ping_pong_p99_ms_without_loss": ("the same, 99th percentile, ms", "≤ 1.5 ×"),
    "ping_pong_p50_ms_at_5_percent_loss": ("ping-pong, 100 bytes, 5 % loss each way: median, ms", "≤ 1.3 ×"),
    "ping_pong_p99_ms_at_5_percent_loss": ("the same, 99th percentile, ms", "≤ 0.4 ×"),
    "cores_for_1000_idle_connections": ("1,000 idle connections, cores", "≤ 0.05 ×"),
    "udphop_64_byte_per_s": ("UDP Hop: datagrams of 64 bytes that arrive, thousand/s", "≥ 4 ×"),
    "cpu_us_per_64_byte_of_udphop": ("CPU of both ends for each of these, µs", ""),
    "udphop_1400_byte_per_s": ("UDP Hop: datagrams of 1,400 bytes that arrive, thousand/s", "≥ 4 ×"),
    "cpu_us_per_1400_byte_of_udphop": ("CPU of both ends for each of these, µs", ""),
    "tcp_mbit_per_s_at_40_ms_0_percent_loss": ("one TCP stream over 40 ms, Mbit/s", ""),
    "wire_per_payload_at_40_ms_0_percent_loss": ("the same, bytes on the wire per byte", "≤ 1.10"),
    "tcp_mbit_per_s_at_40_ms_5_percent_loss": ("the stream with 5 % loss each way, Mbit/s", ""),
    "wire_per_payload_at_40_ms_5_percent_loss": ("the same, bytes on the wire per byte", "≤ 1.25"),
}
THOUSANDS = ("udp_64_byte_of_this_host_per_s", "udp_64_byte_of_the_wire_per_s",
             "iperf_udp_64_byte_per_s", "udphop_64_byte_per_s", "udphop_1400_byte_per_s")

# Who is at both ends, of what is not KCPTube: our settings, and the original's binary.
KCPTUBE, UDPHOP = "KCPTUBE", "UDPHOP_1_1_7"
ORIGINALS = {datagrams_of_udphop: UDPHOP}


def start_boxes(lab, _):
    lab.start()
    return [box.process for box in lab.boxes]


def start_originals(lab, original):
    binary = os.environ[original]
    if original == UDPHOP:
        return [udphop_original.start_original(lab, box, binary, "AES-GCM", {"ipv4_only": 1})
                for box in (lab.server, lab.client)]
    destination = lab.server.config["tunnels"][0]["destination_address"]
    return [start_original(lab, box, binary, "AES-GCM", destination=destination)
            for box in (lab.server, lab.client)]


STARTS = {"ours": start_boxes, "theirs": start_originals}


def set_wire(lab, original):
    lab.set_tunnels(kcp="regular3", encryption_password=PASSWORD)
    for box in lab.boxes if original == UDPHOP else ():
        box.config["tunnels"][0]["protocol"] = "udphop"
        del box.config["tunnels"][0]["kcp"]


def measure(what, start):
    """On a wire of its own, so that nothing lingers from the measure before."""
    original = ORIGINALS.get(what, KCPTUBE)
    with Lab() as lab:
        PREPARE.get(what, lambda lab: None)(lab)
        set_wire(lab, original)
        for box in lab.boxes:
            box.config["memory"] = {"hugepages": False, "mb": 512}
        return what(lab, start(lab, original))


def measure_round(figures, measures):
    """Adds to `figures` as it goes: a measure that fails takes none of those before it along."""
    for what in measures:
        both = {side: measure(what, start) for side, start in STARTS.items()}
        for side, measured in both.items():
            figures[side].update(measured)
            figures[side].update(shares_of_local(figures[side]))


def measure_rounds(count, measures):
    """The rounds, the last perhaps cut short, and what cut it."""
    rounds = []
    for number in range(count):
        rounds.append({side: {} for side in STARTS})
        try:
            measure_round(rounds[-1], measures)
        except (Exception, KeyboardInterrupt) as failure:  # pylint: disable=broad-except
            return rounds, failure
        print(f"round {number + 1} of {count}", file=sys.stderr)
    return rounds, None


def row_of(name, rounds):
    """Medians of either side and of the ratio, and the ratio's least and greatest round."""
    rounds = [r for r in rounds if name in r["ours"]]
    ours, theirs = ([r[side][name] / (1e3 if name in THOUSANDS else 1) for r in rounds]
                    for side in STARTS)
    ratios = [our / their for our, their in zip(ours, theirs) if their] or [float("nan")]
    what, aim = FIGURES[name]
    return (what, f"{statistics.median(ours):.3g}", f"{statistics.median(theirs):.3g}",
            f"{statistics.median(ratios):.2g} ×", f"{min(ratios):.2g} to {max(ratios):.2g}", aim)


def with_originals(measures):
    """Those whose original is there; a line about each other one."""
    found = []
    for what in measures:
        variable = ORIGINALS.get(what, KCPTUBE)
        if os.environ.get(variable):
            found.append(what)
        else:
            print(f"{what.__name__}: left out, no original to compare with (environment variable {variable})",
                  file=sys.stderr)
    return found


def check_programs(measures):
    """What a measure would miss only after minutes ends the script now."""
    originals = {os.environ[ORIGINALS.get(what, KCPTUBE)] for what in measures}
    if not originals:
        sys.exit("no measure is left")
    try:
        kcpgate()
        impair_binary()
    except AssertionError as missing:
        sys.exit(str(missing))
    for program in (*originals, "iperf3", "nft"):
        if shutil.which(program) is None:
            sys.exit(f"{program}: no such program")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=[what.__name__ for what in MEASURES])
    parser.add_argument("--docs", action="store_true")
    arguments = parser.parse_args()
    measures = with_originals(what for what in MEASURES
                              if what.__name__ in (arguments.only or [what.__name__]))
    check_programs(measures)
    load = load_before(arguments.docs)
    rounds, failure = measure_rounds(arguments.rounds, measures)
    text = table(("", "two boxes", "two originals", "ratio", "least to greatest", "aim"),
                 [row_of(name, rounds) for name in rounds[0]["ours"]])
    text += (f"\n\nMedians of {len(rounds)} rounds, measured on "
             f"{time.strftime('%Y-%m-%d', time.gmtime())} at {commit()}, load average "
             f"{load:.1f} before.")
    print(text)
    if failure is not None:
        print("The last round is cut short by:", file=sys.stderr)
        raise failure
    if arguments.docs:
        write_docs({"peers": text})


if __name__ == "__main__":
    main()
