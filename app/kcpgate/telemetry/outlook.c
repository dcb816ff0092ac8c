/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers /kcpgate/names and stun: what is known of the world outside, a row for each. */
#include "telemetry.h"

#include "box.h"
#include "clock.h"
#include "compat.h"
#include "outlook.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE_ROWS 24

static const char *const what_texts[] = {
	[KG_ASK_IPV4] = "ipv4",
	[KG_ASK_IPV6] = "ipv6",
	[KG_ASK_IPV4 | KG_ASK_IPV6] = "ipv4, ipv6",
	[KG_ASK_TXT] = "txt",
};

static void add_age(struct rte_tel_data *row, const char *name, uint64_t then_us)
{
	if (then_us != 0)
		kg_tel_add_dict_u64(row, name, (kg_clock_now_us() - then_us) / KG_US_PER_S);
}

static void add_endpoint(struct rte_tel_data *row, const char *name, const struct kg_endpoint *at)
{
	char text[KG_ENDPOINT_TEXT_BYTES];

	rte_tel_data_add_dict_string(row, name,
				     at->ip.version != 0 ? kg_endpoint_text(at, text) : "");
}

static bool add_addresses(struct rte_tel_data *row, const struct kg_name_state *name)
{
	struct rte_tel_data *list = rte_tel_data_alloc();
	char text[KG_IP_TEXT_BYTES];

	if (list == NULL)
		return false;
	rte_tel_data_start_array(list, RTE_TEL_STRING_VAL);
	for (unsigned int i = 0; i < KG_MIN(name->count, (unsigned int)KG_NAME_IPS_MAX); i++)
		rte_tel_data_add_array_string(list, kg_ip_text(&name->ips[i], text));
	return rte_tel_data_add_dict_container(row, "addresses", list, 0) == 0;
}

static struct rte_tel_data *name_row(const struct kg_name_state *name)
{
	struct rte_tel_data *row = rte_tel_data_alloc();

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "name", name->name);
	rte_tel_data_add_dict_string(row, "asks", what_texts[name->what]);
	kg_tel_add_dict_u64(row, "count", name->count);
	add_age(row, "age_s", name->good_us);
	rte_tel_data_add_dict_string(row, "failure", kg_resolver_error_text(name->failure));
	add_age(row, "failure_age_s", name->failed_us);
	return add_addresses(row, name) ? row : NULL;
}

static struct rte_tel_data *stun_row(const struct kg_stun_row *stun)
{
	struct rte_tel_data *row = rte_tel_data_alloc();

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "tunnel", stun->tunnel);
	kg_tel_add_dict_u64(row, "ip_version", stun->version);
	add_endpoint(row, "mapped", &stun->mapped);
	add_age(row, "age_s", stun->mapped_us);
	add_endpoint(row, "server", &stun->server);
	kg_tel_add_dict_u64(row, "unanswered", stun->unanswered);
	add_age(row, "failure_age_s", stun->failed_us);
	return row;
}

/* Rows are called by their number: DPDK takes few characters for names. NULL: no memory. */
static int add_row(struct rte_tel_data *d, unsigned int number, struct rte_tel_data *row)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	return row != NULL && rte_tel_data_add_dict_container(d, name, row, 0) == 0 ? 0 : -1;
}

int kg_telemetry_names(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct kg_name_state rows[KG_OUTLOOK_ROWS_MAX];
	unsigned int at = params != NULL ? (unsigned int)strtoul(params, NULL, 10) : 0;
	unsigned int count = kg_outlook_names(rows), end = KG_MIN(count, at + PAGE_ROWS);
	int rc = 0;

	rte_tel_data_start_dict(d);
	for (; at < end && rc == 0; at++)
		rc = add_row(d, at, name_row(&rows[at]));
	if (end < count)
		kg_tel_add_dict_u64(d, "next", end);
	return rc;
}

int kg_telemetry_stun(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct kg_stun_row rows[KG_OUTLOOK_ROWS_MAX];
	unsigned int at = params != NULL ? (unsigned int)strtoul(params, NULL, 10) : 0;
	unsigned int count = kg_outlook_stun(rows), end = KG_MIN(count, at + PAGE_ROWS);
	int rc = 0;

	rte_tel_data_start_dict(d);
	for (; at < end && rc == 0; at++)
		rc = add_row(d, at, stun_row(&rows[at]));
	if (end < count)
		kg_tel_add_dict_u64(d, "next", end);
	return rc;
}
