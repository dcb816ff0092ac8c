#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# container_test.sh PACKAGE.deb [DIRECTORY]: builds the image of config/Containerfile with buildah on a Debian that
# debootstrap makes in DIRECTORY, so that no registry is needed, and starts a box in it, in a network of its own, until
# it is ready. As root; needs buildah and debootstrap. What it has made is taken away but for that Debian.
set -eu
package=$(realpath "$1")
tree=$(realpath "$(dirname "$0")/..")
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
root=${2:-/var/tmp/kcpgate-container-$release}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

die() {
    echo "container_test.sh: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || die "needs root"
for program in buildah debootstrap; do
    command -v "$program" >/dev/null || die "needs $program"
done
if [ ! -e "$root/etc/os-release" ]; then
    debootstrap --variant=minbase "$release" "$root" "$mirror" >"$root.log" 2>&1 || die "see $root.log"
fi
place=$(mktemp -d)
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
b() { buildah --root "$place/images" --runroot "$place/run" "$@"; }
clean_up() {
    b rm --all >/dev/null 2>&1 || :
    rm -rf "$place"
}
trap clean_up EXIT

base=$(b from scratch)
tar -C "$root" --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* -c . >"$place/base.tar"
b add "$base" "$place/base.tar" / >/dev/null
rm "$place/base.tar"
b commit --quiet "$base" localhost/debian >/dev/null
b rm "$base" >/dev/null
mkdir "$place/context"
cp "$package" "$tree/config/Containerfile" "$place/context"
b build --quiet --network host --build-arg BASE=localhost/debian --tag kcpgate "$place/context" >/dev/null ||
    die "the image is not built"
echo "container_test.sh: built"

box=$(b from localhost/kcpgate)
[ "$(b run "$box" -- /usr/bin/kcpgate --version)" != "" ] || die "the program does not run"
sed -e 's/"hugepages": true/"hugepages": false/' -e 's/net_af_xdp0,iface=eth1/net_tap0,iface=kgcont/' \
    "$tree/config/server.json" >"$place/kcpgate.json"
chmod 600 "$place/kcpgate.json"
: >"$place/log"
unshare --net buildah --root "$place/images" --runroot "$place/run" run --cap-add CAP_NET_ADMIN,CAP_NET_RAW,CAP_IPC_LOCK,CAP_SYS_NICE \
    --volume "$place/kcpgate.json:/etc/kcpgate/kcpgate.json:ro" --volume /dev/net/tun:/dev/net/tun \
    "$box" -- /usr/bin/kcpgate /etc/kcpgate/kcpgate.json >"$place/log" 2>&1 &
running=$! wait_ds=300
until grep -q '^kcpgate ready' "$place/log" || [ $((wait_ds -= 1)) = 0 ]; do sleep 0.1; done
if [ "$wait_ds" = 0 ]; then
    cat "$place/log" >&2
    kill "$running"
    die "the box does not start"
fi
# buildah passes no signal on: the last of its children, of any of its threads, is the box.
innermost() {
    local child
    read -r child _ < <(cat "/proc/$1/task/"*/children) || :
    if [ -n "${child:-}" ]; then innermost "$child"; else echo "$1"; fi
}
kill "$(innermost "$running")"
wait "$running" || {
    cat "$place/log" >&2
    die "the box does not end well"
}
echo "container_test.sh: a box starts and ends: OK"
