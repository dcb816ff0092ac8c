/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listening sockets of tunnels that listen for applications. Each payload thread has its own, and
 * the kernel spreads connections and flows over them by a hash of both ends, so that a flow stays
 * with its thread. The first thread binds alone, so that a port which another program has, or
 * another box, is noticed; then it lets the others in.
 */
#include "payload/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kg_socket_share kg_listeners_share(const struct kg_payload_config *config)
{
	if (config->index > 0)
		return KG_SOCKET_FURTHER;
	return config->count > 1 ? KG_SOCKET_FIRST : KG_SOCKET_ALONE;
}

/* ---- sockets ---- */

static bool listen_at(struct kg_gate *gate, const struct kg_app_listener *listen, bool tcp,
		      enum kg_socket_share share, char *error, size_t error_bytes)
{
	struct kg_listener *listener = &gate->listeners[gate->listener_count];
	const struct kg_payload_tunnel *tunnel = &gate->tunnel;
	char text[KG_ENDPOINT_TEXT_BYTES] = "any address";
	int fd = kg_socket_listen(&listen->at, tcp ? SOCK_STREAM : SOCK_DGRAM, tunnel->ipv4_only,
				  tunnel->ipv6_only, tunnel->app->vrf_ingress, share);

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
	snprintf(error, error_bytes, "tunnel %s: cannot listen on %s %s (port %u): %s",
		 tunnel->name, tcp ? "tcp" : "udp", text, listen->at.port, strerror(-fd));
	return false;
}

bool kg_listeners_open(struct kg_gate *gate, enum kg_socket_share share, char *error,
		       size_t error_bytes)
{
	const struct kg_app_end *app = gate->tunnel.app;

	gate->listeners = calloc(2 * app->listener_count + 1, sizeof(*gate->listeners));
	if (gate->listeners == NULL) {
		snprintf(error, error_bytes, "tunnel %s: out of memory", gate->tunnel.name);
		return false;
	}
	for (unsigned int i = 0; i < app->listener_count; i++) {
		const struct kg_app_listener *at = &app->listeners[i];

		if ((at->tcp && !listen_at(gate, at, true, share, error, error_bytes)) ||
		    (at->udp && !listen_at(gate, at, false, share, error, error_bytes)))
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
