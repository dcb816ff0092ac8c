/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes TCP connections of applications in, or turns them away where there is no descriptor. */
#include "payload/internal.h"

#include <errno.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 32

/* A connection that waits in the kernel for a descriptor seems to be open and says nothing: with
 * the spare one it is let in to be reset. True when it was; else errno is accept4's. */
static bool turn_away(struct kg_payload *p, int listener)
{
	int fd, error;

	if (p->spare_fd >= 0)
		close(p->spare_fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	error = errno;
	if (fd >= 0) {
		kg_socket_set_reset(fd, true);
		close(fd);
		kg_count(&p->stats.tcp_turned_away, 1);
	}
	p->spare_fd = kg_source_spare_fd(p);
	errno = error;
	return fd >= 0;
}

/* Sockets toward applications have a part of the descriptors; beyond it there is none. */
static int accept_socket(const struct kg_payload *p, int listener)
{
	if (kg_flow_has_socket_room(p, KG_PROTOCOL_TCP))
		return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	errno = EMFILE;
	return -1;
}

static bool out_of_descriptors(int error)
{
	return error == EMFILE || error == ENFILE;
}

static void accepted(struct kg_payload *p, const struct kg_listener *listener, int fd)
{
	struct kg_flow *flow = kg_flow_create(p, listener->gate, KG_PROTOCOL_TCP);

	if (flow == NULL) {
		close(fd);
		return;
	}
	flow->mapped = listener->target;
	if (kg_tcp_take_socket(p, flow, fd) < 0) {
		kg_flow_destroy(p, flow);
		return;
	}
	kg_count(&p->stats.tcp_accepted, 1);
	kg_flow_open(p, flow);
}

enum kg_served kg_tcp_serve_listener(struct kg_payload *p, struct kg_source *source)
{
	struct kg_listener *listener = KG_CONTAINER_OF(source, struct kg_listener, source);

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept_socket(p, source->fd);

		if (fd >= 0) {
			accepted(p, listener, fd);
			continue;
		}
		if (out_of_descriptors(errno) && turn_away(p, source->fd))
			continue;
		if (kg_would_block(errno)) {
			source->events = 0;
			return KG_SERVED_IDLE;
		}
		if (out_of_descriptors(errno) || errno == ENOBUFS || errno == ENOMEM) {
			/* The connection waits in the kernel until something has closed. */
			kg_count(&p->stats.accept_put_off, 1);
			return KG_SERVED_STALLED;
		}
		/* Else that connection is gone already. */
	}
	return KG_SERVED_MORE;
}
