/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the lines of one .conf file into the JSON of a tunnel. */
#include "import/tunnel.h"
#include "config/kinds.h"

#include <stdlib.h>
#include <string.h>

#define SAID_MAX        100 /* lines with something wrong, before the rest is not read */
#define SHOWN_MAX_CHARS 32  /* of a key that nobody knows */

/* Where the lines that follow belong. */
struct reader {
	struct kg_import_tunnel *t;
	enum kg_import_part part;
	unsigned int mapped; /* enum kg_mapped; 0: no mappings here */
};

static struct kg_place place_of(const struct reader *r, const struct kg_conf_line *line,
				const struct kg_import_key *key)
{
	struct kg_place at =
		kg_import_line_place(r->t, line->number, kg_import_part_names[r->part]);

	return key != NULL ? kg_place_member(&at, key->name) : at;
}

/* ---- settings ---- */

/* KCPTube reads it there and does nothing with it. */
static bool has_no_use(const struct reader *r, const struct kg_import_key *key)
{
	static const unsigned int objects[] = { KG_IN_RELAY, KG_IN_LISTENER, KG_IN_FORWARDER };
	unsigned int relay = kg_schema_find(KG_SCOPE_TUNNEL, key->name)->relay;

	if (!kg_import_is(r->t, KG_RELAY_WORD))
		return key->unused_in != NULL && kg_import_is(r->t, key->unused_in);
	return (relay & objects[r->part]) == 0 && !(key->kept && r->part == KG_IMPORT_OWN);
}

/* The value as JSON; NULL: the line changes nothing. */
static json_t *convert(const struct reader *r, const struct kg_conf_line *line,
		       const struct kg_import_key *key, const json_t *earlier)
{
	size_t length = (size_t)(line->value.end - line->value.at);
	char *text = memcpy(kg_config_alloc(length + 1, 1), line->value.at, length);
	struct kg_import_field field = { key, text, place_of(r, line, key), r->t->mistakes,
					 earlier };
	json_t *plain = json_string(text), *json;

	if (plain != NULL) {
		json = kg_import_is_braces(plain) && key->braces ? json_incref(plain)
								 : key->convert(&field);
	} else {
		kg_mistakes_error(r->t->mistakes, &field.at,
				  "found bytes that are no UTF-8, which JSON cannot have");
		json = json_string("?");
	}
	json_decref(plain);
	explicit_bzero(text, length);
	free(text);
	return json;
}

static bool is_timeout(const struct reader *r, const struct kg_conf_line *line)
{
	return r->t->udphop && kg_slice_is(line->key, KG_IMPORT_TIMEOUT);
}

static void store(struct reader *r, const struct kg_conf_line *line, unsigned int index)
{
	const struct kg_import_key *key =
		is_timeout(r, line) ? &kg_import_timeout_key : &kg_import_keys[index];
	struct kg_import_object *object = &r->t->parts[r->part];
	const json_t *earlier = kg_import_get(object, index);
	struct kg_place at = place_of(r, line, key);
	json_t *json;

	if (key->braces && kg_import_is_braces(earlier)) {
		kg_mistakes_warning(r->t->mistakes, &at,
				    "left out: {} in line %u decides, as with KCPTube",
				    object->lines[index]);
		return;
	}
	json = convert(r, line, key, earlier);
	if (json == NULL)
		return;
	if (earlier != NULL)
		kg_mistakes_warning(r->t->mistakes, &at, "takes the place of line %u",
				    object->lines[index]);
	json_object_set_new(object->json, key->name, json);
	object->lines[index] = line->number;
}

static void store_mode(struct reader *r, const struct kg_conf_line *line, unsigned int index)
{
	struct reader own = { r->t, KG_IMPORT_OWN, 0 };
	struct kg_place at = place_of(&own, line, &kg_import_keys[index]);
	unsigned int first = r->t->parts[KG_IMPORT_OWN].lines[index];

	if (first != 0)
		kg_mistakes_error(r->t->mistakes, &at, "found again; line %u has it already",
				  first);
	else
		store(&own, line, index);
}

static bool has_arrow(const struct kg_conf_line *line)
{
	struct kg_slice local, remote;

	return kg_conf_split_mapping(line->whole, &local, &remote);
}

static void take_known(struct reader *r, const struct kg_conf_line *line, unsigned int index)
{
	const struct kg_import_key *key = &kg_import_keys[index];
	struct kg_place at = place_of(r, line, key);

	if (has_arrow(line))
		kg_mistakes_warning(r->t->mistakes, &at,
				    "KCPTube refuses a value with -> in it; taken as it stands");
	if (kg_slice_is(line->key, "mode"))
		store_mode(r, line, index);
	else if (key->convert == NULL)
		kg_mistakes_warning(r->t->mistakes, &at, "%s", key->note);
	else if (has_no_use(r, key))
		kg_mistakes_warning(r->t->mistakes, &at, "without effect here; left out");
	else {
		if (key->note != NULL)
			kg_mistakes_warning(r->t->mistakes, &at, "%s", key->note);
		store(r, line, index);
	}
}

/* ---- what is no setting ---- */

static void take_mapping(struct reader *r, const struct kg_conf_line *line)
{
	struct kg_place at = place_of(r, line, NULL);

	if (r->mapped != 0)
		kg_import_mapping_add(r->t, line, r->mapped);
	else
		kg_mistakes_error(r->t->mistakes, &at,
				  "found a mapping; allowed in [custom_input], [custom_input_tcp] "
				  "and [custom_input_udp]");
}

static void refuse_key(const struct reader *r, const struct kg_conf_line *line)
{
	struct kg_place at = place_of(r, line, NULL);
	int length = (int)KG_MIN(line->key.end - line->key.at, SHOWN_MAX_CHARS);
	char name[SHOWN_MAX_CHARS + 1];
	const struct kg_key *nearest;

	snprintf(name, sizeof(name), "%.*s", length, line->key.at);
	nearest = kg_schema_nearest(KG_SCOPE_TUNNEL, name);
	if (nearest != NULL && kg_import_key_index(nearest->name) < KG_IMPORT_KEYS)
		kg_mistakes_error(r->t->mistakes, &at, "unknown key \"%s\"; did you mean \"%s\"?",
				  name, nearest->name);
	else
		kg_mistakes_error(r->t->mistakes, &at, "unknown key \"%s\"", name);
}

/* UDP Hop passes over what it does not know. */
static bool is_no_key_of_udphop(unsigned int index)
{
	const struct kg_key *key =
		index < KG_IMPORT_KEYS ? kg_schema_find(KG_SCOPE_TUNNEL, kg_import_keys[index].name)
				       : NULL;

	return key == NULL || key->kind == NULL || key->needs_kcp || strcmp(key->name, "mtu") == 0;
}

static void leave_out(const struct reader *r, const struct kg_conf_line *line)
{
	struct kg_place at = place_of(r, line, NULL);
	int length = (int)KG_MIN(line->key.end - line->key.at, SHOWN_MAX_CHARS);

	kg_mistakes_warning(r->t->mistakes, &at, "UDP Hop has no key \"%.*s\"; left out", length,
			    line->key.at);
}

static void take_setting(struct reader *r, const struct kg_conf_line *line)
{
	unsigned int index = kg_import_key_find(line->key);

	if (is_timeout(r, line))
		store(r, line, kg_import_key_index(kg_import_timeout_key.name));
	else if (r->t->udphop && is_no_key_of_udphop(index))
		leave_out(r, line);
	else if (index < KG_IMPORT_KEYS)
		take_known(r, line, index);
	else if (has_arrow(line))
		take_mapping(r, line);
	else
		refuse_key(r, line);
}

static const struct section {
	const char *tag, *mode;
	enum kg_import_part part; /* that the keys behind it belong to */
	unsigned int mapped;      /* of the mappings behind it */
} sections[] = {
	{ "[listener]", KG_RELAY_WORD, KG_IMPORT_LISTENER, 0 },
	{ "[forwarder]", KG_RELAY_WORD, KG_IMPORT_FORWARDER, 0 },
	{ "[custom_input]", "client", KG_IMPORT_OWN, KG_MAPPED_BOTH },
	{ "[custom_input_tcp]", "client", KG_IMPORT_OWN, KG_MAPPED_TCP },
	{ "[custom_input_udp]", "client", KG_IMPORT_OWN, KG_MAPPED_UDP },
};

static const struct section *find_section(struct kg_slice tag)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(sections); i++) {
		if (kg_slice_is(tag, sections[i].tag))
			return &sections[i];
	}
	return NULL;
}

static void take_section(struct reader *r, const struct kg_conf_line *line)
{
	const struct section *section = find_section(line->key);
	struct kg_place at = kg_import_line_place(r->t, line->number, "");
	struct kg_import_object *object;

	if (section == NULL) {
		kg_mistakes_error(r->t->mistakes, &at,
				  "unknown section; allowed [listener] and [forwarder] of a relay, "
				  "[custom_input], [custom_input_tcp] and [custom_input_udp] of a "
				  "client");
		return;
	}
	if (r->t->mode != NULL && !kg_import_is(r->t, section->mode)) {
		kg_mistakes_error(r->t->mistakes, &at, "found %s; allowed with mode %s",
				  section->tag, section->mode);
		return;
	}
	r->part = section->part;
	r->mapped = section->mapped;
	object = &r->t->parts[section->part];
	if (object->json == NULL)
		object->json = json_object();
}

static void take_line(struct reader *r, const struct kg_conf_line *line)
{
	struct kg_place at = kg_import_line_place(r->t, line->number, "");

	switch (line->kind) {
	case KG_CONF_SETTING:
		take_setting(r, line);
		break;
	case KG_CONF_SECTION:
		take_section(r, line);
		break;
	case KG_CONF_MAPPING:
		take_mapping(r, line);
		break;
	case KG_CONF_ZERO:
		kg_mistakes_error(r->t->mistakes, &at, "has bytes of 0; allowed a text in UTF-8");
		break;
	case KG_CONF_OTHER:
		kg_mistakes_error(r->t->mistakes, &at,
				  "neither \"key = value\" nor a section nor a mapping");
		break;
	}
}

/* ---- the file ---- */

static void find_mode(struct kg_import_tunnel *t, struct kg_conf conf)
{
	static const char *const modes[] = { "client", "server", KG_RELAY_WORD };
	struct kg_conf_line line;

	if (!kg_conf_find_mode(conf, &line))
		return;
	for (size_t i = 0; i < KG_ARRAY_SIZE(modes); i++) {
		if (kg_slice_is(line.value, modes[i]))
			t->mode = modes[i];
	}
}

/* It has a timeout, and KCPTube's files have a kcp instead. */
static void find_program(struct kg_import_tunnel *t, struct kg_conf conf)
{
	bool timeout = false, kcp = false;
	struct kg_conf_line line;

	while (kg_conf_next(&conf, &line)) {
		timeout |= line.kind == KG_CONF_SETTING && kg_slice_is(line.key, KG_IMPORT_TIMEOUT);
		kcp |= line.kind == KG_CONF_SETTING && kg_slice_is(line.key, "kcp");
	}
	t->udphop |= timeout && !kcp;
	if (t->udphop)
		json_object_set_new(t->parts[KG_IMPORT_OWN].json, "protocol",
				    json_string("udphop"));
}

static void say_mark(const struct kg_import_tunnel *t, const struct kg_conf *conf, const char *text)
{
	struct kg_place at = kg_import_line_place(t, 1, "");

	if (conf->rest.at != text)
		kg_mistakes_warning(t->mistakes, &at,
				    "KCPTube takes the byte order mark for a part of the first "
				    "key; it is passed over here");
}

static bool take_next(struct reader *r, struct kg_conf *conf, unsigned int *said)
{
	struct kg_mistakes *mistakes = r->t->mistakes;
	struct kg_mistake **errors = mistakes->errors_end, **warnings = mistakes->warnings_end;
	struct kg_conf_line line;
	struct kg_place at;

	if (!kg_conf_next(conf, &line))
		return false;
	take_line(r, &line);
	*said += errors != mistakes->errors_end || warnings != mistakes->warnings_end;
	if (*said < SAID_MAX)
		return true;
	at = kg_import_line_place(r->t, line.number, "");
	kg_mistakes_error(mistakes, &at, "too much is wrong; what follows has not been read");
	return false;
}

static void attach_legs(struct kg_import_tunnel *t)
{
	for (enum kg_import_part part = KG_IMPORT_LISTENER; part < KG_IMPORT_PARTS; part++) {
		if (t->parts[part].json != NULL && kg_import_is(t, KG_RELAY_WORD))
			json_object_set(t->parts[KG_IMPORT_OWN].json, kg_import_part_names[part],
					t->parts[part].json);
	}
}

void kg_import_tunnel_read(struct kg_import_tunnel *t, const char *text, size_t len)
{
	struct kg_conf conf = kg_conf_of(text, len);
	struct reader reader = { .t = t };
	unsigned int said = 0;

	find_mode(t, conf);
	find_program(t, conf);
	say_mark(t, &conf, text);
	while (take_next(&reader, &conf, &said))
		;
	kg_import_settle(t);
	kg_import_mappings_settle(t);
	attach_legs(t);
}

void kg_import_tunnel_fini(struct kg_import_tunnel *t)
{
	for (enum kg_import_part part = KG_IMPORT_OWN; part < KG_IMPORT_PARTS; part++)
		json_decref(t->parts[part].json);
	for (unsigned int i = 0; i < t->mapping_count; i++) {
		json_decref(t->mappings[i].local);
		json_decref(t->mappings[i].remote);
	}
}
