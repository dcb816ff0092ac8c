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

static enum kg_socket_share share_of(const struct kg_payload_config *config)
{
	if (config->index > 0)
		return KG_SOCKET_FURTHER;
	return config->count > 1 ? KG_SOCKET_FIRST : KG_SOCKET_ALONE;
}

/* 0, or -errno. */
static int open_listener(struct kg_payload *p, struct kg_listener *listener,
			 const struct kg_endpoint *at, bool tcp)
{
	const struct kg_payload_tunnel *tunnel = listener->tunnel;
	int fd = kg_socket_listen(at, tcp ? SOCK_STREAM : SOCK_DGRAM, tunnel->ipv4_only,
				  tunnel->ipv6_only, share_of(&p->config)),
	    error;

	if (fd < 0)
		return fd;
	listener->at = *at;
	listener->any = kg_ip_is_unspecified(&at->ip);
	listener->source.serve = tcp ? kg_tcp_serve_listener : kg_udp_serve_listener;
	error = kg_source_open(p, &listener->source, fd, EPOLLIN);
	if (error < 0)
		close(fd);
	return error;
}

static bool listen_at(struct kg_payload *p, const struct kg_payload_tunnel *tunnel,
		      const struct kg_app_listener *listen, bool tcp, char *error,
		      size_t error_bytes)
{
	struct kg_listener *listener = &p->listeners[p->listener_count];
	const struct kg_endpoint *at = &listen->at;
	char text[KG_ENDPOINT_TEXT_BYTES] = "any address";
	int failed;

	listener->tunnel = tunnel;
	listener->target = listen->target;
	failed = open_listener(p, listener, at, tcp);
	if (failed == 0) {
		p->listener_count++;
		return true;
	}
	if (at->ip.version != 0)
		kg_endpoint_text(at, text);
	snprintf(error, error_bytes, "tunnel %s: cannot listen on %s %s (port %u): %s",
		 tunnel->name, tcp ? "tcp" : "udp", text, at->port, strerror(-failed));
	return false;
}

static unsigned int count_listeners(const struct kg_payload *p)
{
	unsigned int count = 0;

	for (unsigned int t = 0; t < p->config.tunnel_count; t++)
		count += 2 * p->tunnels[t].app->listener_count; /* TCP and UDP */
	return count;
}

bool kg_listeners_open(struct kg_payload *p, char *error, size_t error_bytes)
{
	p->listeners = calloc(count_listeners(p) + 1, sizeof(*p->listeners));
	if (p->listeners == NULL)
		return false;
	for (unsigned int t = 0; t < p->config.tunnel_count; t++) {
		const struct kg_payload_tunnel *tunnel = &p->tunnels[t];

		for (unsigned int i = 0; i < tunnel->app->listener_count; i++) {
			const struct kg_app_listener *at = &tunnel->app->listeners[i];

			if ((at->tcp && !listen_at(p, tunnel, at, true, error, error_bytes)) ||
			    (at->udp && !listen_at(p, tunnel, at, false, error, error_bytes)))
				return false;
		}
	}
	return true;
}

void kg_listeners_close(struct kg_payload *p)
{
	for (unsigned int i = 0; i < p->listener_count; i++)
		kg_source_close(p, &p->listeners[i].source);
}
