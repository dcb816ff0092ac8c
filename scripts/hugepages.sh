#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# hugepages.sh reserve MB   makes MB of 2 MiB pages free for use and mounts hugetlbfs if nobody has;
#                           fails, and changes nothing, when the kernel has not got them
# hugepages.sh restore      puts back what the first `reserve` found
set -eu

pages=/sys/kernel/mm/hugepages/hugepages-2048kB
state=/run/kcpgate-hugepages
mount_point=/run/kcpgate-huge

restore() {
    [ -e "$state" ] || return 0
    if mountpoint -q "$mount_point"; then
        umount "$mount_point"
        rmdir "$mount_point"
    fi
    cat "$state" >"$pages/nr_hugepages"
    rm -f "$state"
}

case "${1-}" in
reserve)
    [ -w "$pages/nr_hugepages" ] || exit 1
    total=$(cat "$pages/nr_hugepages")
    free=$(cat "$pages/free_hugepages")
    wanted=$((($2 + 1) / 2))
    [ -e "$state" ] || echo "$total" >"$state"
    if [ "$free" -lt "$wanted" ]; then
        echo $((total + wanted - free)) >"$pages/nr_hugepages" || :
        if [ "$(cat "$pages/free_hugepages")" -lt "$wanted" ]; then
            restore
            exit 1
        fi
    fi
    if ! grep -q ' hugetlbfs ' /proc/mounts; then
        mkdir -p "$mount_point"
        mount -t hugetlbfs -o pagesize=2M kcpgate "$mount_point" || {
            rmdir "$mount_point"
            restore
            exit 1
        }
    fi
    ;;
restore) restore ;;
*)
    sed -n 's/^# \{0,1\}//; 3,6p' "$0" >&2
    exit 2
    ;;
esac
