/* SPDX-License-Identifier: BSD-3-Clause */
/* Begins and ends threads that EAL has not started. */
#include "thread/helper.h"

#include <pthread.h>
#include <rte_lcore.h>
#include <signal.h>
#include <stddef.h>

bool kg_thread_begin(bool shared)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	return !shared && rte_thread_register() == 0;
}

void kg_thread_end(bool known)
{
	if (known)
		rte_thread_unregister();
}
