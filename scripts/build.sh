#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# build.sh DIR [MESON-OPTION…] [-- TARGET…]: configures, afresh when the options have changed, and
# compiles everything or the targets.
set -eu
dir=$1
shift
cd "$(dirname "$0")/.."
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
[ $# = 0 ] || shift
if [ "$(cat "$dir/options" 2>/dev/null)" != "${options[*]}" ] || [ ! -e "$dir/build.ninja" ]; then
    rm -rf "$dir"
    meson setup "$dir" "${options[@]}"
    echo "${options[*]}" >"$dir/options"
fi
# What the configuration page wants has come, or gone, since.
page=$(ls -d build/jansson/src /usr/include/wasm32-wasi 2>/dev/null || :)
if [ "$(cat "$dir/page" 2>/dev/null)" != "$page" ]; then
    meson setup --reconfigure "$dir"
    echo "$page" >"$dir/page"
fi
ninja -C "$dir" "$@"
