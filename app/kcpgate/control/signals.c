/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends the control loop when a signal asks for it. */
#include "control/control.h"
#include "control/parts.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct kg_control_signals {
	struct kg_loop_source source;
};

static sigset_t handled_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

void kg_control_block_signals(void)
{
	sigset_t set = handled_signals();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	kg_loop_end(source->loop, true);
}

struct kg_control_signals *kg_control_signals_create(struct kg_loop *loop)
{
	struct kg_control_signals *signals = calloc(1, sizeof(*signals));
	sigset_t set = handled_signals();

	if (signals == NULL)
		return NULL;
	signals->source = (struct kg_loop_source){ .due_us = KG_NEVER_US, .serve = serve };
	signals->source.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->source.fd >= 0 && kg_loop_add(loop, &signals->source))
		return signals;
	kg_control_signals_destroy(signals);
	return NULL;
}

void kg_control_signals_destroy(struct kg_control_signals *signals)
{
	if (signals == NULL)
		return;
	kg_loop_remove(&signals->source);
	if (signals->source.fd >= 0)
		close(signals->source.fd);
	free(signals);
}
