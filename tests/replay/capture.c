/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens the datagrams of a recording and seals them again. */
#include "replay/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "crypto/aead_table.h"
#include "crypto/kdf.h"
#include "net/frame.h"
#include "replay/pcap.h"
#include "wire/envelope.h"
#include "wire/profile.h"

#define DATAGRAMS_MAX 1024
#define VALUE_BYTES   64
#define PUSH          81
#define WINS          84

const struct kg_kcp_params capture_kcp = {
	.mtu = 1418,
	.snd_wnd = 1024,
	.rcv_wnd = 1024,
	.nodelay = 0,
	.interval_ms = 1,
	.resend = 2,
	.nc = true,
	.blast = true,
};

const char *capture_path(char path[1024], const char *name, const char *suffix)
{
	const char *dir = getenv("KG_VECTORS");

	assert_non_null(dir);
	snprintf(path, 1024, "%s/captures/%s.%s", dir, name, suffix);
	return path;
}

/* The value of a `key=value` line of the client's settings. */
static void setting(char value[VALUE_BYTES], const char *name, const char *key)
{
	char path[1024], line[256];
	FILE *file = fopen(capture_path(path, name, "client.conf"), "r");
	size_t key_len = strlen(key);

	assert_non_null(file);
	value[0] = 0;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, key_len) == 0 && line[key_len] == '=')
			sscanf(line + key_len + 1, "%63[^\r\n]", value);
	}
	fclose(file);
}

/* FNV-1a, 64 bit. */
static uint64_t digest_of(const uint8_t *bytes, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash;
}

struct opener {
	const struct kg_profile *profile;
	const struct kg_aead_alg *alg;
	void *ctx;
	struct kg_ip client;
};

/* What was opened makes the same datagram again. */
static void seal_again(const struct opener *opener, const uint8_t *plain, uint16_t len,
		       const uint8_t *sealed, uint16_t sealed_len)
{
	uint8_t room[KG_DATAGRAM_MAX_BYTES];
	struct kg_aead_job job = { .data = room, .len = len };

	memcpy(room, plain, len);
	memcpy(&job.iv, sealed + sealed_len - KG_AEAD_IV_BYTES, KG_AEAD_IV_BYTES);
	opener->alg->seal(opener->ctx, &job, 1);
	assert_int_equal(job.len, sealed_len);
	assert_memory_equal(room, sealed, sealed_len);
}

/* Opens a copy of a datagram as the box does: AEAD, then timestamp at the time of the recording. */
static void open_datagram(struct datagram *d, const struct opener *opener, const uint8_t *sealed)
{
	uint8_t room[KG_DATAGRAM_MAX_BYTES];
	struct kg_aead_job job = { .data = room, .len = d->sealed_len };
	const uint8_t *body;

	assert_in_range(d->sealed_len, 1, sizeof(room));
	memcpy(room, sealed, d->sealed_len);
	opener->alg->open(opener->ctx, &job, 1);
	assert_true(job.ok);
	seal_again(opener, room, job.len, sealed, d->sealed_len);
	assert_int_equal(kg_envelope_open(room, job.len, (uint32_t)(d->time_us / KG_US_PER_S),
					  &body, &d->body_len, &d->skew_s),
			 KG_DROP_NONE);
	assert_true(d->body_len >= (opener->profile->bare ? 5 : KG_KCP_HEADER_BYTES));
	d->conv = opener->profile->bare ? kg_load_be32(body) : kg_load_le32(body);
	d->body = malloc(d->body_len);
	memcpy(d->body, body, d->body_len);
}

static void take_record(struct capture *capture, struct opener *opener,
			const struct pcap_record *record)
{
	struct datagram *d = &capture->datagrams[capture->count];
	struct kg_frame frame;

	assert_true(capture->count < DATAGRAMS_MAX);
	kg_frame_parse(&frame, record->frame, record->len, KG_VLAN_NONE, 0);
	assert_int_equal(frame.kind, KG_FRAME_UDP);
	if (capture->count++ == 0)
		opener->client = frame.source.ip;
	d->time_us = record->time_us;
	d->source = frame.source;
	d->destination = frame.destination;
	d->from_client = kg_ip_equal(&frame.source.ip, &opener->client);
	d->client_port = d->from_client ? frame.source.port : frame.destination.port;
	d->sealed_len = frame.payload_bytes;
	d->sealed_digest = digest_of(record->frame + frame.payload_offset, frame.payload_bytes);
	open_datagram(d, opener, record->frame + frame.payload_offset);
}

void capture_load(struct capture *capture, const char *name)
{
	char path[1024], password[VALUE_BYTES], algorithm[VALUE_BYTES];
	uint8_t key[KG_AEAD_KEY_BYTES];
	struct opener opener;
	struct pcap_record record;
	struct pcap pcap;

	setting(algorithm, name, "encryption_algorithm");
	setting(password, name, "encryption_password");
	opener.profile =
		strncmp(name, "udphop/", 7) == 0 ? &kg_profile_udphop : &kg_profile_kcptube;
	opener.alg = kg_aead_lookup(algorithm);
	assert_non_null(opener.alg);
	assert_true(kg_kdf_sha3_256(password, strlen(password), key));
	opener.ctx = opener.alg->create(key, opener.profile->associated);
	assert_non_null(opener.ctx);

	capture->count = 0;
	capture->datagrams = calloc(DATAGRAMS_MAX, sizeof(*capture->datagrams));
	assert_true(pcap_open(&pcap, capture_path(path, name, "pcap")));
	while (pcap_next(&pcap, &record))
		take_record(capture, &opener, &record);
	pcap_close(&pcap);
	opener.alg->destroy(opener.ctx);
}

void capture_free(struct capture *capture)
{
	for (size_t i = 0; i < capture->count; i++)
		free(capture->datagrams[i].body);
	free(capture->datagrams);
}

uint16_t capture_handshake_port(const struct capture *capture, size_t n)
{
	uint16_t last = 0;

	for (size_t i = 0; i < capture->count; i++) {
		const struct datagram *d = &capture->datagrams[i];

		if (d->conv != 0 || !d->from_client || d->client_port == last)
			continue;
		last = d->client_port;
		if (n-- == 0)
			return last;
	}
	fail_msg("no such handshake");
	return 0;
}
