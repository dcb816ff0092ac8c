/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what is known of all places: to people, ports that are alike together, and to programs. */
#include "try/internal.h"

#include <jansson.h>
#include <string.h>

#define SERVER_BYTES (KG_HOST_NAME_BYTES + KG_IP_TEXT_BYTES + 4)
#define PORTS_BYTES  16

size_t kg_try_failed(const struct kg_try *t)
{
	size_t failed = 0;

	for (size_t i = 0; i < t->place_count; i++)
		failed += t->places[i].verdict.kind != KG_VERDICT_ANSWERED;
	return failed;
}

static const struct kg_ip *ip_of(const struct kg_try_place *place)
{
	return &place->host->answer.ips[place->ip];
}

static bool has_address(const struct kg_try_place *place)
{
	return place->host->answer.count > 0;
}

static const char *verdict_text(const struct kg_try_place *place, const struct kg_verdict *verdict,
				char text[KG_VERDICT_TEXT_BYTES])
{
	return kg_verdict_text(verdict, place->host->tunnel->trials.profile->skew_max_s, text);
}

/* ---- the table ---- */

/* What stands together in a line. */
struct row {
	const struct kg_try_place *first, *last;
	struct kg_verdict verdict;
};

struct widths {
	int tunnel, server, ports;
};

static struct row row_from(const struct kg_try *t, size_t i)
{
	struct row row = { &t->places[i], &t->places[i], t->places[i].verdict };

	while (row.last + 1 < t->places + t->place_count) {
		const struct kg_try_place *next = row.last + 1;

		if (next->host != row.first->host || next->ip != row.first->ip ||
		    next->port != row.last->port + 1 ||
		    !kg_verdict_join(&row.verdict, &next->verdict))
			break;
		row.last = next;
	}
	return row;
}

static const char *server_text(const struct kg_try_place *place, char text[SERVER_BYTES])
{
	const char *name = place->host->name;
	char ip[KG_IP_TEXT_BYTES];

	if (!has_address(place))
		snprintf(text, SERVER_BYTES, "%s", name);
	else if (name == NULL)
		snprintf(text, SERVER_BYTES, "%s", kg_ip_text(ip_of(place), ip));
	else
		snprintf(text, SERVER_BYTES, "%s (%s)", name, kg_ip_text(ip_of(place), ip));
	return text;
}

static const char *ports_text(const struct row *row, char text[PORTS_BYTES])
{
	if (!has_address(row->first))
		snprintf(text, PORTS_BYTES, "-");
	else if (row->first == row->last)
		snprintf(text, PORTS_BYTES, "%u", row->first->port);
	else
		snprintf(text, PORTS_BYTES, "%u-%u", row->first->port, row->last->port);
	return text;
}

static const char *tunnel_name(const struct kg_try_place *place)
{
	return place->host->tunnel->config->name;
}

static int wider(int width, const char *text)
{
	return KG_MAX(width, (int)strlen(text));
}

static struct widths measure(const struct kg_try *t)
{
	struct widths widths = { sizeof("tunnel") - 1, sizeof("server") - 1, sizeof("port") - 1 };
	char server[SERVER_BYTES], ports[PORTS_BYTES];
	struct row row;

	for (size_t i = 0; i < t->place_count; i += (size_t)(row.last - row.first) + 1) {
		row = row_from(t, i);
		widths.tunnel = wider(widths.tunnel, tunnel_name(row.first));
		widths.server = wider(widths.server, server_text(row.first, server));
		widths.ports = wider(widths.ports, ports_text(&row, ports));
	}
	return widths;
}

static void print_line(const struct widths *widths, const char *tunnel, const char *server,
		       const char *ports, const char *result, FILE *to)
{
	fprintf(to, "%-*s  %-*s  %-*s  %s\n", widths->tunnel, tunnel, widths->server, server,
		widths->ports, ports, result);
}

static void print_row(const struct row *row, const struct widths *widths, FILE *to)
{
	char server[SERVER_BYTES], ports[PORTS_BYTES], text[KG_VERDICT_TEXT_BYTES];

	print_line(widths, tunnel_name(row->first), server_text(row->first, server),
		   ports_text(row, ports), verdict_text(row->first, &row->verdict, text), to);
}

static void explain_silence(const struct kg_try *t, FILE *to)
{
	for (size_t i = 0; i < t->place_count; i++) {
		if (t->places[i].verdict.kind != KG_VERDICT_NO_ANSWER)
			continue;
		fputs("\nNo answer: nobody is there, a firewall drops what goes there or comes "
		      "back, "
		      "or the server\ncannot read what it gets, and then says nothing: another "
		      "password, algorithm or fec. Its log tells.\n",
		      to);
		return;
	}
}

void kg_try_print_table(const struct kg_try *t, FILE *to)
{
	struct widths widths = measure(t);
	struct row row;

	if (t->place_count == 0) {
		fputs("nothing to try: no client and no relay\n", to);
		return;
	}
	print_line(&widths, "tunnel", "server", "port", "result", to);
	for (size_t i = 0; i < t->place_count; i += (size_t)(row.last - row.first) + 1) {
		row = row_from(t, i);
		print_row(&row, &widths, to);
	}
	fprintf(to, "\n%zu tested, %zu failed\n", t->place_count, kg_try_failed(t));
	explain_silence(t, to);
}

/* ---- JSON ---- */

static void set_details(json_t *object, const struct kg_verdict *verdict)
{
	char by[KG_IP_TEXT_BYTES];

	if (verdict->kind == KG_VERDICT_ANSWERED) {
		json_object_set_new(object, "ms", json_real(verdict->after_us / 1000.0));
		json_object_set_new(object, "questions", json_integer(verdict->questions));
	}
	if (verdict->kind == KG_VERDICT_ANSWERED || verdict->kind == KG_VERDICT_CLOCK)
		json_object_set_new(object, "clock_skew_s", json_integer(verdict->skew_s));
	if (verdict->why != NULL)
		json_object_set_new(object, "why", json_string(verdict->why));
	if (verdict->by.version != 0)
		json_object_set_new(object, "by", json_string(kg_ip_text(&verdict->by, by)));
}

static json_t *place_json(const struct kg_try_place *place)
{
	char ip[KG_IP_TEXT_BYTES], text[KG_VERDICT_TEXT_BYTES];
	json_t *object = json_object();

	json_object_set_new(object, "tunnel", json_string(tunnel_name(place)));
	if (place->host->name != NULL)
		json_object_set_new(object, "name", json_string(place->host->name));
	if (has_address(place)) {
		json_object_set_new(object, "address", json_string(kg_ip_text(ip_of(place), ip)));
		json_object_set_new(object, "port", json_integer(place->port));
	}
	json_object_set_new(object, "result", json_string(kg_verdict_name(place->verdict.kind)));
	set_details(object, &place->verdict);
	json_object_set_new(object, "text",
			    json_string(verdict_text(place, &place->verdict, text)));
	return object;
}

void kg_try_print_json(const struct kg_try *t, FILE *to)
{
	json_t *places = json_array(), *all;

	for (size_t i = 0; i < t->place_count; i++)
		json_array_append_new(places, place_json(&t->places[i]));
	all = json_pack("{s:I,s:I,s:o}", "tested", (json_int_t)t->place_count, "failed",
			(json_int_t)kg_try_failed(t), "places", places);
	json_dumpf(all, to, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', to);
	json_decref(all);
}
