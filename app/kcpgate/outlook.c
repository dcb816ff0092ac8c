/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps copies of what the control thread knows of the world outside. */
#include "outlook.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kg_name_state name_rows[KG_OUTLOOK_ROWS_MAX];
static struct kg_stun_row stun_rows[KG_OUTLOOK_ROWS_MAX];
static unsigned int name_count, stun_count;
static struct kg_names_stats names_stats;

void kg_outlook_put_names(const struct kg_names *names)
{
	pthread_mutex_lock(&lock);
	name_count = kg_names_get_watched(names, name_rows, KG_OUTLOOK_ROWS_MAX);
	names_stats = kg_names_get_stats(names);
	pthread_mutex_unlock(&lock);
}

void kg_outlook_put_stun(const struct kg_stun_row *rows, unsigned int count)
{
	pthread_mutex_lock(&lock);
	stun_count = KG_MIN(count, (unsigned int)KG_OUTLOOK_ROWS_MAX);
	memcpy(stun_rows, rows, stun_count * sizeof(rows[0]));
	pthread_mutex_unlock(&lock);
}

unsigned int kg_outlook_names(struct kg_name_state rows[KG_OUTLOOK_ROWS_MAX])
{
	unsigned int count;

	pthread_mutex_lock(&lock);
	count = name_count;
	memcpy(rows, name_rows, count * sizeof(rows[0]));
	pthread_mutex_unlock(&lock);
	return count;
}

unsigned int kg_outlook_stun(struct kg_stun_row rows[KG_OUTLOOK_ROWS_MAX])
{
	unsigned int count;

	pthread_mutex_lock(&lock);
	count = stun_count;
	memcpy(rows, stun_rows, count * sizeof(rows[0]));
	pthread_mutex_unlock(&lock);
	return count;
}

struct kg_names_stats kg_outlook_names_stats(void)
{
	struct kg_names_stats stats;

	pthread_mutex_lock(&lock);
	stats = names_stats;
	pthread_mutex_unlock(&lock);
	return stats;
}
