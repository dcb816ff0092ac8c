/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage classify: whose a frame is, and what is no frame. */
#include "boxes/stage_rig.h"

#include "base/bytes.h"
#include "net/proto.h"

#include <rte_ip.h>

static const struct kg_endpoint peer = { { 4, { 198, 18, 0, 1 } }, 40000 };
static const struct kg_endpoint ours = { { 4, { 198, 18, 0, 2 } }, RIG_LISTEN_PORT };

/* One frame; NULL: it did not stay. */
static struct rte_mbuf *classify(struct rte_mbuf *m)
{
	return kg_stage_classify(rig_worker(SERVER, 0), &m, 1) == 1 ? m : NULL;
}

static void a_tunnels_datagram_stays(void **state)
{
	struct rte_mbuf *m = classify(rig_frame(SERVER, &peer, &ours, 100));
	const struct kg_pkt *pkt;

	assert_non_null(m);
	pkt = kg_pkt(m);
	assert_int_equal(pkt->tunnel, 0);
	assert_true(kg_endpoint_equal(&pkt->local, &ours));
	assert_true(kg_endpoint_equal(&pkt->remote, &peer));
	assert_int_equal(pkt->body_len, 100);
	assert_int_equal(pkt->body[99], 99);
	rte_pktmbuf_free(m);
}

static void assert_punted(struct rte_mbuf *m)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	uint64_t punted = rig_count(w, KG_COUNTER_PUNTED);
	struct rte_mbuf *for_linux;

	assert_null(classify(m));
	assert_int_equal(rig_count(w, KG_COUNTER_PUNTED), punted + 1);
	for_linux = rig_take(w->kernel->frames[0]);
	assert_ptr_equal(for_linux, m);
	rte_pktmbuf_free(for_linux);
}

static void what_is_foreign_is_linuxs(void **state)
{
	const struct kg_endpoint port = { ours.ip, 9999 };
	const struct kg_endpoint address = { { 4, { 198, 18, 0, 77 } }, RIG_LISTEN_PORT };
	uint8_t arp[60] = { [12] = 0x08, [13] = 0x06 };

	assert_punted(rig_frame(SERVER, &peer, &port, 100));
	assert_punted(rig_frame(SERVER, &peer, &address, 100));
	assert_punted(rig_received(SERVER, arp, sizeof(arp)));
}

/* To a client's local port that nobody has: its server may remember what we have forgotten. */
static void what_comes_from_a_clients_server_is_its_tunnels(void **state)
{
	const uint16_t first = rig.boxes[CLIENT].config->local_ports->first;
	const struct kg_endpoint port = { rig_client_ip, first };
	const struct kg_endpoint elsewhere = { rig_client_ip, first - 1 };
	const struct kg_endpoint other_port = { ours.ip, RIG_LISTEN_PORT - 1 };
	struct kg_worker *w = rig_worker(CLIENT, 0);
	struct rte_mbuf *m = rig_frame(CLIENT, &ours, &port, 100);

	assert_int_equal(kg_stage_classify(w, &m, 1), 1);
	assert_int_equal(kg_pkt(m)->tunnel, 0);
	rte_pktmbuf_free(m);
	m = rig_frame(CLIENT, &ours, &elsewhere, 100);
	assert_int_equal(kg_stage_classify(w, &m, 1), 0);
	m = rig_frame(CLIENT, &other_port, &port, 100);
	assert_int_equal(kg_stage_classify(w, &m, 1), 0);
	rte_pktmbuf_free(rig_take(w->kernel->frames[0]));
	rte_pktmbuf_free(rig_take(w->kernel->frames[0]));
}

static void assert_dropped(struct rte_mbuf *m, enum kg_drop drop)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	uint64_t before = rig_drops(w, drop);

	assert_null(classify(m));
	assert_int_equal(rig_drops(w, drop), before + 1);
}

static void a_short_one_is_dropped(void **state)
{
	for (uint16_t cut = 1; cut < 100 + KG_UDP_BYTES + KG_IPV4_BYTES; cut++) {
		struct rte_mbuf *m = rig_frame(SERVER, &peer, &ours, 100);

		rte_pktmbuf_trim(m, cut);
		assert_dropped(m, KG_DROP_FRAME_TRUNCATED);
	}
}

/* Any bit of what a checksum covers. */
static void a_wrong_checksum_is_dropped(void **state)
{
	struct rte_mbuf *m = rig_frame(SERVER, &peer, &ours, 100);

	rte_pktmbuf_mtod(m, uint8_t *)[KG_ETHER_BYTES + 8] ^= 1; /* TTL */
	assert_dropped(m, KG_DROP_IP_CHECKSUM);
	m = rig_frame(SERVER, &peer, &ours, 100);
	rte_pktmbuf_mtod(m, uint8_t *)[rte_pktmbuf_data_len(m) - 1] ^= 1;
	assert_dropped(m, KG_DROP_UDP_CHECKSUM);
}

static void what_stays_keeps_its_order(void **state)
{
	const struct kg_endpoint port = { ours.ip, 9999 };
	struct kg_worker *w = rig_worker(SERVER, 0);
	struct rte_mbuf *v[4], *first, *second;

	v[0] = rig_frame(SERVER, &peer, &port, 10);
	v[1] = first = rig_frame(SERVER, &peer, &ours, 20);
	v[2] = rig_frame(SERVER, &peer, &port, 30);
	v[3] = second = rig_frame(SERVER, &peer, &ours, 40);
	assert_int_equal(kg_stage_classify(w, v, 4), 2);
	assert_ptr_equal(v[0], first);
	assert_ptr_equal(v[1], second);
	rte_pktmbuf_free_bulk(v, 2);
	rte_pktmbuf_free(rig_take(w->kernel->frames[0]));
	rte_pktmbuf_free(rig_take(w->kernel->frames[0]));
}

/* What is found out of one datagram is not taken for the next one's that goes, or comes from,
 * elsewhere. */
static void each_of_a_burst_is_looked_at(void **state)
{
	const struct kg_endpoint address = { { 4, { 198, 18, 0, 77 } }, RIG_LISTEN_PORT };
	const struct kg_endpoint port = { rig_client_ip,
					  rig.boxes[CLIENT].config->local_ports->first };
	const struct kg_endpoint stranger = { ours.ip, RIG_LISTEN_PORT - 1 };
	struct kg_worker *server = rig_worker(SERVER, 0), *client = rig_worker(CLIENT, 0);
	struct rte_mbuf *to_server[] = { rig_frame(SERVER, &peer, &ours, 10),
					 rig_frame(SERVER, &peer, &address, 20),
					 rig_frame(SERVER, &peer, &ours, 30) };
	struct rte_mbuf *to_client[] = { rig_frame(CLIENT, &stranger, &port, 10),
					 rig_frame(CLIENT, &ours, &port, 20),
					 rig_frame(CLIENT, &stranger, &port, 30) };
	struct rte_mbuf *last = to_server[2], *middle = to_client[1];

	assert_int_equal(kg_stage_classify(server, to_server, 3), 2);
	assert_ptr_equal(to_server[1], last);
	assert_int_equal(kg_stage_classify(client, to_client, 3), 1);
	assert_ptr_equal(to_client[0], middle);
	rte_pktmbuf_free_bulk(to_server, 2);
	rte_pktmbuf_free(middle);
	rte_pktmbuf_free(rig_take(server->kernel->frames[0]));
	rte_pktmbuf_free(rig_take(client->kernel->frames[0]));
	rte_pktmbuf_free(rig_take(client->kernel->frames[0]));
}

/* A router's word about a datagram of 1,500 bytes from us to the peer. */
static struct rte_mbuf *too_big(uint16_t mtu)
{
	struct rte_mbuf *m = rig_frame(SERVER, &peer, &ours, 8 + KG_IPV4_BYTES);
	struct rte_mbuf *quoted =
		rig_frame(SERVER, &ours, &peer, 1500 - KG_IPV4_BYTES - KG_UDP_BYTES);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, KG_ETHER_BYTES);
	uint8_t *icmp = ip + KG_IPV4_BYTES;
	uint16_t sum;

	ip[9] = KG_PROTO_ICMP;
	memset(ip + 10, 0, 2);
	sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)ip);
	memcpy(ip + 10, &sum, sizeof(sum));
	memset(icmp, 0, 8);
	icmp[0] = 3;
	icmp[1] = 4;
	kg_store_be16(icmp + 6, mtu);
	memcpy(icmp + 8, rte_pktmbuf_mtod_offset(quoted, uint8_t *, KG_ETHER_BYTES),
	       KG_IPV4_BYTES + KG_UDP_BYTES);
	rte_pktmbuf_free(quoted);
	return m;
}

/* Whose datagram it was is known to its owner alone, which may be another. */
static void a_routers_word_is_for_all_workers(void **state)
{
	struct kg_box *box = &rig.boxes[SERVER];
	struct kg_worker *w = rig_worker(SERVER, 0);
	struct kg_report report;

	w->now_us = RIG_START_US;
	assert_punted(too_big(1300));
	assert_int_equal(rte_ring_sc_dequeue_elem(box->reports[0], &report, sizeof(report)), 0);
	assert_int_equal(report.type, KG_REPORT_TOO_BIG);
	assert_int_equal(report.count, 1300);
	assert_true(kg_endpoint_equal(&report.remote, &peer));
	assert_true(kg_endpoint_equal(&report.local, &ours));
	assert_punted(too_big(1200)); /* a flood of them */
	assert_int_not_equal(rte_ring_sc_dequeue_elem(box->reports[0], &report, sizeof(report)), 0);
	w->now_us += 50000;
	assert_punted(too_big(1200));
	assert_int_equal(rte_ring_sc_dequeue_elem(box->reports[0], &report, sizeof(report)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnels_datagram_stays),
		cmocka_unit_test(what_is_foreign_is_linuxs),
		cmocka_unit_test(what_comes_from_a_clients_server_is_its_tunnels),
		cmocka_unit_test(a_short_one_is_dropped),
		cmocka_unit_test(a_wrong_checksum_is_dropped),
		cmocka_unit_test(what_stays_keeps_its_order),
		cmocka_unit_test(each_of_a_burst_is_looked_at),
		cmocka_unit_test(a_routers_word_is_for_all_workers),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
