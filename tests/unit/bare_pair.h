/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sessions without KCP, whose server has many ports, and a place that is nobody's. */
#pragma once

#include "session_pair.h"

#include "base/bytes.h"
#include "session/bare.h"
#include "wire/profile.h"

static const struct kg_port_range many_ports = { 3000, 3010 };
static const struct kg_endpoint elsewhere = { { 4, { 198, 19, 6, 6 } }, 6666 };
static uint16_t dead_first, dead_last; /* server ports that lose everything */

static inline bool is_dead(struct end *end, const struct kg_datagram *datagram)
{
	return datagram->local.port >= dead_first && datagram->local.port <= dead_last;
}

static inline struct pair *pair_bare(uint32_t hop_s)
{
	struct pair *pair = pair_new();

	dead_first = dead_last = 0;
	pair->hop_us = 5 * KG_US_PER_MS;
	pair->client.config.bare = pair->server.config.bare = true;
	pair->client.config.udp_timeout_s = pair->server.config.udp_timeout_s = 1800;
	pair->client.config.destination_ports = &many_ports;
	pair->client.config.hop_min_s = pair->client.config.hop_max_s = hop_s;
	pair->server.loses = is_dead;
	return pair;
}

static inline void say(struct end *end, struct app *app, const char *text)
{
	assert_true(app_send(end, app, text, strlen(text)));
	run(end->pair, 50 * KG_US_PER_MS);
}

static inline uint16_t put_words(uint8_t *bytes, uint32_t iden, enum kg_udphop_feature feature,
				 uint32_t number)
{
	kg_udphop_encode(bytes, iden, feature);
	return KG_UDPHOP_HEADER_BYTES + kg_udphop_put_words(bytes + KG_UDPHOP_HEADER_BYTES, number);
}
