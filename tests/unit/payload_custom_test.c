/* SPDX-License-Identifier: BSD-3-Clause */
/* A server's payload thread connects to what clients name, as far as it may; a client's tells which
 * of its mappings took a connection. Names that are in no file: tests/netns/custom.py. */
#include "payload_rig.h"

#define TCP KG_PROTOCOL_TCP
#define UDP KG_PROTOCOL_UDP

/* Before rig_start. */
static void allow(struct rig *rig, struct kg_allow *list, unsigned int count)
{
	rig->ends[RIG_SERVER].allowed = list;
	rig->ends[RIG_SERVER].allowed_count = count;
}

static struct kg_allow entry(const char *text)
{
	struct kg_allow parsed;

	assert_true(kg_allow_parse(&parsed, text));
	return parsed;
}

/* A fresh rig with these manners tries a target; the answer, and the destination when there is one.
 */
struct attempt {
	const char *address;
	const char *allowed; /* NULL: everything */
	bool ipv4_only, ipv6_only;
	uint8_t listens; /* version, of one on loopback */
};

static uint32_t tried(const struct attempt *attempt, struct kg_payload_stats *stats)
{
	struct rig *rig = rig_create(1024);
	struct kg_payload_tunnel *tunnel = rig_tunnel(rig, RIG_SERVER);
	struct kg_target target = { .address = attempt->address };
	int listener = rig_bind(attempt->listens, SOCK_STREAM, &target.port);
	struct kg_allow allowed;
	struct rig_channel ch;
	struct kg_msg msg;

	assert_int_equal(listen(listener, 1), 0);
	if (attempt->allowed != NULL) {
		allowed = entry(attempt->allowed);
		allow(rig, &allowed, 1);
	}
	tunnel->ipv4_only = attempt->ipv4_only;
	tunnel->ipv6_only = attempt->ipv6_only;
	rig_start(rig);
	rig_dial_to(rig, &ch, TCP, &target);
	msg = rig_next(rig);
	assert_ptr_equal(msg.conn, &ch);
	if (msg.type == KG_MSG_CONNECTED) {
		close(accept(listener, NULL, NULL));
		ch.flow = msg.flow;
		rig_close(&ch, true);
		msg.count = 0;
	} else {
		assert_int_equal(msg.type, KG_MSG_REFUSED);
		assert_int_not_equal(msg.count, 0);
	}
	rig_await_stat(&rig->payload->stats.flows, 0);
	*stats = rig->payload->stats;
	close(listener);
	rig_destroy(rig);
	return msg.count;
}

static void literals_and_names_are_connected_to(void **state)
{
	static const struct attempt good[] = {
		{ "127.0.0.1", .listens = 4 },
		{ "::1", .listens = 6 },
		{ "::ffff:127.0.0.1", .listens = 4 },
		{ "localhost", .listens = 4 }, /* ::1 is tried too, or there is none */
		{ "localhost", .listens = 4, .ipv4_only = true },
		{ "127.0.0.1", .listens = 4, .allowed = "127.0.0.0/8:*" },
		{ "::ffff:127.0.0.1", .listens = 4, .allowed = "127.0.0.0/8:*" },
		{ "::1", .listens = 6, .allowed = "[::1]:1-65535" },
		{ "localhost", .listens = 4, .allowed = "127.0.0.0/8:*" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(good); i++) {
		struct kg_payload_stats stats;

		assert_int_equal(tried(&good[i], &stats), 0);
		assert_int_equal(stats.tcp_connected, 1);
		assert_int_equal(stats.tcp_refused, 0);
		assert_int_equal(stats.names_asked, good[i].address[0] == 'l');
		assert_int_equal(stats.names_failed + stats.custom_denied, 0);
	}
}

static void what_is_not_allowed_is_refused(void **state)
{
	static const struct attempt denied[] = {
		{ "127.0.0.1", .listens = 4, .allowed = "127.0.0.1:1" },
		{ "127.0.0.1", .listens = 4, .allowed = "10.0.0.0/8:*" },
		{ "127.0.0.1", .listens = 4, .allowed = "[::/0]:*" },
		{ "::ffff:127.0.0.1", .listens = 4, .allowed = "[::/0]:*" },
		{ "::1", .listens = 6, .allowed = "0.0.0.0/0:*" },
		{ "localhost", .listens = 4, .allowed = "198.18.0.0/15:*" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(denied); i++) {
		struct kg_payload_stats stats;

		assert_int_equal(tried(&denied[i], &stats), KG_REFUSAL_NOT_ALLOWED);
		assert_int_equal(stats.custom_denied, 1);
		assert_int_equal(stats.tcp_refused, 1);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const struct attempt none[] = {
		{ "0.0.0.0", .listens = 4 },
		{ "::", .listens = 6 },
		{ "::ffff:0.0.0.0", .listens = 4 },
		{ "::1", .listens = 6, .ipv4_only = true },
		{ "127.0.0.1", .listens = 4, .ipv6_only = true },
		{ "::ffff:127.0.0.1", .listens = 4, .ipv6_only = true },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(none); i++) {
		struct kg_payload_stats stats;

		assert_int_equal(tried(&none[i], &stats), KG_REFUSAL_NO_ADDRESS);
		assert_int_equal(stats.custom_denied, 0);
	}
}

static void a_refusing_target_says_why(void **state)
{
	struct rig *rig = rig_new();
	struct kg_target target = { rig_free_port(), "127.0.0.1" };
	struct rig_channel ch;

	rig_dial_to(rig, &ch, TCP, &target);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, ECONNREFUSED);
	assert_int_equal(rig_stat(&rig->payload->stats.tcp_refused), 1);
	rig_destroy(rig);
}

static void a_name_without_answer_does_not_wait_for_ever(void **state)
{
	struct kg_target target = { 80, "nobody.invalid" };
	struct rig *rig = rig_create(1024);
	struct rig_channel ch;

	rig->payload->trying.span_us = 0;
	rig_start(rig);
	rig_dial_to(rig, &ch, TCP, &target);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, KG_REFUSAL_NO_ANSWER);
	rig_await_stat(&rig->payload->stats.names_failed, 1);
	rig_end(rig);
}

/* The sanitizers see what is left. */
static void a_stop_does_not_wait_for_names(void **state)
{
	struct kg_target target = { 80, "nobody.invalid" };
	struct rig *rig = rig_new();
	struct rig_channel channels[20];

	for (size_t i = 0; i < KG_ARRAY_SIZE(channels); i++)
		rig_dial_to(rig, &channels[i], i % 2 ? TCP : UDP, &target);
	rig_destroy(rig);
}

static void udp_flows_have_their_own_targets(void **state)
{
	struct rig *rig = rig_new();
	struct kg_target targets[] = { { 0, "127.0.0.1" }, { 0, "::1" }, { 0, "localhost" } };
	static const int versions[] = { 4, 6, 4 };
	struct rig_channel channels[3];
	int fds[3];

	for (int i = 0; i < 3; i++) {
		/* UDP takes the first address that it can: this one is good for both. */
		fds[i] = rig_bind(versions[i], SOCK_DGRAM, &targets[i].port);
		rig_dial_to(rig, &channels[i], UDP, &targets[i]);
		channels[i].flow = rig_expect(rig, KG_MSG_CONNECTED).flow;
		rig_say(&channels[i], KG_MSG_CREDIT, 10, NULL);
	}
	for (int i = 0; i < 2; i++) {
		char back[8] = "";

		rig_send(&channels[i], i ? "one" : "two", 3);
		assert_int_equal(recv(fds[i], back, sizeof(back), 0), 3);
		assert_string_equal(back, i ? "one" : "two");
	}
	for (int i = 0; i < 3; i++) {
		rig_close(&channels[i], false);
		close(fds[i]);
	}
	rig_destroy(rig);
}

static void open_tells_the_mapping(void **state)
{
	static const struct kg_target targets[] = { { 80, "a" }, { 53, "b" } };
	struct rig *rig = rig_new();
	struct kg_payload_config config = rig->payload->config;
	struct kg_payload_tunnel tunnel = *rig_tunnel(rig, RIG_CLIENT);
	struct kg_app_listener mappings[2];
	char error[256] = "";

	rig_stop(rig);
	kg_payload_destroy(rig->payload);
	mappings[0] =
		(struct kg_app_listener){ rig_loopback(4, 0), .tcp = true, .target = &targets[0] };
	mappings[1] =
		(struct kg_app_listener){ rig_loopback(4, 0), .udp = true, .target = &targets[1] };
	rig->ends[RIG_CLIENT].listeners = mappings;
	rig->ends[RIG_CLIENT].listener_count = 2;
	config.tunnels = &tunnel;
	config.tunnel_count = 1;
	/* One port for both protocols; one that is free for TCP may be taken for UDP. */
	rig->payload = NULL;
	for (int i = 0; i < 20 && rig->payload == NULL; i++) {
		rig->listen.at.port = rig_free_port();
		mappings[0].at.port = mappings[1].at.port = rig->listen.at.port;
		rig->payload = kg_payload_create(&config, error, sizeof(error));
	}
	if (rig->payload == NULL)
		fail_msg("%s", error);
	rig_start(rig);
	for (int i = 0; i < 2; i++) {
		int fd = rig_connect(rig, 4, i ? SOCK_DGRAM : SOCK_STREAM);
		struct rig_channel ch;

		rig_write(fd, "x", 1);
		rig_accept(rig, &ch, i ? UDP : TCP);
		assert_ptr_equal(ch.mapped, &targets[i]);
		close(fd);
		rig_say(&ch, KG_MSG_CLOSE, 1, NULL);
	}
	rig_end(rig);
}

static void refusals_have_words(void **state)
{
	assert_string_equal(kg_refusal_text(ECONNREFUSED), "Connection refused");
	assert_string_equal(kg_refusal_text(KG_REFUSAL_NO_NAME), "no such host name");
	assert_string_equal(kg_refusal_text(4000), "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_and_names_are_connected_to),
		cmocka_unit_test(what_is_not_allowed_is_refused),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_refusing_target_says_why),
		cmocka_unit_test(a_name_without_answer_does_not_wait_for_ever),
		cmocka_unit_test(a_stop_does_not_wait_for_names),
		cmocka_unit_test(udp_flows_have_their_own_targets),
		cmocka_unit_test(open_tells_the_mapping),
		cmocka_unit_test(refusals_have_words),
	};

	return cmocka_run_group_tests_name("payload_custom", tests, rig_init_eal, bare_eal_fini);
}
