/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage session_input: whether a client knows a conversation is for all of its workers to say.
 */
#include "boxes/stage_rig.h"

#include "base/bytes.h"
#include "kcp/kcp_segment.h"
#include "resting.h"
#include "session/internal.h"

#define CONV       77
#define SN_AT      12
#define MARK       0x4b47616bu /* docs/wire.md §4.8 */
#define LOCAL_PORT 50000

/* What a server asks about a conversation, at a port that this worker owns. */
static struct rte_mbuf *question(void)
{
	const struct kg_endpoint local = { rig_client_ip, LOCAL_PORT };
	const struct kg_endpoint remote = { rig_server_ip, RIG_LISTEN_PORT };
	struct rte_mbuf *m = rig_segment(CLIENT, CONV, &local, &remote);

	kg_store_le32(kg_pkt(m)->body + SN_AT, MARK);
	return m;
}

static bool denies(const struct kg_worker *w)
{
	return kg_session_output_pending(two_boxes_side(w)->session);
}

/* A NAT may have led the question to a port of a worker that never had the channel. */
static void the_last_worker_denies(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, LOCAL_PORT % RIG_WORKERS);
	struct kg_worker *other = rig_worker(CLIENT, (w->index + 1) % RIG_WORKERS);
	struct rte_mbuf *v[KG_NIC_BURST] = { question() };

	kg_stage_session_input(w, v, 1);
	assert_false(denies(w));
	assert_int_equal(rig_count(w, KG_COUNTER_HANDED_OFF), 1);
	assert_int_equal(rig_drops(w, KG_DROP_CONV_UNKNOWN), 0);

	assert_int_equal(kg_stage_steer_in(other, v), 1);
	kg_stage_session_input(other, v, 1);
	assert_true(denies(other));
	assert_int_equal(rig_count(other, KG_COUNTER_HANDED_OFF), 0);
	assert_int_equal(rig_drops(other, KG_DROP_CONV_UNKNOWN), 1);
}

/* Nobody waits for a word about what asks nothing. */
static void what_asks_nothing_is_passed_to_nobody(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, LOCAL_PORT % RIG_WORKERS);
	struct rte_mbuf *v[KG_NIC_BURST] = { question() };
	uint64_t off = rig_count(w, KG_COUNTER_HANDED_OFF);
	uint64_t unknown = rig_drops(w, KG_DROP_CONV_UNKNOWN);

	kg_store_le32(kg_pkt(v[0])->body + SN_AT, 0);
	kg_stage_session_input(w, v, 1);
	assert_int_equal(rig_count(w, KG_COUNTER_HANDED_OFF), off);
	assert_int_equal(rig_drops(w, KG_DROP_CONV_UNKNOWN), unknown + 1);
}

/* As if the server had answered the neighbour's handshake. */
static void open_in_neighbour(struct kg_worker *w, uint32_t conv)
{
	const struct kg_endpoint remote = { rig_server_ip, RIG_LISTEN_PORT };
	struct kg_session *s = kg_worker_side(w, 1)->session;
	struct kg_channel *ch = kg_session_open(s, KG_PROTOCOL_TCP, NULL, NULL, w->now_us);

	assert_non_null(ch);
	ch->conv = conv;
	kg_path_leave(&ch->line);
	assert_true(kg_client_take_path(ch, &remote));
}

/* The port is one that neither has: the question comes to the first tunnel of that server. */
static void what_a_neighbour_knows_is_not_denied(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, LOCAL_PORT % RIG_WORKERS);
	struct rte_mbuf *v[KG_NIC_BURST] = { question() };
	uint64_t off = rig_count(w, KG_COUNTER_HANDED_OFF);
	uint64_t unknown = rig_drops(w, KG_DROP_CONV_UNKNOWN);

	open_in_neighbour(w, CONV);
	kg_pkt(v[0])->passed = RIG_WORKERS - 1; /* nobody else is left to ask */
	kg_stage_session_input(w, v, 1);
	assert_int_equal(two_boxes_side(w)->session->denials.count, 0);
	assert_int_equal(rig_count(w, KG_COUNTER_HANDED_OFF), off);
	assert_int_equal(rig_drops(w, KG_DROP_CONV_UNKNOWN), unknown + 1);
}

/* Of conv 0, from one source; without a message it acknowledges an answer. */
static struct kg_datagram from_client(uint8_t bytes[KG_DATAGRAM_MAX_BYTES], bool asks, uint32_t ts)
{
	const struct kg_message test = {
		.feature = KG_FEATURE_KEEP_ALIVE,
		.protocol = KG_PROTOCOL_NOT_CARE,
	};
	uint8_t *payload = bytes + KG_KCP_HEADER_BYTES;
	struct kg_kcp_segment seg = {
		.cmd = asks ? KG_KCP_PUSH : KG_KCP_ACK,
		.wnd = 32,
		.ts = ts,
		.una = asks ? 0 : 1,
		.len = asks ? (uint32_t)kg_message_encode(payload, 64, &test) : 0,
	};

	kg_kcp_segment_encode(bytes, &seg);
	return (struct kg_datagram){
		.local = { rig_server_ip, RIG_LISTEN_PORT },
		.remote = { rig_client_ip, LOCAL_PORT },
		.data = bytes,
		.len = (uint16_t)(KG_KCP_HEADER_BYTES + seg.len),
		.digest = ts,
		.age_s = -2, /* who asks in the second in which a tunnel comes is refused */
	};
}

/* A client uses a port again while a tunnel rests, whose handshake of that port lingers. */
static void the_latest_handshake_of_a_source_is_meant(void **state)
{
	struct kg_worker *w = rig_worker(SERVER, 0);
	struct kg_side *old = kg_worker_side(w, 0), *new;
	uint8_t bytes[KG_DATAGRAM_MAX_BYTES];
	struct kg_datagram first, second, word;
	struct kg_box_tunnel *tunnel;
	atomic_uint awaited = 1;
	char error[256];

	tunnel = kg_box_create_tunnel(w->box, old->tunnel->config, error, sizeof(error));
	assert_non_null(tunnel);
	new = tunnel->sides[0];
	assert_true(kg_side_begin(new));
	first = from_client(bytes, true, 1000);
	assert_int_equal(kg_side_input(old, &first, w->now_us), KG_DROP_NONE);
	kg_resting_begin(old, &awaited);
	assert_ptr_equal(kg_resting_owner(w, new, &first), old);

	second = from_client(bytes, true, 1000 + 600000);
	assert_ptr_equal(kg_resting_owner(w, new, &second), new);
	assert_int_equal(kg_side_input(new, &second, w->now_us), KG_DROP_NONE);
	word = from_client(bytes, false, 0);
	assert_ptr_equal(kg_resting_owner(w, new, &word), new);
	first = from_client(bytes, true, 1000);
	assert_ptr_equal(kg_resting_owner(w, new, &first), old);

	kg_side_end(new);
	kg_box_destroy_tunnel(w->box, tunnel);
	old->resting = false;
	w->resting_sides--;
}

static void nothing_is_kept_of_what_has_opened(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, LOCAL_PORT % RIG_WORKERS);
	const struct kg_dropped *noted;

	noted = rig_dropped(w, &rig_server_ip, KG_DROP_CONV_UNKNOWN);
	assert_non_null(noted);
	assert_int_equal(noted->stage, KG_STAGE_SESSION_INPUT);
	assert_int_equal(noted->first_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_worker_denies),
		cmocka_unit_test(what_asks_nothing_is_passed_to_nobody),
		cmocka_unit_test(what_a_neighbour_knows_is_not_denied),
		cmocka_unit_test(the_latest_handshake_of_a_source_is_meant),
		cmocka_unit_test(nothing_is_kept_of_what_has_opened),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
