/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's life, and the way of a datagram to its line. */
#include "session/bare.h"
#include "session/crowd.h"

struct kg_session *kg_session_create(const struct kg_session_config *config,
				     const struct kg_session_ops *ops, void *host,
				     const struct kg_supplies *supplies, uint64_t now_us)
{
	struct kg_mem *mem = supplies->mem;
	struct kg_rng *rng = supplies->rng;
	struct kg_session *s = kg_mem_alloc(mem, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->config = *config;
	s->talk = config->bare ? &kg_bare_talk : &kg_kcp_talk;
	s->ops = *ops;
	s->host = host;
	s->mem = mem;
	s->pool = supplies->pool;
	s->wheel = supplies->wheel;
	s->rng = rng;
	s->seen = supplies->seen;
	s->now_us = now_us;
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->permits);
	for (size_t i = 0; i < KG_ARRAY_SIZE(s->homes); i++)
		TAILQ_INIT(&s->homes[i]);
	kg_u32map_init(&s->by_conv, mem, rng);
	kg_u32map_init(&s->paths, mem, rng);
	kg_u32map_init(&s->by_source, mem, rng);
	kg_u32map_init(&s->origins, mem, rng);
	kg_u32map_init(&s->peers, mem, rng);
	TAILQ_INIT(&s->peer_list);
	kg_crowd_init(s);
	s->source_key = (struct kg_siphash_key){ { kg_rng_next(rng), kg_rng_next(rng) } };
	if (config->bare)
		s->answers = kg_mem_alloc(mem, sizeof(*s->answers));
	if (kg_destinations_init(s) && (s->answers != NULL) == config->bare)
		return s;
	kg_session_destroy(s);
	return NULL;
}

void kg_session_destroy(struct kg_session *s)
{
	struct kg_line *line;

	if (s == NULL)
		return;
	for (size_t i = 0; i < KG_ARRAY_SIZE(s->homes); i++) {
		while ((line = TAILQ_FIRST(&s->homes[i])) != NULL)
			kg_line_destroy(line);
	}
	kg_u32map_fini(&s->by_conv);
	kg_u32map_fini(&s->paths);
	kg_u32map_fini(&s->by_source);
	kg_u32map_fini(&s->origins);
	kg_crowd_fini(s);
	kg_peers_fini(s);
	kg_destinations_fini(s);
	kg_mem_free(s->mem, s->answers, sizeof(*s->answers));
	kg_mem_free(s->mem, s, sizeof(*s));
}

void kg_session_set_doubted_max(struct kg_session *s, uint32_t doubted_max)
{
	s->config.doubted_max = doubted_max;
}

static void stop_all(struct kg_session *s, enum kg_home home, uint64_t now_us)
{
	struct kg_line *line = TAILQ_FIRST(&s->homes[home]);

	while (line != NULL) {
		struct kg_line *next = TAILQ_NEXT(line, home_link);

		if (kg_line_channel(line)->protocol != KG_PROTOCOL_MUX)
			kg_channel_stop(kg_line_channel(line), now_us);
		line = next;
	}
}

void kg_session_shutdown(struct kg_session *s, uint64_t now_us)
{
	s->now_us = now_us;
	s->stopping = true;
	for (unsigned int home = KG_HOME_CHANNELS; kg_home_is_hosted(home); home++)
		stop_all(s, home, now_us);
}

bool kg_session_is_quiet(const struct kg_session *s)
{
	static const enum kg_home speaking[] = { KG_HOME_CHANNELS,    KG_HOME_DOUBTED,
						 KG_HOME_DOUBTED_UDP, KG_HOME_ANSWERED,
						 KG_HOME_SETTLED,     KG_HOME_LINGERING };
	const struct kg_line *line;

	for (size_t i = 0; i < KG_ARRAY_SIZE(speaking); i++) {
		TAILQ_FOREACH (line, &s->homes[speaking[i]], home_link) {
			if (!s->talk->is_quiet(line))
				return false;
		}
	}
	return true;
}

static enum kg_drop input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv,
			  uint64_t now_us)
{
	return s->config.role == KG_ROLE_CLIENT ? kg_client_input(s, in, conv, now_us)
						: kg_server_input(s, in, conv, now_us);
}

/* Behind the header that it has with FEC, too. */
static enum kg_drop handshake_input(struct kg_session *s, const struct kg_datagram *in,
				    uint64_t now_us)
{
	uint16_t header = kg_framing_header_bytes(s->config.fec);
	struct kg_datagram inner = *in;

	inner.data += header;
	inner.len = (uint16_t)(inner.len - header);
	return input(s, &inner, 0, now_us);
}

enum kg_drop kg_session_input(struct kg_session *s, const struct kg_datagram *in, uint64_t now_us)
{
	uint32_t conv;
	enum kg_drop drop;

	if (s->config.bare)
		return kg_bare_input(s, in, now_us);
	drop = kg_framing_conv(s->config.fec, in->data, in->len, &conv);
	if (drop != KG_DROP_NONE)
		return drop;
	s->now_us = now_us;
	return conv == 0 ? handshake_input(s, in, now_us) : input(s, in, conv, now_us);
}
