/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells a client of the control socket something, a line of JSON at a time. */
#include "control/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum said {
	SAID,
	NO_ROOM,
	SAID_IN_PART, /* or not at all, and never will be */
};

static enum said send_line(const struct kg_ctl_client *client, const char *text, size_t len)
{
	ssize_t sent = send(client->source.fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent == (ssize_t)len)
		return SAID;
	return sent < 0 && errno == EAGAIN ? NO_ROOM : SAID_IN_PART;
}

/* Takes the reference. */
static enum said say(const struct kg_ctl_client *client, json_t *line)
{
	char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;
	enum said said = SAID_IN_PART;

	json_decref(line);
	if (text != NULL) {
		text[len++] = '\n'; /* in place of the end */
		said = send_line(client, text, len);
	}
	free(text);
	return said;
}

static void give_up(struct kg_ctl_client *client)
{
	client->gone = true;
	client->source.due_us = 0;
}

/* What its socket has no room for will not be read in time either. */
void kg_ctl_say(struct kg_ctl_client *client, json_t *line)
{
	if (say(client, line) != SAID)
		give_up(client);
}

bool kg_ctl_try_say(struct kg_ctl_client *client, json_t *line)
{
	enum said said = say(client, line);

	if (said == SAID_IN_PART)
		give_up(client);
	return said == SAID;
}

static void end_answer(struct kg_ctl_client *client, const char *key, json_t *value)
{
	json_t *line = json_pack("{s:o}", "id", client->id);

	client->id = NULL;
	client->source.due_us = 0; /* for the next request, which may be there */
	json_object_set_new(line, key, value);
	kg_ctl_say(client, line);
}

void kg_ctl_answer(struct kg_ctl_client *client, json_t *result)
{
	end_answer(client, "result", result);
}

void kg_ctl_refuse(struct kg_ctl_client *client, const char *format, ...)
{
	char text[256];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	end_answer(client, "error", json_string(text));
}
