/* SPDX-License-Identifier: BSD-3-Clause */
/* Has the telemetry socket answer what clients of the control socket want to see: there is one list
 * of what a box shows, and one way to it. */
#include "control/ctl.h"

#include <errno.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES (20u << 10) /* more than DPDK's longest */

void kg_ctl_stop_figures(struct kg_ctl_client *client)
{
	if (client->figures.fd < 0)
		return;
	kg_loop_remove(&client->figures);
	close(client->figures.fd);
	client->figures.fd = -1;
}

/* The answer is an object whose only key is the command. */
static void pass_on(struct kg_ctl_client *client, const char *text, size_t len)
{
	json_t *whole = json_loadb(text, len, 0, NULL);
	json_t *value = json_object_get(whole, client->command);

	if (json_is_object(value) || json_is_array(value))
		kg_ctl_answer(client, json_incref(value));
	else
		kg_ctl_refuse(client, "there is nothing by that name or number");
	json_decref(whole);
}

static void on_answer(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_ctl_client *client = KG_CONTAINER_OF(source, struct kg_ctl_client, figures);
	static char text[ANSWER_BYTES]; /* of the one thread */
	ssize_t len = recv(source->fd, text, sizeof(text), MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (!client->greeted && len > 0) {
		client->greeted = true;
		return;
	}
	if (client->id != NULL && len > 0)
		pass_on(client, text, (size_t)len);
	else if (client->id != NULL)
		kg_ctl_refuse(client, "the telemetry socket does not answer");
	if (len <= 0)
		kg_ctl_stop_figures(client);
}

static bool connect_to(struct kg_ctl_client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk_telemetry.v2",
		 rte_eal_get_runtime_dir());
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	client->greeted = false;
	client->figures =
		(struct kg_loop_source){ .fd = fd, .due_us = KG_NEVER_US, .serve = on_answer };
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    kg_loop_add(client->source.loop, &client->figures))
		return true;
	close(fd);
	client->figures.fd = -1;
	return false;
}

void kg_ctl_ask_figures(struct kg_ctl_client *client, const char *what, const char *of)
{
	char question[128];
	int len;

	snprintf(client->command, sizeof(client->command), "/kcpgate/%.32s", what);
	len = snprintf(question, sizeof(question), "%s%s%.32s", client->command,
		       of[0] != '\0' ? "," : "", of);
	if ((client->figures.fd < 0 && !connect_to(client)) ||
	    send(client->figures.fd, question, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len)
		kg_ctl_refuse(client, "the telemetry socket cannot be reached: %s",
			      strerror(errno));
}
