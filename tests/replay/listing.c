/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the listing beside a recording, line by line. */
#include "replay/listing.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fec/shard.h"
#include "kcp/kcp_segment.h"
#include "session/session.h"

#define FILE_BYTES    (1u << 20)
#define ADDRESS_WORDS 7 /* time, sender, port, >, port, bytes, B: */

void listing_load(struct listing *listing, const char *name)
{
	char path[1024];
	FILE *file = fopen(capture_path(path, name, "txt"), "r");

	assert_non_null(file);
	listing->text = calloc(1, FILE_BYTES);
	assert_true(fread(listing->text, 1, FILE_BYTES - 1, file) > 0);
	listing->line = listing->text;
	fclose(file);
}

void listing_free(struct listing *listing)
{
	free(listing->text);
}

static bool is_of_segments(const char *word)
{
	static const char *const starts[] = { "t+",   "t-",   "fec",    "sub=", "conv=", "PUSH",
					      "sn=",  "frg=", "len=",   "ACKx", "WASK",  "WINS",
					      "una=", "wnd=", "PARITY", "block" };

	if (word[0] >= '0' && word[0] <= '9') /* of a block */
		return true;
	for (size_t i = 0; i < KG_ARRAY_SIZE(starts); i++) {
		if (strncmp(word, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

bool listing_next(struct listing *listing, char line[LISTING_LINE_BYTES])
{
	size_t len = strcspn(listing->line, "\n");
	char copy[LISTING_LINE_BYTES], *save;
	int words = 0;

	if (len == 0 || listing->line[0] == '#')
		return false;
	assert_true(len < sizeof(copy));
	snprintf(copy, sizeof(copy), "%.*s", (int)len, listing->line);
	listing->line += len + 1;
	line[0] = 0;
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (words++ >= ADDRESS_WORDS && !is_of_segments(word))
			continue;
		strcat(line, line[0] ? " " : "");
		strcat(line, word);
	}
	return true;
}

/* Appends to a line. */
static void say(char line[LISTING_LINE_BYTES], const char *format, ...)
{
	size_t used = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + used, LISTING_LINE_BYTES - used, format, arguments);
	va_end(arguments);
}

static bool say_segments(char line[LISTING_LINE_BYTES], const uint8_t *body, size_t len)
{
	struct kg_kcp_segment segment = { 0 };
	uint32_t conv = kg_load_le32(body);
	unsigned int acks = 0;
	size_t at = 0, bytes;

	say(line, " conv=%08x", conv);
	while ((bytes = kg_kcp_segment_decode(body + at, len - at, &segment))) {
		at += bytes;
		if (segment.conv != conv)
			return false;
		if (segment.cmd == KG_KCP_PUSH)
			say(line, " PUSH sn=%u frg=%u len=%u", segment.sn, segment.frg,
			    segment.len);
		acks += segment.cmd == KG_KCP_ACK;
	}
	if (acks)
		say(line, " ACKx%u", acks);
	say(line, " una=%u wnd=%u", segment.una, segment.wnd);
	return at == len;
}

static bool say_shard(char line[LISTING_LINE_BYTES], const struct datagram *d, uint8_t fec_data)
{
	struct kg_fec_shard shard;

	if (!kg_fec_shard_decode(&shard, &kg_session_fec_content, fec_data, d->body, d->body_len))
		return false;
	say(line, " fec sn=%u sub=%u", shard.sn, shard.sub);
	if (!shard.parity)
		return say_segments(line, shard.bytes, shard.len);
	say(line, " PARITY conv=%08x block %u", shard.conv, shard.len);
	return true;
}

bool listing_of_datagram(char line[LISTING_LINE_BYTES], const struct datagram *d, uint8_t fec_data,
			 uint64_t start_us)
{
	uint64_t us = d->time_us - start_us;

	line[0] = 0;
	say(line, "%" PRIu64 ".%06" PRIu64 " %c %u > %u %u B: t%+d", us / KG_US_PER_S,
	    us % KG_US_PER_S, d->from_client ? 'C' : 'S', d->source.port, d->destination.port,
	    d->sealed_len, d->skew_s);
	return fec_data > 0 ? say_shard(line, d, fec_data)
			    : say_segments(line, d->body, d->body_len);
}

void listing_of_message(char words[LISTING_LINE_BYTES], const struct kg_message *msg, size_t len)
{
	static const char *const features[] = { "initialise",          "failure",
						"disconnect",          "keep_alive",
						"keep_alive_response", "raw_data" };
	static const char *const protocols[] = { "not_care", "mux", "tcp", "udp" };
	const struct kg_initialise *init = &msg->initialise;
	size_t arguments = len - KG_MESSAGE_KIND_BYTES;

	assert_true(msg->feature < KG_ARRAY_SIZE(features));
	int used = snprintf(words, LISTING_LINE_BYTES, "%s/%s ", features[msg->feature],
			    protocols[msg->protocol]);

	words += used;
	if (msg->feature == KG_FEATURE_INITIALISE)
		snprintf(words, (size_t)(LISTING_LINE_BYTES - used),
			 "uid=%u ports=%u-%u out=%" PRIu64 " in=%" PRIu64
			 " custom_port=%u (%zu bytes)",
			 init->uid, init->port_start, init->port_end, init->outbound_Bps,
			 init->inbound_Bps, init->custom_port, arguments);
	else if (msg->feature == KG_FEATURE_FAILURE)
		snprintf(words, (size_t)(LISTING_LINE_BYTES - used), "\"%.*s\"", (int)msg->len,
			 (const char *)msg->data);
	else
		snprintf(words, (size_t)(LISTING_LINE_BYTES - used), "+%zu", arguments);
}
