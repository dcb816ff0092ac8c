/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A test of a path on a wire without KCP (docs/udphop.md §3): one datagram with iden 0, said again
 * until an answer brings its number back.
 */
#include "session/bare.h"

#define AGAIN_US (500ull * KG_US_PER_MS)

struct kg_handshake *kg_bare_test_create(struct kg_session *s, const struct kg_channel *ch,
					 uint64_t now_us)
{
	struct kg_handshake *test = kg_mem_alloc(s->mem, sizeof(*test));

	if (test == NULL)
		return NULL;
	test->begun_us = test->asked_us = now_us;
	test->expires_us = KG_NEVER_US;
	test->key = 1 + kg_rng_below(s->rng, (1u << KG_UDPHOP_NUMBER_BITS) - 1);
	kg_line_init(&test->line, s, KG_LINE_HANDSHAKE, NULL, now_us);
	kg_line_move(&test->line, KG_HOME_HANDSHAKES);
	return test;
}

bool kg_bare_test_has_asked_once(const struct kg_handshake *test)
{
	return test->tries <= 1;
}

/* ---- a line ---- */

static void unhook(struct kg_line *line)
{
	if (line->path->state == KG_PATH_TESTING && !line->path->answered)
		kg_hop_unanswered(kg_line_handshake(line));
}

static uint64_t timeout_us(struct kg_line *line, uint64_t now_us)
{
	return kg_line_handshake(line)->expires_us;
}

static void on_timer(struct kg_line *line, uint64_t now_us)
{
	if (now_us >= kg_line_handshake(line)->expires_us)
		kg_line_retire(line);
}

static uint64_t due_us(const struct kg_line *line)
{
	const struct kg_handshake *test = KG_CONTAINER_OF(line, struct kg_handshake, line);

	return test->tries == 0 ? 0 : test->asked_us + AGAIN_US;
}

static uint16_t output(struct kg_line *line, uint64_t now_us, uint8_t *body)
{
	struct kg_handshake *test = kg_line_handshake(line);

	if (now_us < due_us(line))
		return 0;
	test->tries++;
	test->asked_us = now_us;
	return kg_udphop_put_test(body, test->key);
}

static void release(struct kg_line *line)
{
	kg_mem_free(line->session->mem, kg_line_handshake(line), sizeof(struct kg_handshake));
}

const struct kg_line_ops kg_bare_test_line_ops = {
	.unhook = unhook,
	.timeout_us = timeout_us,
	.on_timer = on_timer,
	.due_us = due_us,
	.output = output,
	.free = release,
};

/* ---- the answer ---- */

static struct kg_handshake *test_at(const struct kg_session *s, uint16_t port)
{
	const struct kg_path *path = kg_path_at_port(s, port);
	struct kg_line *line = path != NULL ? LIST_FIRST(&path->users) : NULL;

	while (line != NULL && line->kind != KG_LINE_HANDSHAKE)
		line = LIST_NEXT(line, path_link);
	return line != NULL ? kg_line_handshake(line) : NULL;
}

static void measure(const struct kg_handshake *test, uint64_t now_us)
{
	struct kg_destination *destination =
		kg_destination_of(test->line.session, &test->line.path->ends.remote.ip);

	if (destination != NULL && test->tries == 1)
		destination->rtt_us = (uint32_t)(now_us - test->asked_us);
}

enum kg_drop kg_bare_test_input(struct kg_session *s, const struct kg_datagram *in,
				const struct kg_udphop_body *body, uint64_t now_us)
{
	struct kg_handshake *test = test_at(s, in->local.port);

	if (test == NULL || !kg_udphop_has_number(body, test->key))
		return KG_DROP_HANDSHAKE_UNKNOWN;
	if (!kg_client_is_from_server(s, test->line.path, in))
		return KG_DROP_SOURCE_UNKNOWN;
	measure(test, now_us);
	kg_hop_answered(test, now_us);
	kg_line_retire(&test->line);
	return KG_DROP_NONE;
}
