/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage exception: what Linux sends leaves, but for what would betray a tunnel; who gives way
 * on the way to Linux. */
#include "boxes/stage_rig.h"

static const struct kg_endpoint peer = { { 4, { 198, 18, 0, 1 } }, 40000 };
static const struct kg_endpoint ours = { { 4, { 198, 18, 0, 2 } }, RIG_LISTEN_PORT };
static const struct kg_endpoint service = { { 4, { 198, 18, 0, 2 } }, 53 };

static struct kg_worker *first(void)
{
	return rig_worker(SERVER, 0);
}

/* Linux sends it by the first port. */
static unsigned int from_linux(struct rte_mbuf *frame)
{
	unsigned int count;

	frame->port = 0;
	assert_int_equal(rte_ring_enqueue(first()->kernel->from_kernel, frame), 0);
	count = kg_stage_exception(first());
	kg_stage_tx(first());
	return count;
}

/* "Port unreachable" about a datagram that came to `to`. */
static struct rte_mbuf *complaint_about(const struct kg_endpoint *to)
{
	struct rte_mbuf *about = rig_frame(SERVER, &peer, to, 20), *m;
	uint8_t bytes[128] = { [12] = 0x08 };
	uint8_t *ip = bytes + KG_ETHER_BYTES, *icmp = ip + KG_IPV4_BYTES;
	const uint16_t quoted = KG_IPV4_BYTES + KG_UDP_BYTES;

	/* The header of a complaint is that of an answer; nobody here looks at its checksum. */
	memcpy(ip, rte_pktmbuf_mtod_offset(about, uint8_t *, KG_ETHER_BYTES), KG_IPV4_BYTES);
	ip[3] = (uint8_t)(KG_IPV4_BYTES + 8 + quoted);
	ip[9] = 1; /* ICMP */
	icmp[0] = 3;
	icmp[1] = 3;
	memcpy(icmp + 8, rte_pktmbuf_mtod_offset(about, uint8_t *, KG_ETHER_BYTES), quoted);
	m = rig_received(SERVER, bytes, (uint16_t)(KG_ETHER_BYTES + KG_IPV4_BYTES + 8 + quoted));
	rte_pktmbuf_free(about);
	return m;
}

static void what_linux_sends_leaves(void **state)
{
	struct rte_mbuf *m = rig_frame(SERVER, &service, &peer, 60);

	assert_int_equal(from_linux(m), 1);
	assert_ptr_equal(rig_take(rig.sent[SERVER][0]), m);
	assert_int_equal(rig_count(first(), KG_COUNTER_FROM_KERNEL), 1);
	rte_pktmbuf_free(m);
}

static void a_complaint_about_a_service_leaves(void **state)
{
	struct rte_mbuf *m = complaint_about(&service);

	from_linux(m);
	assert_ptr_equal(rig_take(rig.sent[SERVER][0]), m);
	rte_pktmbuf_free(m);
}

static void a_complaint_about_a_tunnel_does_not(void **state)
{
	from_linux(complaint_about(&ours));
	assert_null(rig_take(rig.sent[SERVER][0]));
	assert_int_equal(rig_drops(first(), KG_DROP_TX_ICMP_TUNNEL), 1);
}

/* Only the first worker speaks with Linux. */
static void others_hear_nothing_of_linux(void **state)
{
	assert_null(rig_worker(SERVER, 1)->kernel->from_kernel);
	assert_int_equal(kg_stage_exception(rig_worker(SERVER, 1)), 0);
}

static void a_redirect_is_dropped(void **state)
{
	kg_stage_punt(first(), 0, rig_frame(SERVER, &peer, &service, 60), KG_ERRAND_REDIRECT);
	assert_int_equal(rig_drops(first(), KG_DROP_ICMP_REDIRECT), 1);
	assert_null(rig_take(first()->kernel->frames[0]));
}

/* How many frames of an errand get in before one is dropped. */
static unsigned int fill_with(enum kg_errand errand, enum kg_drop drop)
{
	uint64_t before = rig_drops(first(), drop);
	unsigned int count = 0;

	for (;;) {
		kg_stage_punt(first(), 0, rig_frame(SERVER, &peer, &service, 20), errand);
		if (rig_drops(first(), drop) > before)
			return count;
		count++;
	}
}

static void the_less_urgent_gives_way(void **state)
{
	struct rte_mbuf *m;

	assert_in_range(fill_with(KG_ERRAND_UNASKED, KG_DROP_EXCEPTION_UNASKED), 1,
			KG_PUMP_FRAMES / 4);
	assert_in_range(fill_with(KG_ERRAND_CALL, KG_DROP_EXCEPTION_FULL), KG_PUMP_FRAMES / 4,
			KG_PUMP_FRAMES / 4 * 3);
	assert_in_range(fill_with(KG_ERRAND_NEIGHBOUR, KG_DROP_EXCEPTION_FULL), 1, KG_PUMP_FRAMES);
	while ((m = rig_take(first()->kernel->frames[0])) != NULL)
		rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_linux_sends_leaves),
		cmocka_unit_test(a_complaint_about_a_service_leaves),
		cmocka_unit_test(a_complaint_about_a_tunnel_does_not),
		cmocka_unit_test(others_hear_nothing_of_linux),
		cmocka_unit_test(a_redirect_is_dropped),
		cmocka_unit_test(the_less_urgent_gives_way),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
