#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# data_races.sh [TEST…]: runs end-to-end tests, or the core of them, with boxes that ThreadSanitizer
# watches, as root, and ends with status 1 when it reports a data race. A test that fails without
# one has run out of time, as boxes are ten times slower, and its output says where. What may not
# be reported is in tests/netns/threads.supp, with reasons.
set -u
cd "$(dirname "$0")/.." || exit 1

build=build/data_races
# DPDK's rings are in its headers; ThreadSanitizer knows the order that C11's atomics make, no other.
CC=clang scripts/build.sh "$build" --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false \
    -Dc_args=-DRTE_USE_C11_MEM_MODEL -- app/kcpgate/kcpgate tests/netns/impair >&2 || exit 1

[ $# -gt 0 ] || set -- slow_path fast_path udp_load mux fec hop stop restart reload relay \
    half_close slow_reader link_faults payload_threads workers
export KCPGATE=$PWD/$build/app/kcpgate/kcpgate KG_IMPAIR=$PWD/$build/tests/netns/impair
export PYTHONDONTWRITEBYTECODE=1
status=0
for test; do
    log=$PWD/$build/$test.log
    rm -f "$log" "$build/$test".race.*
    TSAN_OPTIONS="suppressions=$PWD/tests/netns/threads.supp history_size=4 exitcode=66 \
log_path=$PWD/$build/$test.race" timeout 300 python3 "tests/netns/$test.py" >"$log" 2>&1
    printf '%-24s status %d  %s\n' "$test" "$?" "$(tail -n 1 "$log")"
    cat "$build/$test".race.* 2>/dev/null && status=1
done
exit "$status"
