/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnels come and go on workers that turn: a guest beside the tunnel that the boxes begin with.
 * Nothing of the guest stays, and nothing of the other is lost. The test is all payload threads and
 * control threads.
 */
#include "boxes/two_boxes.h"
#include "boxes/virtual_clock.h"
#include "turn.h"

#include <rte_eal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS     2
#define GUEST_PORT  3001
#define START_US    (1000 * KG_US_PER_S)
#define TURN_US     500
#define TURNS_MAX   100000 /* 50 s: for what is waited for */
#define ENDS        4096   /* connections' ends that a test opens at most */
#define REST_US     (5 * KG_US_PER_MS)
#define BARRED_S    3 /* more than the second in which requests are taken for old ones */
#define LINGER_US   (100 * KG_US_PER_S)
#define HELD_CREDIT 8 /* a flow leaves room, lest the other end's memory decides */

#define GUEST                                                                                \
	"{ \"name\": \"guest\", \"workers\": [0,1], \"memory\": { \"mb\": 400 },"            \
	"  \"ports\": [ { \"name\": \"wire\", \"device\": \"net_ring_g\", \"tap\": \"t\","   \
	"    \"addresses\": [\"198.18.0.9/24\"] } ],"                                        \
	"  \"tunnels\": [ { \"name\": \"guest\", \"mode\": \"%s\", \"listen_port\": \"%s\"," \
	"    \"destination_address\": \"198.18.0.2\", \"destination_port\": %u,"             \
	"    \"encryption_algorithm\": \"AES-GCM\", \"encryption_password\": \"guest\","     \
	"    \"kcp\": \"fast3\", \"fec\": \"10:3\" } ] }"

/* An end of a connection, as its payload thread has it. */
struct end {
	int side;
	unsigned int worker;
	uint16_t tunnel;
	void *conn;
	int32_t credit;
	uint32_t sent, got; /* messages, which count up */
	bool there, closed;
};

static struct two_boxes two;
static unsigned int rounds = 1000;
static uint64_t now_us, house_us;
static struct end ends[ENDS];
static unsigned int end_count;
static struct kg_config guest_configs[SIDES], wide_config, mux_config;

static struct kg_worker *worker_at(int side, unsigned int w)
{
	return two.boxes[side].workers[w];
}

/* ---- payload threads ---- */

static void tell(struct end *end, enum kg_msg_type type, uint32_t count, struct kg_buf *buf)
{
	struct kg_msg msg = {
		.type = (uint8_t)type,
		.protocol = KG_PROTOCOL_TCP,
		.tunnel = end->tunnel,
		.count = count,
		.flow = end,
		.conn = type == KG_MSG_OPEN ? NULL : end->conn,
		.buf = buf,
	};
	struct rte_ring *ring = worker_at(end->side, end->worker)->links[0].rings->to_worker;

	assert_int_equal(rte_ring_sp_enqueue_elem(ring, &msg, sizeof(msg)), 0);
}

static struct end *new_end(int side, unsigned int worker, uint16_t tunnel)
{
	struct end *end = &ends[end_count++];

	assert_true(end_count <= ENDS);
	*end = (struct end){ .side = side, .worker = worker, .tunnel = tunnel };
	return end;
}

static void take_data(struct end *end, struct kg_buf *buf, uint32_t count)
{
	uint32_t number;

	assert_int_equal(buf->len, sizeof(number));
	memcpy(&number, buf->data, sizeof(number));
	assert_int_equal(number, end->got);
	end->got++;
	kg_buf_free_chain(buf);
	tell(end, KG_MSG_CREDIT, count, NULL);
}

static void take_message(int side, unsigned int worker, const struct kg_msg *msg)
{
	struct end *end = msg->flow;

	switch (msg->type) {
	case KG_MSG_CONNECT:
		end = new_end(side, worker, msg->tunnel);
		end->conn = msg->conn;
		end->there = true;
		tell(end, KG_MSG_CONNECTED, 0, NULL);
		break;
	case KG_MSG_ATTACHED:
		end->conn = msg->conn;
		end->there = true;
		/* fall through */
	case KG_MSG_CREDIT:
		end->credit += (int32_t)msg->count;
		break;
	case KG_MSG_DATA:
		take_data(end, msg->buf, msg->count);
		break;
	case KG_MSG_CLOSE:
		end->closed = true;
		if (msg->conn != NULL)
			tell(end, KG_MSG_RELEASED, 0, NULL);
		break;
	default:
		assert_int_equal(msg->type, KG_MSG_FINISH);
		break;
	}
}

static void turn_payload(int side, unsigned int w)
{
	struct rte_ring *ring = worker_at(side, w)->links[0].rings->to_payload;
	struct kg_msg msg;

	while (rte_ring_sc_dequeue_elem(ring, &msg, sizeof(msg)) == 0)
		take_message(side, w, &msg);
}

/* What nobody listens for goes to Linux, of which there is none. */
static void turn_pump(int side, unsigned int w)
{
	const struct kg_pump_link *link = worker_at(side, w)->kernel;
	void *m;

	while (rte_ring_dequeue(link->frames[0], &m) == 0 ||
	       rte_ring_dequeue(link->packets, &m) == 0)
		rte_pktmbuf_free(m);
}

/* Clients say what they may. */
static void write_some(struct end *end)
{
	struct kg_buf_pool *pool = kg_buf_mempool_pool(two.boxes[end->side].bufs);

	while (end->there && !end->closed && end->credit > HELD_CREDIT) {
		struct kg_buf *buf = kg_buf_alloc(pool, sizeof(end->sent));

		assert_non_null(buf);
		memcpy(buf->data, &end->sent, sizeof(end->sent));
		buf->len = sizeof(end->sent);
		end->sent++;
		end->credit--;
		tell(end, KG_MSG_DATA, 1, buf);
	}
}

/* ---- time ---- */

static void turn(void)
{
	bool keeps_house = now_us >= house_us;

	now_us += TURN_US;
	virtual_clock_set(now_us);
	for (int side = CLIENT; side < SIDES; side++) {
		for (unsigned int w = 0; w < WORKERS; w++) {
			kg_worker_turn(worker_at(side, w), now_us);
			if (keeps_house)
				kg_worker_keep_house(worker_at(side, w), kg_clock_unix_s());
			turn_payload(side, w);
			turn_pump(side, w);
		}
	}
	if (keeps_house)
		house_us = now_us + KG_WORKER_KEEP_HOUSE_US;
}

static void turn_until(bool (*is_so)(const void *), const void *what)
{
	for (unsigned int i = 0; !is_so(what); i++) {
		assert_true(i < TURNS_MAX);
		turn();
	}
}

static bool is_taken(const void *awaited)
{
	return atomic_load((const atomic_uint *)awaited) == 0;
}

static bool is_there(const void *end)
{
	return ((const struct end *)end)->there;
}

/* Nothing is under way: what was said has arrived, and the peers know. */
static bool is_quiet(const void *unused)
{
	for (int side = CLIENT; side < SIDES; side++) {
		for (unsigned int w = 0; w < WORKERS; w++) {
			const struct kg_worker *worker = worker_at(side, w);

			if (!kg_side_is_over(two_boxes_side(worker)) ||
			    !STAILQ_EMPTY(&worker->conns))
				return false;
		}
	}
	return rte_ring_empty(two.sent[CLIENT][0]) && rte_ring_empty(two.sent[SERVER][0]);
}

/* ---- control threads ---- */

static void post_all(const struct kg_box_tunnel *tunnel, int side, enum kg_mail_type type,
		     atomic_uint *awaited)
{
	atomic_store(awaited, WORKERS);
	for (unsigned int w = 0; w < WORKERS; w++) {
		struct kg_mail mail = { .type = type,
					.awaited = awaited,
					.side = tunnel->sides[w] };

		assert_true(kg_box_post(&two.boxes[side], w, &mail));
	}
}

static struct kg_box_tunnel *begin_barred(int side, const struct kg_config *config)
{
	struct kg_box_tunnel *tunnel;
	atomic_uint awaited;
	char error[256];

	tunnel = kg_box_create_tunnel(&two.boxes[side], &config->tunnels[0], error, sizeof(error));
	assert_non_null(tunnel);
	post_all(tunnel, side, KG_MAIL_BEGIN_SIDE, &awaited);
	turn_until(is_taken, &awaited);
	for (unsigned int w = 0; w < WORKERS; w++)
		assert_true(kg_side_has_begun(tunnel->sides[w]));
	return tunnel;
}

static void let_in(int side, const struct kg_box_tunnel *tunnel)
{
	atomic_uint awaited;

	post_all(tunnel, side, KG_MAIL_OPEN_SIDE, &awaited);
	turn_until(is_taken, &awaited);
}

static struct kg_box_tunnel *begin(int side, const struct kg_config *config)
{
	struct kg_box_tunnel *tunnel = begin_barred(side, config);

	let_in(side, tunnel);
	return tunnel;
}

static void end(int side, struct kg_box_tunnel *tunnel)
{
	uint16_t id = tunnel->id;
	atomic_uint awaited;

	post_all(tunnel, side, KG_MAIL_DRAIN_SIDE, &awaited);
	turn_until(is_taken, &awaited);
	for (unsigned int w = 0; w < WORKERS; w++) {
		assert_null(kg_worker_side(worker_at(side, w), id));
		assert_false(kg_side_has_begun(tunnel->sides[w]));
	}
	kg_box_destroy_tunnel(&two.boxes[side], tunnel);
}

/* An application's connection at the client box. */
static struct end *open_one(unsigned int worker, uint16_t tunnel)
{
	struct end *client = new_end(CLIENT, worker, tunnel);

	tell(client, KG_MSG_OPEN, 0, NULL);
	return client;
}

/* ---- what there is ---- */

struct holding {
	size_t arena_bytes[SIDES][WORKERS];
	uint32_t free_ports[WORKERS];
	unsigned int mbufs[SIDES];
};

/* Channels that have ended linger; what lingers goes. */
static void rest(void)
{
	turn_until(is_quiet, NULL);
	for (uint64_t end_us = now_us + LINGER_US; now_us < end_us;) {
		now_us += REST_US;
		turn();
	}
}

static struct holding take_stock(void)
{
	struct holding holding = { 0 };

	rest();
	for (int side = CLIENT; side < SIDES; side++) {
		holding.mbufs[side] = rte_mempool_in_use_count(two.boxes[side].mbufs);
		for (unsigned int w = 0; w < WORKERS; w++) {
			const struct kg_worker *worker = worker_at(side, w);

			holding.arena_bytes[side][w] = kg_arena_mem(worker->arena)->in_use_bytes;
			holding.mbufs[side] -= worker->spare_count;
		}
	}
	for (unsigned int w = 0; w < WORKERS; w++)
		holding.free_ports[w] = worker_at(CLIENT, w)->local_ports.free_count;
	return holding;
}

/* ---- tests ---- */

static void a_tunnel_begins_and_ends_while_workers_turn(void **state)
{
	struct holding before = take_stock(), after;
	struct kg_box_tunnel *server = begin(SERVER, &guest_configs[SERVER]);
	struct kg_box_tunnel *client = begin(CLIENT, &guest_configs[CLIENT]);
	struct kg_port_table *ports = &two.boxes[SERVER].udp_ports;
	struct end *one = open_one(1, client->id), *other;

	assert_int_equal(kg_port_table_get(ports, GUEST_PORT), server->id);
	other = &ends[end_count];
	turn_until(is_there, one);
	write_some(one);
	turn_until(is_there, other);
	for (int i = 0; i < 20000 && other->got < one->sent; i++)
		turn();
	assert_true(one->sent > 0);
	assert_int_equal(other->got, one->sent);
	end(CLIENT, client);
	assert_true(one->closed);
	end(SERVER, server);
	assert_true(other->closed);
	assert_int_equal(kg_port_table_get(ports, GUEST_PORT), KG_PORT_TABLE_NONE);
	after = take_stock();
	assert_memory_equal(&before, &after, sizeof(before));
}

/* Payload threads do not know the tunnel yet: who asks is heard when they do. */
static void nobody_is_let_in_before_the_gates_are_open(void **state)
{
	struct kg_box_tunnel *server = begin_barred(SERVER, &guest_configs[SERVER]);
	struct kg_box_tunnel *client = begin(CLIENT, &guest_configs[CLIENT]);
	struct end *one = open_one(0, client->id);
	unsigned int asked = end_count;

	for (uint64_t end_us = now_us + BARRED_S * KG_US_PER_S; now_us < end_us;)
		turn();
	assert_int_equal(end_count, asked);
	assert_false(one->closed);
	let_in(SERVER, server);
	turn_until(is_there, one);
	end(CLIENT, client);
	end(SERVER, server);
}

/* Of the server's guest. */
static bool has_a_channel(const void *tunnel)
{
	const struct kg_box_tunnel *server = tunnel;
	struct kg_session_stats stats;
	uint64_t channels = 0;

	for (unsigned int w = 0; w < WORKERS; w++) {
		kg_session_get_stats(server->sides[w]->session, &stats);
		channels += stats.channels;
	}
	return channels > 0;
}

static bool has_no_channel(const void *tunnel)
{
	return !has_a_channel(tunnel);
}

/* A mux channel without a connection is nothing that is open, and its client opens another. */
static void a_mux_channel_ends_as_soon_as_its_tunnel_has_rested(void **state)
{
	struct kg_box_tunnel *server = begin(SERVER, &guest_configs[SERVER]);
	struct kg_box_tunnel *client = begin(CLIENT, &mux_config);
	atomic_uint awaited;

	turn_until(has_a_channel, server);
	post_all(server, SERVER, KG_MAIL_REST_SIDE, &awaited);
	turn_until(is_taken, &awaited);
	turn_until(has_no_channel, server);
	end(CLIENT, client);
	end(SERVER, server);
}

/* Whoever kept its number too long. */
static void a_stale_id_is_nobodys(void **state)
{
	struct kg_box_tunnel *guest = begin(CLIENT, &guest_configs[CLIENT]);
	struct kg_destinations none = { .tunnel = guest->id };
	struct kg_mail mail = { .type = KG_MAIL_DESTINATIONS, .destinations = &none };
	atomic_uint awaited = 1;
	struct end *late;

	end(CLIENT, guest);
	guest = begin(CLIENT, &guest_configs[CLIENT]);
	assert_int_not_equal(guest->id, none.tunnel);
	late = open_one(0, none.tunnel);
	for (int i = 0; i < 100 && !late->closed; i++)
		turn();
	assert_true(late->closed);
	assert_false(late->there);
	mail.awaited = &awaited;
	assert_true(kg_box_post(&two.boxes[CLIENT], 0, &mail));
	turn_until(is_taken, &awaited);
	end(CLIENT, guest);
}

/* A server comes to listen on all local ports but a few. */
static void channels_leave_ports_that_a_server_takes(void **state)
{
	struct holding before, after;
	struct end *host = open_one(0, 0);
	const struct kg_port_table *ports = &two.boxes[CLIENT].udp_ports;
	uint32_t taken = 0, left = 0;
	struct kg_box_tunnel *wide;

	turn_until(is_there, host);
	before = take_stock();
	wide = begin(CLIENT, &wide_config);
	for (int i = 0; i < 20000; i++) {
		write_some(host);
		turn();
	}
	rest(); /* the path that it had is kept for a while */
	for (uint32_t port = 16384; port <= 32767; port++) {
		taken += kg_port_table_get(ports, (uint16_t)port) == wide->id;
		left += kg_port_table_get(ports, (uint16_t)port) < KG_PORT_TABLE_APP &&
			port > 32000;
	}
	assert_int_equal(taken, 32000 - 16384 + 1);
	assert_true(left > 0);
	end(CLIENT, wide);
	assert_false(host->closed);
	after = take_stock();
	assert_int_equal(before.free_ports[0] + before.free_ports[1],
			 after.free_ports[0] + after.free_ports[1]);
	tell(host, KG_MSG_FINISH, 0, NULL);
	for (int i = 0; i < TURNS_MAX && !host->closed; i++)
		turn();
}

/* Beside a connection that never pauses; guests are drained at any moment of their connections. */
static void a_thousand_come_and_go_and_the_other_loses_nothing(void **state)
{
	struct end *host = open_one(0, 0), *other = &ends[end_count];
	struct holding before, after;
	struct kg_rng rng;

	kg_rng_init(&rng, 10);
	turn_until(is_there, host);
	turn_until(is_there, other);
	for (int i = 0; i < 10000; i++) {
		write_some(host);
		turn();
	}
	before = take_stock();
	for (unsigned int round = 0; round < rounds; round++) {
		struct kg_box_tunnel *server = begin(SERVER, &guest_configs[SERVER]);
		struct kg_box_tunnel *client = begin(CLIENT, &guest_configs[CLIENT]);
		struct end *guest = open_one(round % WORKERS, client->id);

		for (uint32_t i = kg_rng_below(&rng, 100); i > 0; i--) {
			write_some(host);
			write_some(guest);
			turn();
		}
		if (round % 2 == 0) {
			end(CLIENT, client);
			end(SERVER, server);
		} else {
			end(SERVER, server);
			end(CLIENT, client);
		}
		assert_true(guest->closed);
		if (end_count > ENDS - 8)
			end_count = (unsigned int)(other + 1 - ends);
	}
	after = take_stock();
	assert_true(host->sent > rounds);
	assert_int_equal(other->got, host->sent);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* ---- life ---- */

static int configure(struct kg_config *config, const char *mode, const char *listen,
		     unsigned int to)
{
	struct kg_mistakes mistakes;
	char text[1024];
	bool good;

	snprintf(text, sizeof(text), GUEST, mode, listen, to);
	kg_config_load_text(config, &mistakes, "guest", text, strlen(text));
	good = mistakes.errors == NULL;
	kg_mistakes_print(&mistakes, stderr);
	kg_mistakes_free(&mistakes);
	return good ? 0 : -1;
}

static int init(void **state)
{
	static char *args[] = {
		"sides", "--no-huge",      "--no-shconf",      "--no-pci",
		"-m640", "--no-telemetry", "--lcores=0@0,1@0", "--log-level=error"
	};
	const struct two_boxes_params params = {
		.algorithm = "AES-GCM",
		.preset = "fast3",
		.workers = WORKERS,
		.memory_mb = 200,
	};
	char error[512];

	if (rte_eal_init(KG_ARRAY_SIZE(args), args) < 0)
		return -1;
	now_us = START_US;
	virtual_clock_start(now_us, 1);
	if (!two_boxes_init(&two, &params, error, sizeof(error))) {
		print_error("%s\n", error);
		return -1;
	}
	now_us += 2 * KG_US_PER_S; /* what was stamped in the second of the start is refused */
	if (configure(&mux_config, "client", "6001", GUEST_PORT) != 0)
		return -1;
	mux_config.tunnels[0].wire.mux_tunnels = WORKERS;
	return configure(&guest_configs[CLIENT], "client", "6001", GUEST_PORT) |
	       configure(&guest_configs[SERVER], "server", "3001", 22) |
	       configure(&wide_config, "server", "16384-32000", 22);
}

static int fini(void **state)
{
	two_boxes_fini(&two);
	kg_config_free(&guest_configs[CLIENT]);
	kg_config_free(&guest_configs[SERVER]);
	kg_config_free(&wide_config);
	kg_config_free(&mux_config);
	return rte_eal_cleanup();
}

/* ROUNDS, if there shall be fewer. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_begins_and_ends_while_workers_turn),
		cmocka_unit_test(nobody_is_let_in_before_the_gates_are_open),
		cmocka_unit_test(a_mux_channel_ends_as_soon_as_its_tunnel_has_rested),
		cmocka_unit_test(a_stale_id_is_nobodys),
		cmocka_unit_test(channels_leave_ports_that_a_server_takes),
		cmocka_unit_test(a_thousand_come_and_go_and_the_other_loses_nothing),
	};

	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, init, fini);
}
