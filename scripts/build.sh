#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# build.sh DIR [MESON-OPTION…]: configures, afresh when the options have changed, and compiles.
set -eu
dir=$1
shift
cd "$(dirname "$0")/.."
if [ "$(cat "$dir/options" 2>/dev/null)" != "$*" ] || [ ! -e "$dir/build.ninja" ]; then
    rm -rf "$dir"
    meson setup "$dir" "$@"
    echo "$*" >"$dir/options"
fi
ninja -C "$dir"
