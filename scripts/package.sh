#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# package.sh [DIRECTORY]: builds the Debian package of what is committed, in DIRECTORY, build/package
# unless told, and has lintian judge it. What building needs is installed: run it as root, or have it. The configuration
# page is left out, which is said, where neither build/jansson nor a network is, or no compiler for it.
set -eu
tree=$(realpath "$(dirname "$0")/..")
to=$(realpath -m "${1:-$tree/build/package}")

missing=
for pair in dh:debhelper dpkg-buildpackage:dpkg-dev lintian:lintian; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
# shellcheck disable=SC2086 # a list of words
[ -z "$missing" ] || apt-get -qq -y install --no-install-recommends $missing >/dev/null

rm -rf "$to"
mkdir -p "$to/kcpgate"
git -C "$tree" archive HEAD | tar -x -C "$to/kcpgate"
cd "$to/kcpgate"

needs() { ! dpkg-checkbuilddeps "$@" 2>/dev/null; }
if needs && [ "$(id -u)" = 0 ]; then
    apt-get -qq -y build-dep --no-install-recommends ./ >"$to/build.log" 2>&1 || :
fi
lacks=
if needs && ! needs -P pkg.kcpgate.nopage; then
    lacks="what debian/control names for it"
elif "$tree/scripts/jansson_source.sh" >"$to/build.log" 2>&1; then
    mkdir -p build
    cp -r "$tree/build/jansson" build/
else
    lacks="jansson's source: $(grep -m 1 '^E: ' "$to/build.log" || :)"
fi
[ -z "$lacks" ] || echo "package.sh: no configuration page in the package, for want of $lacks" >&2
dpkg-buildpackage --build=binary --no-sign --build-profiles="${lacks:+pkg.kcpgate.nopage}" >"$to/build.log" 2>&1 || {
    tail -n 40 "$to/build.log" >&2
    exit 1
}
lintian --fail-on error,warning "$to"/kcpgate_*.changes
ls "$to"/kcpgate_*.deb
