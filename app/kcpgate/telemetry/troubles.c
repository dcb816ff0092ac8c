/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers /kcpgate/troubles: what keeps tunnels from working, a row for each. */
#include "telemetry.h"

#include "clock.h"
#include "compat.h"
#include "log/troubles.h"

#include <stdio.h>

static struct rte_tel_data *trouble_row(const char *tunnel, const struct kg_trouble_row *row)
{
	const struct kg_report *r = &row->report;
	struct rte_tel_data *d = rte_tel_data_alloc();
	char text[KG_ENDPOINT_TEXT_BYTES];

	if (d == NULL)
		return NULL;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "tunnel", tunnel);
	rte_tel_data_add_dict_string(d, "trouble", kg_trouble_name(r->why));
	rte_tel_data_add_dict_string(d, "help", kg_trouble_help(r->why));
	rte_tel_data_add_dict_string(d, "remote", kg_endpoint_text(&r->remote, text));
	rte_tel_data_add_dict_string(d, "local", kg_endpoint_text(&r->local, text));
	kg_tel_add_dict_u64(d, "count", r->count);
	rte_tel_data_add_dict_int(d, "seconds", r->seconds);
	kg_tel_add_dict_u64(d, "age_s", (kg_clock_now_us() - row->logged_us) / KG_US_PER_S);
	return d;
}

int kg_telemetry_troubles(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct kg_trouble_row rows[KG_TROUBLE_ROWS];
	unsigned int count = kg_trouble_rows(rows);
	char name[16];

	rte_tel_data_start_dict(d);
	for (unsigned int i = 0; i < count; i++) {
		const struct kg_box_tunnel *tunnel = kg_box_tunnel(box, rows[i].report.tunnel);
		struct rte_tel_data *row;

		if (tunnel == NULL) /* it has gone since */
			continue;
		row = trouble_row(tunnel->config->name, &rows[i]);
		snprintf(name, sizeof(name), "%u", i);
		if (row == NULL || rte_tel_data_add_dict_container(d, name, row, 0) != 0)
			return -1;
	}
	return 0;
}
