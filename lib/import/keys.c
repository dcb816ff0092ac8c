/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds the table of KCPTube's keys. */
#include "import/keys.h"
#include "import/convert.h"

static const struct kg_import_bounds not_negative = { 0, 0, INT64_MAX, 0 };
static const struct kg_import_bounds up_to_65535 = { 0, 0, UINT16_MAX, UINT16_MAX };
static const struct kg_import_bounds timeout = { 0, 180, UINT16_MAX, 180 };
static const struct kg_import_bounds window = { INT64_MIN, 0, UINT16_MAX, UINT16_MAX };

#define NO_TABLES(vrf)                                                                           \
	"left out: FreeBSD's routing tables have numbers, Linux's VRFs have names; \"" vrf "\" " \
	"takes one"

const struct kg_import_key kg_import_keys[KG_IMPORT_KEYS] = {
	{ "mode", kg_convert_text },
	{ "kcp", kg_convert_text },
	{ "listen_on", kg_convert_text, .braces = true },
	{ "listen_port", kg_convert_ports, .braces = true },
	{ "destination_address", kg_convert_text, .braces = true },
	{ "destination_port", kg_convert_ports, .braces = true },
	{ "destination_dnstxt", kg_convert_text, .unused_in = "server" },
	{ "dport_refresh", kg_convert_refresh, .unused_in = "server", .kept = true },
	{ "encryption_algorithm", kg_convert_text },
	{ "encryption_password", kg_convert_text },
	{ "udp_timeout", kg_convert_number, &timeout },
	{ "keep_alive", kg_convert_number, &up_to_65535 },
	{ "mux_tunnels", kg_convert_number, &up_to_65535 },
	{ "stun_server", kg_convert_text, .unused_in = "client" },
	{ "update_ipv4", kg_convert_text, .unused_in = "client" },
	{ "update_ipv6", kg_convert_text, .unused_in = "client" },
	{ "log_path", kg_convert_text },
	{ "outbound_bandwidth", kg_convert_bandwidth },
	{ "inbound_bandwidth", kg_convert_bandwidth },
	{ "ipv4_only", kg_convert_only },
	{ "ipv6_only", kg_convert_only },
	{ "blast", kg_convert_bool },
	{ "fec", kg_convert_fec },
	{ "mtu", kg_convert_number, &not_negative },
	{ "kcp_mtu", kg_convert_number, &not_negative, .kept = true },
	{ "kcp_nodelay", kg_convert_number, .kept = true },
	{ "kcp_interval", kg_convert_number, .kept = true },
	{ "kcp_resend", kg_convert_number, .kept = true },
	{ "kcp_nc", kg_convert_bool, .kept = true },
	{ "kcp_sndwnd", kg_convert_number, &window },
	{ "kcp_rcvwnd", kg_convert_number, &window },
	{ "fib_ingress", NULL, .note = NO_TABLES("vrf_ingress") },
	{ "fib_egress", NULL, .note = NO_TABLES("vrf_egress") },
};

/* 0 is its default, and what it takes others for. */
static const struct kg_import_bounds udphop_timeout = { 0, 0, UINT16_MAX, 0 };
const struct kg_import_key kg_import_timeout_key = { "udp_timeout", kg_convert_number,
						     &udphop_timeout };

unsigned int kg_import_key_find(struct kg_slice name)
{
	unsigned int i = 0;

	while (i < KG_IMPORT_KEYS && !kg_slice_is(name, kg_import_keys[i].name))
		i++;
	return i;
}

unsigned int kg_import_key_index(const char *name)
{
	return kg_import_key_find(kg_slice_of(name));
}
