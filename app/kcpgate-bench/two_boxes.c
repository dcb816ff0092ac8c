/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds two boxes in one process and joins their ports. */
#include "two_boxes.h"

#include "box/parts.h"

#include <rte_eth_ring.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

#define WIRE_FRAMES 4096 /* that may be under way in one direction, per queue */

enum {
	CLIENT,
	SERVER
};

/* Two addresses on one wire; nobody answers for them but these. */
#define SETTINGS                                                                             \
	"{ \"name\": \"%s\", \"workers\": [%s], \"poll\": \"busy\","                         \
	"  \"memory\": { \"hugepages\": false, \"mb\": %u },"                                \
	"  \"ports\": [ { \"name\": \"wire\", \"device\": \"net_ring_%s\", \"tap\": \"%s\"," \
	"    \"addresses\": [\"198.18.0.%u/24\"] } ],"                                       \
	"  \"tunnels\": [ { \"name\": \"bench\", \"mode\": \"%s\", \"listen_port\": 3000,"   \
	"    \"destination_address\": \"198.18.0.2\", \"destination_port\": 3000,"           \
	"    \"encryption_algorithm\": \"%s\", %s \"kcp\": \"%s\", \"fec\": \"%s\","         \
	"    \"kcp_sndwnd\": %u, \"kcp_rcvwnd\": %u, \"keep_alive\": %u %s } ] }"

static bool configure(struct bench_two_boxes *two, int side,
		      const struct bench_two_boxes_params *params, char *error, size_t error_bytes)
{
	static const char *const modes[] = { "client", "server" };
	const struct kg_aead_spec *spec = kg_aead_spec_lookup(params->algorithm);
	struct kg_config_report report;
	char text[1024], workers[256] = "", mux[32] = "";
	bool good;

	for (unsigned int i = 0; i < params->workers; i++)
		snprintf(workers + strlen(workers), sizeof(workers) - strlen(workers), "%s%u",
			 i == 0 ? "" : ",", i);
	if (side == CLIENT)
		snprintf(mux, sizeof(mux), ", \"mux_tunnels\": %u", params->mux);
	snprintf(two->names[side], sizeof(two->names[side]), "bench-%s", modes[side]);
	snprintf(text, sizeof(text), SETTINGS, two->names[side], workers, params->memory_mb,
		 two->names[side], two->names[side], 1 + (unsigned int)side, modes[side],
		 params->algorithm,
		 spec != NULL && spec->keyed ? "\"encryption_password\": \"benchmark\"," : "",
		 params->preset, params->fec != NULL ? params->fec : "", params->window,
		 params->window, params->keep_alive_s, mux);
	kg_config_load_text(&two->configs[side], &report, "bench", text, strlen(text));
	good = report.errors == NULL;
	if (!good)
		snprintf(error, error_bytes, "%s: %s", report.errors->where, report.errors->text);
	kg_config_report_free(&report);
	return good;
}

/* One ring per direction and queue; what one port sends the other receives. */
static bool lay_wire(struct bench_two_boxes *two, unsigned int queues)
{
	struct rte_ring *there[KG_CONFIG_WORKERS_MAX], *back[KG_CONFIG_WORKERS_MAX];
	char name[32];

	for (unsigned int q = 0; q < queues; q++) {
		snprintf(name, sizeof(name), "bench_there_%u", q);
		there[q] = rte_ring_create(name, WIRE_FRAMES, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "bench_back_%u", q);
		back[q] = rte_ring_create(name, WIRE_FRAMES, SOCKET_ID_ANY, 0);
		if (there[q] == NULL || back[q] == NULL)
			return false;
	}
	return rte_eth_from_rings(two->names[CLIENT], back, queues, there, queues, 0) >= 0 &&
	       rte_eth_from_rings(two->names[SERVER], there, queues, back, queues, 0) >= 0;
}

static bool build(struct bench_two_boxes *two, int side, char *error, size_t error_bytes)
{
	struct kg_box *box = &two->boxes[side];

	kg_box_begin(box, &two->configs[side]);
	return kg_box_init_memory(box, error, error_bytes) &&
	       kg_box_init_rings(box, error, error_bytes) &&
	       kg_box_init_ports(box, error, error_bytes) &&
	       kg_box_init_tunnels(box, error, error_bytes) &&
	       kg_box_init_workers(box, error, error_bytes);
}

/* There is no kernel to ask: each side knows the other's hardware address. */
static void introduce(struct bench_two_boxes *two, int side)
{
	const struct kg_mac other = { { 2, 0, 0, 0, 0, (uint8_t)(1 + !side) } };
	struct kg_nexthop hop = {
		.peer = two->configs[!side].ports[0].addresses[0].ip,
		.state = KG_NEXTHOP_READY,
		.source = two->configs[side].ports[0].addresses[0].ip,
	};

	kg_l2_init(&hop.l2, &two->boxes[side].ports[0].nic.mac, &other, 0);
	for (unsigned int w = 0; w < two->boxes[side].worker_count; w++)
		kg_nexthops_update(two->boxes[side].workers[w]->nexthops, &hop);
}

bool bench_two_boxes_init(struct bench_two_boxes *two, const struct bench_two_boxes_params *params,
			  char *error, size_t error_bytes)
{
	memset(two, 0, sizeof(*two));
	for (int side = CLIENT; side <= SERVER; side++) {
		if (!configure(two, side, params, error, error_bytes))
			return false;
	}
	if (!lay_wire(two, params->workers)) {
		snprintf(error, error_bytes, "no in-memory ports");
		return false;
	}
	for (int side = CLIENT; side <= SERVER; side++) {
		if (!build(two, side, error, error_bytes))
			return false;
		introduce(two, side);
	}
	kg_box_await_stamps(&two->boxes[SERVER]);
	return true;
}

void bench_two_boxes_fini(struct bench_two_boxes *two)
{
	for (int side = CLIENT; side <= SERVER; side++) {
		if (two->boxes[side].config != NULL)
			kg_box_fini(&two->boxes[side]);
		kg_config_free(&two->configs[side]);
	}
}
