/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens the sockets of tunnels that listen for applications. Each payload thread has its own, and
 * the kernel spreads connections and flows over them by a hash of both ends, so that a flow stays
 * with its thread. The first thread binds alone, so that a port which another program has, or
 * another box, is noticed; then it lets the others in.
 */
#include "payload/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum kg_socket_share share_of(const struct kg_payload_config *config)
{
	if (config->index > 0)
		return KG_SOCKET_FURTHER;
	return config->count > 1 ? KG_SOCKET_FIRST : KG_SOCKET_ALONE;
}

/* ---- sockets ---- */

static struct kg_listen_place place_of(const struct kg_payload_config *config,
				       const struct kg_payload_tunnel *tunnel,
				       const struct kg_endpoint *at, bool tcp)
{
	const char *vrf = tunnel->app->vrf_ingress;
	struct kg_listen_place place = {
		.at = *at,
		.type = tcp ? SOCK_STREAM : SOCK_DGRAM,
		.ipv4_only = tunnel->ipv4_only,
		.ipv6_only = tunnel->ipv6_only,
		.thread = config->index,
	};

	snprintf(place.vrf, sizeof(place.vrf), "%s", vrf != NULL ? vrf : "");
	return place;
}

/* One that a gate before it has left, or a new one. */
static int open_socket(const struct kg_gate_making *making, const struct kg_payload_tunnel *tunnel,
		       const struct kg_endpoint *at, bool tcp)
{
	const struct kg_listen_place place = place_of(making->config, tunnel, at, tcp);
	int fd = making->kept != NULL ? kg_kept_take(making->kept, &place) : -1;

	if (fd >= 0)
		return fd;
	return kg_socket_listen(at, place.type, tunnel->ipv4_only, tunnel->ipv6_only,
				tunnel->app->vrf_ingress, share_of(making->config));
}

static bool listen_at(struct kg_gate *gate, const struct kg_gate_making *making,
		      const struct kg_app_listener *listen, bool tcp)
{
	struct kg_listener *listener = &gate->listeners[gate->listener_count];
	const struct kg_payload_tunnel *tunnel = &gate->tunnel;
	char text[KG_ENDPOINT_TEXT_BYTES] = "any address";
	int fd = open_socket(making, tunnel, &listen->at, tcp);

	if (fd >= 0) {
		*listener = (struct kg_listener){
			.gate = gate,
			.target = listen->target,
			.at = listen->at,
			.any = kg_ip_is_unspecified(&listen->at.ip),
		};
		listener->source.fd = fd;
		listener->source.serve = tcp ? kg_tcp_serve_listener : kg_udp_serve_listener;
		gate->listener_count++;
		return true;
	}
	if (listen->at.ip.version != 0)
		kg_endpoint_text(&listen->at, text);
	snprintf(making->error, making->error_bytes,
		 "tunnel %s: cannot listen on %s %s (port %u): %s", tunnel->name,
		 tcp ? "tcp" : "udp", text, listen->at.port, strerror(-fd));
	return false;
}

bool kg_listeners_open(struct kg_gate *gate, const struct kg_gate_making *making)
{
	const struct kg_app_end *app = gate->tunnel.app;

	gate->listeners = calloc(2 * app->listener_count + 1, sizeof(*gate->listeners));
	if (gate->listeners == NULL) {
		snprintf(making->error, making->error_bytes, "tunnel %s: out of memory",
			 gate->tunnel.name);
		return false;
	}
	for (unsigned int i = 0; i < app->listener_count; i++) {
		const struct kg_app_listener *at = &app->listeners[i];

		if ((at->tcp && !listen_at(gate, making, at, true)) ||
		    (at->udp && !listen_at(gate, making, at, false)))
			return false;
	}
	return true;
}

void kg_listeners_close(struct kg_gate *gate)
{
	for (unsigned int i = 0; i < gate->listener_count; i++) {
		if (gate->listeners[i].source.fd >= 0)
			close(gate->listeners[i].source.fd);
	}
	gate->listener_count = 0;
}

/* ---- on the thread ---- */

bool kg_listeners_watch(struct kg_payload *p, struct kg_gate *gate)
{
	for (unsigned int i = 0; i < gate->listener_count; i++) {
		struct kg_listener *listener = &gate->listeners[i];

		listener->number = p->listener_number++;
		if (kg_source_open(p, &listener->source, listener->source.fd, EPOLLIN) < 0)
			return false;
	}
	return true;
}

void kg_listeners_shut(struct kg_payload *p, struct kg_gate *gate)
{
	for (unsigned int i = 0; i < gate->listener_count; i++) {
		if (gate->listeners[i].source.serve == kg_tcp_serve_listener)
			kg_source_close(p, &gate->listeners[i].source);
	}
}

void kg_listeners_unwatch(struct kg_payload *p, struct kg_gate *gate)
{
	for (unsigned int i = 0; i < gate->listener_count; i++)
		kg_source_close(p, &gate->listeners[i].source);
}

void kg_listeners_keep(struct kg_payload *p, struct kg_gate *gate, struct kg_kept_socket *kept)
{
	for (unsigned int i = 0; i < gate->listener_count; i++) {
		struct kg_listener *listener = &gate->listeners[i];
		bool tcp = listener->source.serve == kg_tcp_serve_listener;

		kept[i].place = place_of(&p->config, &gate->tunnel, &listener->at, tcp);
		kept[i].fd = kg_source_let_go(p, &listener->source);
	}
}
