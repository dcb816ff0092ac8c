/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file's text is kept and cut into words in place; entries point into it. They are chained by
 * the hash of the name, those of one chain in the file's order.
 */
#include "resolver/hosts.h"

#include "base/hash.h"
#include "resolver/stamp.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONE       UINT32_MAX
#define TEXT_MAX   (64u << 20) /* what is longer is cut */
#define NAME_BYTES 256

static const char space[] = " \t\r\f\v";

struct entry {
	const char *name; /* in lower case */
	struct kg_ip ip;
	uint32_t next;
};

struct kg_hosts {
	const char *path;
	struct kg_stamp stamp;
	char *text;
	struct entry *entries;
	uint32_t *buckets;
	uint32_t count, room, bucket_mask;
};

/* ---- reading ---- */

static char *read_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	char *text = NULL;
	size_t size, len = 0;
	ssize_t got = 0;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
		size = KG_MIN((size_t)stat.st_size, (size_t)TEXT_MAX);
		text = malloc(size + 1);
		while (text != NULL && len < size && (got = read(fd, text + len, size - len)) > 0)
			len += (size_t)got;
	}
	close(fd);
	if (text != NULL)
		text[len] = '\0';
	return text;
}

static bool add(struct kg_hosts *h, const char *name, const struct kg_ip *ip)
{
	if (h->count == h->room) {
		uint32_t room = h->room == 0 ? 64 : 2 * h->room;
		struct entry *more = realloc(h->entries, room * sizeof(*more));

		if (more == NULL)
			return false;
		h->entries = more;
		h->room = room;
	}
	h->entries[h->count++] = (struct entry){ .name = name, .ip = *ip };
	return true;
}

static void lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* address name name … # comment */
static void parse_line(struct kg_hosts *h, char *line)
{
	struct kg_ip ip;
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, space, &rest);
	if (word == NULL || !kg_ip_parse(&ip, word))
		return;
	while ((word = strtok_r(NULL, space, &rest)) != NULL) {
		lower(word);
		if (!add(h, word, &ip))
			return;
	}
}

static uint32_t *bucket_of(const struct kg_hosts *h, const char *name)
{
	return &h->buckets[kg_hash64((const uint8_t *)name, strlen(name), 0) & h->bucket_mask];
}

/* Without memory for it no name is known. */
static void build_index(struct kg_hosts *h)
{
	uint32_t buckets = 1;

	while (buckets < h->count)
		buckets *= 2;
	h->buckets = malloc(buckets * sizeof(h->buckets[0]));
	if (h->buckets == NULL)
		return;
	h->bucket_mask = buckets - 1;
	for (uint32_t i = 0; i < buckets; i++)
		h->buckets[i] = NONE;
	for (uint32_t i = h->count; i-- > 0;) {
		uint32_t *bucket = bucket_of(h, h->entries[i].name);

		h->entries[i].next = *bucket;
		*bucket = i;
	}
}

static void forget(struct kg_hosts *h)
{
	free(h->text);
	free(h->entries);
	free(h->buckets);
	h->text = NULL;
	h->entries = NULL;
	h->buckets = NULL;
	h->count = h->room = 0;
}

static void reread(struct kg_hosts *h)
{
	char *rest, *line;

	forget(h);
	h->text = read_text(h->path);
	if (h->text == NULL)
		return;
	for (line = strtok_r(h->text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		parse_line(h, line);
	build_index(h);
}

/* ---- asking ---- */

static bool is_localhost(const char *name)
{
	static const char suffix[] = ".localhost";
	size_t len = strlen(name), suffix_len = sizeof(suffix) - 1;

	return strcmp(name, suffix + 1) == 0 ||
	       (len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0);
}

static unsigned int loopback(bool ipv4, bool ipv6, struct kg_ip *ips, unsigned int max)
{
	unsigned int count = 0;

	if (ipv6 && count < max)
		kg_ip_parse(&ips[count++], "::1");
	if (ipv4 && count < max)
		kg_ip_parse(&ips[count++], "127.0.0.1");
	return count;
}

static unsigned int find(const struct kg_hosts *h, const char *name, bool ipv4, bool ipv6,
			 struct kg_ip *ips, unsigned int max)
{
	unsigned int count = 0;

	if (h->buckets == NULL)
		return 0;
	for (uint32_t i = *bucket_of(h, name); i != NONE && count < max; i = h->entries[i].next) {
		const struct entry *entry = &h->entries[i];
		bool wanted = entry->ip.version == 4 ? ipv4 : ipv6;

		if (wanted && strcmp(entry->name, name) == 0)
			ips[count++] = entry->ip;
	}
	return count;
}

unsigned int kg_hosts_find(struct kg_hosts *h, const char *name, bool ipv4, bool ipv6,
			   struct kg_ip *ips, unsigned int max)
{
	char own[NAME_BYTES];
	size_t len = strlen(name);
	unsigned int count;

	if (len == 0 || len >= sizeof(own))
		return 0;
	memcpy(own, name, len + 1);
	if (own[len - 1] == '.') /* of the root */
		own[len - 1] = '\0';
	lower(own);
	if (kg_stamp_changed(&h->stamp, h->path))
		reread(h);
	count = find(h, own, ipv4, ipv6, ips, max);
	return count == 0 && is_localhost(own) ? loopback(ipv4, ipv6, ips, max) : count;
}

struct kg_hosts *kg_hosts_create(const char *path)
{
	struct kg_hosts *h = calloc(1, sizeof(*h));

	if (h != NULL)
		h->path = path;
	return h;
}

void kg_hosts_destroy(struct kg_hosts *h)
{
	if (h != NULL)
		forget(h);
	free(h);
}
