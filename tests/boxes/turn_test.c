/* SPDX-License-Identifier: BSD-3-Clause */
/* A turn of the loop: what waits is received before more is sent, and neither waits for ever. */
#include "boxes/stage_rig.h"

#include "turn.h"

#define INPUT_MAX  (8 * KG_NIC_BURST) /* a turn's */
#define OUTPUT_MAX (2 * KG_NIC_BURST) /* while frames wait */
#define CHANNELS   200u               /* that ask at once: more than that */

static void ask(struct kg_worker *w)
{
	struct kg_session *session = two_boxes_side(w)->session;

	for (unsigned int i = 0; i < CHANNELS; i++)
		assert_non_null(kg_session_open(session, KG_PROTOCOL_TCP, NULL, NULL, w->now_us));
}

/* Of nobody's. */
static void frames_arrive(unsigned int count)
{
	const struct kg_endpoint from = { rig_server_ip, RIG_LISTEN_PORT },
				 to = { rig_client_ip, 50000 };

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(rte_ring_enqueue(rig.arriving[CLIENT][0],
						  rig_frame(CLIENT, &from, &to, 100)),
				 0);
}

static unsigned int turn(struct kg_worker *w)
{
	uint64_t sent = rig_count(w, KG_COUNTER_SENT);
	struct rte_mbuf *m;

	kg_worker_turn(w, w->now_us + 1);
	while ((m = rig_take(rig.sent[CLIENT][0])) != NULL)
		rte_pktmbuf_free(m);
	return (unsigned int)(rig_count(w, KG_COUNTER_SENT) - sent);
}

static void all_that_is_due_goes_in_a_turn(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);

	ask(w);
	assert_int_equal(turn(w), CHANNELS);
}

static void while_frames_wait_little_goes(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint64_t received = rig_count(w, KG_COUNTER_RX_FRAMES);

	ask(w);
	frames_arrive(INPUT_MAX + KG_NIC_BURST / 2);
	assert_int_equal(turn(w), OUTPUT_MAX);
	assert_int_equal(rig_count(w, KG_COUNTER_RX_FRAMES), received + INPUT_MAX);
	assert_int_equal(turn(w), CHANNELS - OUTPUT_MAX);
	assert_int_equal(rig_count(w, KG_COUNTER_RX_FRAMES),
			 received + INPUT_MAX + KG_NIC_BURST / 2);
}

/* A frame, and in the same turn an application has been given something. */
static unsigned int turn_of_a_question(struct kg_worker *w)
{
	frames_arrive(1);
	w->links[0].posted = true;
	return turn(w);
}

static void the_answer_takes_the_acknowledgement_along(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);

	rig.configs[CLIENT].poll = KG_POLL_ADAPTIVE;
	ask(w);
	assert_int_equal(turn_of_a_question(w), 0);
	assert_int_equal(turn(w), 0);
	w->now_us = w->answer_us - 1;
	assert_int_equal(turn(w), CHANNELS);
	assert_int_equal(w->answer_us, 0);
}

static void what_comes_next_is_not_waited_for(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);

	ask(w);
	assert_int_equal(turn_of_a_question(w), 0);
	assert_int_equal(turn_of_a_question(w), CHANNELS);
}

static void a_stream_is_acknowledged_at_once(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);

	ask(w);
	frames_arrive(2);
	assert_int_equal(turn_of_a_question(w), CHANNELS);
}

static void who_polls_busily_does_not_wait(void **state)
{
	struct kg_worker *w = rig_worker(CLIENT, 0);

	rig.configs[CLIENT].poll = KG_POLL_BUSY;
	ask(w);
	assert_int_equal(turn_of_a_question(w), CHANNELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_due_goes_in_a_turn),
		cmocka_unit_test(while_frames_wait_little_goes),
		cmocka_unit_test(the_answer_takes_the_acknowledgement_along),
		cmocka_unit_test(what_comes_next_is_not_waited_for),
		cmocka_unit_test(a_stream_is_acknowledged_at_once),
		cmocka_unit_test(who_polls_busily_does_not_wait),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
