/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage session_input: whether a client knows a conversation is for all of its workers to say.
 */
#include "boxes/stage_rig.h"

#include "base/bytes.h"
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
		cmocka_unit_test(nothing_is_kept_of_what_has_opened),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
