#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures this checkout and writes tables and plots of docs/performance.md again; some minutes.
#
#   scripts/bench.sh            five rounds, into docs/
#   scripts/bench.sh --quick    one short round, printed only
set -eu
cd "$(dirname "$0")/.."
case "$*" in
    "" | --quick) ;;
    *)
        echo "usage: scripts/bench.sh [--quick]" >&2
        exit 2
        ;;
esac
scripts/build.sh build/release --buildtype=release -- app/kcpgate-bench/kcpgate-bench >&2
PYTHONDONTWRITEBYTECODE=1 exec python3 scripts/lib/bench_report.py \
    build/release/app/kcpgate-bench/kcpgate-bench "$@"
