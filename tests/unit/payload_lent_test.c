/* SPDX-License-Identifier: BSD-3-Clause */
/* A quiet payload thread lends what it has, here to the test, and gets back what is a stream's. */
#include "payload/internal.h"
#include "payload_rig.h"

#define TCP KG_PROTOCOL_TCP

/* ---- quiet or not ---- */

/* So much in each turn, turn after turn; true when it was a stream before the time was over. */
static bool becomes_stream(struct kg_payload *p, uint64_t bytes, uint64_t every_us)
{
	const uint64_t end_us = p->now_us + 20 * KG_US_PER_MS;

	for (; p->now_us < end_us; p->now_us += every_us) {
		p->stats.rx_bytes += bytes;
		kg_quiet_count(p, true);
		if (kg_quiet_is_stream(p))
			return true;
	}
	return false;
}

static void questions_are_quiet_and_streams_are_not(void **state)
{
	struct rig *rig = rig_create(8);
	struct kg_payload *p = rig->payload;

	p->now_us = KG_US_PER_S;
	assert_false(becomes_stream(p, 100, 20)); /* 25,000 round trips a second */
	assert_int_equal(kg_quiet_in_ms(p), 0);
	assert_true(becomes_stream(p, 24000, 1000)); /* 0.2 Gbit/s */
	assert_in_range(kg_quiet_in_ms(p), 1, 20);
	p->now_us += 20 * KG_US_PER_MS;
	kg_quiet_count(p, false);
	assert_int_equal(kg_quiet_in_ms(p), 0);
	kg_quiet_leave(p);
	kg_quiet_return(p);
	assert_in_range(kg_quiet_in_ms(p), 50, 200);
	kg_quiet_leave(p);
	kg_quiet_return(p); /* soon */
	assert_in_range(kg_quiet_in_ms(p), 150, 400);
	kg_quiet_leave(p);
	p->now_us += 2 * KG_US_PER_S;
	kg_quiet_return(p);
	assert_in_range(kg_quiet_in_ms(p), 50, 200);
	rig_destroy(rig);
}

/* ---- lent ---- */

static void await_lent(struct rig *rig)
{
	uint64_t end = rig_now_ms() + WAIT_MS;

	while (!kg_payload_is_lent(rig->payload)) {
		assert_true(rig_now_ms() < end);
		rig_nap();
	}
}

/* A connection is open, and the thread has lent what it has. */
static struct rig *lent_rig(struct rig_channel *ch, int *fd)
{
	struct rig *rig = rig_new();

	*fd = rig_open_tcp(rig, 4, ch, 100);
	kg_payload_want(rig->payload);
	kg_waker_wake(&rig->payload_waker);
	await_lent(rig);
	kg_payload_serve(rig->payload, true);
	return rig;
}

static void give_back(struct rig *rig)
{
	assert_true(kg_payload_wants_home(rig->payload));
	kg_payload_give_back(rig->payload);
}

static bool has_news(struct rig *rig)
{
	struct pollfd fd = { .fd = kg_payload_fd(rig->payload), .events = POLLIN };

	return poll(&fd, 1, 1000) == 1;
}

static void stop(struct rig *rig, int fd)
{
	kg_payload_stop(rig->payload);
	kg_payload_prepare(rig->payload);
	assert_false(kg_payload_rests(rig->payload));
	kg_payload_cancel(rig->payload);
	give_back(rig);
	close(fd);
	rig_destroy(rig);
}

static void who_borrows_serves_the_sockets(void **state)
{
	struct rig_channel ch;
	struct kg_msg msg;
	char bytes[5];
	int fd;
	struct rig *rig = lent_rig(&ch, &fd);

	assert_true(kg_payload_rests(rig->payload));
	assert_true(kg_payload_until_due_us(rig->payload) == KG_NEVER_US);
	rig_write(fd, "hello", 5);
	rig_expect_silence(rig); /* the thread does nothing */
	assert_true(has_news(rig));
	assert_true(kg_payload_serve(rig->payload, true));
	msg = rig_expect(rig, KG_MSG_DATA);
	assert_memory_equal(msg.buf->data, "hello", 5);
	kg_msg_discard(&msg);
	rig_send(&ch, "world", 5);
	assert_false(kg_payload_rests(rig->payload));
	/* Its credit may wait: nobody needs a turn for it. */
	assert_false(kg_payload_serve(rig->payload, false));
	rig_read(fd, bytes, 5);
	assert_memory_equal(bytes, "world", 5);
	assert_true(kg_payload_rests(rig->payload));
	assert_false(kg_payload_wants_home(rig->payload));
	assert_int_equal(rig->payload->stats.lent, 1);
	stop(rig, fd);
}

static void a_stream_goes_home(void **state)
{
	uint8_t *bytes = rig_pattern(1 << 20, 1);
	struct rig_channel ch;
	uint64_t end =
		rig_now_ms() + WAIT_MS; /* a machine that is busy makes no stream of it at once */
	int fd, turns = 0;
	struct rig *rig = lent_rig(&ch, &fd);

	for (; !kg_payload_wants_home(rig->payload); turns++) {
		assert_true(rig_now_ms() < end);
		rig_write(fd, bytes, 20000);
		kg_payload_serve(rig->payload, true);
		rig_take_stream(&ch, bytes, 20000, false);
		rig_say(&ch, KG_MSG_CREDIT, 100, NULL);
	}
	assert_true(turns > 1);
	give_back(rig);
	rig_write(fd, bytes, 20000);
	rig_take_stream(&ch, bytes, 20000, false);
	assert_false(kg_payload_is_lent(rig->payload));
	await_lent(rig); /* when it has been quiet for a while */
	assert_int_equal(rig->payload->stats.lent, 2);
	free(bytes);
	stop(rig, fd);
}

/* What waits for a ring to have room is looked at every now and then: that is the thread's. */
static void what_is_put_off_goes_home(void **state)
{
	struct rig_channel ch;
	int fd;
	struct rig *rig = lent_rig(&ch, &fd);

	rig->pool.limit = 0;
	rig_write(fd, "hello", 5);
	assert_true(has_news(rig));
	kg_payload_serve(rig->payload, true);
	assert_false(kg_payload_rests(rig->payload));
	give_back(rig);
	rig->pool.limit = INT32_MAX;
	rig_take_stream(&ch, (const uint8_t *)"hello", 5, false);
	await_lent(rig);
	stop(rig, fd);
}

/* The worker asks before each of its sleeps: with time it comes nearer. */
static void what_is_due_is_not_put_off_by_asking(void **state)
{
	struct rig *rig = rig_create(8);
	struct kg_payload *p = rig->payload;
	uint64_t until_us;

	p->udp_holds.all.tqh_first = (void *)rig; /* somebody's datagrams wait */
	p->now_us = (rig_now_ms() + 3600000) * KG_US_PER_MS;
	until_us = kg_payload_until_due_us(p);
	usleep(KG_US_PER_MS);
	assert_in_range(kg_payload_until_due_us(p), 1, until_us - KG_US_PER_MS);
	p->now_us = 1;
	assert_int_equal(kg_payload_until_due_us(p), 0);
	p->udp_holds.all.tqh_first = NULL;
	assert_true(kg_payload_until_due_us(p) == KG_NEVER_US);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_quiet_and_streams_are_not),
		cmocka_unit_test(who_borrows_serves_the_sockets),
		cmocka_unit_test(a_stream_goes_home),
		cmocka_unit_test(what_is_put_off_goes_home),
		cmocka_unit_test(what_is_due_is_not_put_off_by_asking),
	};

	return cmocka_run_group_tests_name("payload_lent", tests, rig_init_eal, bare_eal_fini);
}
