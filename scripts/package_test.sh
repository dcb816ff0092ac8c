#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# package_test.sh PACKAGE.deb [DIRECTORY]: lives through what a package lives through, in a system of this
# Debian that debootstrap makes in DIRECTORY: installed, a box started, upgraded, removed, purged. As root.
# The system is kept for the next run, without the package.
set -eu
package=$(realpath "$1")
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
root=${2:-/var/tmp/kcpgate-package-$release}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

say() { echo "package_test.sh: $*"; }
die() {
    echo "package_test.sh: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || die "needs root"
command -v debootstrap >/dev/null || die "needs debootstrap"
if [ ! -e "$root/installed" ]; then
    say "installing $release in $root"
    rm -rf "$root"
    debootstrap --variant=minbase "$release" "$root" "$mirror" >"$root.log" 2>&1 || die "see $root.log"
    touch "$root/installed"
fi
# What is mounted, and the network the box lives in, are seen by this shell and its children only.
if [ "${KG_PACKAGE_TEST:-}" != inside ]; then
    exec env KG_PACKAGE_TEST=inside unshare --mount --propagation private "$0" "$package" "$root"
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
run() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
apt() { run apt-get -qq -y --no-install-recommends "$@" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    die "apt-get $*"
}; }
files() { run find / -xdev -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /run -prune \
    -o -path /var -prune -o -path /tmp -prune -o -path '/etc/*cache*' -prune -o -print | sort; }

# The one before: the same, with a lesser version.
dpkg-deb -R "$package" "$root/tmp/before"
sed -i 's/^Version: .*/&~before/' "$root/tmp/before/DEBIAN/control"
dpkg-deb --root-owner-group -b "$root/tmp/before" "$root/tmp/before.deb" >/dev/null
rm -r "$root/tmp/before"
cp "$package" "$root/tmp/after.deb"

# What it depends on stays, so that what is left over is the package's.
apt update
apt install /tmp/before.deb
apt purge kcpgate
files >"$root/tmp/files.before"

apt install /tmp/before.deb
run kcpgate --version
sed -e 's/"hugepages": true/"hugepages": false/' -e 's/net_af_xdp0,iface=eth1/net_tap0,iface=kgpkg/' \
    "$root/usr/share/doc/kcpgate/examples/server.json" >"$root/etc/kcpgate/kcpgate.json"
chmod 600 "$root/etc/kcpgate/kcpgate.json"
run kcpgate --check-config /etc/kcpgate/kcpgate.json
say "installed"

# As a file, in the browser of this machine: ready once its scripts and the rules in them are.
page=$root/usr/share/doc/kcpgate/configure/index.html
[ -s "$page" ] || die "no configuration page: package.sh says why"
if command -v chromium >/dev/null; then
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$root/tmp/browser" --virtual-time-budget=20000 \
        --dump-dom "file://$page" >"$root/tmp/page.html" 2>"$root.log"
    grep -q '<html[^>]* data-ready' "$root/tmp/page.html" || die "the configuration page does not open"
    rm -r "$root/tmp/browser" "$root/tmp/page.html"
    say "its configuration page opens"
else
    say "its configuration page is there; no chromium to open it"
fi

# In a network of its own, until it is ready.
starts() {
    local log=$root/tmp/box.log
    unshare --net chroot "$root" kcpgate /etc/kcpgate/kcpgate.json >"$log" 2>&1 &
    local box=$! wait_ds=300
    until grep -q '^kcpgate ready' "$log" || [ $((wait_ds -= 1)) = 0 ]; do sleep 0.1; done
    kill "$box"
    if ! wait "$box" || [ "$wait_ds" = 0 ]; then
        cat "$log" >&2
        die "the box does not start, or does not end well"
    fi
}
starts
say "started"
apt install /tmp/after.deb
[ -s "$root/etc/kcpgate/kcpgate.json" ] || die "the upgrade has taken the configuration"
starts
say "upgraded"
apt remove kcpgate
[ -s "$root/etc/kcpgate/kcpgate.json" ] || die "removal has taken the configuration"
[ ! -e "$root/usr/bin/kcpgate" ] || die "removal has left the program"
rm "$root/etc/kcpgate/kcpgate.json"
apt purge kcpgate
files >"$root/tmp/files.after"
diff "$root/tmp/files.before" "$root/tmp/files.after" || die "purged, but not all as before"
rm -f "$root"/tmp/*.deb
say "removed and purged: OK"
