#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures this checkout and writes tables and plots of docs/performance.md again: the parts of a
# box, some minutes and without root; then, as root and where the environment variable KCPTUBE names
# an original, two boxes against two originals, a quarter of an hour. (Boxes under load from port to
# port have a script of their own, bench_box.sh.)
#
#   scripts/bench.sh            five rounds, into docs/
#   scripts/bench.sh --quick    one short round, printed only
#   scripts/bench.sh --paths    senders on twelve paths alone, in virtual time, into docs/
set -eu
cd "$(dirname "$0")/.."
case "$*" in
    "" | --quick | --paths) ;;
    *)
        echo "usage: scripts/bench.sh [--quick | --paths]" >&2
        exit 2
        ;;
esac
build=build/release/app
scripts/build.sh build/release --buildtype=release -- app/kcpgate/kcpgate \
    app/kcpgate-bench/kcpgate-bench tests/netns/impair >&2
export PYTHONDONTWRITEBYTECODE=1 KCPGATE=$build/kcpgate/kcpgate
if [ "$*" = --paths ]; then
    exec python3 scripts/lib/bench_report.py "$build/kcpgate-bench/kcpgate-bench" --paths
fi
# As a box has them; without root, or where Linux has none to give, kcpgate-bench does with small ones.
record=build/bench-hugepages
if scripts/kcpgate-setup --now --record "$record" --hugepages 2048 2>/dev/null; then
    trap 'scripts/kcpgate-setup --record "$record" --undo' EXIT
fi
python3 scripts/lib/bench_report.py "$build/kcpgate-bench/kcpgate-bench" "$@"
if [ -z "${KCPTUBE:-}" ] || [ "$(id -u)" != 0 ]; then
    echo "not compared with an original: that needs root and the environment variable KCPTUBE"
elif [ $# = 0 ]; then
    scripts/compare.py --docs
else
    scripts/compare.py --rounds 1
fi
