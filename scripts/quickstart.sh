#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two boxes on this machine, a tunnel between them, and real programs through it.
#
#   kgq-client (namespace)                                    kgq-server (namespace)
#   curl ─► 127.0.0.1:6000 ┐                                ┌► nginx 127.0.0.1:8080
#   echo ─► 127.0.0.1:6001 ┴ kcpgate ─ kgq-c ═ kgq-s ─ kcpgate ┴► echo  127.0.0.1:7777
#                            198.18.0.1       198.18.0.2
#
#   scripts/quickstart.sh           try it, clean up
#   scripts/quickstart.sh --keep    try it, leave it running and say how to play with it
#   scripts/quickstart.sh --stop    end what --keep has left
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

state=build/quickstart
kcpgate=build/release/app/kcpgate/kcpgate
ctl=build/release/app/kcpgate-ctl/kcpgate-ctl
boxes="client server"
memory_mb=256 # each
keep=no

say() { printf '%s\n' "$*"; }
row() { printf '  %-12s %s\n' "$1" "$2"; }
die() {
    say "quickstart: $*" >&2
    exit 1
}
inside() { # inside BOX COMMAND…: runs it in that box's namespace
    local box=$1
    shift
    ip netns exec "kgq-$box" "$@"
}
launch() { # launch NAME BOX COMMAND…: the same in the background, noted for the end
    local name=$1 box=$2
    shift 2
    # No function in between: the process must be the one whose number is noted.
    ip netns exec "kgq-$box" "$@" >"$state/$name.log" 2>&1 &
    echo $! >"$state/$name.pid"
}

usage() {
    sed -n '/^#   scripts/s/^# *//p' "$0"
    exit "$1"
}

# ---- taking down --------------------------------------------------------------------------------

# Ends the processes in $state/*.pid: politely, then not.
end_processes() {
    local file pid
    for file in "$state"/*.pid; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        if ! kill "$pid" 2>/dev/null; then
            continue
        fi
        for _ in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || :
    done
    rm -f "$state"/*.pid
}

clean_up() {
    end_processes
    for box in $boxes; do
        ip netns delete "kgq-$box" 2>/dev/null || :
        rm -rf "/var/run/dpdk/kcpgate-kgq-$box"
    done
    scripts/kcpgate-setup --record "$state/hugepages" --undo
    rm -rf "$state"
}

leave() {
    local status=$?
    trap - EXIT
    if [ "$status" != 0 ]; then
        for box in $boxes; do
            [ ! -s "$state/$box.log" ] || {
                say "---- last lines of $box.log" >&2
                tail -n 20 "$state/$box.log" >&2
            }
        done
    fi
    if [ "$status" != 0 ] || [ "$keep" = no ]; then
        clean_up
    fi
    exit "$status"
}

# ---- setting up ---------------------------------------------------------------------------------

prepare() {
    mkdir -p build
    scripts/install-deps.sh --build
    row build "compiling …"
    scripts/build.sh build/release --buildtype=release -- app/kcpgate/kcpgate \
        app/kcpgate-ctl/kcpgate-ctl >build/quickstart-build.log 2>&1 || {
        tail -n 40 build/quickstart-build.log >&2
        die "the build failed"
    }
    if scripts/kcpgate-setup --now --record "$state/hugepages" \
        --hugepages $((2 * memory_mb + 64)) 2>/dev/null; then
        hugepages=true
        row memory "2 × $memory_mb MB of huge pages, given back at the end"
    else
        hugepages=false
        row memory "no huge pages to be had: running with --no-huge"
    fi
}

wire_up() {
    for box in $boxes; do
        ip netns add "kgq-$box"
        ip -n "kgq-$box" link set lo up
    done
    ip -n kgq-client link add kgq-c type veth peer name kgq-s netns kgq-server
    for end in client/kgq-c server/kgq-s; do
        # The kernel's own interface stays without addresses; the box's TAP carries them.
        inside "${end%/*}" sysctl -qw "net.ipv6.conf.${end#*/}.disable_ipv6=1"
        inside "${end%/*}" ethtool -K "${end#*/}" tso off gso off gro off
        ip -n "kgq-${end%/*}" link set "${end#*/}" up
    done
}

# configure BOX DRIVER LINK CPU HOST-NUMBER; the box's tunnels come on stdin.
configure() {
    (umask 077 && cat >"$state/$1.json") <<JSON
{
  "name": "kgq-$1",
  "workers": [$4],
  "poll": "adaptive",
  "memory": { "hugepages": $hugepages, "mb": $memory_mb },
  "ports": [
    { "name": "wan", "device": "$2,iface=$3", "tap": "kg-$1", "mtu": 1500,
      "addresses": ["198.18.0.$5/24", "fd00:18::$5/64"] }
  ],
  "tunnels": [
$(cat)
  ]
}
JSON
}

shared='"kcp": "regular3", "encryption_algorithm": "AES-GCM", "encryption_password": "qwerty1234"'

# start_boxes DRIVER: true when both are forwarding.
start_boxes() {
    local cpus
    read -ra cpus < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
    configure client "$1" kgq-c "${cpus[0]}" 1 <<JSON
    { "name": "web", "mode": "client", "listen_on": "127.0.0.1", "listen_port": 6000,
      "destination_address": "198.18.0.2", "destination_port": 3000,
      $shared },
    { "name": "echo", "mode": "client", "listen_on": "127.0.0.1", "listen_port": 6001,
      "destination_address": "198.18.0.2", "destination_port": "3001-3005",
      "dport_refresh": "2-3",
      $shared }
JSON
    configure server "$1" kgq-s "${cpus[-1]}" 2 <<JSON
    { "name": "web", "mode": "server", "listen_port": 3000,
      "destination_address": "127.0.0.1", "destination_port": 8080,
      $shared },
    { "name": "echo", "mode": "server", "listen_port": "3001-3005",
      "destination_address": "127.0.0.1", "destination_port": 7777,
      $shared }
JSON
    for box in $boxes; do
        launch "$box" "$box" "$kcpgate" "$state/$box.json"
    done
    for box in $boxes; do
        wait_for_line "$state/$box.log" 'kcpgate ready' "$box" || return
    done
}

# wait_for_line FILE LINE PROCESS: until the file has it; false when the process ends before.
wait_for_line() {
    for _ in $(seq 300); do
        if grep -qsx "$2" "$1"; then
            return 0
        fi
        kill -0 "$(cat "$state/$3.pid")" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# AF_PACKET gives DPDK a copy of each frame; the kernel must not answer the original.
quieten_kernel() {
    for end in client/kgq-c server/kgq-s; do
        inside "${end%/*}" nft -f - <<NFT
table netdev kcpgate {
    chain quiet { type filter hook ingress device ${end#*/} priority -500; policy drop; }
}
NFT
    done
}

# A driver that cannot work here fails at start; then the next one has its turn.
start_tunnel() {
    if start_boxes net_af_xdp0; then
        driver=af_xdp
    else
        end_processes
        row driver "af_xdp does not work here: $(tail -n 1 "$state/client.log")"
        quieten_kernel
        start_boxes net_af_packet0 || die "the boxes do not start"
        driver=af_packet
    fi
    row driver "DPDK $driver on both ends of a veth pair, adaptive polling"
}

start_applications() {
    mkdir -p "$state/www"
    head -c $((100 << 20)) /dev/urandom >"$state/www/file"
    cat >"$state/nginx.conf" <<NGINX
daemon off;
user root;
worker_processes 1;
pid $PWD/$state/nginx-own-pid;
error_log stderr;
events { }
http {
    access_log off;
    client_body_temp_path $PWD/$state/nginx-body;
    proxy_temp_path $PWD/$state/nginx-proxy;
    fastcgi_temp_path $PWD/$state/nginx-fastcgi;
    uwsgi_temp_path $PWD/$state/nginx-uwsgi;
    scgi_temp_path $PWD/$state/nginx-scgi;
    server { listen 127.0.0.1:8080; root $PWD/$state/www; }
}
NGINX
    launch nginx server nginx -e stderr -c "$PWD/$state/nginx.conf"
    launch echo server python3 scripts/lib/traffic.py serve 127.0.0.1 7777
    for port in 8080 7777; do
        wait_listening "$port"
    done
}

wait_listening() {
    for _ in $(seq 100); do
        if inside server ss -Hltn "sport = :$1" | grep -q .; then
            return
        fi
        sleep 0.1
    done
    die "nobody listens on port $1"
}

# ---- trying it ----------------------------------------------------------------------------------

cpu_s() { # CPU seconds a box has used so far
    awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' \
        "/proc/$(cat "$state/$1.pid")/stat"
}

download() {
    local before_c before_s result
    before_c=$(cpu_s client) before_s=$(cpu_s server)
    result=$(inside client curl -sS --fail --max-time 120 -o "$state/downloaded" \
        -w '%{size_download} %{time_total}' http://127.0.0.1:6000/file)
    row download "$(echo "$result" | awk '{ printf "%.0f MB by curl from nginx in %.1f s: " \
        "%.0f Mbit/s of goodput", $1 / 1e6, $2, $1 * 8 / $2 / 1e6 }')"
    row cpu "$(awk -v c="$(cpu_s client)" -v d="$before_c" -v s="$(cpu_s server)" -v t="$before_s" \
        'BEGIN { printf "client box %.2f s, server box %.2f s meanwhile", c - d, s - t }')"
    if [ "$(sha256sum <"$state/www/file")" != "$(sha256sum <"$state/downloaded")" ]; then
        die "the file arrived changed"
    fi
    row sha256 "equal"
    rm -f "$state/downloaded"
}

# The echo tunnel's paths go on at other ports of the server while a connection talks. There are two,
# and three hops are at least one of the connection's own.
hop() {
    local talked
    talked=$(inside client python3 scripts/lib/traffic.py talk 127.0.0.1 6001 \
        "$state/client.log" 'echo: hops from' 3)
    grep -q 'echo: hops from' "$state/client.log" || die "the path does not hop"
    row hop "$(grep -o 'hops from .*' "$state/client.log" | tail -n 1)"
    row '' "meanwhile $talked"
}

try_it() {
    download
    row udp "$(inside client python3 scripts/lib/traffic.py udp 127.0.0.1 6001)"
    row ping-pong "$(inside client python3 scripts/lib/traffic.py pingpong 127.0.0.1 6001 2000 100)"
    hop
}

show_inside() {
    # One connection stays open while the tables are drawn, so that there is something to see.
    # shellcheck disable=SC2016 # the inner shell expands it
    launch guest client bash -c \
        'exec 3<>/dev/tcp/127.0.0.1/6001; echo hello >&3; read -r x <&3; echo "$x"; exec sleep 60'
    wait_for_line "$state/guest.log" hello guest || die "no echo over TCP"
    for box in $boxes; do
        say ""
        for what in channels drops; do
            "$ctl" --box "kgq-$box" "$what"
        done
    done
    kill "$(cat "$state/guest.pid")"
    rm "$state/guest.pid"
}

explain() {
    cat <<TEXT

It is still running. As root, in $PWD:
  ip netns exec kgq-client curl -o /dev/null http://127.0.0.1:6000/file
  ip netns exec kgq-client python3 scripts/lib/traffic.py pingpong 127.0.0.1 6001 1000 100
  ip netns exec kgq-client ping 198.18.0.2                  (through both TAPs)
  $ctl --box kgq-client top          (or channels, drops, stats; --help)
  dpdk-telemetry.py -f kcpgate-kgq-client                   (then type /kcpgate/channels)
Configurations and logs are in $state/. To end it:
  scripts/quickstart.sh --stop
TEXT
}

case "${1-}" in
'') ;;
--keep) keep=yes ;;
--stop) ;;
-h | --help) usage 0 ;;
*) usage 2 >&2 ;;
esac
[ "$(id -u)" = 0 ] || die "please run scripts/quickstart.sh as root"
if [ "${1-}" = --stop ]; then
    clean_up
    exit 0
fi

clean_up # what an interrupted run may have left
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$state"
say "kcpgate quickstart"
prepare
wire_up
start_tunnel
start_applications
try_it
show_inside
[ "$keep" = no ] || explain
say ""
say "quickstart: OK"
