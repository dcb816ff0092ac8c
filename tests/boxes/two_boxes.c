/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds two boxes in one process, lays the wire between their ports, and takes all of it up. */
#include "two_boxes.h"

#include "box/internal.h"

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>

#define WIRE_FRAMES 4096 /* that may be under way in one direction, per queue */

/* Two addresses on one wire; nobody answers for them but these. */
#define BOX                                                                                  \
	"{ \"name\": \"%s\", \"workers\": [%s], \"poll\": \"busy\","                         \
	"  \"memory\": { \"hugepages\": false, \"mb\": %u },"                                \
	"  \"ports\": [ { \"name\": \"wire\", \"device\": \"net_ring_%s\", \"tap\": \"%s\"," \
	"    \"addresses\": [\"%s%u/%u\"] } ],"                                              \
	"  \"tunnels\": [ %s ] }"

#define TUNNEL                                                              \
	"{ \"name\": \"%s\", \"mode\": \"%s\", \"listen_port\": %u,"        \
	"    \"destination_address\": \"%s2\", \"destination_port\": 3000," \
	"    \"encryption_algorithm\": \"%s\", %s %s \"fec\": \"%s\","      \
	"    \"keep_alive\": %u %s }"

/* What a tunnel with KCP has besides. */
#define KCP "\"kcp\": \"%s\", \"kcp_sndwnd\": %u, \"kcp_rcvwnd\": %u, %s"

/* What both legs have, and where each is. */
#define RELAY                                                                            \
	"{ \"name\": \"two\", \"mode\": \"relay\", \"encryption_algorithm\": \"%s\", %s" \
	"    \"kcp\": \"%s\", \"fec\": \"%s\", \"kcp_sndwnd\": %u, \"kcp_rcvwnd\": %u,"  \
	"    \"listener\": { \"listen_port\": %u },"                                     \
	"    \"forwarder\": { \"destination_address\": \"%s1\", \"destination_port\": %u }}"

#define LISTEN_PORT 3000u
#define BEHIND_PORT 4000u /* where a relay finds the server */

static const char *const modes[] = { "client", "server" };

static const char *network_of(const struct two_boxes_params *params)
{
	return params->ipv6 ? "fd00:18::" : "198.18.0.";
}

static const char *password_of(const struct two_boxes_params *params)
{
	const struct kg_aead_spec *spec = kg_aead_spec_lookup(params->algorithm);

	return spec != NULL && spec->keyed ? "\"encryption_password\": \"two boxes\"," : "";
}

static void write_tunnel(char *text, size_t bytes, int side, const char *name, unsigned int port,
			 const struct two_boxes_params *params)
{
	const char *more = params->settings[side] != NULL ? params->settings[side] : "";
	char mux[32] = "", wire[128] = "\"protocol\": \"udphop\",";

	if (side == CLIENT)
		snprintf(mux, sizeof(mux), "\"mux_tunnels\": %u,", params->mux);
	if (!params->udphop)
		snprintf(wire, sizeof(wire), KCP, params->preset, params->window, params->window,
			 mux);
	snprintf(text, bytes, TUNNEL, name, modes[side], port, network_of(params),
		 params->algorithm, password_of(params), wire,
		 params->fec != NULL ? params->fec : "", params->keep_alive_s, more);
}

static void write_relay(char *text, size_t bytes, const struct two_boxes_params *params)
{
	snprintf(text, bytes, RELAY, params->algorithm, password_of(params), params->preset,
		 params->fec != NULL ? params->fec : "", params->window, params->window,
		 LISTEN_PORT, network_of(params), BEHIND_PORT);
}

static void add_tunnel(char *text, size_t bytes, int mode, const char *name, unsigned int port,
		       const struct two_boxes_params *params)
{
	size_t len = strlen(text);

	if (len > 0)
		len += (size_t)snprintf(text + len, bytes - len, ", ");
	write_tunnel(text + len, bytes - len, mode, name, port, params);
}

/* A client's neighbour is a tunnel of its own to the same server. */
static void write_tunnels(char *text, size_t bytes, int side, const struct two_boxes_params *params)
{
	text[0] = '\0';
	if (side == SERVER && params->relay) {
		write_relay(text, bytes, params);
		return;
	}
	add_tunnel(text, bytes, side, "two", LISTEN_PORT, params);
	if (side == CLIENT && params->neighbour)
		add_tunnel(text, bytes, CLIENT, "neighbour", LISTEN_PORT + 1, params);
	if (side == CLIENT && params->relay)
		add_tunnel(text, bytes, SERVER, "behind", BEHIND_PORT, params);
}

static bool configure(struct two_boxes *two, int side, const struct two_boxes_params *params,
		      char *error, size_t error_bytes)
{
	struct kg_mistakes mistakes;
	char text[3072], tunnels[2048], workers[256] = "";
	bool good;

	for (unsigned int i = 0; i < params->workers; i++)
		snprintf(workers + strlen(workers), sizeof(workers) - strlen(workers), "%s%u",
			 i == 0 ? "" : ",", i);
	write_tunnels(tunnels, sizeof(tunnels), side, params);
	snprintf(two->names[side], sizeof(two->names[side]), "two-%s", modes[side]);
	snprintf(text, sizeof(text), BOX, two->names[side], workers, params->memory_mb,
		 two->names[side], two->names[side], network_of(params), 1 + (unsigned int)side,
		 params->ipv6 ? 64 : 24, tunnels);
	kg_config_load_text(&two->configs[side], &mistakes, "two boxes", text, strlen(text));
	good = mistakes.errors == NULL;
	if (!good)
		snprintf(error, error_bytes, "%s: %s", mistakes.errors->where,
			 mistakes.errors->text);
	kg_mistakes_free(&mistakes);
	return good;
}

static struct rte_ring *lay_ring(const char *what, int side, unsigned int queue)
{
	char name[32];

	snprintf(name, sizeof(name), "two_%s_%d_%u", what, side, queue);
	return rte_ring_create(name, WIRE_FRAMES, SOCKET_ID_ANY, 0);
}

/* One ring per direction and queue; two of them where the wire is the caller's. */
static bool lay_wire(struct two_boxes *two)
{
	bool laid = true;

	for (int side = CLIENT; side <= SERVER; side++) {
		for (unsigned int q = 0; q < two->queues; q++) {
			two->sent[side][q] = lay_ring("sent", side, q);
			two->arriving[!side][q] =
				two->apart ? lay_ring("arriving", !side, q) : two->sent[side][q];
			laid &= two->sent[side][q] != NULL && two->arriving[!side][q] != NULL;
		}
	}
	for (int side = CLIENT; laid && side <= SERVER; side++)
		laid = rte_eth_from_rings(two->names[side], two->arriving[side], two->queues,
					  two->sent[side], two->queues, 0) >= 0;
	return laid;
}

static void free_ring(struct rte_ring *ring)
{
	void *m;

	while (ring != NULL && rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

/* Before the boxes: frames on the wire are of their memory. */
static void take_wire_up(struct two_boxes *two)
{
	for (int side = CLIENT; side <= SERVER; side++) {
		for (unsigned int q = 0; q < two->queues; q++) {
			free_ring(two->sent[side][q]);
			if (two->apart)
				free_ring(two->arriving[side][q]);
		}
	}
}

static bool build(struct two_boxes *two, int side, char *error, size_t error_bytes)
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
static void introduce(struct two_boxes *two, int side)
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

bool two_boxes_init(struct two_boxes *two, const struct two_boxes_params *params, char *error,
		    size_t error_bytes)
{
	memset(two, 0, sizeof(*two));
	for (int side = CLIENT; side <= SERVER; side++) {
		if (!configure(two, side, params, error, error_bytes))
			return false;
	}
	two->queues = params->workers;
	two->apart = params->apart;
	if (!lay_wire(two)) {
		snprintf(error, error_bytes, "no in-memory ports");
		return false;
	}
	for (int side = CLIENT; side <= SERVER; side++) {
		if (!build(two, side, error, error_bytes))
			return false;
		introduce(two, side);
	}
	return true;
}

void two_boxes_fini(struct two_boxes *two)
{
	char device[32];

	for (int side = CLIENT; side <= SERVER; side++) {
		snprintf(device, sizeof(device), "net_ring_%s", two->names[side]);
		if (two->boxes[side].port_count > 0)
			kg_nic_stop(&two->boxes[side].ports[0].nic);
		rte_vdev_uninit(device);
	}
	take_wire_up(two);
	for (int side = CLIENT; side <= SERVER; side++) {
		if (two->boxes[side].config != NULL)
			kg_box_fini(&two->boxes[side]);
		kg_config_free(&two->configs[side]);
	}
}
