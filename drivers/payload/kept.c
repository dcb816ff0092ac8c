/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps listening sockets between two gates. */
#include "payload/kept.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kg_kept *kg_kept_create(struct kg_kept_list *list, unsigned int count)
{
	struct kg_kept *kept = calloc(1, sizeof(*kept) + count * sizeof(kept->sockets[0]));

	if (kept == NULL)
		return NULL;
	kept->count = count;
	for (unsigned int i = 0; i < count; i++)
		kept->sockets[i].fd = -1;
	TAILQ_INSERT_TAIL(list, kept, link);
	return kept;
}

static bool is_same(const struct kg_listen_place *a, const struct kg_listen_place *b)
{
	return kg_endpoint_equal(&a->at, &b->at) && a->type == b->type &&
	       a->ipv4_only == b->ipv4_only && a->ipv6_only == b->ipv6_only &&
	       a->thread == b->thread && strcmp(a->vrf, b->vrf) == 0;
}

static void close_socket(struct kg_kept_socket *socket)
{
	close(socket->fd);
	socket->fd = -1;
}

/* Otherwise bound, they would be in the way. */
static void close_at(struct kg_kept_list *list, const struct kg_listen_place *place)
{
	struct kg_kept *kept;

	TAILQ_FOREACH (kept, list, link) {
		for (unsigned int i = 0; i < kept->count; i++) {
			struct kg_kept_socket *socket = &kept->sockets[i];

			if (socket->fd >= 0 && socket->place.at.port == place->at.port &&
			    socket->place.type == place->type)
				close_socket(socket);
		}
	}
}

int kg_kept_take(struct kg_kept_list *list, const struct kg_listen_place *place)
{
	struct kg_kept *kept;

	TAILQ_FOREACH (kept, list, link) {
		for (unsigned int i = 0; i < kept->count; i++) {
			struct kg_kept_socket *socket = &kept->sockets[i];
			int fd = socket->fd;

			if (fd < 0 || !is_same(&socket->place, place))
				continue;
			socket->fd = -1;
			return fd;
		}
	}
	close_at(list, place);
	return -1;
}

void kg_kept_close_all(struct kg_kept_list *list)
{
	struct kg_kept *kept;

	while ((kept = TAILQ_FIRST(list)) != NULL) {
		for (unsigned int i = 0; i < kept->count; i++) {
			if (kept->sockets[i].fd >= 0)
				close_socket(&kept->sockets[i]);
		}
		TAILQ_REMOVE(list, kept, link);
		free(kept);
	}
}
