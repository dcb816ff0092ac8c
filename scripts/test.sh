#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds and runs every test; docs/testing.md says what each part is for. Needs root, for packages
# and network namespaces. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1

[ "$(id -u)" = 0 ] || {
    echo "please run scripts/test.sh as root" >&2
    exit 1
}
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

results=build/results
rm -rf "$results"
mkdir -p "$results"

# step NAME COMMAND…: a test by itself. Its output is shown only when it fails.
step() {
    local name=$1 log=$results/$1.log
    shift
    printf '%-24s' "$name"
    SECONDS=0
    if "$@" >"$log" 2>&1; then
        printf 'ok   %4d s\n' "$SECONDS"
        echo "$name" >>"$results/passed"
    else
        printf 'FAIL %4d s\n' "$SECONDS"
        tail -n 100 "$log" | sed 's/^/    /'
        echo "$name" >>"$results/failed"
        return 1
    fi
}

# suites DIR SUITE…: runs tests of a build and keeps the results for the sum.
suites() {
    local dir=$1 name
    name=$(basename "$dir")-$2
    shift
    meson test -C "$dir" --no-rebuild --logbase "$name" --print-errorlogs "${@/#/--suite=}" |
        grep --line-buffered -vE '^(ninja|Ok:|Expected Fail:|Fail:|Unexpected Pass:|Skipped:|Timeout:|$)'
    if ! cp "$dir/meson-logs/$name.json" "$results/"; then
        echo "$name: no results" >>"$results/failed"
    fi
}

step packages scripts/install-deps.sh
step page-tools scripts/page_tools.sh
step lint scripts/lint.sh
if step build scripts/build.sh build/release --buildtype=release; then
    suites build/release unit sim replay fuzz
    suites build/release cost
fi
if CC=clang step build-sanitized scripts/build.sh build/sanitized --buildtype=debugoptimized \
    -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=undefined; then
    suites build/sanitized unit sim replay fuzz
fi
if [ -d build/release ]; then
    [ -n "${KG_KERNEL:-}" ] || KG_KERNEL=$(scripts/guest_kernel.sh) && export KG_KERNEL
    suites build/release netns interop qemu page
fi
python3 scripts/lib/test_sum.py "$results"
