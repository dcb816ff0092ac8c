/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has workers trace for a client of the control socket, and tells it what they have seen:
 *
 *   begins ─► workers have their traces, events ─► client goes ─► workers give them back ─► freed
 */
#include "box.h"
#include "control/ctl.h"
#include "trace.h"

#include <inttypes.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POST_AGAIN_US (10 * KG_US_PER_MS) /* to a worker whose mailbox was full */
#define PER_TURN      64                  /* of a worker: others are served, too */

static struct kg_ctl_tracer *tracer_of(const struct kg_ctl_client *client)
{
	return &client->ctl->tracer;
}

/* ---- what is told ---- */

/* Of a span that is short beside the time it takes to overflow. */
static uint64_t cycles_ns(uint64_t cycles)
{
	uint64_t hz = rte_get_tsc_hz();

	return cycles / hz * (uint64_t)NS_PER_S + cycles % hz * (uint64_t)NS_PER_S / hz;
}

static uint64_t first_cycle(const struct kg_traced *seen)
{
	uint64_t first = UINT64_MAX;

	for (unsigned int stage = 0; stage < KG_STAGE_COUNT; stage++) {
		if (seen->left_cyc[stage] != 0)
			first = KG_MIN(first, seen->left_cyc[stage]);
	}
	return first;
}

static uint64_t wall_clock_ns(uint64_t cycle)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * (uint64_t)NS_PER_S + (uint64_t)now.tv_nsec -
	       cycles_ns(rte_rdtsc() - cycle);
}

/* Nanoseconds since the first of them. */
static json_t *stages_json(const struct kg_traced *seen, uint64_t first)
{
	json_t *stages = json_object();

	for (unsigned int stage = 0; stage < KG_STAGE_COUNT; stage++) {
		if (seen->left_cyc[stage] != 0)
			json_object_set_new(
				stages, kg_stage_name(stage),
				json_integer((json_int_t)cycles_ns(seen->left_cyc[stage] - first)));
	}
	return stages;
}

static json_t *hex(const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * KG_DATAGRAM_MAX_BYTES];

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return json_stringn(text, 2 * count);
}

static json_t *endpoint_json(const struct kg_endpoint *endpoint)
{
	char text[KG_ENDPOINT_TEXT_BYTES];

	return json_string(kg_endpoint_text(endpoint, text));
}

static uint64_t lost(const struct kg_ctl_tracer *tracer)
{
	uint64_t sum = tracer->unsaid;

	for (unsigned int w = 0; w < tracer->box->worker_count; w++)
		sum += __atomic_load_n(&tracer->traces[w]->lost, __ATOMIC_RELAXED);
	return sum;
}

static json_t *packet_event(const struct kg_ctl_tracer *tracer, const struct kg_traced *seen)
{
	const struct kg_box_tunnel *tunnel = kg_box_tunnel(tracer->box, seen->tunnel);
	uint64_t first = first_cycle(seen);
	json_t *event;
	char conv[16];

	snprintf(conv, sizeof(conv), "%08" PRIx32, seen->conv);
	event = json_pack("{s:s,s:I,s:s,s:s,s:s,s:o,s:o,s:i,s:o,s:i,s:b,s:o,s:I}", "event",
			  "packet", "time_ns", (json_int_t)wall_clock_ns(first), "direction",
			  seen->outbound ? "out" : "in", "tunnel",
			  tunnel != NULL ? tunnel->config->name : "", "conv", conv, "local",
			  endpoint_json(&seen->ends.local), "remote",
			  endpoint_json(&seen->ends.remote), "worker", (int)seen->worker, "stages",
			  stages_json(seen, first), "bytes", (int)seen->bytes, "decrypted",
			  (int)seen->decrypted, "data", hex(seen->data, seen->kept), "lost",
			  (json_int_t)lost(tracer));
	if (event == NULL || seen->dropped == KG_DROP_NONE)
		return event;
	json_object_set_new(event, "dropped", json_string(kg_stage_drop_name(seen->dropped)));
	json_object_set_new(event, "dropped_at", json_string(kg_stage_name(seen->dropped_at)));
	return event;
}

/* What cannot be said now is counted. */
static void tell(struct kg_ctl_tracer *tracer, struct rte_ring *ring)
{
	static struct kg_traced seen; /* of the one thread */

	for (int i = 0; i < PER_TURN && !tracer->client->gone; i++) {
		if (rte_ring_sc_dequeue_elem(ring, &seen, sizeof(seen)) != 0)
			return;
		if (!kg_ctl_try_say(tracer->client, packet_event(tracer, &seen)))
			tracer->unsaid++;
	}
}

/* ---- workers are told ---- */

static uint64_t all_workers(const struct kg_ctl_tracer *tracer)
{
	return UINT64_MAX >> (64 - tracer->box->worker_count);
}

static bool is_tracing(const struct kg_ctl_tracer *tracer)
{
	return tracer->traces[0] != NULL;
}

static void post(struct kg_ctl_tracer *tracer, uint64_t now_us)
{
	for (unsigned int w = 0; tracer->unposted >> w != 0; w++) {
		struct kg_mail mail = { .type = KG_MAIL_TRACE };

		if (tracer->client != NULL)
			mail.trace = tracer->traces[w];
		else
			mail.awaited = &tracer->awaited;
		if ((tracer->unposted >> w & 1) != 0 && kg_box_post(tracer->box, w, &mail))
			tracer->unposted &= ~(UINT64_C(1) << w);
	}
	tracer->source.due_us = tracer->unposted != 0 ? now_us + POST_AGAIN_US : KG_NEVER_US;
}

static void destroy_traces(struct kg_ctl_tracer *tracer)
{
	for (unsigned int w = 0; w < tracer->box->worker_count; w++) {
		kg_trace_destroy(tracer->traces[w]);
		tracer->traces[w] = NULL;
	}
}

static bool has_ended(const struct kg_ctl_tracer *tracer)
{
	return is_tracing(tracer) && tracer->client == NULL && tracer->unposted == 0 &&
	       atomic_load_explicit(&tracer->awaited, memory_order_acquire) == 0;
}

static bool fed(const struct kg_loop_source *source)
{
	const struct kg_ctl_tracer *tracer =
		KG_CONTAINER_OF(source, const struct kg_ctl_tracer, source);

	if (tracer->client == NULL)
		return has_ended(tracer);
	for (unsigned int w = 0; w < tracer->box->worker_count; w++) {
		if (!rte_ring_empty(tracer->traces[w]->ring))
			return true;
	}
	return false;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_ctl_tracer *tracer = KG_CONTAINER_OF(source, struct kg_ctl_tracer, source);

	post(tracer, now_us);
	if (has_ended(tracer))
		destroy_traces(tracer);
	for (unsigned int w = 0; tracer->client != NULL && w < tracer->box->worker_count; w++)
		tell(tracer, tracer->traces[w]->ring);
}

/* ---- a client asks for it ---- */

/* A conv, or an address with or without a port. */
static bool read_filter(struct kg_trace_filter *filter, const json_t *request)
{
	const char *conv = json_string_value(json_object_get(request, "conv"));
	const char *peer = json_string_value(json_object_get(request, "peer"));
	char *end;

	*filter = (struct kg_trace_filter){
		.by_conv = conv != NULL,
		.decrypted = json_is_true(json_object_get(request, "decrypted")),
	};
	if ((conv != NULL) == (peer != NULL))
		return false;
	if (peer != NULL)
		return kg_ip_parse(&filter->peer.ip, peer) ||
		       kg_endpoint_parse(&filter->peer, peer);
	if (strlen(conv) > 8 || strspn(conv, "0123456789abcdefABCDEF") != strlen(conv))
		return false;
	filter->conv = (uint32_t)strtoul(conv, &end, 16);
	return end != conv;
}

static bool create_traces(struct kg_ctl_tracer *tracer, const struct kg_trace_filter *filter)
{
	for (unsigned int w = 0; w < tracer->box->worker_count; w++) {
		tracer->traces[w] = kg_trace_create(filter);
		if (tracer->traces[w] == NULL) {
			destroy_traces(tracer);
			return false;
		}
	}
	return true;
}

void kg_ctl_trace(struct kg_ctl_client *client, const json_t *request)
{
	struct kg_ctl_tracer *tracer = tracer_of(client);
	struct kg_trace_filter filter;

	if (!read_filter(&filter, request)) {
		kg_ctl_refuse(client, "conv: of a channel, in hexadecimal digits; or peer: an "
				      "address, with a port or without");
	} else if (is_tracing(tracer)) {
		kg_ctl_refuse(client, "somebody traces already");
	} else if (!create_traces(tracer, &filter)) {
		kg_ctl_refuse(client, "out of memory");
	} else {
		tracer->client = client;
		tracer->unsaid = 0;
		tracer->unposted = all_workers(tracer);
		tracer->source.due_us = 0;
		kg_ctl_answer(client, json_object());
	}
}

void kg_ctl_stop_trace(struct kg_ctl_client *client)
{
	struct kg_ctl_tracer *tracer = tracer_of(client);

	if (tracer->client != client)
		return;
	tracer->client = NULL;
	tracer->unposted = all_workers(tracer);
	atomic_store(&tracer->awaited, tracer->box->worker_count);
	tracer->source.due_us = 0;
}

/* ---- life ---- */

void kg_ctl_tracer_init(struct kg_ctl_tracer *tracer, struct kg_loop *loop, struct kg_box *box)
{
	tracer->box = box;
	tracer->source = (struct kg_loop_source){
		.fd = -1,
		.due_us = KG_NEVER_US,
		.fed = fed,
		.serve = serve,
	};
	kg_loop_add(loop, &tracer->source);
}

void kg_ctl_tracer_fini(struct kg_ctl_tracer *tracer)
{
	kg_loop_remove(&tracer->source);
	destroy_traces(tracer);
}
