/* SPDX-License-Identifier: BSD-3-Clause */
/* Speaks with a box by its control socket. */
#include "ctl.h"

#include "kernel/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX  "ctl-"
#define VERSION 1

void ctl_die(const char *format, ...)
{
	va_list values;

	fputs("kcpgate-ctl: ", stderr);
	va_start(values, format);
	vfprintf(stderr, format, values);
	va_end(values);
	fputc('\n', stderr);
	exit(1);
}

/* The name of the only box there is. */
static void find_box(char name[NAME_MAX + 1])
{
	char directory[PATH_MAX];
	struct dirent *entry;
	unsigned int count = 0;
	DIR *boxes;

	if (!kg_run_path(directory, "."))
		ctl_die("no run directory: %s", strerror(errno));
	boxes = opendir(directory);
	while (boxes != NULL && (entry = readdir(boxes)) != NULL) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name + strlen(PREFIX));
		count++;
	}
	if (boxes != NULL)
		closedir(boxes);
	if (count != 1)
		ctl_die(count == 0 ? "no box runs in %s"
				   : "several boxes run (%s): say which, --box",
			directory);
}

void ctl_connect(struct connection *c, const char *box)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[NAME_MAX + 1], path[PATH_MAX];

	if (box == NULL) {
		find_box(name);
		box = name;
	}
	if (!kg_run_path(path, PREFIX "%s", box) || strlen(path) >= sizeof(address.sun_path))
		ctl_die("box \"%s\": %s", box, strerror(errno));
	strcpy(address.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		ctl_die("box \"%s\", %s: %s", box, path, strerror(errno));
	c->from = fdopen(c->fd, "r");
	c->greeting = ctl_hear(c);
	if (c->greeting == NULL)
		ctl_die("box \"%s\" lets nobody in; too many may be there", box);
	if (json_integer_value(json_object_get(c->greeting, "version")) != VERSION)
		ctl_die("box \"%s\" speaks another version", box);
}

void ctl_disconnect(struct connection *c)
{
	json_decref(c->greeting);
	fclose(c->from);
}

json_t *ctl_hear(struct connection *c)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len = getline(&line, &room, c->from);
	json_t *said = len > 0 ? json_loadb(line, (size_t)len, 0, NULL) : NULL;

	free(line);
	return said;
}

static void say(const struct connection *c, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);

	if (text == NULL || dprintf(c->fd, "%s\n", text) < 0)
		ctl_die("the box does not listen: %s", strerror(errno));
	free(text);
	json_decref(request);
}

static json_t *result_of(struct connection *c)
{
	json_t *answer = ctl_hear(c), *result;

	if (answer == NULL)
		ctl_die("the box has ended, or does not answer");
	if (json_object_get(answer, "error") != NULL)
		ctl_die("%s", json_string_value(json_object_get(answer, "error")));
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result;
}

json_t *ctl_ask(struct connection *c, const char *format, ...)
{
	va_list values;
	json_t *request;

	va_start(values, format);
	request = json_vpack_ex(NULL, 0, format, values);
	va_end(values);
	say(c, request);
	return result_of(c);
}

json_t *ctl_show(struct connection *c, const char *what, int worker)
{
	json_t *all = json_object();
	json_int_t skip = 0;
	char of[64];

	do {
		json_t *page;

		if (worker >= 0)
			snprintf(of, sizeof(of), "%d,%" JSON_INTEGER_FORMAT, worker, skip);
		else
			snprintf(of, sizeof(of), "%" JSON_INTEGER_FORMAT, skip);
		page = ctl_ask(c, "{s:s,s:s,s:s}", "do", "show", "what", what, "of",
			       skip == 0 && worker < 0 ? "" : of);
		skip = json_integer_value(json_object_get(page, "next"));
		json_object_del(page, "next");
		json_object_update(all, page);
		json_decref(page);
	} while (skip > 0);
	return all;
}

json_t *ctl_show_rows(struct connection *c, const char *what, const char *name)
{
	json_t *stats = ctl_show(c, "stats", -1), *rows = json_array(), *row;
	json_int_t workers = json_integer_value(json_object_get(stats, "workers"));
	const char *key;

	for (json_int_t w = 0; w < workers; w++) {
		json_t *all = ctl_show(c, what, (int)w);

		json_object_foreach (all, key, row) {
			json_object_set_new(row, name, json_string(key));
			json_object_set_new(row, "worker", json_integer(w));
			json_array_append(rows, row);
		}
		json_decref(all);
	}
	json_decref(stats);
	return rows;
}
