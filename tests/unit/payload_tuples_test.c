/* SPDX-License-Identifier: BSD-3-Clause */
/* The tuples of UDP flows, from which the workers know their datagrams on the wire. */
#include "payload_rig.h"

#include "wire/message.h"

#include <ifaddrs.h>
#include <net/if.h>

#define FLOWS 20

static struct rig *rig_of_fast_path(bool client, bool server)
{
	struct rig *rig = rig_create(1024);

	rig->ends[RIG_CLIENT].fast_path = client;
	rig->ends[RIG_SERVER].fast_path = server;
	return rig;
}

static void expect_endpoint(const struct kg_endpoint *is, const struct kg_endpoint *wanted)
{
	char is_text[KG_ENDPOINT_TEXT_BYTES], wanted_text[KG_ENDPOINT_TEXT_BYTES];

	assert_string_equal(kg_endpoint_text(is, is_text), kg_endpoint_text(wanted, wanted_text));
	assert_memory_equal(is->ip.bytes, wanted->ip.bytes, sizeof(is->ip.bytes));
}

/* The socket listens on any address of both families: IPv4 comes to it in IPv6's clothes. */
static void a_source_is_told_with_its_tuple(int version)
{
	struct rig *rig = rig_of_fast_path(true, false);
	struct kg_endpoint to = rig_loopback(version, rig->listen.at.port), from;
	unsigned int offers[RIG_LINKS] = { 0 };

	rig_start(rig);
	for (int i = 0; i < FLOWS; i++) {
		int fd = rig_connect(rig, version, SOCK_DGRAM);
		struct rig_channel ch;

		assert_true(kg_socket_local(fd, &from));
		rig_write(fd, "x", 1);
		rig_accept(rig, &ch, KG_PROTOCOL_UDP);
		expect_endpoint(&ch.tuple.local, &to);
		expect_endpoint(&ch.tuple.remote, &from);
		assert_int_equal(ch.link, kg_tuple_hash(&ch.tuple, 0) % RIG_LINKS);
		offers[ch.link]++;
		rig_say(&ch, KG_MSG_CLOSE, 0, NULL);
		close(fd);
	}
	for (int i = 0; i < RIG_LINKS; i++)
		assert_true(offers[i] > 0);
	rig_destroy(rig);
}

static void an_ipv4_source_is_told_with_its_tuple(void **state)
{
	a_source_is_told_with_its_tuple(4);
}

static void an_ipv6_source_is_told_with_its_tuple(void **state)
{
	a_source_is_told_with_its_tuple(6);
}

static void a_tuple_is_told_only_to_who_asks(void **state)
{
	struct rig *rig = rig_of_fast_path(false, true);
	struct rig_channel ch;
	int fd;

	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_DGRAM);
	rig_write(fd, "x", 1);
	rig_accept(rig, &ch, KG_PROTOCOL_UDP);
	assert_int_equal(ch.tuple.local.ip.version, 0);
	close(fd);
	rig_destroy(rig);
}

static void tcp_has_no_tuple(void **state)
{
	struct rig *rig = rig_of_fast_path(true, true);
	struct rig_channel ch;
	int fd;

	rig_start(rig);
	fd = rig_connect(rig, 4, SOCK_STREAM);
	rig_accept(rig, &ch, KG_PROTOCOL_TCP);
	assert_int_equal(ch.tuple.local.ip.version, 0);
	close(fd);
	rig_destroy(rig);
}

/* One of this machine's that is not loopback's; version 0: there is none. */
static struct kg_ip own_address(void)
{
	struct kg_ip own = { 0 };
	struct ifaddrs *all;

	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *at = all; at != NULL && own.version == 0; at = at->ifa_next) {
		const struct sockaddr_in *in = (const void *)at->ifa_addr;

		if (in == NULL || in->sin_family != AF_INET ||
		    ntohl(in->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET)
			continue;
		own.version = 4;
		memcpy(own.bytes, &in->sin_addr, 4);
	}
	freeifaddrs(all);
	return own;
}

/* Any worker can tell from the local port whose flow it is. */
static void a_connected_socket_has_a_port_of_its_worker(void **state)
{
	struct rig *rig = rig_of_fast_path(false, true);
	struct kg_endpoint destination = { own_address(), rig_free_port() };

	if (destination.ip.version == 0) {
		rig_destroy(rig);
		skip();
	}
	rig_set_destination(rig, destination);
	rig_start(rig);
	for (unsigned int i = 0; i < FLOWS; i++) {
		struct rig_channel ch = { .rig = rig,
					  .link = i % RIG_LINKS,
					  .protocol = KG_PROTOCOL_UDP };
		struct kg_msg msg;

		rig_dial_from(&ch, &rig->ends[RIG_SERVER].target);
		msg = rig_expect(rig, KG_MSG_CONNECTED);
		assert_non_null(msg.tuple);
		expect_endpoint(&msg.tuple->remote, &destination);
		assert_memory_equal(&msg.tuple->local.ip, &destination.ip, sizeof(destination.ip));
		assert_int_equal(msg.tuple->local.port % RIG_LINKS, ch.link);
		ch.flow = msg.flow;
		rig_close(&ch, false);
	}
	rig_destroy(rig);
}

/* There is no way to this machine past Linux. */
static void loopback_has_no_tuple(void **state)
{
	struct rig *rig = rig_of_fast_path(false, true);
	struct rig_channel ch;
	struct kg_msg msg;

	rig_set_destination(rig, rig_loopback(4, rig_free_port()));
	rig_start(rig);
	rig_dial(rig, &ch, KG_PROTOCOL_UDP);
	msg = rig_expect(rig, KG_MSG_CONNECTED);
	assert_null(msg.tuple);
	ch.flow = msg.flow;
	rig_close(&ch, false);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_source_is_told_with_its_tuple),
		cmocka_unit_test(an_ipv6_source_is_told_with_its_tuple),
		cmocka_unit_test(a_tuple_is_told_only_to_who_asks),
		cmocka_unit_test(tcp_has_no_tuple),
		cmocka_unit_test(a_connected_socket_has_a_port_of_its_worker),
		cmocka_unit_test(loopback_has_no_tuple),
	};

	return cmocka_run_group_tests_name("payload_tuples", tests, rig_init_eal, bare_eal_fini);
}
