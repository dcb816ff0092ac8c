/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the key that was meant: the one with the fewest slips between it and what was written. */
#include "config/schema.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_CHARS 32 /* longer than any key */

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/*
 * Letters to insert, remove, change or swap with the next one to get from a to b: Damerau's
 * distance, one row of the table per letter of a.
 */
static unsigned int slips(const char *a, const char *b)
{
	unsigned int rows[3][NAME_MAX_CHARS + 1];
	size_t length_b = strlen(b);
	size_t i = 0;

	for (size_t j = 0; j <= length_b; j++)
		rows[0][j] = (unsigned int)j;
	for (; a[i]; i++) {
		const unsigned int *before = rows[(i + 2) % 3], *above = rows[i % 3];
		unsigned int *row = rows[(i + 1) % 3];

		row[0] = (unsigned int)i + 1;
		for (size_t j = 0; j < length_b; j++) {
			bool same = same_letter(a[i], b[j]);
			bool swapped = i > 0 && j > 0 && same_letter(a[i], b[j - 1]) &&
				       same_letter(a[i - 1], b[j]);
			unsigned int least = KG_MIN(above[j + 1], row[j]) + 1;

			least = KG_MIN(least, above[j] + !same);
			if (swapped)
				least = KG_MIN(least, before[j - 1] + 1);
			row[j + 1] = least;
		}
	}
	return rows[i % 3][length_b];
}

const struct kg_key *kg_schema_nearest(enum kg_scope scope, const char *name)
{
	const struct kg_key *nearest = NULL;
	unsigned int least = (unsigned int)KG_MAX(strlen(name) / 3, 1u) + 1;

	if (strlen(name) > NAME_MAX_CHARS)
		return NULL;
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		unsigned int distance = key->scope == scope ? slips(name, key->name) : least;

		if (distance < least) {
			least = distance;
			nearest = key;
		}
	}
	return nearest;
}
