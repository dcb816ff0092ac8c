#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# other_debian.sh [RELEASE [DIRECTORY [SUITE…]]]: builds this tree with the libraries and the compiler of
# another Debian, trixie unless told, and runs suites of tests there: unit, replay and sim unless told. CC
# names another compiler. As root; needs debootstrap. The system is installed in DIRECTORY, outside of the
# tree, at the first run, and kept, and so is each compiler's build in it.
set -eu
release=${1:-trixie}
root=${2:-/var/tmp/kcpgate-$release}
tree=$(realpath "$(dirname "$0")/..")
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
libraries=libc6-dev,libdpdk-dev,libipsec-mb-dev,libjansson-dev,libssl-dev,libmnl-dev,libsodium-dev
libraries=$libraries,libisal-dev,libc-ares-dev,libcmocka-dev,libmicrohttpd-dev,zlib1g-dev
programs=gcc,clang,pkg-config,meson,ninja-build,python3,git
# of the suite netns
programs=$programs,iproute2,nftables,ethtool,tcpdump,iputils-ping,curl,nginx-light,openssh-server,openssh-client
programs=$programs,netcat-openbsd,procps,dnsmasq-base,coturn,faketime,dpdk,dpdk-dev,prometheus,librte-meta-net,librte-meta-mempool

if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo "other_debian.sh: needs root and debootstrap" >&2
    exit 1
fi
if [ "$(cat "$root/installed" 2>/dev/null)" != "$libraries,$programs" ]; then
    echo "installing $release in $root"
    rm -rf "$root"
    debootstrap --variant=minbase --include="$libraries,$programs" "$release" "$root" "$mirror" \
        >"$root.log" 2>&1 || {
        tail -n 20 "$root.log" >&2
        exit 1
    }
    echo "$libraries,$programs" >"$root/installed"
fi

# What is mounted is seen by this shell and its children only, and goes with them.
if [ "${KG_OTHER_DEBIAN:-}" != inside ]; then
    exec env KG_OTHER_DEBIAN=inside unshare --mount --propagation private "$0" "$release" "$root" "${@:3}"
fi
shift 2
[ $# -gt 0 ] || set -- unit replay sim
compiler=${CC:-gcc}
build=/build/$compiler
mount --bind "$root" "$root"
mkdir -p "$root/tree" "$root/build"
mount --bind -o ro "$tree" "$root/tree"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
# Not chroot: tests have mount namespaces, in which / must be a mount, and which nsenter would leave.
cd "$root"
pivot_root . mnt
cd /
umount -l /mnt
export PYTHONDONTWRITEBYTECODE=1
[ -e "$build/build.ninja" ] ||
    CC=$compiler meson setup "$build" /tree --buildtype=release --werror >/build/setup.log || {
    tail -n 20 /build/setup.log >&2
    exit 1
}
ninja -C "$build"
meson test -C "$build" --no-rebuild "${@/#/--suite=}" --print-errorlogs -t 3
