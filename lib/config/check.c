/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks what must agree within the box and its ports. */
#include "config/kinds.h"
#include "config/load.h"
#include "config/metrics.h"

#include <string.h>

#define IPV6_MTU_MIN 1280 /* RFC 8200 section 5 */

static void check_workers(struct kg_load *load)
{
	const struct kg_config *config = load->config;
	struct kg_place at = kg_root_place(load, "workers");

	for (unsigned int i = 1; i < config->worker_count; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (config->workers[i] == config->workers[j])
				kg_mistakes_error(load->mistakes, &at,
						  "found %u twice; allowed once",
						  config->workers[i]);
		}
	}
}

static void check_local_ports(struct kg_load *load)
{
	const struct kg_config *config = load->config;
	struct kg_place at = kg_root_place(load, "local_ports");
	unsigned int count = config->local_port_count;
	unsigned int size = count ? config->local_ports->last - config->local_ports->first + 1u : 0;

	if (count > 1)
		kg_mistakes_error(load->mistakes, &at, "found %u ranges; allowed one", count);
	else if (count && (size < KG_CONFIG_LOCAL_PORTS_MIN || size > KG_CONFIG_LOCAL_PORTS_MAX))
		kg_mistakes_error(load->mistakes, &at, "found %u ports; allowed %u to %u", size,
				  KG_CONFIG_LOCAL_PORTS_MIN, KG_CONFIG_LOCAL_PORTS_MAX);
}

static void check_memory(struct kg_load *load)
{
	struct kg_place memory = kg_root_place(load, "memory");
	struct kg_place at = kg_place_member(&memory, "shared");

	if (load->config->shared_memory && !load->config->hugepages)
		kg_mistakes_error(load->mistakes, &at,
				  "found true without hugepages; allowed with them, for others "
				  "attach by their files");
}

static void check_metrics(struct kg_load *load)
{
	struct kg_place at = kg_root_place(load, "metrics");
	const char *text = load->config->metrics, *path;
	struct kg_endpoint address;

	if (text != NULL && !kg_metrics_place(text, &path, &address))
		kg_mistakes_error(load->mistakes, &at,
				  "found \"%s\"; allowed \"unix:/path\", or an address of the "
				  "loopback with a port",
				  text);
}

/* Texts that no two ports may share. */
static void check_same_text(struct kg_load *load, unsigned int i, unsigned int j, const char *key,
			    const char *a, const char *b)
{
	struct kg_place at = kg_port_place(load, i, key), other = kg_port_place(load, j, key);

	if (a && b && !strcmp(a, b))
		kg_mistakes_error(load->mistakes, &at, "found \"%s\", which %s in %s is already", a,
				  other.path, other.file);
}

static void check_same_addresses(struct kg_load *load, unsigned int i, unsigned int j)
{
	const struct kg_port_config *a = &load->config->ports[i], *b = &load->config->ports[j];
	struct kg_place at = kg_port_place(load, i, "addresses");
	char text[KG_IP_TEXT_BYTES];

	for (unsigned int k = 0; k < a->address_count; k++) {
		unsigned int until = i == j ? k : b->address_count;

		for (unsigned int l = 0; l < until; l++) {
			if (kg_ip_equal(&a->addresses[k].ip, &b->addresses[l].ip))
				kg_mistakes_error(load->mistakes, &at,
						  "found %s, which %s has already",
						  kg_ip_text(&a->addresses[k].ip, text),
						  load->ports[j].place.path);
		}
	}
}

static void check_port_pairs(struct kg_load *load)
{
	const struct kg_port_config *ports = load->config->ports;

	for (unsigned int i = 0; i < load->config->port_count; i++) {
		check_same_addresses(load, i, i);
		for (unsigned int j = 0; j < i; j++) {
			const struct kg_port_config *a = &ports[i], *b = &ports[j];

			check_same_text(load, i, j, "name", a->name, b->name);
			check_same_text(load, i, j, "device", a->device, b->device);
			check_same_text(load, i, j, "tap", a->tap, b->tap);
			check_same_addresses(load, i, j);
		}
	}
}

static bool on_link(const struct kg_port_config *port, const struct kg_ip *ip)
{
	for (unsigned int i = 0; i < port->address_count; i++) {
		if (kg_prefix_contains(&port->addresses[i], ip))
			return true;
	}
	return kg_ip_is_link_local(ip);
}

/* ---- one port ---- */

/* Bits behind the prefix that are all like `ones`. */
static bool host_bits_are(const struct kg_prefix *address, bool ones)
{
	unsigned int bits = address->ip.version == 4 ? 32 : 128;

	for (unsigned int i = address->length; i < bits; i++) {
		if ((address->ip.bytes[i / 8] >> (7 - i % 8) & 1) != ones)
			return false;
	}
	return true;
}

/* Networks of two addresses, or one, have no others than hosts' (RFC 3021, RFC 6164). */
static void check_own_addresses(struct kg_load *load, unsigned int i)
{
	const struct kg_port_config *port = &load->config->ports[i];
	struct kg_place at = kg_port_place(load, i, "addresses");
	char text[KG_IP_TEXT_BYTES];

	for (unsigned int a = 0; a < port->address_count; a++) {
		const struct kg_prefix *address = &port->addresses[a];
		bool ipv4 = address->ip.version == 4;

		if (address->length + 1 >= (ipv4 ? 32 : 128))
			continue;
		if (host_bits_are(address, false))
			kg_mistakes_error(
				load->mistakes, &at,
				"found %s/%u, the network's own address; allowed a host's",
				kg_ip_text(&address->ip, text), address->length);
		else if (ipv4 && host_bits_are(address, true))
			kg_mistakes_error(load->mistakes, &at,
					  "found %s/%u, the network's broadcast address; allowed a "
					  "host's",
					  kg_ip_text(&address->ip, text), address->length);
	}
}

/* DPDK's virtual devices are called net_…, formerly eth_…; PCI addresses have colons. */
static void check_device(struct kg_load *load, unsigned int i)
{
	const char *device = load->config->ports[i].device;
	struct kg_place at = kg_port_place(load, i, "device");

	if (!device || strlen(device) > KG_TAP_MAX_CHARS || strpbrk(device, ":,/ ") ||
	    !strncmp(device, "net_", 4) || !strncmp(device, "eth_", 4))
		return;
	kg_mistakes_error(
		load->mistakes, &at,
		"found \"%s\", which looks like an interface of Linux; write "
		"\"net_af_xdp%u,iface=%s\", or the PCI address of a NIC that is bound to a "
		"DPDK driver",
		device, i, device);
}

static void check_gateways(struct kg_load *load, unsigned int i)
{
	const struct kg_port_config *port = &load->config->ports[i];
	struct kg_place at = kg_port_place(load, i, "gateway");
	char text[KG_IP_TEXT_BYTES];

	for (unsigned int g = 0; g < port->gateway_count; g++) {
		if (!on_link(port, &port->gateways[g]))
			kg_mistakes_error(load->mistakes, &at,
					  "found %s; allowed an address in a network of the port",
					  kg_ip_text(&port->gateways[g], text));
	}
	if (port->gateway_count == 2 && port->gateways[0].version == port->gateways[1].version)
		kg_mistakes_error(load->mistakes, &at,
				  "found two of IPv%u; allowed one per IP version",
				  port->gateways[0].version);
}

static void check_port_mtu(struct kg_load *load, unsigned int i)
{
	const struct kg_port_config *port = &load->config->ports[i];
	struct kg_place at = kg_port_place(load, i, "mtu");
	bool ipv6 = false;

	for (unsigned int a = 0; a < port->address_count; a++)
		ipv6 |= port->addresses[a].ip.version == 6;
	if (ipv6 && port->mtu && port->mtu < IPV6_MTU_MIN)
		kg_mistakes_error(load->mistakes, &at,
				  "found %u; allowed %u or more with IPv6 addresses", port->mtu,
				  IPV6_MTU_MIN);
}

static void check_flow_rules(struct kg_load *load, unsigned int i)
{
	const struct kg_config *config = load->config;
	struct kg_place at = kg_port_place(load, i, "flow_rules");

	if (!config->ports[i].flow_rules)
		return;
	for (unsigned int t = 0; t < config->tunnel_count; t++) {
		if (kg_wire_has_port_shares(&config->tunnels[t].wire, config->worker_count))
			return;
	}
	kg_mistakes_warning(
		load->mistakes, &at,
		"without effect: no server's listen_port has a port for each of several "
		"workers, without gaps");
}

void kg_load_check(struct kg_load *load)
{
	check_workers(load);
	check_memory(load);
	check_local_ports(load);
	check_metrics(load);
	check_port_pairs(load);
	for (unsigned int i = 0; i < load->config->port_count; i++) {
		check_own_addresses(load, i);
		check_device(load, i);
		check_gateways(load, i);
		check_port_mtu(load, i);
		check_flow_rules(load, i);
	}
}
