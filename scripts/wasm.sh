#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wasm.sh CC OUT DEPFILE ROOT JANSSON SOURCE…: compiles the sources and jansson to one WebAssembly module that has no
# main, and writes which files it depends on.
set -eu
cc=$1 out=$2 depfile=$3 root=$4 jansson=$5
shift 5
objects=$out.p
rm -rf "$objects"
mkdir -p "$objects"

# compile NAME OPTION… SOURCE
compile() {
    name=$1
    shift
    "$cc" --target=wasm32-wasi -c -Os -std=gnu11 -D_GNU_SOURCE -ffunction-sections -fdata-sections \
        -I"$root/lib" -I"$root/app/configure" -I"$root/app/configure/jansson" -isystem "$jansson/src" \
        -MMD -MT "$out" -MF "$objects/$name.d" -o "$objects/$name.o" "$@"
}

n=0
for source in "$@"; do
    n=$((n + 1))
    compile "$n" -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror "$source"
done
for source in "$jansson"/src/*.c; do
    n=$((n + 1))
    compile "$n" -w -DHAVE_CONFIG_H "$source"
done
cat "$objects"/*.d >"$depfile"
"$cc" --target=wasm32-wasi -mexec-model=reactor -Wl,--gc-sections -Wl,--strip-all -Wl,-z,stack-size=1048576 \
    -o "$out" "$objects"/*.o
