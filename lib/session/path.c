/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps the paths of a session, and who uses them.
 *
 * They are found by a key of 32 bits: at a client the local port, which is its own; at a server a
 * keyed hash of both ends, which strangers choose. Paths whose keys are equal are a list.
 */
#include "session/internal.h"

static uint32_t key_of(const struct kg_session *s, const struct kg_tuple *ends)
{
	return s->config.role == KG_ROLE_CLIENT ? ends->local.port : kg_session_tuple_key(s, ends);
}

struct kg_path *kg_path_at_port(const struct kg_session *s, uint16_t port)
{
	return kg_u32map_lookup(&s->paths, port);
}

/* A client's path leads to a server; from which of its ports it answers is the path's affair. */
static bool has_ends(const struct kg_session *s, const struct kg_path *path,
		     const struct kg_tuple *ends)
{
	if (s->config.role == KG_ROLE_CLIENT)
		return kg_ip_equal(&path->ends.remote.ip, &ends->remote.ip);
	return kg_endpoint_equal(&path->ends.remote, &ends->remote) &&
	       kg_endpoint_equal(&path->ends.local, &ends->local);
}

/* In front of those with the same key; the slot that was just freed takes them back. */
static bool enter(struct kg_session *s, struct kg_path *path)
{
	uint32_t key = key_of(s, &path->ends);

	path->next = kg_u32map_remove(&s->paths, key);
	return kg_u32map_insert(&s->paths, key, path);
}

/* A client's has more to it. */
static size_t path_bytes(const struct kg_session *s)
{
	return s->config.role == KG_ROLE_CLIENT ? sizeof(struct kg_hop_path)
						: sizeof(struct kg_path);
}

static struct kg_path *create(struct kg_session *s, const struct kg_tuple *ends)
{
	struct kg_path *path = kg_mem_alloc(s->mem, path_bytes(s));

	if (path == NULL)
		return NULL;
	path->ends = *ends;
	path->watched = true;
	if (s->config.bare) /* as it stands: there are no probes */
		path->mtu = s->config.path_mtu_max;
	LIST_INIT(&path->users);
	if (s->config.role == KG_ROLE_CLIENT)
		kg_hop_init(kg_hop_path(path), s);
	if (enter(s, path))
		return path;
	kg_mem_free(s->mem, path, path_bytes(s));
	return NULL;
}

static void destroy(struct kg_session *s, struct kg_path *path)
{
	uint32_t key = key_of(s, &path->ends);
	struct kg_path *head = kg_u32map_remove(&s->paths, key), **at = &head;

	while (*at != path)
		at = &(*at)->next;
	*at = path->next;
	if (head != NULL)
		kg_u32map_insert(&s->paths, key, head);
	if (s->config.role == KG_ROLE_CLIENT)
		kg_hop_fini(kg_hop_path(path));
	if (path->leased)
		s->ops.port_release(s->host, path->ends.local.port);
	kg_mem_free(s->mem, path, path_bytes(s));
}

static void destroy_unused(struct kg_session *s, struct kg_path *path)
{
	if (path->holds == 0 && LIST_EMPTY(&path->users))
		destroy(s, path);
}

struct kg_path *kg_path_find(const struct kg_session *s, const struct kg_tuple *ends)
{
	struct kg_path *path = kg_u32map_lookup(&s->paths, key_of(s, ends));

	while (path != NULL && !has_ends(s, path, ends))
		path = path->next;
	return path;
}

struct kg_path *kg_path_take(struct kg_session *s, const struct kg_tuple *ends)
{
	struct kg_path *path = kg_path_find(s, ends);

	if (path == NULL)
		path = create(s, ends);
	if (path != NULL)
		path->holds++;
	return path;
}

void kg_path_give(struct kg_session *s, struct kg_path *path)
{
	path->holds--;
	destroy_unused(s, path);
}

static bool has_origin(const struct kg_line *line)
{
	return line->kind == KG_LINE_CHANNEL && line->session->config.role == KG_ROLE_SERVER;
}

void kg_path_leave(struct kg_line *line)
{
	struct kg_path *path = line->path;

	if (path == NULL)
		return;
	if (has_origin(line))
		kg_origins_leave(line);
	LIST_REMOVE(line, path_link);
	line->path = NULL;
	destroy_unused(line->session, path);
}

void kg_path_join(struct kg_path *path, struct kg_line *line)
{
	path->holds++;
	kg_path_leave(line);
	path->holds--;
	LIST_INSERT_HEAD(&path->users, line, path_link);
	line->path = path;
	if (has_origin(line))
		kg_origins_enter(line);
}

bool kg_line_go(struct kg_line *line, const struct kg_tuple *ends)
{
	struct kg_path *path = kg_path_take(line->session, ends);

	if (path == NULL)
		return false;
	kg_path_join(path, line);
	kg_path_give(line->session, path);
	return true;
}
