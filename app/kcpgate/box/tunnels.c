/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and takes away what all threads need of a tunnel; the control thread calls. */
#include "box/internal.h"

#include "clock.h"
#include "crypto/aead_table.h"
#include "crypto/kdf.h"
#include "side.h"
#include "udp_ports/local_ports.h"
#include "wire/profile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 449 handshakes a second for as long as a stamp is good, in a MiB; seen.h says what is beyond. */
#define SEEN_ENTRIES (7u << 14)
/* For longer than a stamp is good: so much our own clock may be set back meanwhile. */
#define SEEN_MORE_S 60
/* By which the second that a worker has read may lag behind. */
#define STAMP_MARGIN_US (10 * KG_US_PER_MS)

/* Of names nothing is known yet. */
static bool collect_addresses(struct kg_box_tunnel *tunnel)
{
	const struct kg_wire_end *wire = &tunnel->config->wire;

	tunnel->addresses = calloc(wire->peer_count + 1, sizeof(tunnel->addresses[0]));
	for (unsigned int i = 0; tunnel->addresses != NULL && i < wire->peer_count; i++) {
		if (wire->peers[i].ip.version != 0)
			tunnel->addresses[tunnel->address_count++] = wire->peers[i].ip;
	}
	return tunnel->addresses != NULL;
}

static bool init_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel, char *error,
			size_t error_bytes)
{
	const struct kg_tunnel_config *config = tunnel->config;
	const struct kg_wire_end *wire = &config->wire;
	const char *password = wire->encryption_password;

	tunnel->aead = kg_aead_lookup(wire->encryption_algorithm);
	if (tunnel->aead == NULL)
		FAIL("tunnel %s: no algorithm %s", config->name, wire->encryption_algorithm);
	if (tunnel->aead->spec->keyed && !kg_kdf_sha3_256(password, strlen(password), tunnel->key))
		FAIL("tunnel %s: the key cannot be derived", config->name);
	if (!collect_addresses(tunnel))
		FAIL("tunnel %s: out of memory", config->name);
	if (wire->role == KG_ROLE_SERVER) {
		if (config->stun_server_count > 0)
			tunnel->stun_tag = kg_clock_seed() | 1;
		tunnel->seen = kg_seen_create(&box->mem, SEEN_ENTRIES,
					      wire->profile->skew_max_s + SEEN_MORE_S,
					      kg_clock_second_us());
		if (tunnel->seen == NULL)
			FAIL("tunnel %s: out of memory", config->name);
	}
	kg_box_announce_tunnel(box, tunnel);
	return true;
}

/* NULL: no memory, or no slot. */
static struct kg_box_tunnel *new_tunnel(struct kg_box *box, const struct kg_tunnel_config *config)
{
	struct kg_box_tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (tunnel == NULL || !kg_slot_ids_draw(&box->tunnel_ids, &tunnel->id)) {
		free(tunnel);
		return NULL;
	}
	tunnel->config = config;
	return tunnel;
}

static void free_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel)
{
	for (unsigned int w = 0; w < box->worker_count; w++)
		kg_side_destroy(tunnel->sides[w]);
	kg_slot_ids_give_back(&box->tunnel_ids, tunnel->id);
	explicit_bzero(tunnel->key, sizeof(tunnel->key));
	kg_seen_destroy(tunnel->seen);
	free(tunnel->addresses);
	free(tunnel);
}

/* Those that the box begins with get their sides as the workers are made. */
static bool create_sides(struct kg_box *box, struct kg_box_tunnel *tunnel)
{
	for (unsigned int w = 0; w < box->worker_count; w++) {
		tunnel->sides[w] = kg_side_create(box->workers[w], tunnel);
		if (tunnel->sides[w] == NULL)
			return false;
	}
	if (box->worker_count > 0)
		explicit_bzero(tunnel->key, sizeof(tunnel->key));
	return true;
}

static bool complete_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel, char *error,
			    size_t error_bytes)
{
	if (!init_tunnel(box, tunnel, error, error_bytes))
		return false;
	if (!create_sides(box, tunnel))
		FAIL("tunnel %s: out of memory", tunnel->config->name);
	return true;
}

struct kg_box_tunnel *kg_box_create_tunnel(struct kg_box *box,
					   const struct kg_tunnel_config *config, char *error,
					   size_t error_bytes)
{
	struct kg_box_tunnel *tunnel = new_tunnel(box, config);

	if (tunnel == NULL) {
		snprintf(error, error_bytes, "tunnel %s: out of memory, or %d tunnels are there",
			 config->name, KG_SLOTS);
		return NULL;
	}
	if (!complete_tunnel(box, tunnel, error, error_bytes)) {
		free_tunnel(box, tunnel);
		return NULL;
	}
	pthread_mutex_lock(&box->tunnels_lock);
	kg_slots_put(&box->tunnels, tunnel->id, tunnel);
	pthread_mutex_unlock(&box->tunnels_lock);
	return tunnel;
}

struct kg_box_tunnel *kg_box_find_tunnel(const struct kg_box *box, const char *name)
{
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		if (!tunnel->resting && !strcmp(tunnel->config->name, name))
			return tunnel;
	}
	return NULL;
}

const struct kg_box_tunnel *kg_box_tunnel_at(const struct kg_box *box, unsigned int n)
{
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		if (!tunnel->resting && n-- == 0)
			return tunnel;
	}
	return NULL;
}

unsigned int kg_box_tunnel_count(const struct kg_box *box)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		count += !tunnel->resting;
	}
	return count;
}

void kg_box_rest_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel)
{
	pthread_mutex_lock(&box->tunnels_lock);
	tunnel->resting = true;
	pthread_mutex_unlock(&box->tunnels_lock);
}

/* Nobody sees it any more before it is taken apart. */
void kg_box_destroy_tunnel(struct kg_box *box, struct kg_box_tunnel *tunnel)
{
	pthread_mutex_lock(&box->tunnels_lock);
	kg_slots_remove(&box->tunnels, tunnel->id);
	pthread_mutex_unlock(&box->tunnels_lock);
	free_tunnel(box, tunnel);
}

bool kg_box_init_tunnels(struct kg_box *box, char *error, size_t error_bytes)
{
	kg_port_table_init(&box->udp_ports);
	box->second_us = kg_clock_second_us();
	for (unsigned int i = 0; i < box->config->tunnel_count; i++) {
		if (kg_box_create_tunnel(box, &box->config->tunnels[i], error, error_bytes) == NULL)
			return false;
	}
	return true;
}

void kg_box_await_stamps(const struct kg_box *box)
{
	bool serves = false;

	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		serves |= tunnel->seen != NULL;
	}
	while (serves && kg_clock_now_us() < box->second_us + KG_US_PER_S + STAMP_MARGIN_US)
		usleep(STAMP_MARGIN_US);
}

void kg_box_forget_keys(struct kg_box *box)
{
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		explicit_bzero(tunnel->key, sizeof(tunnel->key));
	}
}

void kg_box_fini_tunnels(struct kg_box *box)
{
	if (box->reserved_ports != NULL)
		kg_reserved_ports_release(box->reserved_ports);
	while (box->tunnels.count > 0)
		kg_box_destroy_tunnel(box, box->tunnels.all[0]);
	kg_box_drop_settings(box);
}
