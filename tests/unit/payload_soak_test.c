/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Applications and a worker that behave at random, for each seed: connections are written, read,
 * half-closed, closed and reset at any moment; flows are attached, refused, closed and reset. What
 * is checked is the grammar of payload/msg.h, the content of streams, and that nothing is left.
 */
#include "payload_rig.h"

#include "base/rng.h"

#define SEEDS        25
#define APPS         12
#define STEPS        1500
#define CREDIT_MAX   60
#define STREAM_BYTES (1 << 20)
#define PATIENCE_MS  (6 * WAIT_MS) /* of one seed, beside whatever else runs here */

struct app {
	int fd; /* -1: none */
	size_t sent;
};

/* The worker's view; allocated per flow, since pointers must not be met again after RELEASED. */
struct channel {
	struct rig_channel rig;
	struct channel *next;
	uint32_t outstanding; /* toward the application */
	size_t received;
	bool ended, aborted, closed, released;
};

struct soak {
	struct rig *rig;
	struct kg_rng rng;
	struct app apps[APPS];
	struct channel *channels;
	uint8_t *stream; /* what every application sends, from its start */
	uint32_t unreleased;
};

/* ---- applications ---- */

static void app_connect(struct soak *s, struct app *app)
{
	struct kg_endpoint to =
		rig_loopback(kg_rng_below(&s->rng, 2) ? 4 : 6, s->rig->listen.at.port);

	app->fd = rig_connect_to(&to, SOCK_STREAM);
	app->sent = 0;
}

static void app_write(struct soak *s, struct app *app)
{
	size_t len = kg_rng_below(&s->rng, kg_rng_below(&s->rng, 2) ? 100 : 20000);
	ssize_t sent;

	if (app->sent + len > STREAM_BYTES)
		return;
	sent = send(app->fd, s->stream + app->sent, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		app->sent += (size_t)sent;
}

static void app_read(struct app *app)
{
	uint8_t bytes[30000];

	if (recv(app->fd, bytes, sizeof(bytes), MSG_DONTWAIT) == 0)
		shutdown(app->fd, SHUT_WR);
}

static void app_step(struct soak *s)
{
	struct app *app = &s->apps[kg_rng_below(&s->rng, APPS)];

	if (app->fd < 0) {
		app_connect(s, app);
		return;
	}
	switch (kg_rng_below(&s->rng, 24)) {
	case 0:
		shutdown(app->fd, SHUT_WR);
		break;
	case 1:
		close(app->fd);
		app->fd = -1;
		break;
	case 2:
		rig_reset(app->fd);
		app->fd = -1;
		break;
	default:
		app_write(s, app);
		app_read(app);
		break;
	}
}

/* ---- the worker ---- */

static void on_open(struct soak *s, const struct kg_msg *msg, unsigned int link)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	bool refuse = kg_rng_below(&s->rng, 8) == 0;
	struct kg_msg answer = { .type = KG_MSG_CLOSE, .flow = msg->flow, .count = refuse };

	if (refuse) {
		free(ch);
		rig_send_on(s->rig, link, &answer);
		return;
	}
	ch->rig = (struct rig_channel){ s->rig, msg->flow, link, msg->protocol };
	ch->next = s->channels;
	s->channels = ch;
	s->unreleased++;
	rig_attach(&ch->rig, kg_rng_below(&s->rng, CREDIT_MAX));
}

static void on_data(struct soak *s, struct channel *ch, const struct kg_msg *msg)
{
	assert_false(ch->ended);
	assert_memory_equal(msg->buf->data, s->stream + ch->received, msg->buf->len);
	ch->received += msg->buf->len;
	kg_buf_free_chain(msg->buf);
}

static void on_message(struct soak *s, const struct kg_msg *msg, unsigned int link)
{
	struct channel *ch = msg->conn;

	if (msg->type == KG_MSG_OPEN) {
		on_open(s, msg, link);
		return;
	}
	assert_false(ch->released);
	assert_int_equal(ch->rig.link, link);
	switch (msg->type) {
	case KG_MSG_DATA:
		on_data(s, ch, msg);
		break;
	case KG_MSG_CREDIT:
		assert_in_range(msg->count, KG_FLOW_TX_FLOOR / 2, ch->outstanding);
		ch->outstanding -= msg->count;
		break;
	case KG_MSG_FINISH:
		assert_false(ch->ended);
		ch->ended = true;
		break;
	case KG_MSG_ABORT:
		assert_false(ch->aborted);
		ch->ended = ch->aborted = true;
		break;
	case KG_MSG_RELEASED:
		assert_true(ch->closed);
		ch->released = true;
		s->unreleased--;
		break;
	default:
		fail_msg("message %u", msg->type);
	}
}

static void take_messages(struct soak *s)
{
	struct kg_msg msg;

	for (unsigned int i = 0; i < RIG_LINKS; i++) {
		for (uint32_t n = kg_rng_below(&s->rng, 8); n > 0; n--) {
			if (rte_ring_sc_dequeue_elem(s->rig->links[i].to_worker, &msg,
						     sizeof(msg)) == 0)
				on_message(s, &msg, i);
		}
	}
}

static void channel_send(struct soak *s, struct channel *ch)
{
	size_t len = kg_rng_below(&s->rng, 20 * FIRST_BYTES);
	uint32_t count = (uint32_t)(len / FIRST_BYTES + 1);

	if (ch->outstanding + count > KG_FLOW_TX_SEGMENTS)
		return;
	ch->outstanding += count;
	rig_say(&ch->rig, KG_MSG_DATA, count,
		kg_buf_chain_copy(&s->rig->pool.pool, s->stream, len, FIRST_BYTES, FIRST_BYTES));
}

static void channel_close(struct soak *s, struct channel *ch)
{
	ch->closed = true;
	rig_say(&ch->rig, KG_MSG_CLOSE, kg_rng_below(&s->rng, 2), NULL);
}

static void worker_step(struct soak *s)
{
	take_messages(s);
	for (struct channel *ch = s->channels; ch != NULL; ch = ch->next) {
		uint32_t choice = kg_rng_below(&s->rng, 40);

		if (ch->closed)
			continue;
		if (choice == 0 || (ch->ended && choice < 10))
			channel_close(s, ch);
		else if (choice < 14)
			channel_send(s, ch);
		else if (choice < 20)
			rig_say(&ch->rig, KG_MSG_CREDIT, kg_rng_below(&s->rng, CREDIT_MAX), NULL);
	}
}

/* ---- one seed ---- */

/* All sockets are gone and all flows closed: soon nothing is left. */
static void wind_up(struct soak *s)
{
	uint64_t end = rig_now_ms() + PATIENCE_MS;

	for (int i = 0; i < APPS; i++) {
		if (s->apps[i].fd >= 0)
			close(s->apps[i].fd);
	}
	while (s->unreleased > 0 || rig_stat(&s->rig->payload->stats.flows) > 0) {
		for (struct channel *ch = s->channels; ch != NULL; ch = ch->next) {
			if (!ch->closed)
				channel_close(s, ch);
		}
		take_messages(s);
		assert_true(rig_now_ms() < end);
	}
}

static void soak_seed(uint64_t seed)
{
	struct soak s = { .rig = rig_create(seed % 2 ? 8 : 256) };

	kg_rng_init(&s.rng, seed);
	s.stream = rig_pattern(STREAM_BYTES, 7);
	for (int i = 0; i < APPS; i++)
		s.apps[i].fd = -1;
	rig_start(s.rig);
	for (int i = 0; i < STEPS; i++) {
		app_step(&s);
		if (kg_rng_below(&s.rng, 4) == 0)
			worker_step(&s);
	}
	wind_up(&s);
	rig_destroy(s.rig);
	while (s.channels != NULL) {
		struct channel *next = s.channels->next;

		free(s.channels);
		s.channels = next;
	}
	free(s.stream);
}

static void random_behaviour(void **state)
{
	const char *only = getenv("KG_SEED");
	uint64_t first = only != NULL ? strtoull(only, NULL, 0) : 1;

	for (uint64_t seed = first; seed < first + (only != NULL ? 1 : SEEDS); seed++) {
		print_message("seed %llu\n", (unsigned long long)seed);
		soak_seed(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_behaviour),
	};

	return cmocka_run_group_tests(tests, rig_init_eal, bare_eal_fini);
}
