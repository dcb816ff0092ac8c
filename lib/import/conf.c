/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes a .conf file apart into its lines. */
#include "import/conf.h"
#include "config/file.h"

#include <string.h>

static size_t length_of(struct kg_slice slice)
{
	return (size_t)(slice.end - slice.at);
}

bool kg_slice_is_empty(struct kg_slice slice)
{
	return slice.at == slice.end;
}

bool kg_conf_split_mapping(struct kg_slice whole, struct kg_slice *local, struct kg_slice *remote)
{
	const char *arrow = memmem(whole.at, length_of(whole), "->", 2);

	if (arrow == NULL)
		return false;
	*local = kg_slice_trim((struct kg_slice){ whole.at, arrow });
	*remote = kg_slice_trim((struct kg_slice){ arrow + 2, whole.end });
	return true;
}

struct kg_conf kg_conf_of(const char *text, size_t len)
{
	return (struct kg_conf){ .rest = { text + kg_file_mark_bytes(text, len), text + len } };
}

static bool is_in_brackets(struct kg_slice text)
{
	return length_of(text) >= 2 && text.at[0] == '[' && text.end[-1] == ']';
}

/* "[section] = anything" is a section, too. */
static void tell_kind(struct kg_conf_line *line)
{
	struct kg_slice local, remote;

	line->value = line->whole;
	line->key = kg_slice_cut(&line->value, '=');
	line->value = kg_slice_trim(line->value);
	if (is_in_brackets(line->key))
		line->kind = KG_CONF_SECTION;
	else if (memchr(line->whole.at, '=', length_of(line->whole)) != NULL)
		line->kind = KG_CONF_SETTING;
	else if (kg_conf_split_mapping(line->whole, &local, &remote))
		line->kind = KG_CONF_MAPPING;
	else
		line->kind = KG_CONF_OTHER;
}

/* KCPTube has no word for an empty value: such a line says nothing, whatever its key. */
static bool says_something(const struct kg_conf_line *line)
{
	bool equals = memchr(line->whole.at, '=', length_of(line->whole)) != NULL;

	return !equals || !kg_slice_is_empty(line->value);
}

bool kg_conf_next(struct kg_conf *conf, struct kg_conf_line *line)
{
	while (!kg_slice_is_empty(conf->rest)) {
		const char *at = conf->rest.at;

		line->whole = kg_slice_cut(&conf->rest, '\n');
		line->number = ++conf->number;
		if (kg_slice_is_empty(line->whole) || *line->whole.at == '#')
			continue;
		tell_kind(line);
		if (memchr(at, 0, (size_t)(conf->rest.at - at)) != NULL)
			line->kind = KG_CONF_ZERO;
		else if (!says_something(line))
			continue;
		return true;
	}
	return false;
}

bool kg_conf_find_mode(struct kg_conf conf, struct kg_conf_line *line)
{
	while (kg_conf_next(&conf, line)) {
		if (line->kind == KG_CONF_SETTING && kg_slice_is(line->key, "mode"))
			return true;
	}
	return false;
}
