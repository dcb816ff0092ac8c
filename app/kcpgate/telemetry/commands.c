/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives the commands of DPDK's telemetry socket to those who answer them. */
#include "telemetry.h"

#include "box.h"
#include "log.h"
#include "telemetry/front.h"
#include "telemetry/http.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_telemetry.h>
#include <string.h>

static const struct {
	const char *name;
	int (*answer)(struct kg_box *box, const char *params, struct rte_tel_data *d);
	const char *help;
} commands[] = {
	{ "/kcpgate/stats", kg_telemetry_stats,
	  "Numbers of the box, drop reasons among them. Parameters: worker (none: all)" },
	{ "/kcpgate/payload", kg_telemetry_payload,
	  "Numbers of one payload thread. Parameters: thread (none: the first)" },
	{ "/kcpgate/help", kg_telemetry_help,
	  "What the numbers mean, a page at a time. Parameters: numbers to skip" },
	{ "/kcpgate/tunnels", kg_telemetry_tunnels,
	  "State of each tunnel, a page at a time. Parameters: tunnels to skip" },
	{ "/kcpgate/troubles", kg_telemetry_troubles,
	  "What keeps tunnels from working, the latest of each kind and peer. No parameters" },
	{ "/kcpgate/channels", kg_telemetry_channels,
	  "Channels, a page at a time. Parameters: worker, channels to skip" },
	{ "/kcpgate/paths", kg_telemetry_paths,
	  "Paths of channels, a page at a time. Parameters: worker, paths to skip" },
	{ "/kcpgate/dropped", kg_telemetry_dropped,
	  "The last drop of each address and reason, a page at a time. Parameters: worker, drops "
	  "to skip" },
	{ "/kcpgate/names", kg_telemetry_names,
	  "Host names of servers, a page at a time. Parameters: names to skip" },
	{ "/kcpgate/stun", kg_telemetry_stun,
	  "How tunnels' ports look from outside, a page at a time. Parameters: rows to skip" },
};

/* DPDK's telemetry calls from a thread per client and offers no unregistering. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kg_box *the_box;
static struct kg_telemetry_front *front;
static struct kg_telemetry_http *http;

/* The tunnels that there are stay meanwhile. */
static int answer(int (*call)(struct kg_box *box, const char *params, struct rte_tel_data *d),
		  const char *params, struct rte_tel_data *d)
{
	int rc;

	pthread_mutex_lock(&the_box->tunnels_lock);
	rc = call(the_box, params, d);
	pthread_mutex_unlock(&the_box->tunnels_lock);
	return rc;
}

static int on_command(const char *name, const char *params, struct rte_tel_data *d)
{
	int rc = -1;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; the_box != NULL && i < KG_ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			rc = answer(commands[i].answer, params, d);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

/* Without them the box does its work all the same. */
static void begin_http(struct kg_box *box)
{
	const char *place = box->config->metrics;

	if (place == NULL)
		return;
	http = kg_telemetry_http_create(box, place);
	if (http == NULL)
		KG_LOG(WARNING, "no metrics at %s: %s\n", place, strerror(errno));
}

int kg_telemetry_init(struct kg_box *box)
{
	int rc = 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(commands) && rc == 0; i++)
		rc = rte_telemetry_register_cmd(commands[i].name, on_command, commands[i].help);
	pthread_mutex_lock(&lock);
	the_box = box;
	pthread_mutex_unlock(&lock);
	begin_http(box);
	front = kg_telemetry_front_create(rte_eal_get_runtime_dir());
	return rc != 0 || front != NULL ? rc : -errno;
}

void kg_telemetry_fini(void)
{
	kg_telemetry_http_destroy(http);
	kg_telemetry_front_destroy(front);
	pthread_mutex_lock(&lock);
	the_box = NULL;
	pthread_mutex_unlock(&lock);
}
