/* SPDX-License-Identifier: BSD-3-Clause */
/* Has a box trace datagrams, and writes those that it tells of into a file of packets. */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAYLOAD_MAX   2048
#define COMMENT_BYTES 1024

static const char *text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

/* Which stages it has left, and when, counted from the first. */
static void describe(char text[COMMENT_BYTES], const json_t *event)
{
	const char *stage, *dropped = text_of(event, "dropped");
	size_t len = (size_t)snprintf(
		text, COMMENT_BYTES, "%s, conv %s, worker %d:", text_of(event, "tunnel"),
		text_of(event, "conv"), (int)json_integer_value(json_object_get(event, "worker")));
	json_t *ns;

	json_object_foreach (json_object_get(event, "stages"), stage, ns) {
		if (len < COMMENT_BYTES)
			len += (size_t)snprintf(text + len, COMMENT_BYTES - len,
						" %s %" JSON_INTEGER_FORMAT " ns", stage,
						json_integer_value(ns));
	}
	if (dropped[0] != '\0' && len < COMMENT_BYTES)
		snprintf(text + len, COMMENT_BYTES - len, ", dropped at %s: %s",
			 text_of(event, "dropped_at"), dropped);
}

static uint16_t read_hex(uint8_t bytes[PAYLOAD_MAX], const char *text)
{
	size_t count = KG_MIN(strlen(text) / 2, (size_t)PAYLOAD_MAX);

	for (size_t i = 0; i < count; i++) {
		const char pair[] = { text[2 * i], text[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return (uint16_t)count;
}

/* False: the file takes no more. */
static bool write_packet(FILE *out, const json_t *event)
{
	struct kg_endpoint local, remote;
	uint8_t payload[PAYLOAD_MAX];
	char comment[COMMENT_BYTES];
	struct ctl_packet packet = {
		.payload = payload,
		.kept_bytes = read_hex(payload, text_of(event, "data")),
		.payload_bytes = (uint16_t)json_integer_value(json_object_get(event, "bytes")),
		.outbound = strcmp(text_of(event, "direction"), "out") == 0,
		.time_ns = (uint64_t)json_integer_value(json_object_get(event, "time_ns")),
		.comment = comment,
	};

	packet.payload_bytes = KG_MIN(packet.payload_bytes, PAYLOAD_MAX);
	if (!kg_endpoint_parse(&local, text_of(event, "local")) ||
	    !kg_endpoint_parse(&remote, text_of(event, "remote")))
		return true; /* it went nowhere */
	packet.payload_bytes = KG_MAX(packet.payload_bytes, packet.kept_bytes);
	packet.source = packet.outbound ? local : remote;
	packet.destination = packet.outbound ? remote : local;
	describe(comment, event);
	return ctl_pcapng_write(out, &packet);
}

static FILE *open_output(const struct ctl_args *args)
{
	FILE *out = args->output != NULL ? fopen(args->output, "wb") : stdout;

	if (out == NULL)
		ctl_die("%s: %s", args->output, strerror(errno));
	if (args->output == NULL && isatty(STDOUT_FILENO))
		ctl_die("packets are nothing for a terminal: --output FILE, or | tcpdump -r -");
	return out;
}

/* Ends by the connection, so that the count is told. */
static int the_fd;

static void on_signal(int number)
{
	shutdown(the_fd, SHUT_RD);
}

static void end_by_signal(const struct connection *c)
{
	struct sigaction action = { .sa_handler = on_signal };

	the_fd = c->fd;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* A conv is digits, an address has points or colons. */
static void ask(struct connection *c, const struct ctl_args *args)
{
	bool is_address = strpbrk(args->of, ".:") != NULL;

	json_decref(ctl_ask(c, "{s:s,s:s,s:b}", "do", "trace", is_address ? "peer" : "conv",
			    args->of, "decrypted", (int)args->decrypted));
}

void ctl_trace(struct connection *c, const struct ctl_args *args)
{
	unsigned int count = 0;
	json_int_t lost = 0;
	char what[256];
	FILE *out = open_output(args);
	json_t *event;

	ask(c, args);
	end_by_signal(c);
	snprintf(what, sizeof(what), "kcpgate %s%s", text_of(c->greeting, "name"),
		 args->decrypted ? ", decrypted" : "");
	ctl_pcapng_begin(out, what);
	while ((args->times == 0 || count < args->times) && (event = ctl_hear(c)) != NULL) {
		bool good = write_packet(out, event);

		lost = json_integer_value(json_object_get(event, "lost"));
		json_decref(event);
		if (!good)
			break;
		count++;
	}
	fprintf(stderr, "%u datagrams, %" JSON_INTEGER_FORMAT " lost\n", count, lost);
	if (fclose(out) != 0)
		ctl_die("%s: %s", args->output != NULL ? args->output : "standard output",
			strerror(errno));
}
