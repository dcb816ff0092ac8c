#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# jansson_source.sh [DIRECTORY]: fetches Debian's source of the jansson that is installed, into build/jansson unless
# told. The configuration page has it compiled in. Changes nothing in apt's own lists.
set -eu
tree=$(realpath "$(dirname "$0")/..")
to=$(realpath -m "${1:-$tree/build/jansson}")
[ ! -e "$to/src/load.c" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=/dev/null
. /etc/os-release
mkdir -p "$work/lists/partial"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian" \
    "$VERSION_CODENAME main" >"$work/sources.list"
cd "$work"
apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= \
        -o APT::Sandbox::User=root "$@"
}
apt update --error-on=any
apt source --download-only jansson
mkdir -p "$to"
tar -xf jansson_*.orig.tar.* --strip-components=1 -C "$to"
