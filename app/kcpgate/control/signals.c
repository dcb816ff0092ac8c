/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends the control loop, or has the settings read anew, when a signal asks for it. */
#include "control/control.h"
#include "control/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct kg_control_signals {
	struct kg_loop_source source;
	struct kg_control_reload *reload;
};

static sigset_t handled_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
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
	struct kg_control_signals *signals =
		KG_CONTAINER_OF(source, struct kg_control_signals, source);
	struct signalfd_siginfo info;

	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			kg_loop_end(source->loop, true);
		else if (signals->reload != NULL)
			kg_control_reload_ask(signals->reload);
	}
}

struct kg_control_signals *kg_control_signals_create(struct kg_loop *loop,
						     struct kg_control_reload *reload)
{
	struct kg_control_signals *signals = calloc(1, sizeof(*signals));
	sigset_t set = handled_signals();

	if (signals == NULL)
		return NULL;
	signals->reload = reload;
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
