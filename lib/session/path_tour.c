/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows the paths of a session to whoever asks, one after the other. */
#include "session/internal.h"

/* Of a server's path that no line uses: somebody may have moved there, or is there, too (roam.h).
 */
static const char *unused_name(const struct kg_path *path)
{
	return path->state == KG_PATH_LIVE ? "live" : "asked";
}

static const char *state_name(const struct kg_session *s, const struct kg_path *path)
{
	static const char *const names[] = {
		[KG_PATH_CURRENT] = "current",
		[KG_PATH_TESTING] = "testing",
		[KG_PATH_OLD] = "old",
		[KG_PATH_LIVE] = "live",
	};

	if (s->config.role == KG_ROLE_CLIENT)
		return names[path->state];
	return LIST_EMPTY(&path->users) ? unused_name(path) : names[KG_PATH_CURRENT];
}

static void get_info(const struct kg_session *s, const struct kg_path *path,
		     struct kg_path_info *info, uint64_t now_us)
{
	struct kg_line *line;

	*info = (struct kg_path_info){
		.ends = path->ends,
		.state = state_name(s, path),
		.silent_us = KG_NEVER_US,
		.mtu = path->mtu,
		.mtu_how = kg_peers_mtu_how(s, path),
	};
	kg_spread_get_info(s, path, info, now_us);
	LIST_FOREACH (line, &path->users, path_link) {
		info->users++;
		if (line->kind == KG_LINE_CHANNEL)
			info->silent_us = KG_MIN(info->silent_us,
						 now_us - kg_line_channel(line)->last_input_us);
	}
}

void kg_session_path_tour_begin(struct kg_session *s)
{
	s->path_tour = (struct kg_path_tour){ 0 };
}

/* Paths with the same key are behind each other, so a place is a slot and how far behind. */
bool kg_session_path_tour_next(struct kg_session *s, struct kg_path_info *info, uint64_t now_us)
{
	struct kg_path_tour *tour = &s->path_tour;

	for (; tour->slot < kg_u32map_slots(&s->paths); tour->slot++, tour->behind = 0) {
		const struct kg_path *path = kg_u32map_at(&s->paths, tour->slot);

		for (uint32_t i = 0; path != NULL && i < tour->behind; i++)
			path = path->next;
		if (path == NULL)
			continue;
		tour->behind++;
		get_info(s, path, info, now_us);
		return true;
	}
	return false;
}
