#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# other_debian.sh [SUITE [DIRECTORY]]: builds this tree with the libraries and the compiler of another
# Debian, trixie unless told, and runs the tests of computation there: unit, replay, sim. As root; needs
# debootstrap. The system is installed in DIRECTORY, outside of the tree, at the first run, and kept.
set -eu
suite=${1:-trixie}
root=${2:-/var/tmp/kcpgate-$suite}
tree=$(realpath "$(dirname "$0")/..")
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
libraries=libc6-dev,libdpdk-dev,libipsec-mb-dev,libjansson-dev,libssl-dev,libmnl-dev,libsodium-dev
libraries=$libraries,libisal-dev,libc-ares-dev,libcmocka-dev,zlib1g-dev
programs=gcc,pkg-config,meson,ninja-build,python3,iproute2

if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo "other_debian.sh: needs root and debootstrap" >&2
    exit 1
fi
if [ ! -e "$root/installed" ]; then
    echo "installing $suite in $root"
    rm -rf "$root"
    debootstrap --variant=minbase --include="$libraries,$programs" "$suite" "$root" "$mirror" \
        >"$root.log" 2>&1 || {
        tail -n 20 "$root.log" >&2
        exit 1
    }
    touch "$root/installed"
fi

# What is mounted is seen by this shell and its children only, and goes with them.
if [ "${KG_OTHER_DEBIAN:-}" != inside ]; then
    exec env KG_OTHER_DEBIAN=inside unshare --mount --propagation private "$0" "$suite" "$root"
fi
mkdir -p "$root/tree" "$root/build"
mount --bind -o ro "$tree" "$root/tree"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
run() { chroot "$root" env PYTHONDONTWRITEBYTECODE=1 "$@"; }
[ -e "$root/build/release/build.ninja" ] ||
    run meson setup /build/release /tree --buildtype=release --werror >"$root/build/setup.log"
run ninja -C /build/release
run meson test -C /build/release --no-rebuild --suite unit --suite replay --suite sim \
    --print-errorlogs -t 3
