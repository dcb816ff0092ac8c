/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes datagrams as a file of packets, pcapng (draft-ietf-opsawg-pcapng): a section with one
 * interface, packets of IP without a frame around them, times in nanoseconds. A block is its type,
 * its length, what is in it, and its length again; words are in our byte order, which the section
 * tells.
 */
#include "ctl.h"
#include "net/frame.h"

#include <string.h>

#define SECTION     0x0a0d0d0au
#define ORDER_MAGIC 0x1a2b3c4du
#define INTERFACE   1u
#define PACKET      6u   /* enhanced */
#define LINK_RAW    101u /* LINKTYPE_RAW: begins with an IP header */
#define KEPT_MAX    (1u << 16)
#define OPTION_END  0u
#define COMMENT     1u
#define NAME        2u /* of an interface */
#define FLAGS       2u /* of a packet */
#define TSRESOL     9u
#define NANOSECONDS 9u /* as a power of ten */
#define INBOUND     1u
#define OUTBOUND    2u
#define BLOCK_BYTES (KEPT_MAX + 4096u)
#define COMMENT_MAX 1024u
#define SECTION_LEN UINT64_MAX /* not told */

struct block {
	uint8_t bytes[BLOCK_BYTES];
	size_t len;
};

static void put(struct block *b, const void *bytes, size_t len)
{
	static const uint8_t zeros[4];

	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	memcpy(b->bytes + b->len, zeros, -len % 4);
	b->len += -len % 4;
}

static void put_word(struct block *b, uint32_t word)
{
	put(b, &word, sizeof(word));
}

static void put_halves(struct block *b, uint16_t first, uint16_t second)
{
	const uint16_t both[] = { first, second };

	put(b, both, sizeof(both));
}

static void put_option(struct block *b, uint16_t code, const void *value, size_t len)
{
	put_halves(b, code, (uint16_t)len);
	put(b, value, len);
}

static void begin(struct block *b, uint32_t type)
{
	b->len = 0;
	put_word(b, type);
	put_word(b, 0); /* its length, when that is known */
}

static bool end(struct block *b, FILE *out)
{
	uint32_t len = (uint32_t)b->len + 8;

	put_halves(b, OPTION_END, 0);
	put_word(b, len);
	memcpy(b->bytes + 4, &len, sizeof(len));
	return fwrite(b->bytes, 1, b->len, out) == b->len;
}

void ctl_pcapng_begin(FILE *out, const char *what)
{
	static struct block b;
	const uint64_t section_len = SECTION_LEN;
	const uint8_t resolution = NANOSECONDS;

	begin(&b, SECTION);
	put_word(&b, ORDER_MAGIC);
	put_halves(&b, 1, 0); /* version */
	put(&b, &section_len, sizeof(section_len));
	end(&b, out);
	begin(&b, INTERFACE);
	put_halves(&b, LINK_RAW, 0);
	put_word(&b, KEPT_MAX);
	put_option(&b, NAME, what, strlen(what));
	put_option(&b, TSRESOL, &resolution, sizeof(resolution));
	end(&b, out);
	fflush(out);
}

/* As it is on the wire, but for the numbers that routers change; what is not known counts as 0. */
static size_t put_packet(uint8_t *out, const struct ctl_packet *p)
{
	static const struct kg_l2 no_l2;
	size_t head = kg_frame_header_bytes(&no_l2, p->source.ip.version);

	memcpy(out + head, p->payload, p->kept_bytes);
	memset(out + head + p->kept_bytes, 0, (size_t)(p->payload_bytes - p->kept_bytes));
	return kg_frame_build(out, &no_l2, &p->source, &p->destination, p->payload_bytes, 0,
			      KG_FRAME_CSUM_SOFTWARE);
}

bool ctl_pcapng_write(FILE *out, const struct ctl_packet *p)
{
	static struct block b;
	static uint8_t packet[KEPT_MAX];
	uint32_t flags = p->outbound ? OUTBOUND : INBOUND;
	size_t head = put_packet(packet, p);

	begin(&b, PACKET);
	put_word(&b, 0); /* the interface */
	put_word(&b, (uint32_t)(p->time_ns >> 32));
	put_word(&b, (uint32_t)p->time_ns);
	put_word(&b, (uint32_t)(head + p->kept_bytes));
	put_word(&b, (uint32_t)(head + p->payload_bytes));
	put(&b, packet, head + p->kept_bytes);
	put_option(&b, FLAGS, &flags, sizeof(flags));
	put_option(&b, COMMENT, p->comment, KG_MIN(strlen(p->comment), COMMENT_MAX));
	return end(&b, out) && fflush(out) == 0;
}
