#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# How much of lib/ the corpora of tests/fuzz reach, in lines: builds the targets with clang's
# counters, replays each over its corpus and prints a table by directory.
#
#   scripts/coverage.sh           the table; docs/testing.md has its sum
#   scripts/coverage.sh --files   by file
set -eu
cd "$(dirname "$0")/.."
case "$*" in
    "" | --files) ;;
    *)
        echo "usage: scripts/coverage.sh [--files]" >&2
        exit 2
        ;;
esac
build=build/coverage
mapfile -t targets < <(basename -s _fuzz.c tests/fuzz/*_fuzz.c)
programs=("${targets[@]/%/_replay}")
CC=clang scripts/build.sh "$build" --buildtype=plain \
    '-Dc_args=-O1 -g -fprofile-instr-generate -fcoverage-mapping' \
    -Dc_link_args=-fprofile-instr-generate \
    -- "${programs[@]/#/tests/fuzz/}" >&2

# What no target links counts too: the objects of lib/ are named beside the programs.
objects=()
profiles=()
for target in "${targets[@]}"; do
    program=$build/tests/fuzz/${target}_replay
    profiles+=("$build/$target.profraw")
    LLVM_PROFILE_FILE=${profiles[-1]} "$program" "tests/fuzz/corpus/$target" >/dev/null
    objects+=(-object "$program")
done
for object in "$build"/lib/libkg.a.p/*.o; do
    objects+=(-object "$object")
done
llvm-profdata merge -o "$build/all.profdata" "${profiles[@]}"
llvm-cov report -instr-profile="$build/all.profdata" "${objects[@]:1}" |
    awk -v "by_file=${1:-}" '
        # columns 8 and 9 of a file: its lines, and those that were never reached
        function row(name, lines, missed) {
            printf "%-26s %6d %6d %7.1f %%\n", name, lines, lines - missed,
                lines ? 100 * (lines - missed) / lines : 100
        }
        BEGIN { printf "%-26s %6s %6s %9s\n", "", "lines", "hit", "" }
        $1 ~ /^lib\// && $8 > 0 {
            key = $1
            if (by_file == "")
                sub(/\/[^\/]*$/, "", key)
            if (!(key in lines))
                keys[++count] = key
            lines[key] += $8; missed[key] += $9
            all += $8; all_missed += $9
        }
        END {
            for (i = 1; i <= count; i++)
                row(keys[i], lines[keys[i]], missed[keys[i]])
            row("lib", all, all_missed)
        }'
