/* SPDX-License-Identifier: BSD-3-Clause */
/* Brings the values of documents into the structs, key by key, as the schema says. */
#include "config/load.h"
#include "config/kinds.h"

#include <string.h>

static bool is_object_kind(const struct kg_key *key)
{
	return key->kind == &kg_kind_object || key->kind == &kg_kind_objects ||
	       key->kind == &kg_kind_leg;
}

/* Of keys that stand once in all documents. */
static const json_t *given_in(const struct kg_document *document, const struct kg_key *key)
{
	const json_t *object = document->root;

	if (key->scope == KG_SCOPE_MEMORY)
		object = json_object_get(object, kg_scope_paths[KG_SCOPE_MEMORY]);
	return kg_load_given(object, key);
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
	struct kg_written *written; /* NULL: not kept */
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
	if (objects->written)
		objects->written[i] = (struct kg_written){ .place = *at, .json = json };
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

/* Fills in the fallbacks of keys that are not given, and reports those that must be. `leg`: of a
 * relay; 0: it is none. */
static void load_absent(struct kg_load *load, enum kg_scope scope, const json_t *json,
			const struct kg_place *at, void *object, unsigned int leg)
{
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (key->scope != scope || !key->kind || is_given(load, key, json))
			continue;
		struct kg_field field = { key, object, load->mistakes };
		struct kg_place place = kg_place_member(at, key->name);

		if (kg_key_is_custom(key, object))
			continue; /* the other key of the pair says so */
		if (leg != 0 && (key->relay & leg) == 0 && key->required)
			continue;
		if (key->required && !is_replaced(key, json))
			kg_mistakes_error(load->mistakes, &place, "missing");
		else if (!is_object_kind(key))
			kg_field_fallback(&field, &place);
	}
}

/* ---- a relay ---- */

static void load_leg(struct kg_load *load, const struct kg_document *document,
		     struct kg_written *written, struct kg_tunnel_config *tunnel,
		     enum kg_relay_object leg)
{
	json_t *whole = json_copy(written->inherited);

	json_object_update(whole, written->leg);
	written->json = whole;
	load_object(load, document, KG_SCOPE_TUNNEL, written->inherited, &written->relay, tunnel);
	load_object(load, document, KG_SCOPE_TUNNEL, written->leg, &written->place, tunnel);
	load_absent(load, KG_SCOPE_TUNNEL, whole, &written->place, tunnel, leg);
	tunnel->mode = leg == KG_IN_LISTENER ? KG_MODE_LISTENER : KG_MODE_FORWARDER;
}

static struct kg_tunnel_config *begin_leg(struct kg_load *load, const struct kg_document *document,
					  const struct objects *objects, const json_t *relay,
					  const struct kg_place *at, enum kg_relay_object leg)
{
	struct kg_place here = kg_place_member(at, kg_leg_name(leg));
	const json_t *own = json_object_get(relay, kg_leg_name(leg));
	struct kg_tunnel_config *tunnel = next_object(load, objects, &here, relay);
	struct kg_written *written;
	char found[KG_FOUND_BYTES];

	if (tunnel == NULL)
		return NULL;
	if (own == NULL)
		kg_mistakes_error(load->mistakes, &here, "missing");
	else if (!json_is_object(own))
		kg_mistakes_error(load->mistakes, &here, "found %s; allowed an object",
				  kg_found(own, found));
	kg_legs_check_keys(load, own, &here, leg);
	written = &load->tunnels[*objects->count - 1];
	written->relay = *at;
	written->inherited = kg_leg_inherited(relay, leg);
	written->leg = kg_leg_own(relay, leg);
	load_leg(load, document, written, tunnel, leg);
	return tunnel;
}

static void load_relay(struct kg_load *load, const struct kg_document *document,
		       const struct objects *objects, const json_t *relay,
		       const struct kg_place *at)
{
	struct kg_tunnel_config *listener, *forwarder;

	kg_legs_check_keys(load, relay, at, KG_IN_RELAY);
	listener = begin_leg(load, document, objects, relay, at, KG_IN_LISTENER);
	forwarder = begin_leg(load, document, objects, relay, at, KG_IN_FORWARDER);
	if (listener == NULL || forwarder == NULL)
		return;
	listener->other_leg = forwarder;
	forwarder->other_leg = listener;
}

/* ---- objects ---- */

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
		void *object;

		if (key->inner == KG_SCOPE_TUNNEL && kg_is_relay(json)) {
			load_relay(load, document, &objects, json, &here);
			continue;
		}
		object = next_object(load, &objects, &here, json);

		if (!object)
			break;
		load_object(load, document, key->inner, json, &here, object);
		if (json_is_object(json))
			load_absent(load, key->inner, json, &here, object, 0);
	}
	if (key->inner == KG_SCOPE_PORT && load->mistakes->errors_end != errors_before)
		load->ports_broken = true;
}

/* What nobody but the user of the box can know. */
static bool is_to_fill_in(const struct kg_key *key, const json_t *value)
{
	return key->scope == KG_SCOPE_PORT && json_is_string(value) &&
	       !strcmp(json_string_value(value), KG_FILL_IN);
}

static void load_member(struct kg_load *load, const struct kg_document *document,
			const struct kg_key *key, const json_t *value, const struct kg_place *at,
			void *object)
{
	const struct kg_field field = { key, object, load->mistakes };
	bool once = key->scope == KG_SCOPE_ROOT || key->scope == KG_SCOPE_MEMORY;

	if (!key->kind)
		kg_mistakes_error(load->mistakes, at, "not supported yet");
	else if (key->kind == &kg_kind_leg)
		kg_mistakes_error(load->mistakes, at, "allowed with mode \"" KG_RELAY_WORD "\"");
	else if (key->kind == &kg_kind_object)
		load_object(load, document, key->inner, value, at, object);
	else if (key->kind == &kg_kind_objects)
		load_objects(load, document, key, value, at, object);
	else if (is_to_fill_in(key, value))
		kg_mistakes_error(load->mistakes, at, "to be filled in: %s", key->help);
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

void kg_load_fini(struct kg_load *load)
{
	for (size_t i = 0; i < load->document_count; i++)
		json_decref(load->documents[i].root);
	for (unsigned int i = 0; i < load->config->tunnel_count; i++) {
		struct kg_written *written = &load->tunnels[i];

		if (written->leg != NULL)
			json_decref((json_t *)(uintptr_t)written->json);
		json_decref(written->leg);
		json_decref(written->inherited);
	}
}

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
	load_absent(load, KG_SCOPE_ROOT, NULL, &root, config, 0);
	load_absent(load, KG_SCOPE_MEMORY, NULL, &memory, config, 0);
}
