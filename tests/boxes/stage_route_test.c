/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage route: by the next hop, through Linux without one, nowhere without a route. */
#include "boxes/stage_rig.h"

#include <string.h>

#define PAYLOAD_BYTES    200
#define TOO_LONG         400 /* datagrams */
#define DONT_FRAGMENT_AT (14 + 6)
#define DONT_FRAGMENT    0x40

/* A sealed datagram of the client's for `peer`; its source is route's to find. */
static struct rte_mbuf *sealed_of(const struct kg_ip *peer, uint16_t bytes)
{
	uint8_t payload[KG_PATH_MTU_MIN4];
	struct rte_mbuf *m;

	memset(payload, 0x5a, sizeof(payload));
	m = rig_received(CLIENT, payload, bytes);
	kg_pkt(m)->local = (struct kg_endpoint){ .port = 50000 };
	kg_pkt(m)->remote = (struct kg_endpoint){ *peer, RIG_LISTEN_PORT };
	return m;
}

static struct rte_mbuf *sealed_for(const struct kg_ip *peer)
{
	return sealed_of(peer, PAYLOAD_BYTES);
}

static void route(struct rte_mbuf *m)
{
	kg_stage_route(rig_worker(CLIENT, 0), &m, 1);
	kg_stage_tx(rig_worker(CLIENT, 0));
}

static struct rte_mbuf *sent(void)
{
	return rig_take(rig.sent[CLIENT][0]);
}

static void a_known_hop_gets_a_frame(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint64_t count = rig_count(w, KG_COUNTER_SENT), frames = rig_count(w, KG_COUNTER_TX_FRAMES);
	const struct kg_mac other = { { 2, 0, 0, 0, 0, 2 } };
	struct kg_frame frame;
	struct rte_mbuf *m;

	route(sealed_for(&rig_server_ip));
	m = sent();
	assert_non_null(m);
	assert_null(sent());
	kg_frame_parse(&frame, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m), 0, 0);
	assert_int_equal(frame.kind, KG_FRAME_UDP);
	assert_true(kg_ip_equal(&frame.source.ip, &rig_client_ip));
	assert_int_equal(frame.source.port, 50000);
	assert_true(kg_ip_equal(&frame.destination.ip, &rig_server_ip));
	assert_int_equal(frame.destination.port, RIG_LISTEN_PORT);
	assert_int_equal(frame.payload_bytes, PAYLOAD_BYTES);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), other.bytes, sizeof(other.bytes));
	assert_int_equal(rig_count(w, KG_COUNTER_SENT), count + 1);
	assert_int_equal(rig_count(w, KG_COUNTER_TX_FRAMES), frames + 1);
	rte_pktmbuf_free(m);
}

/* Until the hop is known Linux takes it, and the control thread is asked once. */
static void an_unknown_hop_is_asked_for(void **state)
{
	const struct kg_ip stranger = { 4, { 198, 18, 0, 50 } };
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint64_t by_kernel = rig_count(w, KG_COUNTER_SENT_BY_KERNEL);
	struct kg_report report;

	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *packet;

		route(sealed_for(&stranger));
		assert_null(sent());
		packet = rig_take(w->kernel->packets);
		assert_non_null(packet);
		assert_int_equal(rte_pktmbuf_data_len(packet),
				 KG_IPV4_BYTES + KG_UDP_BYTES + PAYLOAD_BYTES);
		rte_pktmbuf_free(packet);
	}
	assert_int_equal(rig_count(w, KG_COUNTER_SENT_BY_KERNEL), by_kernel + 2);
	assert_int_equal(rte_ring_sc_dequeue_elem(w->reports, &report, sizeof(report)), 0);
	assert_int_equal(report.type, KG_REPORT_RESOLVE);
	assert_true(kg_ip_equal(&report.remote.ip, &stranger));
	assert_true(rte_ring_empty(w->reports));
}

/* Too long for what is known of its path: in pieces, and now and then whole, for a router to cut.
 */
static void not_all_that_is_too_long_goes_in_pieces(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint64_t cut = rig_count(w, KG_COUNTER_SENT_IN_PIECES);
	unsigned int whole = 0, pieces = 0;
	struct kg_frame frame;
	struct rte_mbuf *m;

	for (int i = 0; i < TOO_LONG; i++) {
		m = sealed_of(&rig_server_ip, KG_PATH_MTU_MIN4);
		kg_pkt(m)->mtu = KG_PATH_MTU_MIN4;
		route(m);
		while ((m = sent()) != NULL) {
			kg_frame_parse(&frame, rte_pktmbuf_mtod(m, uint8_t *),
				       rte_pktmbuf_data_len(m), 0, 0);
			if (frame.kind == KG_FRAME_UDP) {
				assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[DONT_FRAGMENT_AT] &
							 DONT_FRAGMENT,
						 0);
				whole++;
			} else {
				pieces++;
			}
			rte_pktmbuf_free(m);
		}
	}
	cut = rig_count(w, KG_COUNTER_SENT_IN_PIECES) - cut;
	assert_int_equal(cut + whole, TOO_LONG);
	assert_int_equal(pieces, 2 * cut);
	assert_true(whole > TOO_LONG / 8 && whole < TOO_LONG / 2);
}

static void without_a_route_it_is_dropped(void **state)
{
	const struct kg_nexthop nowhere = {
		.peer = { 4, { 198, 51, 100, 1 } },
		.state = KG_NEXTHOP_NO_ROUTE,
	};
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint64_t count = rig_count(w, KG_COUNTER_SENT);

	kg_nexthops_update(w->nexthops, &nowhere);
	route(sealed_for(&nowhere.peer));
	assert_null(sent());
	assert_null(rig_take(w->kernel->packets));
	assert_int_equal(rig_drops(w, KG_DROP_TX_NO_ROUTE), 1);
	assert_int_equal(rig_count(w, KG_COUNTER_SENT), count);
}

/* A version of which no port has an address. */
static void without_a_source_it_is_dropped(void **state)
{
	const struct kg_ip peer = { 6, { 0xfd, [15] = 1 } };
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint64_t dropped = rig_drops(w, KG_DROP_TX_NO_ROUTE);

	route(sealed_for(&peer));
	assert_null(sent());
	assert_int_equal(rig_drops(w, KG_DROP_TX_NO_ROUTE), dropped + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_hop_gets_a_frame),
		cmocka_unit_test(an_unknown_hop_is_asked_for),
		cmocka_unit_test(not_all_that_is_too_long_goes_in_pieces),
		cmocka_unit_test(without_a_route_it_is_dropped),
		cmocka_unit_test(without_a_source_it_is_dropped),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
