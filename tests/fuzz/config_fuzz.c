/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration texts: what loads is printed, and what was printed loads and prints the same. */
#include <string.h>

#include "config/config.h"
#include "fuzz.h"

static char *print(const struct kg_config *config)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	kg_config_print(config, to, true);
	fclose(to);
	return text;
}

static void check_printed(const struct kg_config *config)
{
	struct kg_config again;
	struct kg_config_report report;
	char *first = print(config);

	kg_config_load_text(&again, &report, "printed", first, strlen(first));
	FUZZ_CHECK(!report.errors);

	char *second = print(&again);

	FUZZ_CHECK(!strcmp(first, second));
	free(first);
	free(second);
	kg_config_report_free(&report);
	kg_config_free(&again);
}

/* What the box relies on. */
static void check_tunnel(const struct kg_tunnel_config *t)
{
	FUZZ_CHECK(t->name && t->encryption_algorithm && t->kcp_preset);
	FUZZ_CHECK(t->custom_listen ? t->mapping_count > 0 : t->listen_port_count > 0);
	FUZZ_CHECK(t->custom_destination ||
		   (t->destination_port_count > 0 && t->destination_count > 0));
	for (unsigned int i = 0; i < t->mapping_count; i++) {
		FUZZ_CHECK(t->mappings[i].protocol && t->mappings[i].local.port);
		FUZZ_CHECK(t->mappings[i].remote.port && *t->mappings[i].remote.address);
	}
	FUZZ_CHECK(t->kcp.mtu >= KG_KCP_MTU_MIN && t->kcp.mtu <= KG_KCP_MTU_MAX);
	FUZZ_CHECK(t->kcp.snd_wnd > 0 && t->kcp.rcv_wnd >= 128);
	for (unsigned int i = 0; i < t->listen_port_count; i++) {
		FUZZ_CHECK(t->listen_ports[i].first > 0);
		FUZZ_CHECK(t->listen_ports[i].first <= t->listen_ports[i].last);
		FUZZ_CHECK(i == 0 || t->listen_ports[i].first > t->listen_ports[i - 1].last + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kg_config config;
	struct kg_config_report report;

	kg_config_load_text(&config, &report, "fuzz", (const char *)data, len);
	for (const struct kg_config_error *e = report.errors; e; e = e->next)
		FUZZ_CHECK(!strncmp(e->where, "fuzz", 4) && *e->text);
	if (!report.errors) {
		for (unsigned int i = 0; i < config.tunnel_count; i++)
			check_tunnel(&config.tunnels[i]);
		check_printed(&config);
	}
	kg_config_report_free(&report);
	kg_config_free(&config);
	return 0;
}
