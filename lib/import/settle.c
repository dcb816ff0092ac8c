/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lines of a .conf file mean together: "{}" beside a list, mtu beside kcp_mtu, and a relay's
 * own settings beside those of its sections, which KCPTube lets win although a section says
 * otherwise.
 */
#include "config/kinds.h"
#include "import/tunnel.h"

#include <string.h>
#include <strings.h>

static void set(struct kg_import_object *object, unsigned int key, json_t *value)
{
	json_object_set_new(object->json, kg_import_keys[key].name, value);
}

static void drop(struct kg_import_object *object, unsigned int key)
{
	json_object_del(object->json, kg_import_keys[key].name);
}

/* ---- one tunnel ---- */

/* One "{}" decides for both keys of a pair. */
static void settle_braces(struct kg_import_tunnel *t, const char *const names[2])
{
	struct kg_import_object *own = &t->parts[KG_IMPORT_OWN];

	for (int i = 0; i < 2; i++) {
		unsigned int key = kg_import_key_index(names[i]);
		unsigned int other = kg_import_key_index(names[1 - i]);
		struct kg_place at = kg_import_place(t, KG_IMPORT_OWN, other);
		const json_t *value = kg_import_get(own, other);

		if (!kg_import_is_braces(kg_import_get(own, key)) || value == NULL ||
		    kg_import_is_braces(value))
			continue;
		kg_mistakes_warning(t->mistakes, &at,
				    "left out: {} in line %u decides, as with KCPTube",
				    own->lines[key]);
		drop(own, other);
	}
}

static int64_t lowest_port(const json_t *ports)
{
	const json_t *first = json_is_array(ports) ? json_array_get(ports, 0) : ports;
	struct kg_slice text = kg_slice_of(json_is_string(first) ? json_string_value(first) : "");
	int64_t port = json_integer_value(first);

	kg_import_number(&text, &port);
	return port;
}

static void settle_client_port(struct kg_import_tunnel *t)
{
	struct kg_import_object *own = &t->parts[KG_IMPORT_OWN];
	unsigned int key = kg_import_key_index("listen_port");
	struct kg_place at = kg_import_place(t, KG_IMPORT_OWN, key);
	const json_t *value = kg_import_get(own, key);
	int64_t port = lowest_port(value);

	if (port == 0 || json_is_integer(value))
		return;
	kg_mistakes_warning(t->mistakes, &at,
			    "a client has one port: %d, the lowest, is taken, as KCPTube does",
			    (int)port);
	set(own, key, json_integer(port));
}

/* KCPTube's documents let kcp_mtu win, its program mtu. 0 is no mtu, though the relay has one. */
static void settle_mtu(struct kg_import_tunnel *t, enum kg_import_part part)
{
	struct kg_import_object *object = &t->parts[part];
	unsigned int mtu = kg_import_key_index("mtu"), kcp_mtu = kg_import_key_index("kcp_mtu");
	const json_t *inherited = kg_import_get(&t->parts[KG_IMPORT_OWN], mtu);
	const json_t *own = kg_import_get(object, mtu);
	struct kg_place at = kg_import_place(t, part, kcp_mtu);

	if (json_integer_value(kg_import_get(object, kcp_mtu)) <= 0 ||
	    json_integer_value(own != NULL ? own : inherited) <= 0)
		return;
	kg_mistakes_warning(t->mistakes, &at,
			    "KCPTube lets mtu win, against its documents; mtu is left out here");
	if (part == KG_IMPORT_OWN)
		drop(object, mtu);
	else
		set(object, mtu, json_integer(0));
}

/* ---- a relay ---- */

/* What KCPTube would copy over a section's. */
static bool counts_as_set(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text != NULL)
		return strcasecmp(text, "none") != 0 && strcmp(text, KG_IMPORT_FEC_OFF) != 0;
	return json_integer_value(value) > 0 || json_is_true(value);
}

static void say_section_wins(const struct kg_import_tunnel *t, enum kg_import_part part,
			     unsigned int key)
{
	const struct kg_import_object *own = &t->parts[KG_IMPORT_OWN];
	const json_t *outer = kg_import_get(own, key), *inner = kg_import_get(&t->parts[part], key);
	struct kg_place at = kg_import_place(t, part, key);

	if (inner == NULL || kg_import_keys[key].kept)
		return;
	if (outer == NULL && strcmp(kg_import_keys[key].name, "blast") == 0 && json_is_false(inner))
		kg_mistakes_warning(t->mistakes, &at,
				    "KCPTube does not heed it here, for blast is on before the "
				    "sections unless set there; off here");
	else if (counts_as_set(outer) && !json_equal(outer, inner))
		kg_mistakes_warning(t->mistakes, &at,
				    "KCPTube takes what line %u says instead; here the section's "
				    "holds",
				    own->lines[key]);
}

static void say_kept(const struct kg_import_tunnel *t, unsigned int key)
{
	struct kg_place at = kg_import_place(t, KG_IMPORT_OWN, key);

	if (kg_import_keys[key].kept && kg_import_get(&t->parts[KG_IMPORT_OWN], key) != NULL)
		kg_mistakes_warning(t->mistakes, &at,
				    "KCPTube keeps it from the sections, against its documents; "
				    "here it holds for those that have none of their own");
}

/* The forwarder's alone, in kcpgate. */
static void move_refresh(struct kg_import_tunnel *t)
{
	struct kg_import_object *own = &t->parts[KG_IMPORT_OWN];
	struct kg_import_object *forwarder = &t->parts[KG_IMPORT_FORWARDER];
	unsigned int key = kg_import_key_index("dport_refresh");
	const json_t *value = kg_import_get(own, key);

	if (value == NULL)
		return;
	if (forwarder->json != NULL && kg_import_get(forwarder, key) == NULL) {
		set(forwarder, key, json_copy((json_t *)(uintptr_t)value));
		forwarder->lines[key] = own->lines[key];
	}
	drop(own, key);
}

static const json_t *of_leg(const struct kg_import_tunnel *t, enum kg_import_part part,
			    unsigned int key)
{
	const json_t *own = kg_import_get(&t->parts[part], key);

	return own != NULL ? own : kg_import_get(&t->parts[KG_IMPORT_OWN], key);
}

static bool legs_agree(const struct kg_import_tunnel *t, const char *name)
{
	unsigned int key = kg_import_key_index(name);
	const json_t *listener = of_leg(t, KG_IMPORT_LISTENER, key);
	const json_t *forwarder = of_leg(t, KG_IMPORT_FORWARDER, key);

	return listener == forwarder || json_equal(listener, forwarder);
}

static void say_two_encryptions(const struct kg_import_tunnel *t)
{
	struct kg_place at = { .file = t->file };

	if (!legs_agree(t, "encryption_algorithm") || !legs_agree(t, "encryption_password"))
		kg_mistakes_warning(t->mistakes, &at,
				    "KCPTube sends to the server with the listener's encryption; "
				    "here each leg has its own");
}

static void settle_relay(struct kg_import_tunnel *t)
{
	for (unsigned int key = 0; key < KG_IMPORT_KEYS; key++) {
		say_section_wins(t, KG_IMPORT_LISTENER, key);
		say_section_wins(t, KG_IMPORT_FORWARDER, key);
		say_kept(t, key);
	}
	move_refresh(t);
	say_two_encryptions(t);
	settle_mtu(t, KG_IMPORT_LISTENER);
	settle_mtu(t, KG_IMPORT_FORWARDER);
}

void kg_import_settle(struct kg_import_tunnel *t)
{
	static const char *const listen[2] = { "listen_port", "listen_on" };
	static const char *const destination[2] = { "destination_port", "destination_address" };

	if (kg_import_is(t, "client")) {
		settle_braces(t, listen);
		settle_client_port(t);
	} else if (kg_import_is(t, "server")) {
		settle_braces(t, destination);
	} else if (kg_import_is(t, KG_RELAY_WORD)) {
		settle_relay(t);
	}
	settle_mtu(t, KG_IMPORT_OWN);
}
