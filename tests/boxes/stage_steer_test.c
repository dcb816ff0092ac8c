/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage steer: each opened datagram comes to the worker that owns its channel. */
#include "boxes/stage_rig.h"

static const struct kg_ip peer_ip = { 4, { 198, 18, 0, 9 } };

/* An opened datagram at one side. */
static struct rte_mbuf *opened(int side, uint32_t conv, uint16_t local_port, uint16_t remote_port)
{
	const struct kg_endpoint local = { side == CLIENT ? rig_client_ip : rig_server_ip,
					   local_port };
	const struct kg_endpoint remote = { peer_ip, remote_port };

	return rig_segment(side, conv, &local, &remote);
}

/* Where it comes to when worker 0 has received it. */
static unsigned int owner_of(int side, struct rte_mbuf *m)
{
	struct kg_worker *w = rig_worker(side, 0), *other = rig_worker(side, 1);
	uint64_t off = rig_count(w, KG_COUNTER_HANDED_OFF);
	uint64_t in = rig_count(other, KG_COUNTER_HANDED_IN);
	struct rte_mbuf *v[KG_NIC_BURST] = { m };

	if (kg_stage_steer(w, v, 1) == 1) {
		assert_ptr_equal(v[0], m);
		assert_int_equal(rig_count(w, KG_COUNTER_HANDED_OFF), off);
		rte_pktmbuf_free(m);
		return 0;
	}
	assert_int_equal(kg_stage_steer_in(other, v), 1);
	assert_ptr_equal(v[0], m);
	assert_int_equal(rig_count(w, KG_COUNTER_HANDED_OFF), off + 1);
	assert_int_equal(rig_count(other, KG_COUNTER_HANDED_IN), in + 1);
	rte_pktmbuf_free(m);
	return 1;
}

static void a_clients_local_port_says_who(void **state)
{
	for (uint16_t port = 50000; port < 50010; port++)
		assert_int_equal(owner_of(CLIENT, opened(CLIENT, 7, port, 3000)),
				 port % RIG_WORKERS);
}

static void a_servers_conversation_says_who(void **state)
{
	for (uint32_t conv = 1; conv < 10; conv++)
		assert_int_equal(owner_of(SERVER, opened(SERVER, conv, 3000, 40000)),
				 conv % RIG_WORKERS);
}

/* Nobody owns it yet: always the same one, and not always the first. */
static void a_handshakes_source_says_who(void **state)
{
	unsigned int seconds = 0;

	for (uint16_t port = 40000; port < 40100; port++) {
		unsigned int owner = owner_of(SERVER, opened(SERVER, 0, 3000, port));

		assert_int_equal(owner, owner_of(SERVER, opened(SERVER, 0, 3000, port)));
		seconds += owner;
	}
	assert_in_range(seconds, 20, 80);
}

static void a_full_ring_drops(void **state)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	struct rte_mbuf *v[KG_NIC_BURST];
	uint16_t n;

	while (rte_ring_full(rig.boxes[SERVER].handoff[1][0]) == 0) {
		v[0] = opened(SERVER, 1, 3000, 40000);
		assert_int_equal(kg_stage_steer(w, v, 1), 0);
	}
	assert_int_equal(rig_drops(w, KG_DROP_HANDOFF_FULL), 0);
	v[0] = opened(SERVER, 1, 3000, 40000);
	assert_int_equal(kg_stage_steer(w, v, 1), 0);
	assert_int_equal(rig_drops(w, KG_DROP_HANDOFF_FULL), 1);
	while ((n = kg_stage_steer_in(rig_worker(SERVER, 1), v)) > 0)
		rte_pktmbuf_free_bulk(v, n);
}

/* What is on the way to another worker while the tunnel is removed there. */
static void what_has_no_tunnel_any_more_is_dropped(void **state)
{
	struct kg_worker *w = rig_worker(SERVER, 0), *other = rig_worker(SERVER, 1);
	struct rte_mbuf *v[KG_NIC_BURST] = { opened(SERVER, 1, 3000, 40000) };
	uint64_t in = rig_count(other, KG_COUNTER_HANDED_IN);

	kg_pkt(v[0])->tunnel = KG_SLOTS; /* the place of ours, one generation on */
	kg_stage_hand_off(w, 1, v[0]);
	assert_int_equal(kg_stage_steer_in(other, v), 0);
	assert_int_equal(rig_drops(other, KG_DROP_TUNNEL_GONE), 1);
	assert_int_equal(rig_count(other, KG_COUNTER_HANDED_IN), in + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clients_local_port_says_who),
		cmocka_unit_test(a_servers_conversation_says_who),
		cmocka_unit_test(a_handshakes_source_says_who),
		cmocka_unit_test(a_full_ring_drops),
		cmocka_unit_test(what_has_no_tunnel_any_more_is_dropped),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
