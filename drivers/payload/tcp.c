/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moves bytes between a TCP application and its worker. A read fills buffers to the segment, many
 * per system call; each buffer is one message. Writes gather as many buffers as the socket takes.
 *
 * How a connection ends:
 *   the application's end in order -> FINISH; its data before that still counts, even when a reset
 *   follows because it no longer listens, which is told as ABORT behind it. A reset, or a failure
 *   without that end -> ABORT, behind what it sent as far as there is credit.
 *   The worker's FINISH -> everything queued is written, then our end; the application goes on.
 *   The worker's CLOSE -> everything queued is written, then our end; then the application's end is
 *   waited for, reading and forgetting, because closing over unread bytes would be a reset that may
 *   overtake what was written. All that is bounded by a deadline, which moves on while the
 *   application takes anything.
 *   The worker's CLOSE with a reset -> what the socket takes at once, and a reset; but after FINISH
 *   the reset waits until the application has acknowledged everything up to our end.
 */
#include "payload/internal.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#define WRITE_BUFS    64
#define DISCARD_BYTES (1 << 20)

#define EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP)

/* Once our end is said the application's makes a hang-up: that is as it should be. */
static bool is_broken(const struct kg_flow *flow)
{
	return (flow->source.events & (flow->shut ? EPOLLERR : EPOLLERR | EPOLLHUP)) != 0;
}

/* Clears it. */
static int socket_error(const struct kg_flow *flow)
{
	int error = 0;
	socklen_t error_len = sizeof(error);

	getsockopt(flow->source.fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
	return error;
}

/* EPIPE: the application had ended before. After any other error the end that read() finds is not
 * the application's. */
static void take_error(struct kg_flow *flow, int error)
{
	if (error == EPIPE)
		flow->fin_seen = true;
	else if (error != 0)
		flow->cut_off = true;
}

/* What is queued for the application is forgotten. */
static void discard_output(struct kg_payload *p, struct kg_flow *flow)
{
	uint32_t discarded = flow->queued;

	while (flow->queue != NULL)
		kg_buf_free(kg_flow_dequeue(flow));
	kg_flow_taken(p, flow, discarded);
}

/* Before the worker has answered there is no conn to abort. */
static void tell_abort(struct kg_payload *p, struct kg_flow *flow)
{
	if (!flow->abort_due || flow->state != KG_FLOW_RUNNING)
		return;
	flow->abort_due = false;
	kg_flow_post(p, flow, KG_MSG_ABORT);
}

/* Nothing goes either way any more. */
static void abort_flow(struct kg_payload *p, struct kg_flow *flow)
{
	flow->rx_ended = true;
	flow->tx_ended = true;
	flow->abort_due = true;
	kg_tcp_ops.close(p, flow, false);
	discard_output(p, flow);
	tell_abort(p, flow);
}

void kg_tcp_cut_off(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->source.fd >= 0)
		abort_flow(p, flow);
}

/* It has said its end, and takes nothing more. */
static void gone(struct kg_payload *p, struct kg_flow *flow)
{
	flow->abort_due = true;
	kg_tcp_ops.close(p, flow, false);
	tell_abort(p, flow);
}

/* ---- application to worker ---- */

/* The application sends no more. */
static void end_rx(struct kg_payload *p, struct kg_flow *flow)
{
	flow->rx_ended = true;
	kg_flow_post(p, flow, KG_MSG_FINISH);
	if (flow->tx_ended)
		gone(p, flow);
}

/* `len` bytes are in the first buffers; the others go back. */
static void post_read(struct kg_payload *p, struct kg_flow *flow, struct kg_buf **bufs,
		      unsigned int count, size_t len)
{
	struct kg_msg msgs[KG_READ_BUFS];
	unsigned int used = 0;

	kg_count(&p->stats.rx_bytes, len);
	while (len > 0) {
		uint16_t part = (uint16_t)KG_MIN(len, (size_t)flow->tunnel->first_bytes);

		msgs[used] = kg_flow_data(flow, kg_spare_fit(p, bufs[used], part), 1);
		len -= part;
		used++;
	}
	for (unsigned int i = used; i < count; i++)
		kg_spare_put(p, bufs[i]);
	flow->credit -= (int32_t)used;
	if (used > 0)
		kg_link_post(p, flow->link, msgs, used); /* there is room: want was bounded by it */
}

static enum kg_served read_failed(struct kg_payload *p, struct kg_flow *flow, ssize_t len)
{
	if (len < 0 && kg_would_block(errno)) {
		flow->source.events &= ~(uint32_t)EPOLLIN;
		return KG_SERVED_IDLE;
	}
	if (len < 0 && errno == EINTR)
		return KG_SERVED_MORE;
	if (flow->fin_seen || (len == 0 && !flow->cut_off))
		end_rx(p, flow);
	else
		abort_flow(p, flow);
	return KG_SERVED_IDLE;
}

static enum kg_served read_data(struct kg_payload *p, struct kg_flow *flow)
{
	struct kg_buf *bufs[KG_READ_BUFS];
	struct iovec iov[KG_READ_BUFS];
	uint32_t link_room = kg_link_room(flow->link); /* once: the worker makes more meanwhile */
	uint32_t most = KG_MIN((uint32_t)flow->credit, (uint32_t)KG_READ_BUFS);
	unsigned int want = KG_MIN(most, link_room);
	unsigned int count = kg_spare_take(p, bufs, want);
	size_t room = (size_t)count * flow->tunnel->first_bytes;
	ssize_t len;

	if (count == 0) {
		if (want == 0)
			kg_count(&p->stats.ring_full, 1);
		return KG_SERVED_STALLED;
	}
	for (unsigned int i = 0; i < count; i++)
		iov[i] = (struct iovec){ bufs[i]->data, flow->tunnel->first_bytes };
	len = readv(flow->source.fd, iov, (int)count);
	post_read(p, flow, bufs, count, len > 0 ? (size_t)len : 0);
	if (len <= 0)
		return read_failed(p, flow, len);
	/* A short read has emptied the socket; but one ends before an urgent byte, and an end that
	 * stands behind has yet to be read. */
	if ((size_t)len < room && !(flow->source.events & (EPOLLPRI | EPOLLRDHUP)))
		flow->source.events &= ~(uint32_t)EPOLLIN;
	return KG_SERVED_MORE;
}

/* ---- worker to application ---- */

/* Takes `len` written bytes off the queue; returns how many buffers that finished. */
static uint32_t written(struct kg_flow *flow, size_t len)
{
	uint32_t finished = 0;

	while (flow->queue != NULL && flow->queue->len <= len) {
		struct kg_buf *buf = kg_flow_dequeue(flow);

		len -= buf->len;
		kg_buf_free(buf);
		finished++;
	}
	if (len > 0) {
		flow->queue->data += len;
		flow->queue->len -= (uint16_t)len;
	}
	return finished;
}

/* The application takes no more; what is for it is forgotten. */
static void end_tx(struct kg_payload *p, struct kg_flow *flow)
{
	flow->tx_ended = true;
	discard_output(p, flow);
	if (flow->rx_ended)
		gone(p, flow);
}

/* Our end, once everything before it is written. */
static void say_end(struct kg_flow *flow)
{
	if (!flow->shut)
		shutdown(flow->source.fd, SHUT_WR);
	flow->shut = true;
}

/* True when the socket took something, were it an empty message of the peer's. */
static bool write_data(struct kg_payload *p, struct kg_flow *flow)
{
	struct iovec iov[WRITE_BUFS];
	struct msghdr msg = { .msg_iov = iov };
	size_t room = 0;
	ssize_t len;

	for (struct kg_buf *buf = flow->queue; buf != NULL && msg.msg_iovlen < WRITE_BUFS;
	     buf = buf->next) {
		iov[msg.msg_iovlen++] = (struct iovec){ buf->data, buf->len };
		room += buf->len;
	}
	len = sendmsg(flow->source.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (len < 0 && !kg_would_block(errno)) {
		if (errno != EINTR) {
			take_error(flow, errno);
			end_tx(p, flow);
		}
		return false;
	}
	if (len < 0 || (size_t)len < room)
		flow->source.events &= ~(uint32_t)EPOLLOUT;
	if (len < 0)
		return false;
	kg_count(&p->stats.tx_bytes, (uint64_t)len);
	kg_flow_taken(p, flow, written(flow, (size_t)len));
	return true;
}

static bool can_write(const struct kg_flow *flow)
{
	return flow->queue != NULL && !flow->tx_ended && (flow->source.events & EPOLLOUT);
}

static bool can_read(const struct kg_flow *flow)
{
	return flow->credit > 0 && !flow->rx_ended && (flow->source.events & EPOLLIN);
}

/* ---- one flow's turn, by state ---- */

/* In between it has spoken, perhaps, and reset: Linux says ECONNREFUSED of who did not connect. */
static bool has_connected(int error)
{
	return error == 0 || error == ECONNRESET || error == EPIPE;
}

static void check_connected(struct kg_payload *p, struct kg_flow *flow)
{
	int error;

	if (!(flow->source.events & EPOLLOUT) && !is_broken(flow))
		return;
	error = socket_error(flow);
	if (!has_connected(error)) {
		kg_flow_refuse(p, flow, error);
		return;
	}
	take_error(flow, error);
	flow->unheard = true;
	kg_count(&p->stats.tcp_connected, 1);
	kg_flow_connected(p, flow);
}

/* Waits for the application's end. */
static enum kg_served discard_input(struct kg_payload *p, struct kg_flow *flow)
{
	ssize_t len = recv(flow->source.fd, NULL, DISCARD_BYTES, MSG_TRUNC | MSG_DONTWAIT);

	if (len > 0)
		return KG_SERVED_MORE;
	if (len == 0 || !kg_would_block(errno))
		kg_flow_end(p, flow, false);
	return KG_SERVED_IDLE;
}

/* Who reads slowly still reads: the time runs from the last byte taken. */
static void have_patience(struct kg_payload *p, struct kg_flow *flow)
{
	flow->untaken = kg_socket_untaken(flow->source.fd);
	kg_flow_arm(p, flow, &p->draining);
}

void kg_tcp_lose_patience(struct kg_payload *p, struct kg_flow *flow)
{
	if (kg_socket_untaken(flow->source.fd) < flow->untaken)
		have_patience(p, flow);
	else /* what is queued was never read; what is written the kernel may go on delivering */
		kg_flow_end(p, flow, flow->queue != NULL);
}

/* The worker has closed: write, say our end, wait for theirs. */
static enum kg_served drain(struct kg_payload *p, struct kg_flow *flow)
{
	if (can_write(flow) && write_data(p, flow))
		have_patience(p, flow);
	if (flow->queue != NULL)
		return can_write(flow) ? KG_SERVED_MORE : KG_SERVED_IDLE;
	if (flow->rx_ended || flow->tx_ended) {
		kg_flow_end(p, flow, false);
		return KG_SERVED_IDLE;
	}
	say_end(flow);
	if (flow->reset_due && kg_socket_untaken(flow->source.fd) == 0) {
		kg_flow_end(p, flow, true);
		return KG_SERVED_IDLE;
	}
	return discard_input(p, flow);
}

/*
 * A reset, or a failure: the application takes no more. What it had sent is read first, which also
 * shows whether its end in order was part of it; but without one nobody waits for credit, except
 * for the first.
 */
static void break_off(struct kg_payload *p, struct kg_flow *flow)
{
	if (!flow->tx_ended)
		end_tx(p, flow);
	if (flow->rx_ended || flow->credit > 0 || flow->shut || flow->unheard)
		return;
	if (!flow->fin_seen)
		take_error(flow, socket_error(flow));
	if (!flow->fin_seen)
		abort_flow(p, flow);
}

static enum kg_served run(struct kg_payload *p, struct kg_flow *flow)
{
	enum kg_served served = KG_SERVED_IDLE;

	if (is_broken(flow))
		break_off(p, flow);
	if (can_write(flow))
		write_data(p, flow);
	if (flow->shut_due && flow->queue == NULL && !flow->tx_ended)
		say_end(flow);
	if (can_read(flow))
		served = read_data(p, flow);
	if (served == KG_SERVED_STALLED)
		return served;
	return can_write(flow) || can_read(flow) ? KG_SERVED_MORE : KG_SERVED_IDLE;
}

static enum kg_served serve(struct kg_payload *p, struct kg_source *source)
{
	struct kg_flow *flow = KG_CONTAINER_OF(source, struct kg_flow, source);

	if ((source->events & EPOLLRDHUP) && !is_broken(flow))
		flow->fin_seen = true;
	switch (flow->state) {
	case KG_FLOW_CONNECTING:
		check_connected(p, flow);
		return KG_SERVED_IDLE;
	case KG_FLOW_DRAINING:
		return drain(p, flow);
	default:
		return run(p, flow);
	}
}

/* ---- what a flow does ---- */

int kg_tcp_take_socket(struct kg_payload *p, struct kg_flow *flow, int fd)
{
	int error;

	flow->source.serve = serve;
	kg_socket_tune_tcp(fd);
	error = kg_flow_open_socket(p, flow, fd, EVENTS);
	if (error < 0)
		close(fd);
	return error;
}

static void dial(struct kg_payload *p, struct kg_flow *flow)
{
	bool in_progress = false;
	int fd = kg_socket_dial(&flow->destination, SOCK_STREAM, flow->tunnel->app->vrf_egress,
				&in_progress);
	int error = fd < 0 ? fd : kg_tcp_take_socket(p, flow, fd);

	if (error < 0) {
		kg_flow_refuse(p, flow, -error);
		return;
	}
	kg_flow_arm(p, flow, kg_dial_deadlines(p, flow));
}

static void output(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain)
{
	kg_flow_enqueue(flow, chain);
	if (flow->tx_ended)
		discard_output(p, flow);
	else if (flow->source.events & EPOLLOUT)
		kg_source_wake(p, &flow->source);
}

static void end_output(struct kg_payload *p, struct kg_flow *flow)
{
	flow->shut_due = true;
	if (flow->source.fd >= 0)
		kg_source_wake(p, &flow->source);
}

static void resume(struct kg_payload *p, struct kg_flow *flow)
{
	tell_abort(p, flow);
	if (can_read(flow))
		kg_source_wake(p, &flow->source);
}

/* Ahead of a reset goes what the socket takes at once. */
static void finish_by_reset(struct kg_payload *p, struct kg_flow *flow)
{
	while (can_write(flow) && write_data(p, flow))
		;
	kg_flow_end(p, flow, true);
}

static void finish(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	if (flow->source.fd < 0) {
		kg_flow_end(p, flow, false);
		return;
	}
	if (reset && !flow->shut_due) {
		finish_by_reset(p, flow);
		return;
	}
	flow->reset_due = reset;
	have_patience(p, flow);
	kg_source_wake(p, &flow->source);
}

static void close_flow(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	if (flow->source.fd < 0)
		return;
	kg_socket_set_reset(flow->source.fd, reset);
	if (flow->state != KG_FLOW_CONNECTING)
		kg_count(&p->stats.tcp_closed, 1);
	kg_flow_close_socket(p, flow);
}

const struct kg_flow_ops kg_tcp_ops = {
	.dial = dial,
	.output = output,
	.resume = resume,
	.end_output = end_output,
	.finish = finish,
	.close = close_flow,
};
