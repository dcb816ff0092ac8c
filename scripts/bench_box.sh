#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two boxes in network namespaces and kcpgate-bench --test box around them: the loss-free rate and the
# latency below it, written into docs/performance.md. Needs root; takes ten minutes.
#
#   scripts/bench_box.sh            all sizes, into docs/
#   scripts/bench_box.sh --quick    short trials of two sizes, printed only
set -eu
cd "$(dirname "$0")/.."
case "$*" in
    "" | --quick) ;;
    *)
        echo "usage: scripts/bench_box.sh [--quick]" >&2
        exit 2
        ;;
esac
[ "$(id -u)" = 0 ] || {
    echo "please run scripts/bench_box.sh as root" >&2
    exit 1
}
build=build/release/app
scripts/build.sh build/release --buildtype=release -- app/kcpgate/kcpgate \
    app/kcpgate-bench/kcpgate-bench >&2
export KCPGATE=$build/kcpgate/kcpgate KCPGATE_BENCH=$build/kcpgate-bench/kcpgate-bench
PYTHONDONTWRITEBYTECODE=1 exec python3 scripts/lib/box_report.py "$@"
