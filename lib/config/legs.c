/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes a relay's JSON apart into its two legs, each of which is a tunnel. A leg has the keys of
 * its own object, and of the relay's those that it takes and does not have itself.
 */
#include "config/kinds.h"
#include "config/load.h"

#include <string.h>
#include <strings.h>

#define NO_EFFECT "without effect on a relay"

bool kg_is_relay(const json_t *tunnel)
{
	const char *mode = json_string_value(json_object_get(tunnel, "mode"));

	return mode != NULL && strcasecmp(mode, KG_RELAY_WORD) == 0;
}

const char *kg_leg_name(enum kg_relay_object leg)
{
	return kg_mode_name(leg == KG_IN_LISTENER ? KG_MODE_LISTENER : KG_MODE_FORWARDER);
}

/* Words for a key that stands in the wrong object; NULL: it does not. */
static const char *misplaced(const struct kg_key *key, enum kg_relay_object here)
{
	if ((key->relay & here) != 0)
		return NULL;
	if (key->relay == 0)
		return NO_EFFECT;
	if ((key->relay & KG_IN_RELAY) != 0)
		return key->relay == KG_IN_RELAY ? "it belongs to the relay itself"
						 : "it belongs to the listener";
	return key->relay == KG_IN_LISTENER ? "it belongs to the listener"
					    : "it belongs to the forwarder";
}

void kg_legs_check_keys(struct kg_load *load, const json_t *object, const struct kg_place *at,
			enum kg_relay_object here)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		const struct kg_key *key = kg_schema_find(KG_SCOPE_TUNNEL, name);
		struct kg_place place = kg_place_member(at, name);

		if (key != NULL && key->kind != NULL && misplaced(key, here) != NULL)
			kg_mistakes_error(load->mistakes, &place, "%s", misplaced(key, here));
	}
}

/* Keys that nobody knows stay, and are reported when they are loaded. */
static bool takes(const struct kg_key *key, enum kg_relay_object from, enum kg_relay_object leg)
{
	return key == NULL || key->kind == NULL ||
	       ((key->relay & from) != 0 && (key->relay & leg) != 0);
}

/* Of the relay every leg has its name, its mode, and what both its wires are. */
static bool is_of_both(const char *name)
{
	return !strcmp(name, "name") || !strcmp(name, "mode") || !strcmp(name, "protocol");
}

json_t *kg_leg_inherited(const json_t *relay, enum kg_relay_object leg)
{
	const json_t *own = json_object_get(relay, kg_leg_name(leg));
	json_t *inherited = json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)(uintptr_t)relay, name, value) {
		const struct kg_key *key = kg_schema_find(KG_SCOPE_TUNNEL, name);

		if (is_of_both(name) || (takes(key, KG_IN_RELAY, leg) &&
					 (key == NULL || kg_load_given(own, key) == NULL)))
			json_object_set(inherited, name, value);
	}
	return inherited;
}

json_t *kg_leg_own(const json_t *relay, enum kg_relay_object leg)
{
	json_t *own = json_object(), *value;
	const char *name;

	json_object_foreach (json_object_get(relay, kg_leg_name(leg)), name, value) {
		if (takes(kg_schema_find(KG_SCOPE_TUNNEL, name), leg, leg))
			json_object_set(own, name, value);
	}
	return own;
}
