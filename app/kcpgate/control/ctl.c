/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: takes clients in, reads their requests, tells them events. */
#include "control/ctl.h"

#include "box.h"
#include "control/internal.h"
#include "kernel/run_dir.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SEND_BYTES (1 << 20) /* what a client may leave unread */

/* ---- clients ---- */

static void let_go(struct kg_ctl_client *client)
{
	kg_ctl_stop_figures(client);
	kg_ctl_stop_trace(client);
	kg_loop_remove(&client->source);
	close(client->source.fd);
	client->source.fd = -1;
	json_decref(client->id);
	client->id = NULL;
}

/* Longer than a request may be, or no object of JSON: whoever it is, it speaks something else. */
static void take_line(struct kg_ctl_client *client, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, 0, NULL);

	if (json_is_object(request) && client->id == NULL)
		kg_ctl_do(client, request);
	else
		client->gone = true;
	json_decref(request);
}

/* What comes behind a request waits until that is answered. */
static void take_lines(struct kg_ctl_client *client)
{
	char *end;

	while (!client->gone && client->id == NULL &&
	       (end = memchr(client->request, '\n', client->request_len)) != NULL) {
		size_t len = (size_t)(end - client->request);

		take_line(client, client->request, len);
		client->request_len -= len + 1;
		memmove(client->request, end + 1, client->request_len);
	}
	client->gone |= client->request_len == sizeof(client->request);
}

static void on_request(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_ctl_client *client = KG_CONTAINER_OF(source, struct kg_ctl_client, source);
	ssize_t len = recv(source->fd, client->request + client->request_len,
			   sizeof(client->request) - client->request_len, MSG_DONTWAIT);

	source->due_us = KG_NEVER_US;
	if (len == 0 || (len < 0 && errno != EAGAIN))
		client->gone = true;
	client->request_len += len > 0 ? (size_t)len : 0;
	take_lines(client);
	if (client->gone)
		let_go(client);
}

static struct kg_ctl_client *free_place(struct kg_control_ctl *ctl)
{
	for (unsigned int i = 0; i < KG_CTL_CLIENTS_MAX; i++) {
		if (ctl->clients[i].source.fd < 0)
			return &ctl->clients[i];
	}
	return NULL;
}

static void greet(struct kg_ctl_client *client)
{
	kg_ctl_say(client,
		   json_pack("{s:s,s:i,s:s,s:i}", "protocol", "kcpgate", "version", KG_CTL_PROTOCOL,
			     "name", client->ctl->box->config->name, "pid", (int)getpid()));
}

static void take_in(struct kg_control_ctl *ctl, int fd)
{
	struct kg_ctl_client *client = free_place(ctl);
	int bytes = SEND_BYTES;

	if (client == NULL) {
		close(fd);
		return;
	}
	*client = (struct kg_ctl_client){ .ctl = ctl, .figures.fd = -1 };
	client->source =
		(struct kg_loop_source){ .fd = fd, .due_us = KG_NEVER_US, .serve = on_request };
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (kg_loop_add(ctl->source.loop, &client->source)) {
		greet(client);
		return;
	}
	close(fd);
	client->source.fd = -1;
}

/* Whoever waits in vain for a descriptor would have us served all the time. */
static void turn_away(struct kg_control_ctl *ctl)
{
	close(ctl->spare_fd);
	close(accept4(ctl->source.fd, NULL, NULL, SOCK_CLOEXEC));
	ctl->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connect(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_ctl *ctl = KG_CONTAINER_OF(source, struct kg_control_ctl, source);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		take_in(ctl, fd);
	else if (errno == EMFILE || errno == ENFILE)
		turn_away(ctl);
}

/* ---- events ---- */

static json_t *stamped(json_t *event)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_object_set_new(event, "time",
			    json_real((double)now.tv_sec + (double)now.tv_nsec / 1e9));
	return event;
}

static bool has_hearers(const struct kg_control_ctl *ctl)
{
	for (unsigned int i = 0; i < KG_CTL_CLIENTS_MAX; i++) {
		if (ctl->clients[i].source.fd >= 0 && ctl->clients[i].hears_events)
			return true;
	}
	return false;
}

/* Takes the reference. */
static void tell_all(struct kg_control_ctl *ctl, json_t *event)
{
	stamped(event);
	for (unsigned int i = 0; i < KG_CTL_CLIENTS_MAX; i++) {
		struct kg_ctl_client *client = &ctl->clients[i];

		if (client->source.fd >= 0 && client->hears_events && !client->gone)
			kg_ctl_say(client, json_incref(event));
	}
	json_decref(event);
}

void kg_control_ctl_report(struct kg_control_ctl *ctl, const struct kg_tunnel_config *tunnel,
			   const struct kg_report *report)
{
	if (ctl != NULL && has_hearers(ctl))
		tell_all(ctl, kg_ctl_event(tunnel, report));
}

static json_t *outcome_json(const struct kg_reload_outcome *outcome)
{
	return json_pack("{s:b,s:i,s:i,s:i,s:s}", "good", (int)outcome->good, "went",
			 (int)outcome->went, "came", (int)outcome->came, "failed",
			 (int)outcome->failed, "why", outcome->why);
}

static void on_reload(void *ctx, const struct kg_reload_outcome *outcome)
{
	struct kg_control_ctl *ctl = ctx;
	json_t *event = outcome_json(outcome);

	for (unsigned int i = 0; i < KG_CTL_CLIENTS_MAX; i++) {
		struct kg_ctl_client *client = &ctl->clients[i];

		if (client->source.fd < 0 || !client->awaits_reload)
			continue;
		client->awaits_reload = false;
		kg_ctl_answer(client, json_incref(event));
	}
	json_object_set_new(event, "event", json_string("reload"));
	tell_all(ctl, event);
}

/* ---- life ---- */

/* Only root may ask, or who runs the box: Linux takes the mode of the socket for its name. */
static bool listen_at(struct kg_control_ctl *ctl)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX];

	if (!kg_run_path(path, "ctl-%s", ctl->box->config->name))
		return false;
	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, path);
	strcpy(ctl->path, path);
	unlink(path); /* of a box that was killed: its name is ours now */
	return fchmod(ctl->source.fd, 0600) == 0 &&
	       bind(ctl->source.fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       listen(ctl->source.fd, KG_CTL_CLIENTS_MAX) == 0;
}

struct kg_control_ctl *kg_control_ctl_create(struct kg_loop *loop, struct kg_box *box)
{
	struct kg_control_ctl *ctl = calloc(1, sizeof(*ctl));

	if (ctl == NULL)
		return NULL;
	ctl->box = box;
	for (unsigned int i = 0; i < KG_CTL_CLIENTS_MAX; i++)
		ctl->clients[i].source.fd = -1;
	kg_ctl_tracer_init(&ctl->tracer, loop, box);
	ctl->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ctl->source = (struct kg_loop_source){
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.due_us = KG_NEVER_US,
		.serve = on_connect,
	};
	if (ctl->source.fd >= 0 && listen_at(ctl) && kg_loop_add(loop, &ctl->source))
		return ctl;
	KG_LOG(WARNING, "no control socket: %s\n", strerror(errno));
	return ctl;
}

void kg_control_ctl_open(struct kg_control_ctl *ctl, struct kg_control_reload *reload)
{
	ctl->reload = reload;
	kg_control_reload_watch(reload, on_reload, ctl);
}

void kg_control_ctl_destroy(struct kg_control_ctl *ctl)
{
	if (ctl == NULL)
		return;
	for (unsigned int i = 0; i < KG_CTL_CLIENTS_MAX; i++) {
		if (ctl->clients[i].source.fd >= 0)
			let_go(&ctl->clients[i]);
	}
	kg_ctl_tracer_fini(&ctl->tracer);
	kg_loop_remove(&ctl->source);
	if (ctl->source.fd >= 0)
		close(ctl->source.fd);
	if (ctl->path[0] != '\0')
		unlink(ctl->path);
	close(ctl->spare_fd);
	free(ctl);
}
