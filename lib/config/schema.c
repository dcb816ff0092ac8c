/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds the table of all keys. */
#include "config/schema.h"
#include "config/config.h"
#include "config/kinds.h"
#include "config/presets.h"

#include <string.h>

const char *const kg_scope_paths[KG_SCOPES] = {
	[KG_SCOPE_ROOT] = "",
	[KG_SCOPE_MEMORY] = "memory",
	[KG_SCOPE_PORT] = "ports[]",
	[KG_SCOPE_TUNNEL] = "tunnels[]",
	[KG_SCOPE_MAPPING] = "tunnels[].custom_input[]",
};

static const struct kg_word poll_words[] = {
	{ "adaptive", KG_POLL_ADAPTIVE },
	{ "busy", KG_POLL_BUSY },
	{ NULL },
};

static const struct kg_word exception_words[] = {
	{ "tap", KG_EXCEPTION_TAP },
	{ "vhost", KG_EXCEPTION_VHOST },
	{ NULL },
};

static const struct kg_word path_mtu_words[] = {
	{ "auto", KG_PATH_MTU_AUTO },
	{ "off", KG_PATH_MTU_OFF },
	{ NULL },
};

static const struct kg_word mode_words[] = {
	{ "client", KG_MODE_CLIENT },
	{ "server", KG_MODE_SERVER },
	{ KG_RELAY_WORD, KG_MODE_LISTENER },
	{ NULL },
};

static const struct kg_word protocol_words[] = {
	{ "kcptube", KG_WIRE_KCPTUBE },
	{ "udphop", KG_WIRE_UDPHOP },
	{ NULL },
};

static const struct kg_word udp_order_words[] = {
	{ "sequence", KG_UDP_SEQUENCE },
	{ "arrival", KG_UDP_ARRIVAL },
	{ NULL },
};

static const struct kg_word rate_words[] = {
	{ "auto", KG_RATE_WORD_AUTO },
	{ "fair", KG_RATE_WORD_FAIR },
	{ "scavenger", KG_RATE_WORD_SCAVENGER },
	{ "window", KG_RATE_WORD_WINDOW },
	{ NULL },
};

static const struct kg_word mapped_words[] = {
	{ "tcp", KG_MAPPED_TCP },
	{ "udp", KG_MAPPED_UDP },
	{ "both", KG_MAPPED_BOTH },
	{ NULL },
};

static const struct kg_word algorithm_words[] = {
	{ "AES-GCM" }, { "AES-OCB" }, { "chacha20" }, { "xchacha20" },
	{ "XOR" },     { "none" },    { NULL },
};

#define MEMBER(type, member) \
	.offset = offsetof(struct type, member), .bytes = sizeof(((struct type *)0)->member)
#define COUNTED(type, member, counter) \
	MEMBER(type, member), .count_offset = offsetof(struct type, counter)
#define ROOT(key)      .scope = KG_SCOPE_ROOT, .name = key
#define MEMORY(key)    .scope = KG_SCOPE_MEMORY, .name = key
#define PORT(key)      .scope = KG_SCOPE_PORT, .name = key
#define TUNNEL(key)    .scope = KG_SCOPE_TUNNEL, .name = key
#define MAPPING(key)   .scope = KG_SCOPE_MAPPING, .name = key
#define CUSTOM(member) .custom_offset = offsetof(struct kg_tunnel_config, member)
#define LATER(key, text)                  \
	{                                 \
		TUNNEL(key), .help = text \
	}

const struct kg_key kg_schema[] = {
	{ ROOT("name"), .kind = &kg_kind_name, MEMBER(kg_config, name), .fallback = "\"kcpgate\"",
	  .help = "Name of this box. Two boxes on one machine need different names." },
	{ ROOT("workers"), .kind = &kg_kind_numbers, COUNTED(kg_config, workers, worker_count),
	  .min = 0, .max = 1023, .fallback = "[0]",
	  .help = "CPUs that move packets, one worker thread on each. CPU 0 exists everywhere; a "
		  "box with cores to spare gives the tunnel others and leaves CPU 0 to Linux." },
	{ ROOT("payload_threads"), .kind = &kg_kind_number, MEMBER(kg_config, payload_threads),
	  .min = 1, .max = KG_CONFIG_PAYLOAD_THREADS_MAX, .fallback = "1",
	  .help = "Threads that serve the sockets of applications, anywhere on the CPUs the "
		  "process may use. More than one helps when one is busy all the time, and there "
		  "are "
		  "CPUs to spare: connections and UDP flows are spread over them." },
	{ ROOT("poll"), .kind = &kg_kind_choice, MEMBER(kg_config, poll), .words = poll_words,
	  .fallback = "\"adaptive\"",
	  .help = "`busy` never sleeps; `adaptive` sleeps while there is nothing to do, until a "
		  "frame, a message or a timer wakes it, and naps 100 µs at most under load, so "
		  "that work gathers." },
	{ ROOT("memory"), .kind = &kg_kind_object, .inner = KG_SCOPE_MEMORY,
	  .help = "Memory for packets and channels." },
	{ ROOT("metrics"), .kind = &kg_kind_text, MEMBER(kg_config, metrics),
	  .help = "Where Prometheus finds the box's numbers: `unix:/path`, a socket of the box's "
		  "user, or an address of the loopback with a port, `127.0.0.1:9464`." },
	{ ROOT("eal"), .kind = &kg_kind_texts, COUNTED(kg_config, eal, eal_count), .fallback = "[]",
	  .help = "Further options for DPDK's EAL, one text each. Options on the command line come "
		  "after these." },
	{ ROOT("local_ports"), .kind = &kg_kind_ports,
	  COUNTED(kg_config, local_ports, local_port_count), .fallback = "\"16384-32767\"",
	  .help = "UDP ports from which clients' channels leave, one range of 64 to 16384. Those "
		  "that "
		  "Linux has a socket on are left alone." },
	{ ROOT("ports"), .kind = &kg_kind_objects, .inner = KG_SCOPE_PORT, .required = true,
	  .help = "Network ports that DPDK drives." },
	{ ROOT("tunnels"), .kind = &kg_kind_objects, .inner = KG_SCOPE_TUNNEL, .fallback = "[]",
	  .help = "Tunnels." },

	{ MEMORY("hugepages"), .kind = &kg_kind_bool, MEMBER(kg_config, hugepages),
	  .fallback = "true", .help = "Use hugepages. `false` works everywhere, slower." },
	{ MEMORY("shared"), .kind = &kg_kind_bool, MEMBER(kg_config, shared_memory),
	  .fallback = "false",
	  .help = "Other programs of DPDK may attach, `dpdk-dumpcap` for one: the hugepages are "
		  "files "
		  "while the box runs, and who may open these may read and write all in them." },
	{ MEMORY("mb"), .kind = &kg_kind_number, MEMBER(kg_config, memory_mb), .min = 64,
	  .max = 1048576, .fallback = "512",
	  .help = "MiB for packets and channels; the box never takes more." },

	{ PORT("name"), .kind = &kg_kind_name, MEMBER(kg_port_config, name),
	  .computed = "`port0`, `port1`, …", .help = "Name in messages and counters." },
	{ PORT("device"), .kind = &kg_kind_text, MEMBER(kg_port_config, device), .required = true,
	  .help = "PCI address (`0000:03:00.0`), or a DPDK virtual device with its arguments "
		  "(`net_af_xdp0,iface=eth1`)." },
	{ PORT("tap"), .kind = &kg_kind_tap, MEMBER(kg_port_config, tap), .computed = "`kg-NAME`",
	  .help = "Kernel interface that mirrors the port: same MAC, the addresses, up. Linux gets "
		  "and sends there whatever belongs to no tunnel." },
	{ PORT("exception"), .kind = &kg_kind_choice, MEMBER(kg_port_config, exception),
	  .words = exception_words, .fallback = "\"tap\"",
	  .help = "What makes the interface `tap`: `tap` Linux's own driver, or `vhost` the "
		  "kernel's "
		  "vhost-net, to which a burst costs one notification; where that cannot be had it "
		  "is "
		  "`tap` again, with a warning." },
	{ PORT("mtu"), .kind = &kg_kind_number, MEMBER(kg_port_config, mtu), .min = 576,
	  .max = 9600, .fallback = "1500",
	  .help = "Bytes of the largest IP packet; 1280 or more "
		  "with IPv6." },
	{ PORT("vlan"), .kind = &kg_kind_number, MEMBER(kg_port_config, vlan), .min = 0,
	  .max = 4094, .fallback = "0",
	  .help = "VLAN whose tagged frames the port takes and sends; 0: untagged." },
	{ PORT("flow_rules"), .kind = &kg_kind_bool, MEMBER(kg_port_config, flow_rules),
	  .fallback = "false",
	  .help = "Several workers: rules in the NIC bring each of them what is sent to its share "
		  "of a server's `listen_port`." },
	{ PORT("icmp_unreachable"), .kind = &kg_kind_bool, MEMBER(kg_port_config, icmp_unreachable),
	  .fallback = "false",
	  .help = "Linux's ICMP errors about tunnels' UDP ports leave, as those about others do. "
		  "Who asks can then tell which ports are in use." },
	{ PORT("take_over"), .kind = &kg_kind_bool, MEMBER(kg_port_config, take_over),
	  .fallback = "false",
	  .help = "What Linux has on the interface under the port, addresses, routes and "
		  "neighbours, moves to the TAP, and back at the end. `false`: addresses and "
		  "routes there are an error." },
	{ PORT("addresses"), .kind = &kg_kind_prefixes,
	  COUNTED(kg_port_config, addresses, address_count), .fallback = "[]",
	  .help = "The port's own addresses, with prefix length, at most 16." },
	{ PORT("gateway"), .kind = &kg_kind_gateways,
	  COUNTED(kg_port_config, gateways, gateway_count), .fallback = "[]",
	  .help = "Routers for everything else, at most one per IP version, in one of the "
		  "addresses' networks." },

	{ TUNNEL("name"), .relay = KG_IN_RELAY, .kind = &kg_kind_name,
	  MEMBER(kg_tunnel_config, name), .computed = "`tunnel0`, `tunnel1`, …",
	  .help = "Name in messages and counters.", .kcptube = "Not there." },
	{ TUNNEL("mode"), .kind = &kg_kind_choice, MEMBER(kg_tunnel_config, mode),
	  .words = mode_words, .required = true, .relay = KG_IN_RELAY,
	  .help = "`client` takes connections of applications, `server` makes them. `relay` has "
		  "the "
		  "tunnel's wire on both sides: see below." },
	{ TUNNEL("protocol"), .relay = KG_IN_RELAY, .kind = &kg_kind_choice,
	  MEMBER(kg_tunnel_config, wire.protocol), .words = protocol_words,
	  .fallback = "\"kcptube\"",
	  .help = "What the wire is, the same at both ends. `kcptube`: TCP and UDP, and what is "
		  "lost is "
		  "sent again. `udphop`: UDP alone, each datagram once, as UDP Hop does it, for "
		  "VPNs "
		  "and games that repair themselves: docs/udphop.md.",
	  .kcptube = "UDP Hop is a program of its own." },
	{ TUNNEL("listener"), .kind = &kg_kind_leg, .relay = KG_IN_RELAY,
	  .help = "Relay: the leg towards the clients, which is a server's." },
	{ TUNNEL("forwarder"), .kind = &kg_kind_leg, .relay = KG_IN_RELAY,
	  .help = "Relay: the leg towards the server, which is a client's." },
	{ TUNNEL("listen_on"), .relay = KG_IN_LISTENER, .kind = &kg_kind_addresses,
	  COUNTED(kg_tunnel_config, listen_on, listen_on_count), CUSTOM(custom_listen), .any = true,
	  .fallback = "[]",
	  .help = "Local addresses: for a client's applications, for a server's tunnel. `0.0.0.0`: "
		  "any of IPv4, `::`: any of IPv6. None: any address." },
	{ TUNNEL("listen_port"), .relay = KG_IN_LISTENER, .kind = &kg_kind_ports,
	  COUNTED(kg_tunnel_config, listen_ports, listen_port_count), CUSTOM(custom_listen),
	  .required = true,
	  .help = "Client: the one TCP and UDP port for applications, or `{}` for those of "
		  "`custom_input`. Server: the UDP ports of the tunnel, as many as you like.",
	  .kcptube = "Takes several ports in a client and uses the lowest; hangs on a range up to "
		     "65535; refuses `5-5`." },
	{ TUNNEL("destination_port"), .relay = KG_IN_FORWARDER, .kind = &kg_kind_ports,
	  COUNTED(kg_tunnel_config, destination_ports, destination_port_count),
	  CUSTOM(custom_destination), .required = true, .unless = "destination_dnstxt",
	  .help = "Client: the server's UDP ports, one is chosen at random for every channel. "
		  "Server: the one port of the application, or `{}`: the client says where to.",
	  .kcptube = "Up to v0.7.7 a server with `{}` needs a port and an address besides." },
	{ TUNNEL("destination_address"), .relay = KG_IN_FORWARDER, .kind = &kg_kind_hosts,
	  COUNTED(kg_tunnel_config, destinations, destination_count), CUSTOM(custom_destination),
	  .required = true, .unless = "destination_dnstxt",
	  .help = "Client: the server, one of several is chosen at random for every channel. "
		  "Server: the one address of the application, or `{}`: the client says where to. "
		  "One `{}` is enough for both keys.",
	  .kcptube = "Asks for names of a client's servers once." },
	{ TUNNEL("destination_dnstxt"), .relay = KG_IN_FORWARDER, .kind = &kg_kind_host_name,
	  MEMBER(kg_tunnel_config, destination_dnstxt),
	  .help = "Client: the name of a DNS TXT record, `198.18.0.2:3000` or "
		  "`[fd00:18::2]:3000`, instead of the two above.",
	  .kcptube = "Asks once; the last of several records counts." },
	{ TUNNEL("stun_server"), .relay = KG_IN_LISTENER, .kind = &kg_kind_stun_servers,
	  COUNTED(kg_tunnel_config, stun_servers, stun_server_count), .fallback = "[]",
	  .help = "Server with one `listen_port`: STUN servers that are asked how this port looks "
		  "from outside, so often that a NAT does not forget it. Port 3478 unless given.",
	  .kcptube = "Takes no port; asks by IPv4 only." },
	{ TUNNEL("update_ipv4"), .relay = KG_IN_RELAY | KG_IN_LISTENER, .kind = &kg_kind_text,
	  MEMBER(kg_tunnel_config, update_ipv4),
	  .help = "Program that is run with `ADDRESS:PORT` when the outside IPv4 address has "
		  "changed.",
	  .kcptube = "Leaves it its descriptors." },
	{ TUNNEL("update_ipv6"), .relay = KG_IN_RELAY | KG_IN_LISTENER, .kind = &kg_kind_text,
	  MEMBER(kg_tunnel_config, update_ipv6), .help = "The same with `[ADDRESS]:PORT` for IPv6.",
	  .kcptube = "Gives it the port of IPv4." },
	{ TUNNEL("log_path"), .relay = KG_IN_RELAY | KG_IN_LISTENER, .kind = &kg_kind_text,
	  MEMBER(kg_tunnel_config, log_path),
	  .help = "Directory, which must be there, for the tunnel's messages, its status every "
		  "minute, and `ip_address.txt`, which has the outside addresses.",
	  .kcptube = "`ip_address.log` loses the addresses after a second." },
	{ TUNNEL("encryption_algorithm"), .relay = KG_IN_ALL, .kind = &kg_kind_word,
	  MEMBER(kg_tunnel_config, wire.encryption_algorithm), .words = algorithm_words,
	  .fallback = "\"none\"",
	  .help = "Must be the same at both ends. `XOR` and `none` take no password, keep nothing "
		  "secret and find only accidental changes." },
	{ TUNNEL("encryption_password"), .relay = KG_IN_ALL, .kind = &kg_kind_text,
	  MEMBER(kg_tunnel_config, wire.encryption_password), .secret = true,
	  .help = "Must be the same at both ends; required for all algorithms but `XOR` and "
		  "`none`. White space around it does not count." },
	{ TUNNEL("encryption_password_file"), .relay = KG_IN_ALL, .kind = &kg_kind_secret_file,
	  MEMBER(kg_tunnel_config, wire.encryption_password),
	  .help = "A file with the password, one line, in place of `encryption_password`; read at "
		  "the start and at a reload.",
	  .kcptube = "Not there." },
	{ TUNNEL("udp_timeout"), .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.udp_timeout_s), .min = 1, .max = 65535,
	  .beyond = KG_BEYOND_DEFAULT, .zero_unset = true, .fallback = "180",
	  .computed = "`180`; with `udphop` `1800`",
	  .help = "Seconds after which a silent UDP flow ends." },
	{ TUNNEL("udp_order"), .needs_kcp = true, .kind = &kg_kind_choice,
	  MEMBER(kg_tunnel_config, app.udp_order), .words = udp_order_words,
	  .fallback = "\"sequence\"",
	  .help = "Datagrams for applications: `sequence` gives them in the order in which they "
		  "were sent, so that one that is lost and sent again holds up those behind it; "
		  "`arrival` gives each as soon as it is whole, for games, voice and VPNs.",
	  .kcptube = "Not there." },
	{ TUNNEL("udp_deadline"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.udp_deadline_ms), .min = 0, .max = 65535, .fallback = "0",
	  .help = "Milliseconds after which a datagram of an application is of no use: one that "
		  "still waits is thrown away, and one that was lost is not sent again, for games "
		  "and voice: `300` suits most. Each end has its own, for what it sends. 0: each "
		  "is sent until it arrives.",
	  .kcptube = "Not there." },
	{ TUNNEL("keep_alive"), .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.keep_alive_s), .min = 0, .max = 65535,
	  .beyond = KG_BEYOND_CAP, .fallback = "0",
	  .help = "Seconds between signs of life in a channel; 0: none.",
	  .kcptube = "Takes negative numbers as 0." },
	{ TUNNEL("dport_refresh"), .relay = KG_IN_FORWARDER, .kind = &kg_kind_interval,
	  MEMBER(kg_tunnel_config, wire.dport_refresh), .fallback = "60",
	  .help = "Client: seconds between hops to another of the server's ports and addresses; "
		  "`\"30-90\"`: by chance in between. 0: only away from where nothing comes from. "
		  "Without effect where there is one port and one address.",
	  .kcptube = "1 to 19 count as 20, for a hop there may lose something. 0 stays with what "
		     "is silent. No intervals." },
	{ TUNNEL("spread"), .needs_kcp = true, .relay = KG_IN_FORWARDER, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.spread), .min = 0, .max = KG_SPREAD_MAX, .fallback = "0",
	  .help = "Client: 5-tuples, each with a local port of its own, over which all channels to "
		  "an address of the server are spread at once, both ways, where a carrier caps or "
		  "punishes each; one that is punished is left for another. 1: one, which is left "
		  "when it is punished. 0: each channel has its own, and nobody looks. Needs "
		  "`rate` `auto`.",
	  .kcptube = "Not there." },
	{ TUNNEL("outbound_bandwidth"), .needs_kcp = true, .relay = KG_IN_ALL,
	  .kind = &kg_kind_bandwidth, MEMBER(kg_tunnel_config, wire.outbound_Bps), .fallback = "0",
	  .help = "Bits per second towards the peer, number or text with a unit: `K` `M` `G` count "
		  "in 1024, `k` `m` `g` in 1000. Sizes the send window once the delay is known. 0: "
		  "windows stay as set.",
	  .kcptube = "Loses the last digit of a number without unit." },
	{ TUNNEL("inbound_bandwidth"), .needs_kcp = true, .relay = KG_IN_ALL,
	  .kind = &kg_kind_bandwidth, MEMBER(kg_tunnel_config, wire.inbound_Bps), .fallback = "0",
	  .help = "The same from the peer, for the receive window.",
	  .kcptube = "Loses the last digit of a number without unit." },
	{ TUNNEL("ipv4_only"), .relay = KG_IN_ALL, .kind = &kg_kind_bool,
	  MEMBER(kg_tunnel_config, ipv4_only), .fallback = "false",
	  .help = "No IPv6 in this tunnel.", .kcptube = "Any value, `no` too, switches it on." },
	{ TUNNEL("ipv6_only"), .relay = KG_IN_ALL, .kind = &kg_kind_bool,
	  MEMBER(kg_tunnel_config, ipv6_only), .fallback = "false",
	  .help = "No IPv4 in this tunnel.", .kcptube = "Any value, `no` too, switches it on." },
	{ TUNNEL("fast_path"), .kind = &kg_kind_bool, MEMBER(kg_tunnel_config, app.fast_path),
	  .fallback = "true",
	  .help = "UDP of applications that comes and goes through a port does not pass through "
		  "Linux, once its flow is known there. `false`: for Linux to filter or translate "
		  "it.",
	  .kcptube = "Not there." },
	{ TUNNEL("vrf_ingress"), .kind = &kg_kind_tap, MEMBER(kg_tunnel_config, app.vrf_ingress),
	  .help = "Client: VRF, or another interface of Linux, by which applications come in. With "
		  "one there is no `fast_path`.",
	  .kcptube = "`fib_ingress`, on FreeBSD." },
	{ TUNNEL("vrf_egress"), .kind = &kg_kind_tap, MEMBER(kg_tunnel_config, app.vrf_egress),
	  .help = "Server: VRF, or another interface of Linux, by which applications are connected "
		  "to. Names are asked for without it. With one there is no `fast_path`.",
	  .kcptube = "`fib_egress`, on FreeBSD." },
	{ TUNNEL("blast"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_bool,
	  MEMBER(kg_tunnel_config, wire.kcp.blast), .fallback = "true",
	  .help = "Send data at once instead of on the grid of `kcp_interval`." },
	{ TUNNEL("mtu"), .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.mtu), .min = 1, .max = 65535, .zero_unset = true,
	  .computed = "smallest `mtu` of the ports",
	  .help = "Bytes of the largest IP packet that passes from end to end. `kcp_mtu` follows "
		  "from it.",
	  .kcptube = "Its packets come out up to 48 bytes larger than it says." },
	{ TUNNEL("pmtu"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_word_or_number,
	  MEMBER(kg_tunnel_config, wire.path_mtu), .words = path_mtu_words, .min = 576,
	  .max = UINT16_MAX, .fallback = "\"auto\"",
	  .help = "What passes to each peer, in bytes of IP packets: `auto` finds it out, `off` "
		  "does not ask and lets routers cut, a number is taken as it stands.",
	  .kcptube = "The kernel learns from routers only." },
	{ TUNNEL("kcp_mtu"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.kcp.mtu), .min = KG_KCP_MTU_MIN, .max = KG_KCP_MTU_MAX,
	  .zero_unset = true, .computed = "from `mtu`",
	  .help = "Bytes of one KCP datagram, its 24-byte headers included. Without effect beside "
		  "`mtu`.",
	  .kcptube = "1418 unless set; no limits." },
	{ TUNNEL("kcp"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_word,
	  MEMBER(kg_tunnel_config, wire.kcp_preset), .words = kg_preset_words,
	  .fallback = "\"" KG_PRESET_DEFAULT "\"",
	  .help = "Preset of the KCP numbers. `manual`: the four below." },
	{ TUNNEL("kcp_nodelay"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.kcp.nodelay), .min = 0, .max = 2, .computed = "preset",
	  .help = "How the time-out of a segment grows: 0 doubles it, 1 adds half of it, 2 adds "
		  "half "
		  "of the current estimate. Only with `manual`." },
	{ TUNNEL("kcp_interval"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.kcp.interval_ms), .min = 0, .max = 5000,
	  .computed = "preset",
	  .help = "Milliseconds of the grid on which is sent when `blast` is off. Only with "
		  "`manual`." },
	{ TUNNEL("kcp_resend"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.kcp.resend), .min = 0, .max = 255, .computed = "preset",
	  .help = "Later datagrams acknowledged before a missing one is sent again; 0: wait for "
		  "the time-out. Only with `manual`." },
	{ TUNNEL("kcp_nc"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_bool,
	  MEMBER(kg_tunnel_config, wire.kcp.nc), .computed = "preset",
	  .help = "No congestion window. Only with `manual`." },
	{ TUNNEL("kcp_sndwnd"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.kcp.snd_wnd), .min = 1, .max = KG_KCP_WINDOW_MAX,
	  .beyond = KG_BEYOND_CAP, .zero_unset = true, .computed = "preset",
	  .help = "Segments under way at most, at least those of a datagram of `mtu` bytes. "
		  "Bandwidth × delay / `kcp_mtu` is enough. Not written: as many may be "
		  "unacknowledged, and what is acknowledged behind a loss does not count.",
	  .kcptube = "Stalls its peer with windows over 65535." },
	{ TUNNEL("kcp_rcvwnd"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.kcp.rcv_wnd), .min = 1, .max = KG_KCP_WINDOW_MAX,
	  .beyond = KG_BEYOND_CAP, .zero_unset = true, .computed = "preset",
	  .help = "Segments held for the application at most, 128 at least. Not written: more "
		  "where the path needs it, up to 65535 and as far as memory goes.",
	  .kcptube = "Stalls its peer with windows over 65535." },
	{ TUNNEL("rate"), .needs_kcp = true, .relay = KG_IN_ALL, .kind = &kg_kind_word_or_bandwidth,
	  MEMBER(kg_tunnel_config, wire.rate), .words = rate_words, .fallback = "\"auto\"",
	  .help = "How fast data leaves: `auto` finds out what the path has, keeps queues short, "
		  "and takes windows and bandwidths that are written for upper bounds; `fair` "
		  "takes as much as a TCP connection beside it; `scavenger` takes what others "
		  "leave, and gives way to any queue; bits per second are to arrive, and up to "
		  "three tenths more than that is sent where so much is lost; `window` sends a "
		  "window in each round trip, and less where a queue overflows by it. Without "
		  "`kcp_nc` there is only `window`.",
	  .kcptube = "Not there." },
	{ TUNNEL("fec"), .relay = KG_IN_ALL, .kind = &kg_kind_fec,
	  MEMBER(kg_tunnel_config, wire.fec),
	  .help = "Forward error correction: of every DATA datagrams of a channel, PARITY more are "
		  "made; as many may be lost without anything sent again. 255 at most together. "
		  "Must be the same at both ends. None, or a 0 on either side: off.",
	  .kcptube = "Right parity only up to v0.7.2; since v0.7.5 no connection comes about." },
	{ TUNNEL("mux_tunnels"), .needs_kcp = true, .kind = &kg_kind_number,
	  MEMBER(kg_tunnel_config, wire.mux_tunnels), .min = 0, .max = 65535,
	  .beyond = KG_BEYOND_CAP, .fallback = "0",
	  .help = "Client: so many channels, opened at the start, that all connections and UDP "
		  "flows share; every worker has one at least. 0: each has a channel of its own. A "
		  "server takes both.",
	  .kcptube = "Takes negative numbers as 0." },

	{ TUNNEL("custom_input"), .needs_kcp = true, .kind = &kg_kind_objects,
	  .inner = KG_SCOPE_MAPPING,
	  .help = "Client with `\"listen_port\": \"{}\"`: where applications come in, and where "
		  "the "
		  "server shall connect them to.",
	  .kcptube = "Since v0.7.0 a client with mappings does not start." },
	{ TUNNEL("custom_allow"), .needs_kcp = true, .kind = &kg_kind_allows,
	  COUNTED(kg_tunnel_config, app.allowed, app.allowed_count),
	  .help = "Server with `{}`: what clients may reach. None: everything.",
	  .kcptube = "Not there." },

	{ MAPPING("protocol"), .kind = &kg_kind_choice, MEMBER(kg_mapping_config, protocol),
	  .words = mapped_words, .fallback = "\"both\"", .help = "What is taken." },
	{ MAPPING("local"), .kind = &kg_kind_listening, MEMBER(kg_mapping_config, local),
	  .required = true,
	  .help = "Where applications come in: `:8000` on any address, `127.0.0.1:8000`, "
		  "`[fd00:18::1]:8000`." },
	{ MAPPING("remote"), .kind = &kg_kind_target, MEMBER(kg_mapping_config, remote),
	  .required = true,
	  .help = "Where the server connects them to: `127.0.0.1:8000`, `[::1]:53`, or "
		  "`host.name:443`, which the server resolves." },

	LATER("fib_ingress",
	      "FreeBSD's routing table for incoming traffic. Linux has VRFs: `vrf_ingress`."),
	LATER("fib_egress",
	      "FreeBSD's routing table for outgoing traffic. Linux has VRFs: `vrf_egress`."),
};
const size_t kg_schema_count = KG_ARRAY_SIZE(kg_schema);

const struct kg_key *kg_schema_find(enum kg_scope scope, const char *name)
{
	for (size_t i = 0; i < kg_schema_count; i++) {
		if (kg_schema[i].scope == scope && !strcmp(kg_schema[i].name, name))
			return &kg_schema[i];
	}
	return NULL;
}
