/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to the kernel after one whose answer was not read to its end. */
#include "netlink/nl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "far_end.h"
#include "netlink/link.h"

#define MANY 2000u /* addresses: several parts of a dump */

struct dump {
	struct kg_nl *other; /* by which something changes meanwhile; NULL: nothing does */
	bool fails;
	unsigned int got;
};

static unsigned int loopback(void)
{
	return if_nametoindex("lo");
}

static struct kg_prefix nth_address(unsigned int n)
{
	return (struct kg_prefix){
		.ip = { .version = 4, .bytes = { 198, 19, (uint8_t)(n >> 8), (uint8_t)n } },
		.length = 32,
	};
}

static void add_addresses(struct kg_nl *nl, unsigned int first, unsigned int count)
{
	for (unsigned int n = first; n < first + count; n++) {
		struct kg_prefix address = nth_address(n);

		assert_int_equal(kg_link_add_address(nl, loopback(), &address), 0);
	}
}

static int on_address(const struct nlmsghdr *header, void *ctx)
{
	struct dump *dump = ctx;

	assert_int_equal(header->nlmsg_type, RTM_NEWADDR);
	dump->got++;
	if (dump->fails) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	if (dump->other != NULL)
		add_addresses(dump->other, MANY, 1);
	dump->other = NULL;
	return MNL_CB_OK;
}

static int dump_addresses(struct kg_nl *nl, struct dump *dump)
{
	struct ifaddrmsg all = { .ifa_family = AF_INET };
	struct kg_nl_message message;

	return kg_nl_dump(nl, kg_nl_begin(&message, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all)),
			  on_address, dump);
}

/* Both kinds of questions have their own answers. */
static void expect_answers(struct kg_nl *nl, unsigned int addresses)
{
	enum kg_link_state state = KG_LINK_GONE;
	struct dump dump = { 0 };

	for (int i = 0; i < 3; i++) {
		assert_int_equal(kg_link_get_state(nl, loopback(), &state), 0);
		assert_int_equal(state, KG_LINK_UP);
	}
	assert_int_equal(dump_addresses(nl, &dump), 0);
	assert_int_equal(dump.got, addresses);
}

static int make(void **state)
{
	static struct kg_nl nl;

	*state = &nl;
	return kg_nl_open(&nl);
}

static int drop(void **state)
{
	kg_nl_close(*state);
	return 0;
}

static void addresses_come_in_several_parts(void **state)
{
	struct kg_nl *nl = *state;

	assert_int_equal(kg_link_set_up(nl, loopback()), 0);
	add_addresses(nl, 0, MANY);
	expect_answers(nl, MANY + 1);
}

static void what_nobody_wanted_to_read_is_no_answer(void **state)
{
	struct kg_nl *nl = *state;
	struct dump dump = { .fails = true };

	assert_int_equal(dump_addresses(nl, &dump), -ENOMEM);
	assert_int_equal(dump.got, 1);
	expect_answers(nl, MANY + 1);
	assert_int_equal(dump_addresses(nl, &dump), -ENOMEM);
	dump = (struct dump){ 0 };
	assert_int_equal(dump_addresses(nl, &dump), 0);
	assert_int_equal(dump.got, MANY + 1);
}

static void what_is_left_of_a_dump_that_changed_is_no_answer(void **state)
{
	struct kg_nl *nl = *state, other;
	struct dump dump = { .other = &other };

	assert_int_equal(kg_nl_open(&other), 0);
	assert_int_equal(dump_addresses(nl, &dump), -EINTR);
	assert_in_range(dump.got, 1, MANY - 1);
	expect_answers(nl, MANY + 2);
	kg_nl_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_come_in_several_parts, make, drop),
		cmocka_unit_test_setup_teardown(what_nobody_wanted_to_read_is_no_answer, make,
						drop),
		cmocka_unit_test_setup_teardown(what_is_left_of_a_dump_that_changed_is_no_answer,
						make, drop),
	};

	far_end_start();
	return cmocka_run_group_tests_name("nl", tests, NULL, NULL);
}
