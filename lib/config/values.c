/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the text forms of numbers, ports, bandwidths and targets. */
#include "config/values.h"
#include "config/mistakes.h"
#include "fec/shard.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX_TEXT_BYTES (KG_IP_TEXT_BYTES + 6) /* brackets, "/128" */

struct kg_slice kg_slice_trim(struct kg_slice s)
{
	static const char white[] = { ' ', '\t', '\r', '\n', '\v', '\f' }; /* 0 is not */

	while (s.at < s.end && memchr(white, *s.at, sizeof(white)))
		s.at++;
	while (s.at < s.end && memchr(white, s.end[-1], sizeof(white)))
		s.end--;
	return s;
}

struct kg_slice kg_slice_of(const char *text)
{
	return kg_slice_trim((struct kg_slice){ text, text + strlen(text) });
}

struct kg_slice kg_slice_cut(struct kg_slice *rest, char separator)
{
	const char *found = memchr(rest->at, separator, (size_t)(rest->end - rest->at));
	struct kg_slice head = { rest->at, found ? found : rest->end };

	rest->at = found ? found + 1 : rest->end;
	return kg_slice_trim(head);
}

static bool parse_digits(struct kg_slice s, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	if (s.at == s.end)
		return false;
	for (; s.at < s.end; s.at++) {
		unsigned int digit = (unsigned int)(*s.at - '0');

		if (digit > 9 || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

bool kg_parse_number(const char *text, int64_t *number)
{
	struct kg_slice s = kg_slice_of(text);
	bool negative = s.at < s.end && *s.at == '-';
	uint64_t magnitude;

	if (s.at < s.end && (*s.at == '-' || *s.at == '+'))
		s.at++;
	if (!parse_digits(s, INT64_MAX, &magnitude))
		return false;
	*number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return true;
}

bool kg_slice_is(struct kg_slice s, const char *word)
{
	size_t length = (size_t)(s.end - s.at);

	return length == strlen(word) && !strncasecmp(s.at, word, length);
}

bool kg_parse_bool(const char *text, bool *value)
{
	struct kg_slice s = kg_slice_of(text);
	bool yes = kg_slice_is(s, "yes") || kg_slice_is(s, "true") || kg_slice_is(s, "1");
	bool no = kg_slice_is(s, "no") || kg_slice_is(s, "false") || kg_slice_is(s, "0");

	if (yes || no)
		*value = yes;
	return yes || no;
}

/* 0 for a character that is no unit. */
static uint64_t bandwidth_factor(char unit)
{
	switch (unit) {
	case 'K':
		return 1024;
	case 'M':
		return 1024 * 1024;
	case 'G':
		return 1024 * 1024 * 1024;
	case 'k':
		return 1000;
	case 'm':
		return 1000 * 1000;
	case 'g':
		return 1000 * 1000 * 1000;
	default:
		return 0;
	}
}

bool kg_parse_bandwidth(const char *text, uint64_t *Bps)
{
	struct kg_slice s = kg_slice_of(text);
	uint64_t factor = s.at < s.end ? bandwidth_factor(s.end[-1]) : 0;
	uint64_t number;

	if (factor)
		s.end--;
	else
		factor = 1;
	if (!parse_digits(s, KG_BANDWIDTH_MAX_BITPS / factor, &number))
		return false;
	*Bps = number * factor / 8;
	return true;
}

bool kg_parse_interval(const char *text, struct kg_interval *interval)
{
	struct kg_slice last = kg_slice_of(text);
	bool two = strchr(text, '-') != NULL;
	struct kg_slice first = two ? kg_slice_cut(&last, '-') : last;
	uint64_t from, to;

	if (!parse_digits(kg_slice_trim(first), INT16_MAX, &from) ||
	    !parse_digits(kg_slice_trim(last), INT16_MAX, &to) || from > to || (two && from == 0))
		return false;
	*interval = (struct kg_interval){ (uint16_t)from, (uint16_t)to };
	return true;
}

bool kg_parse_fec(const char *text, struct kg_fec_config *fec)
{
	struct kg_slice parity = kg_slice_of(text);
	struct kg_slice data = kg_slice_cut(&parity, ':');
	uint64_t d, p;

	if (!parse_digits(data, KG_FEC_SHARDS_MAX, &d) ||
	    !parse_digits(kg_slice_trim(parity), KG_FEC_SHARDS_MAX, &p) ||
	    d + p > KG_FEC_SHARDS_MAX)
		return false;
	*fec = (struct kg_fec_config){ 0 };
	if (d > 0 && p > 0)
		*fec = (struct kg_fec_config){ (uint8_t)d, (uint8_t)p };
	return true;
}

bool kg_is_host_name(const char *text)
{
	bool letter = false;

	if (strlen(text) >= KG_HOST_NAME_BYTES)
		return false;
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("-._", *text))
			return false;
		letter |= isalpha((unsigned char)*text) != 0;
	}
	return letter;
}

bool kg_is_one_host(const struct kg_ip *ip)
{
	if (kg_ip_is_unspecified(ip))
		return false;
	return ip->version == 4 ? ip->bytes[0] < 224 : ip->bytes[0] != 0xff;
}

/* The text without the brackets around an IPv6 address; false when there are others. */
static bool unbracket(const char *text, char plain[PREFIX_TEXT_BYTES])
{
	bool bracketed = *text == '[';
	const char *close = strchr(text, ']');

	if (strlen(text) >= PREFIX_TEXT_BYTES || bracketed != (close != NULL) ||
	    (bracketed && !memchr(text, ':', (size_t)(close - text))))
		return false;
	strcpy(plain, text + bracketed);
	if (bracketed)
		memmove(plain + (close - text) - 1, close + 1, strlen(close));
	return true;
}

bool kg_parse_address(const char *text, struct kg_ip *ip)
{
	char plain[PREFIX_TEXT_BYTES];

	return unbracket(text, plain) && kg_ip_parse(ip, plain);
}

bool kg_parse_prefix(const char *text, struct kg_prefix *prefix)
{
	char plain[PREFIX_TEXT_BYTES];

	return unbracket(text, plain) && kg_prefix_parse(prefix, plain);
}

bool kg_parse_listening(const char *text, struct kg_endpoint *local)
{
	struct kg_endpoint at;
	uint64_t port;

	if (*text == ':') {
		if (!parse_digits(kg_slice_of(text + 1), UINT16_MAX, &port) || port == 0)
			return false;
		*local = (struct kg_endpoint){ .port = (uint16_t)port };
		return true;
	}
	if (!kg_endpoint_parse(&at, text) || at.port == 0 ||
	    !(kg_is_one_host(&at.ip) || kg_ip_is_unspecified(&at.ip)))
		return false;
	*local = at;
	return true;
}

bool kg_parse_target(const char *text, struct kg_target *target)
{
	const char *colon = strrchr(text, ':');
	struct kg_endpoint literal;
	char address[KG_TARGET_TEXT_BYTES];
	uint64_t port;

	if (!colon || !parse_digits(kg_slice_of(colon + 1), UINT16_MAX, &port) || port == 0 ||
	    colon - text > KG_TARGET_ADDRESS_MAX_BYTES)
		return false;
	if (kg_endpoint_parse(&literal, text)) {
		if (!kg_is_one_host(&literal.ip))
			return false;
		kg_ip_text(&literal.ip, address);
	} else {
		memcpy(address, text, (size_t)(colon - text));
		address[colon - text] = '\0';
		if (!kg_is_host_name(address))
			return false;
	}
	*target = (struct kg_target){ (uint16_t)port, kg_config_strdup(address) };
	return true;
}

void kg_port_list_add(struct kg_port_list *list, uint16_t first, uint16_t last)
{
	if (list->count == list->room) {
		unsigned int room = KG_MAX(4u, list->room * 2);
		struct kg_port_range *ranges = kg_config_alloc(room, sizeof(*ranges));

		if (list->count)
			memcpy(ranges, list->ranges, list->count * sizeof(*ranges));
		free(list->ranges);
		list->ranges = ranges;
		list->room = room;
	}
	list->ranges[list->count++] = (struct kg_port_range){ first, last };
}

bool kg_parse_ports(const char *text, struct kg_port_list *list)
{
	struct kg_slice rest = kg_slice_of(text);

	if (rest.at == rest.end)
		return false;
	while (rest.at < rest.end) {
		struct kg_slice last = kg_slice_cut(&rest, ',');
		bool range = memchr(last.at, '-', (size_t)(last.end - last.at));
		struct kg_slice first = range ? kg_slice_cut(&last, '-') : last;
		uint64_t low, high;

		if (!parse_digits(first, UINT16_MAX, &low) ||
		    !parse_digits(kg_slice_trim(last), UINT16_MAX, &high) || low == 0 || low > high)
			return false;
		kg_port_list_add(list, (uint16_t)low, (uint16_t)high);
	}
	return true;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct kg_port_range *left = a, *right = b;

	return (int)left->first - (int)right->first;
}

void kg_port_list_merge(struct kg_port_list *list)
{
	unsigned int kept = 0;

	if (list->count == 0)
		return;
	qsort(list->ranges, list->count, sizeof(*list->ranges), compare_ranges);
	for (unsigned int i = 1; i < list->count; i++) {
		struct kg_port_range *into = &list->ranges[kept];
		struct kg_port_range next = list->ranges[i];

		if (next.first <= into->last + 1)
			into->last = KG_MAX(into->last, next.last);
		else
			list->ranges[++kept] = next;
	}
	list->count = kept + 1;
}

unsigned int kg_port_list_count_in(const struct kg_port_list *list,
				   const struct kg_port_range *range)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < list->count; i++) {
		unsigned int first = KG_MAX(list->ranges[i].first, range->first);
		unsigned int last = KG_MIN(list->ranges[i].last, range->last);

		count += first <= last ? last - first + 1 : 0;
	}
	return count;
}

void kg_port_list_cut(struct kg_port_list *list, const struct kg_port_range *range)
{
	struct kg_port_list whole = *list;

	*list = (struct kg_port_list){ 0 };
	for (unsigned int i = 0; i < whole.count; i++) {
		struct kg_port_range r = whole.ranges[i];

		if (r.first < range->first)
			kg_port_list_add(list, r.first,
					 KG_MIN(r.last, (uint16_t)(range->first - 1)));
		if (r.last > range->last)
			kg_port_list_add(list, KG_MAX(r.first, (uint16_t)(range->last + 1)),
					 r.last);
	}
	free(whole.ranges);
}
