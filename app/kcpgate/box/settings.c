/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps settings that were read while the box runs: they stay as long as a tunnel has some of them.
 */
#include "box.h"

#include <stdlib.h>

struct kg_box_settings {
	TAILQ_ENTRY(kg_box_settings) link;
	struct kg_config config;
};

struct kg_config *kg_box_new_settings(struct kg_box *box)
{
	struct kg_box_settings *settings = calloc(1, sizeof(*settings));

	if (settings == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&box->settings, settings, link);
	return &settings->config;
}

static bool has_of(const struct kg_box_tunnel *tunnel, const struct kg_config *config)
{
	return tunnel->config >= config->tunnels &&
	       tunnel->config < config->tunnels + config->tunnel_count;
}

static bool are_used(const struct kg_box *box, const struct kg_config *config)
{
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		if (has_of(box->tunnels.all[i], config))
			return true;
	}
	return false;
}

void kg_box_drop_settings(struct kg_box *box)
{
	struct kg_box_settings *settings = TAILQ_FIRST(&box->settings), *next;

	for (; settings != NULL; settings = next) {
		next = TAILQ_NEXT(settings, link);
		if (are_used(box, &settings->config))
			continue;
		TAILQ_REMOVE(&box->settings, settings, link);
		kg_config_free(&settings->config);
		free(settings);
	}
}
