#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Fetches what the configuration page is built and tested with and no Debian package has, into build/: jansson's source,
# and from npm, as tests/configure/package-lock.json says, what drives a browser (Playwright) and looks for what keeps
# people out (axe).
set -eu
tree=$(realpath "$(dirname "$0")/..")
"$tree/scripts/jansson_source.sh"

to=$tree/build/page-tools
mkdir -p "$to"
if ! cmp -s "$tree/tests/configure/package-lock.json" "$to/package-lock.json"; then
    cp "$tree/tests/configure/package.json" "$tree/tests/configure/package-lock.json" "$to/"
    npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --silent || {
        rm -f "$to/package-lock.json"
        exit 1
    }
fi
