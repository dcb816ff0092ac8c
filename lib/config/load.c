/* SPDX-License-Identifier: BSD-3-Clause */
/* Brings the values of documents into the structs, key by key, as the schema says. */
#include "config/load.h"
#include "config/kinds.h"

static bool is_object_kind(const struct kg_key *key)
{
	return key->kind == &kg_kind_object || key->kind == &kg_kind_objects;
}

/* ---- what was given, and where ---- */

const json_t *kg_load_given(const json_t *object, const struct kg_key *key)
{
	const json_t *value = json_object_get(object, key->name);

	if (key->scope == KG_SCOPE_TUNNEL && json_is_string(value) && !json_string_length(value))
		return NULL;
	return value;
}

/* The same for keys that stand once in all documents. */
static const json_t *given_in(const struct kg_document *document, const struct kg_key *key)
{
	const json_t *object = document->root;

	if (key->scope == KG_SCOPE_MEMORY)
		object = json_object_get(object, kg_scope_paths[KG_SCOPE_MEMORY]);
	return kg_load_given(object, key);
}

bool kg_tunnel_given(const struct kg_load *load, unsigned int tunnel, const char *key)
{
	return kg_load_given(load->tunnels[tunnel].json, kg_schema_find(KG_SCOPE_TUNNEL, key));
}

struct kg_place kg_tunnel_place(const struct kg_load *load, unsigned int tunnel, const char *key)
{
	return kg_place_member(&load->tunnels[tunnel].place, key);
}

struct kg_place kg_port_place(const struct kg_load *load, unsigned int port, const char *key)
{
	return kg_place_member(&load->ports[port].place, key);
}

struct kg_place kg_root_place(const struct kg_load *load, const char *key)
{
	struct kg_place root = { .file = load->documents[0].file };

	for (size_t i = load->document_count; i-- > 0;) {
		if (json_object_get(load->documents[i].root, key))
			root.file = load->documents[i].file;
	}
	return kg_place_member(&root, key);
}

/* ---- values to structs ---- */

static void load_object(struct kg_load *load, const struct kg_document *document,
			enum kg_scope scope, const json_t *json, const struct kg_place *at,
			void *object);

static void report_unknown(struct kg_load *load, enum kg_scope scope, const char *name,
			   const struct kg_place *at)
{
	const struct kg_key *nearest = kg_schema_nearest(scope, name);

	if (nearest) {
		kg_mistakes_error(load->mistakes, at, "unknown key; did you mean \"%s\"?",
				  nearest->name);
		return;
	}
	for (enum kg_scope other = 0; other < KG_SCOPES; other++) {
		if (kg_schema_find(other, name)) {
			kg_mistakes_error(load->mistakes, at, "unknown key here; it belongs %s%s",
					  other == KG_SCOPE_ROOT ? "to the outermost object"
								 : "into ",
					  kg_scope_paths[other]);
			return;
		}
	}
	kg_mistakes_error(load->mistakes, at, "unknown key");
}

/* Keys that stand once may be repeated in another document with the same value only. */
static bool repeats_earlier(struct kg_load *load, const struct kg_document *document,
			    const struct kg_key *key, const json_t *value,
			    const struct kg_place *at)
{
	char found[KG_FOUND_BYTES], first[KG_FOUND_BYTES];

	for (const struct kg_document *d = load->documents; d < document; d++) {
		const json_t *earlier = given_in(d, key);

		if (!earlier)
			continue;
		if (!json_equal(earlier, value))
			kg_mistakes_error(load->mistakes, at, "found %s; %s has %s",
					  kg_found(value, found), d->file,
					  kg_found(earlier, first));
		return true;
	}
	return false;
}

/* Where the objects of a list go. */
struct objects {
	void *array;
	size_t bytes; /* of one */
	unsigned int *count, max;
	struct kg_origin *origins; /* NULL: not kept */
};

/* For lists that stand in `owner`, of which at most `wanted` objects come. */
static struct objects objects_of(struct kg_load *load, enum kg_scope scope, void *owner,
				 size_t wanted)
{
	struct kg_config *config = load->config;
	struct kg_tunnel_config *tunnel = owner;

	switch (scope) {
	case KG_SCOPE_PORT:
		return (struct objects){ config->ports, sizeof(config->ports[0]),
					 &config->port_count, KG_CONFIG_PORTS_MAX, load->ports };
	case KG_SCOPE_MAPPING:
		tunnel->mappings = kg_config_alloc(wanted, sizeof(tunnel->mappings[0]));
		return (struct objects){ tunnel->mappings, sizeof(tunnel->mappings[0]),
					 &tunnel->mapping_count, KG_CONFIG_MAPPINGS_MAX, NULL };
	default:
		return (struct objects){ config->tunnels, sizeof(config->tunnels[0]),
					 &config->tunnel_count, KG_CONFIG_TUNNELS_MAX,
					 load->tunnels };
	}
}

/* Room for one more; NULL after a report. */
static void *next_object(struct kg_load *load, const struct objects *objects,
			 const struct kg_place *at, const json_t *json)
{
	unsigned int i = *objects->count;

	if (i == objects->max) {
		kg_mistakes_error(load->mistakes, at, "one too many; allowed %u in all",
				  objects->max);
		return NULL;
	}
	(*objects->count)++;
	if (objects->origins)
		objects->origins[i] = (struct kg_origin){ *at, json };
	return (char *)objects->array + i * objects->bytes;
}

/* Whether a key is given in an object, or, for keys that stand once, in any document. */
static bool is_given(const struct kg_load *load, const struct kg_key *key, const json_t *object)
{
	if (object)
		return kg_load_given(object, key);
	for (size_t i = 0; i < load->document_count; i++) {
		if (given_in(&load->documents[i], key))
			return true;
	}
	return false;
}

/* By a key that says the same otherwise. */
static bool is_replaced(const struct kg_key *key, const json_t *json)
{
	return key->unless && kg_load_given(json, kg_schema_find(key->scope, key->unless));
}

/* Fills in the fallbacks of keys that are not given, and reports those that must be. */
static void load_absent(struct kg_load *load, enum kg_scope scope, const json_t *json,
			const struct kg_place *at, void *object)
{
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (key->scope != scope || !key->kind || is_given(load, key, json))
			continue;
		struct kg_field field = { key, object, load->mistakes };
		struct kg_place place = kg_place_member(at, key->name);

		if (kg_key_is_custom(key, object))
			continue; /* the other key of the pair says so */
		if (key->required && !is_replaced(key, json))
			kg_mistakes_error(load->mistakes, &place, "missing");
		else if (!is_object_kind(key))
			kg_field_fallback(&field, &place);
	}
}

static void load_objects(struct kg_load *load, const struct kg_document *document,
			 const struct kg_key *key, const json_t *list, const struct kg_place *at,
			 void *owner)
{
	struct objects objects = objects_of(load, key->inner, owner, json_array_size(list));
	const struct kg_field field = { key, owner, load->mistakes };
	struct kg_mistake **errors_before = load->mistakes->errors_end;
	const json_t *json;
	size_t i;

	if (!json_is_array(list) || (key->required && json_array_size(list) == 0))
		kg_field_refuse(&field, at, list, "a list of objects");
	json_array_foreach (list, i, json) {
		struct kg_place here = kg_place_item(at, i);
		void *object = next_object(load, &objects, &here, json);

		if (!object)
			break;
		load_object(load, document, key->inner, json, &here, object);
		if (json_is_object(json))
			load_absent(load, key->inner, json, &here, object);
	}
	if (key->inner == KG_SCOPE_PORT && load->mistakes->errors_end != errors_before)
		load->ports_broken = true;
}

static void load_member(struct kg_load *load, const struct kg_document *document,
			const struct kg_key *key, const json_t *value, const struct kg_place *at,
			void *object)
{
	const struct kg_field field = { key, object, load->mistakes };
	bool once = key->scope == KG_SCOPE_ROOT || key->scope == KG_SCOPE_MEMORY;

	if (!key->kind)
		kg_mistakes_error(load->mistakes, at, "not supported yet");
	else if (key->kind == &kg_kind_object)
		load_object(load, document, key->inner, value, at, object);
	else if (key->kind == &kg_kind_objects)
		load_objects(load, document, key, value, at, object);
	else if (!once || !repeats_earlier(load, document, key, value, at))
		key->kind->load(&field, at, value);
}

static void load_object(struct kg_load *load, const struct kg_document *document,
			enum kg_scope scope, const json_t *json, const struct kg_place *at,
			void *object)
{
	char found[KG_FOUND_BYTES];
	const char *name;
	json_t *value;

	if (!json_is_object(json))
		kg_mistakes_error(load->mistakes, at, "found %s; allowed an object",
				  kg_found(json, found));
	json_object_foreach ((json_t *)json, name, value) {
		const struct kg_key *key = kg_schema_find(scope, name);
		struct kg_place here = kg_place_member(at, name);

		if (!key)
			report_unknown(load, scope, name, &here);
		else if (kg_load_given(json, key))
			load_member(load, document, key, value, &here, object);
	}
}

/* ---- documents to structs ---- */

bool kg_load_is_whole(const struct kg_load *load)
{
	for (size_t i = 0; i < load->document_count; i++) {
		if (!json_is_object(load->documents[i].root))
			return false;
	}
	return true;
}

void kg_load_values(struct kg_load *load)
{
	struct kg_config *config = load->config;
	struct kg_place root = { .file = load->documents[0].file };
	struct kg_place memory = kg_place_member(&root, kg_scope_paths[KG_SCOPE_MEMORY]);

	config->tunnels = kg_config_alloc(KG_CONFIG_TUNNELS_MAX, sizeof(*config->tunnels));
	for (size_t i = 0; i < load->document_count; i++) {
		const struct kg_document *document = &load->documents[i];
		struct kg_place at = { .file = document->file };

		if (document->root)
			load_object(load, document, KG_SCOPE_ROOT, document->root, &at, config);
	}
	/* What is missing may stand in the document that could not be read. */
	if (!kg_load_is_whole(load))
		return;
	load_absent(load, KG_SCOPE_ROOT, NULL, &root, config);
	load_absent(load, KG_SCOPE_MEMORY, NULL, &memory, config);
}
