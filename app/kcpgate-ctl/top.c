/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows live what each tunnel carries, now and in the last minute. */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HISTORY   30
#define TUNNELS   256
#define BAR_BYTES (HISTORY * 3 + 1)

struct line {
	char name[128];
	json_int_t sent, received;     /* so far */
	double rates[HISTORY];         /* KiB/s both ways, the latest last */
	double sent_kib, received_kib; /* a second */
	json_int_t channels;
	bool seen;
};

static struct line *line_of(struct line *lines, const char *name)
{
	for (unsigned int i = 0; i < TUNNELS; i++) {
		if (lines[i].name[0] == '\0')
			snprintf(lines[i].name, sizeof(lines[i].name), "%s", name);
		if (strcmp(lines[i].name, name) == 0)
			return &lines[i];
	}
	return NULL;
}

/* Of the least that is seen to the most; each block is three bytes of UTF-8. */
static const char *bar(const struct line *line, char text[BAR_BYTES])
{
	static const char blocks[] = "▁▂▃▄▅▆▇█";
	double most = 1;

	for (unsigned int i = 0; i < HISTORY; i++)
		most = KG_MAX(most, line->rates[i]);
	for (unsigned int i = 0; i < HISTORY; i++)
		memcpy(text + 3 * i, blocks + 3 * (int)(line->rates[i] / most * 7), 3);
	text[BAR_BYTES - 1] = '\0';
	return text;
}

static void take(struct line *line, const json_t *row, double seconds)
{
	json_int_t sent = json_integer_value(json_object_get(row, "message_bytes_sent"));
	json_int_t received = json_integer_value(json_object_get(row, "message_bytes_received"));

	/* A tunnel that has gone and come begins anew. */
	if (seconds > 0 && line->seen && sent >= line->sent && received >= line->received) {
		line->sent_kib = (double)(sent - line->sent) / 1024 / seconds;
		line->received_kib = (double)(received - line->received) / 1024 / seconds;
		memmove(line->rates, line->rates + 1, sizeof(line->rates) - sizeof(double));
		line->rates[HISTORY - 1] = line->sent_kib + line->received_kib;
	}
	line->sent = sent;
	line->received = received;
	line->channels = json_integer_value(json_object_get(row, "channels"));
	line->seen = true;
}

static void take_all(struct connection *c, struct line *lines, double seconds)
{
	json_t *tunnels = ctl_show(c, "tunnels", -1), *row;
	const char *key;

	json_object_foreach (tunnels, key, row) {
		struct line *line = line_of(lines, json_string_value(json_object_get(row, "name")));

		if (line != NULL)
			take(line, row, seconds);
	}
	json_decref(tunnels);
}

static void draw(const struct connection *c, const struct line *lines)
{
	char text[BAR_BYTES];

	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	printf("%s\n%-24s %9s %12s %12s  %s\n",
	       json_string_value(json_object_get(c->greeting, "name")), "tunnel", "channels",
	       "sent KiB/s", "recv KiB/s", "both");
	for (const struct line *line = lines; line < lines + TUNNELS && line->name[0]; line++)
		printf("%-24s %9" JSON_INTEGER_FORMAT " %12.1f %12.1f  %s\n", line->name,
		       line->channels, line->sent_kib, line->received_kib, bar(line, text));
	fflush(stdout);
}

void ctl_top(struct connection *c, const struct ctl_args *args)
{
	struct line *lines = calloc(TUNNELS, sizeof(*lines));

	if (lines == NULL)
		ctl_die("out of memory");
	take_all(c, lines, 0);
	for (unsigned int i = 0; args->times == 0 || i < args->times; i++) {
		sleep(args->every_s);
		take_all(c, lines, args->every_s);
		draw(c, lines);
	}
	free(lines);
}
