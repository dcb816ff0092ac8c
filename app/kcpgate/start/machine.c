/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mistakes that only this machine shows: CPUs it has not got, journals' directories, what Linux has
 * on interfaces. Said in the configuration's own words. What a machine lacks, doctor/ says.
 */
#include "start/machine.h"

#include "config/mistakes.h"
#include "kernel/dhcp.h"
#include "kernel/takeover.h"
#include "log/journal.h"
#include "netlink/belongings.h"
#include "netlink/link.h"
#include "start/claims.h"
#include "start/cpus.h"

#include <net/if.h>
#include <string.h>

/* ---- directories ---- */

static void check_log_paths(const struct kg_config *config, struct kg_mistakes *mistakes,
			    const struct kg_place *root)
{
	struct kg_place tunnels = kg_place_member(root, "tunnels");

	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		const struct kg_tunnel_config *tunnel = &config->tunnels[i];
		const char *fault = kg_journal_fault(tunnel);

		if (fault != NULL)
			kg_mistakes_error(mistakes, &tunnels,
					  "log_path of %s: \"%s\": %s; allowed a directory that "
					  "is there and can be written",
					  tunnel->name, tunnel->log_path, fault);
	}
}

void kg_machine_check(const struct kg_config *config, struct kg_mistakes *mistakes,
		      const char *file)
{
	const struct kg_place root = { .file = file };
	struct kg_place workers = kg_place_member(&root, "workers");

	for (unsigned int i = 0; i < config->worker_count; i++) {
		struct kg_place at = kg_place_item(&workers, i);

		if (!kg_cpu_is_ours(config->workers[i]))
			kg_mistakes_error(mistakes, &at,
					  "found %u; allowed CPUs of this machine that kcpgate may "
					  "run on (see lscpu)",
					  config->workers[i]);
	}
	check_log_paths(config, mistakes, &root);
}

/* ---- interfaces ---- */

static void report_address(struct kg_mistakes *mistakes, const struct kg_place *at,
			   const char *link, const struct kg_prefix *address)
{
	char text[KG_IP_TEXT_BYTES];

	kg_ip_text(&address->ip, text);
	kg_mistakes_error(
		mistakes, at,
		"Linux has %s/%u on %s, which the port takes over: what is sent there would "
		"get no answer. \"take_over\": true moves it to the TAP; or end what puts it "
		"there (DHCP client, ifupdown), then, as root: ip address del %s/%u dev %s",
		text, address->length, link, text, address->length, link);
}

static void report_routes(struct kg_mistakes *mistakes, const struct kg_place *at, const char *link)
{
	kg_mistakes_error(
		mistakes, at,
		"Linux has routes through %s, which the port takes over: what is sent "
		"there is lost. \"take_over\": true moves them to the TAP; or, as root: ip "
		"route flush dev %s",
		link, link);
}

/* Whatever else is done, it would give the interface its address again. */
static void report_dhcp(struct kg_mistakes *mistakes, const struct kg_place *at, const char *link,
			const char *tap)
{
	struct kg_dhcp_client client;

	if (kg_dhcp_find(link, &client))
		kg_mistakes_error(
			mistakes, at,
			"%s, process %d, keeps an address on %s, which the port takes over. "
			"End it, as root: kill %d; it may run on %s once the box is there",
			client.name, (int)client.pid, link, (int)client.pid, tap);
}

/* The port gets the addresses as if they were written for it. */
static void adopt(struct kg_port_config *port, const struct kg_prefix *addresses,
		  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (port->address_count < KG_CONFIG_ADDRESSES_MAX &&
		    !kg_port_has_address(port, &addresses[i].ip))
			port->addresses[port->address_count++] = addresses[i];
	}
}

static void check_link(struct kg_nl *nl, struct kg_port_config *port, struct kg_mistakes *mistakes,
		       const struct kg_place *at)
{
	struct kg_prefix addresses[KG_CONFIG_ADDRESSES_MAX];
	unsigned int count = KG_CONFIG_ADDRESSES_MAX;
	char link[IF_NAMESIZE];
	unsigned int ifindex = kg_device_interface(port->device, link) ? if_nametoindex(link) : 0;

	if (ifindex == 0 || kg_link_addresses(nl, ifindex, addresses, &count) != 0)
		return;
	count = KG_MIN(count, KG_CONFIG_ADDRESSES_MAX + 0u);
	report_dhcp(mistakes, at, link, port->tap);
	if (port->take_over) {
		adopt(port, addresses, count);
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		report_address(mistakes, at, link, &addresses[i]);
	if (count == 0 && kg_belongings_has_routes(nl, ifindex))
		report_routes(mistakes, at, link);
}

/* Of a box that was killed. */
static void put_back(const struct kg_port_config *port)
{
	char link[IF_NAMESIZE];
	int rc = kg_device_interface(port->device, link) ? kg_takeover_put_back(link) : 0;

	if (rc > 0)
		fprintf(stderr, "kcpgate: %s has back what a box that was killed had taken over\n",
			link);
	else if (rc < 0)
		fprintf(stderr, "kcpgate: %s does not get back what a killed box had taken: %s\n",
			link, strerror(-rc));
}

void kg_machine_check_links(struct kg_config *config, struct kg_mistakes *mistakes,
			    const char *file)
{
	const struct kg_place root = { .file = file };
	const struct kg_place ports = kg_place_member(&root, "ports");
	struct kg_nl nl;

	if (kg_nl_open(&nl) != 0)
		return;
	for (unsigned int i = 0; i < config->port_count; i++) {
		struct kg_place port = kg_place_item(&ports, i);
		struct kg_place at = kg_place_member(&port, "device");

		put_back(&config->ports[i]);
		check_link(&nl, &config->ports[i], mistakes, &at);
	}
	kg_nl_close(&nl);
}
