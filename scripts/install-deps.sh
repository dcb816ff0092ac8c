#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# install-deps.sh [--build]: installs what building and testing need on Debian 12 or later; with --build
# only what building and a first try need. Installs only what is missing and leaves no service running: nginx
# and sshd are used by tests with configurations of their own.
set -eu
case ${1:-} in
"" | --build) ;;
*)
    echo "usage: install-deps.sh [--build]" >&2
    exit 1
    ;;
esac

# Libraries are looked up by package, programs by name: who has another nginx keeps it.
libraries="libc6-dev libdpdk-dev libipsec-mb-dev libjansson-dev libssl-dev libmnl-dev
    libsodium-dev libisal-dev libc-ares-dev libmicrohttpd-dev libcmocka-dev zlib1g-dev"
programs="gcc:gcc pkg-config:pkg-config meson:meson ninja:ninja-build git:git
    python3:python3 dpdk-telemetry.py:dpdk-dev
    ip:iproute2 nft:nftables ethtool:ethtool tcpdump:tcpdump ping:iputils-ping sysctl:procps
    curl:curl nginx:nginx-light"
if [ "${1:-}" != --build ]; then
    libraries="$libraries wasi-libc libclang-rt-dev-wasm32"
    programs="$programs
        clang:clang llvm-cov:llvm clang-format:clang-format cppcheck:cppcheck shellcheck:shellcheck
        sshd:openssh-server ssh:openssh-client ssh-keygen:openssh-client
        nc.openbsd:netcat-openbsd dnsmasq:dnsmasq-base
        turnserver:coturn faketime:faketime qemu-system-x86_64:qemu-system-x86
        promtool:prometheus wasm-ld:lld node:nodejs npm:npm chromium:chromium
        keepalived:keepalived bird:bird2"
fi

PATH=$PATH:/usr/sbin:/sbin
export DEBIAN_FRONTEND=noninteractive

missing=
for package in $libraries; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
for pair in $programs; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
# The compiler's run-time parts for sanitizers and fuzzing are only recommended by clang.
if [ "${1:-}" != --build ] &&
    ! ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-x86_64.a >/dev/null 2>&1; then
    missing="$missing libclang-rt-dev"
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "missing packages:$missing (run as root to install them)" >&2
    exit 1
fi
command -v apt-get >/dev/null || {
    echo "no apt-get here; please install the equivalents of:$missing" >&2
    exit 1
}

policy=/usr/sbin/policy-rc.d
log=$(mktemp)
policy_is_ours=no
clean_up() {
    [ "$policy_is_ours" = no ] || rm -f "$policy"
    rm -f "$log"
}
trap clean_up EXIT

# dpkg asks this program before it starts a service; 101 means "do not".
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    policy_is_ours=yes
fi

echo "installing:$missing"
# shellcheck disable=SC2086 # a list of words
if ! { apt-get -qq update && apt-get -qq -y install --no-install-recommends $missing; } \
    >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
case "$missing " in *" nginx-light "*) update-rc.d nginx disable >/dev/null 2>&1 || : ;; esac
case "$missing " in *" coturn "*) update-rc.d coturn disable >/dev/null 2>&1 || : ;; esac
case "$missing " in *" prometheus "*) update-rc.d prometheus disable >/dev/null 2>&1 || : ;; esac
case "$missing " in *" keepalived "*) update-rc.d keepalived disable >/dev/null 2>&1 || : ;; esac
case "$missing " in *" bird2 "*) update-rc.d bird disable >/dev/null 2>&1 || : ;; esac
case "$missing " in *" openssh-server "*) update-rc.d ssh disable >/dev/null 2>&1 || : ;; esac
