/* SPDX-License-Identifier: BSD-3-Clause */
/* One thread, one poll: DPDK is asked for one client at a time, and waits for none of them. */
#include "telemetry/front.h"

#include "clock.h"

#include "base/base.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OUTER_NAME "dpdk_telemetry.v2"
#define INNER_NAME "dpdk_telemetry.behind"

#define CLIENTS_MAX    32
#define REQUEST_BYTES  1024
#define ANSWER_BYTES   (20u << 10) /* DPDK's longest is 16 KiB */
#define UNREAD_US      (5 * KG_US_PER_S)
#define INNER_WAIT_S   10 /* for DPDK's answer */
#define LOOK_AROUND_MS 1000

struct client {
	int fd; /* -1: free */
	uint64_t active_us;
	char *unread; /* an answer that the client has no room for; NULL: none */
	size_t unread_len;
};

struct kg_telemetry_front {
	pthread_t thread;
	struct sockaddr_un outer, inner;
	int listen_fd, inner_fd, stop_fd;
	struct client clients[CLIENTS_MAX];
	char greeting[REQUEST_BYTES];
	size_t greeting_len;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- DPDK's side ---- */

static bool connect_inner(struct kg_telemetry_front *f)
{
	struct timeval wait = { .tv_sec = INNER_WAIT_S };
	ssize_t len = -1;

	f->inner_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (f->inner_fd < 0)
		return false;
	setsockopt(f->inner_fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(f->inner_fd, (struct sockaddr *)&f->inner, sizeof(f->inner)) == 0)
		len = recv(f->inner_fd, f->greeting, sizeof(f->greeting), 0);
	if (len > 0)
		f->greeting_len = (size_t)len;
	else
		close_fd(&f->inner_fd);
	return len > 0;
}

static bool learn_greeting(struct kg_telemetry_front *f)
{
	bool is_there = connect_inner(f);

	close_fd(&f->inner_fd); /* the thread makes its own */
	return is_there;
}

/* The answer's length; 0: none. */
static size_t ask_inner(struct kg_telemetry_front *f, const char *request, size_t len, char *answer)
{
	ssize_t got = -1;

	if (f->inner_fd < 0 && !connect_inner(f))
		return 0;
	if (send(f->inner_fd, request, len, MSG_NOSIGNAL) == (ssize_t)len)
		got = recv(f->inner_fd, answer, ANSWER_BYTES, 0);
	if (got > 0)
		return (size_t)got;
	close_fd(&f->inner_fd); /* what comes late must not answer the next one */
	return 0;
}

/* ---- descriptors ---- */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The thread gets a table of descriptors of its own, so applications that take all of the process's
 * leave its clients theirs. A copy of anything else would hold that open. */
static void keep_own_descriptors(const struct kg_telemetry_front *f)
{
	int own[] = { f->stop_fd, f->listen_fd };
	int from = STDERR_FILENO + 1;

	if (unshare(CLONE_FILES) != 0)
		return;
	qsort(own, KG_ARRAY_SIZE(own), sizeof(own[0]), by_number);
	for (size_t i = 0; i < KG_ARRAY_SIZE(own); i++) {
		if (own[i] > from)
			close_range((unsigned int)from, (unsigned int)own[i] - 1, 0);
		from = own[i] + 1;
	}
	close_range((unsigned int)from, UINT_MAX, 0);
}

/* ---- clients ---- */

static void close_client(struct client *client)
{
	close_fd(&client->fd);
	free(client->unread);
	client->unread = NULL;
}

/* An empty place, or that of the client from which nothing was heard for longest. */
static struct client *make_place(struct kg_telemetry_front *f)
{
	struct client *best = &f->clients[0];

	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &f->clients[i];

		if (client->fd < 0)
			return client;
		if (client->active_us < best->active_us)
			best = client;
	}
	close_client(best);
	return best;
}

/* What finds no room now waits until the client reads. */
static void tell(struct client *client, const char *text, size_t len)
{
	if (send(client->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return;
	if (errno == EAGAIN)
		client->unread = malloc(len);
	if (client->unread == NULL) {
		close_client(client);
		return;
	}
	memcpy(client->unread, text, len);
	client->unread_len = len;
}

static void on_connect(struct kg_telemetry_front *f, uint64_t now_us)
{
	struct client *client;
	int fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	client = make_place(f);
	*client = (struct client){ .fd = fd, .active_us = now_us };
	tell(client, f->greeting, f->greeting_len);
}

static void on_request(struct kg_telemetry_front *f, struct client *client, uint64_t now_us)
{
	static char answer[ANSWER_BYTES]; /* of the one thread */
	char request[REQUEST_BYTES];
	ssize_t len = recv(client->fd, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	client->active_us = now_us;
	if (len > 0)
		len = (ssize_t)ask_inner(f, request, (size_t)len, answer);
	if (len > 0)
		tell(client, answer, (size_t)len);
	else
		close_client(client);
}

static void on_room(struct client *client, uint64_t now_us)
{
	char *text = client->unread;

	client->unread = NULL;
	client->active_us = now_us;
	tell(client, text, client->unread_len);
	free(text);
}

/* ---- the thread ---- */

static void serve(struct kg_telemetry_front *f, struct client *client, short events,
		  uint64_t now_us)
{
	if (client->fd < 0)
		return;
	if (client->unread == NULL && (events & (POLLIN | POLLHUP | POLLERR)) != 0)
		on_request(f, client, now_us);
	else if (client->unread != NULL && (events & POLLOUT) != 0)
		on_room(client, now_us);
	else if ((events & (POLLHUP | POLLERR)) != 0 ||
		 (client->unread != NULL && now_us - client->active_us > UNREAD_US))
		close_client(client);
}

static void *run(void *front)
{
	struct kg_telemetry_front *f = front;
	struct pollfd fds[2 + CLIENTS_MAX] = { { .fd = f->stop_fd, .events = POLLIN },
					       { .fd = f->listen_fd, .events = POLLIN } };

	keep_own_descriptors(f);
	connect_inner(f);
	while ((fds[0].revents & POLLIN) == 0) {
		for (int i = 0; i < CLIENTS_MAX; i++) {
			fds[2 + i].fd = f->clients[i].fd;
			fds[2 + i].events = f->clients[i].unread != NULL ? POLLOUT : POLLIN;
		}
		poll(fds, KG_ARRAY_SIZE(fds), LOOK_AROUND_MS);
		for (int i = 0; i < CLIENTS_MAX; i++)
			serve(f, &f->clients[i], fds[2 + i].revents, kg_clock_now_us());
		if ((fds[1].revents & POLLIN) != 0)
			on_connect(f, kg_clock_now_us());
	}
	for (int i = 0; i < CLIENTS_MAX; i++)
		close_client(&f->clients[i]);
	close_fd(&f->inner_fd);
	return NULL;
}

/* ---- life ---- */

static bool set_path(struct sockaddr_un *address, const char *directory, const char *name)
{
	address->sun_family = AF_UNIX;
	errno = ENAMETOOLONG;
	return snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", directory, name) <
	       (int)sizeof(address->sun_path);
}

/* The rename leaves DPDK's socket what it is, under another name. */
static bool take_over(struct kg_telemetry_front *f, const char *directory)
{
	if (!set_path(&f->outer, directory, OUTER_NAME) ||
	    !set_path(&f->inner, directory, INNER_NAME) ||
	    rename(f->outer.sun_path, f->inner.sun_path) != 0)
		return false;
	if (learn_greeting(f) &&
	    bind(f->listen_fd, (struct sockaddr *)&f->outer, sizeof(f->outer)) == 0 &&
	    listen(f->listen_fd, CLIENTS_MAX) == 0)
		return true;
	rename(f->inner.sun_path, f->outer.sun_path);
	return false;
}

static void release(struct kg_telemetry_front *f)
{
	close_fd(&f->listen_fd);
	close_fd(&f->stop_fd);
	free(f);
}

struct kg_telemetry_front *kg_telemetry_front_create(const char *directory)
{
	struct kg_telemetry_front *f = calloc(1, sizeof(*f));
	int saved;

	if (f == NULL)
		return NULL;
	for (int i = 0; i < CLIENTS_MAX; i++)
		f->clients[i].fd = -1;
	f->inner_fd = -1;
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	f->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->stop_fd >= 0 && f->listen_fd >= 0 && take_over(f, directory)) {
		errno = pthread_create(&f->thread, NULL, run, f);
		if (errno == 0) {
			pthread_setname_np(f->thread, "kg-telemetry");
			return f;
		}
		rename(f->inner.sun_path, f->outer.sun_path);
	}
	saved = errno;
	release(f);
	errno = saved;
	return NULL;
}

void kg_telemetry_front_destroy(struct kg_telemetry_front *f)
{
	if (f == NULL)
		return;
	eventfd_write(f->stop_fd, 1);
	pthread_join(f->thread, NULL);
	unlink(f->outer.sun_path);
	unlink(f->inner.sun_path);
	release(f);
}
