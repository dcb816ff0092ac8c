#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# guest_kernel.sh [DIRECTORY]: says where a kernel for the guests of tests/qemu is: Debian's cloud kernel with
# its modules, unpacked and not installed, in DIRECTORY, build/guest-kernel unless told. It is fetched at the
# first call, and kept.
set -eu
to=$(realpath -m "${1:-$(dirname "$0")/../build/guest-kernel}")

if [ ! -e "$to/complete" ]; then
    package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-\)/\1/p')
    rm -rf "$to"
    mkdir -p "$to"
    cd "$to"
    apt-get -qq download "$package" >&2
    dpkg-deb -x linux-image-*.deb .
    rm linux-image-*.deb
    touch complete
fi
echo "$to"
