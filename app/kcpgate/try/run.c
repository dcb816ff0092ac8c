/* SPDX-License-Identifier: BSD-3-Clause */
/* Drives the trials, many at a time, each on a socket of its own. */
#include "try/internal.h"

#include "clock.h"
#include "kernel/udp_errors.h"
#include "payload/payload.h"
#include "payload/socket.h"
#include "thread/monotonic.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define AT_A_TIME         256
#define DATAGRAMS_AT_ONCE 16 /* of a socket, then others have their turn */
#define PROGRESS_EVERY_US (100ull * KG_US_PER_MS)

struct slot {
	int fd;
	struct kg_try_place *place; /* NULL: free */
	struct kg_trial trial;
};

struct run {
	struct kg_try *t;
	int epoll_fd;
	unsigned int slot_count; /* no more than there are descriptors */
	size_t begun, done, failed;
	struct slot slots[AT_A_TIME];
	uint64_t progress_us; /* when it is shown again; KG_NEVER_US: nobody looks */
};

/* ---- one of them ---- */

static void note_done(struct run *run, const struct kg_verdict *verdict)
{
	run->done++;
	run->failed += verdict->kind != KG_VERDICT_ANSWERED;
}

static void fail_here(struct run *run, struct kg_try_place *place, int number)
{
	place->verdict = (struct kg_verdict){
		.kind = KG_VERDICT_UNREACHABLE,
		.why = kg_udp_error_here(number).why,
	};
	note_done(run, &place->verdict);
}

/* Descriptor, or -errno. Several datagrams do not come as one. */
static int open_socket(const struct kg_try_place *place)
{
	const struct kg_endpoint to = { place->host->answer.ips[place->ip], place->port };
	const int off = 0;
	bool in_progress;
	int fd = kg_socket_dial(&to, SOCK_DGRAM, NULL, &in_progress);

	if (fd < 0)
		return fd;
	(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &off, sizeof(off));
	kg_udp_errors_keep(fd);
	return fd;
}

static bool watch(const struct run *run, struct slot *slot)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = slot };

	return epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, slot->fd, &event) == 0;
}

static void begin(struct run *run, struct slot *slot, struct kg_try_place *place)
{
	struct kg_try_host *host = place->host;
	int fd = open_socket(place);

	if (fd < 0) {
		fail_here(run, place, -fd);
		return;
	}
	slot->fd = fd;
	if (!watch(run, slot) || !kg_trial_init(&slot->trial, &host->tunnel->trials,
						&host->clocks[place->ip], kg_monotonic_us())) {
		close(fd);
		fail_here(run, place, ENOMEM);
		return;
	}
	slot->place = place;
}

static void end(struct run *run, struct slot *slot)
{
	slot->place->verdict = slot->trial.verdict;
	note_done(run, &slot->place->verdict);
	kg_trial_fini(&slot->trial);
	close(slot->fd);
	slot->place = NULL;
}

static void take_errors(struct slot *slot)
{
	struct kg_udp_error error;

	while (kg_udp_error_take(slot->fd, &error))
		kg_trial_unreachable(&slot->trial, error.why, &error.by, kg_monotonic_us());
}

static void receive(struct slot *slot)
{
	uint8_t datagram[KG_DATAGRAM_MAX_BYTES];

	take_errors(slot);
	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		ssize_t len = recv(slot->fd, datagram, sizeof(datagram), 0);

		if (len < 0 && kg_would_block(errno))
			return;
		if (len > 0)
			kg_trial_input(&slot->trial, datagram, (uint16_t)len, kg_monotonic_us(),
				       kg_clock_unix_s());
	}
}

/* An error that is about an earlier datagram waits in the queue, too. */
static void transmit(struct slot *slot)
{
	uint8_t datagram[KG_DATAGRAM_MAX_BYTES];
	uint64_t at_us = kg_monotonic_us();
	uint16_t len;

	while ((len = kg_trial_output(&slot->trial, datagram, at_us, kg_clock_unix_s())) > 0) {
		struct kg_udp_error error;

		if (send(slot->fd, datagram, len, 0) >= 0 || kg_would_block(errno))
			continue;
		error = kg_udp_error_here(errno);
		take_errors(slot);
		kg_trial_unreachable(&slot->trial, error.why, &error.by, at_us);
	}
}

/* ---- all of them ---- */

static void fill(struct run *run)
{
	for (unsigned int i = 0; i < run->slot_count; i++) {
		while (run->slots[i].place == NULL && run->begun < run->t->place_count) {
			struct kg_try_place *place = &run->t->places[run->begun++];

			if (place->verdict.kind == KG_VERDICT_WAITING)
				begin(run, &run->slots[i], place);
			else
				note_done(run, &place->verdict);
		}
	}
}

static uint64_t serve(struct run *run)
{
	uint64_t at_us = kg_monotonic_us(), deadline_us = KG_NEVER_US;

	for (unsigned int i = 0; i < run->slot_count; i++) {
		struct slot *slot = &run->slots[i];

		if (slot->place == NULL)
			continue;
		transmit(slot);
		if (kg_trial_is_over(&slot->trial, at_us))
			end(run, slot);
		else
			deadline_us = KG_MIN(deadline_us, kg_trial_deadline_us(&slot->trial));
	}
	return deadline_us;
}

static void wait_until(struct run *run, uint64_t deadline_us)
{
	struct epoll_event events[AT_A_TIME];
	uint64_t at_us = kg_monotonic_us();
	uint64_t wait_us = deadline_us > at_us ? deadline_us - at_us : 0;
	int count = epoll_wait(run->epoll_fd, events, AT_A_TIME,
			       (int)((wait_us + KG_US_PER_MS - 1) / KG_US_PER_MS));

	for (int i = 0; i < count; i++)
		receive(events[i].data.ptr);
}

/* On a terminal only. */
static void show_progress(struct run *run)
{
	uint64_t at_us = kg_monotonic_us();

	if (at_us < run->progress_us)
		return;
	run->progress_us = at_us + PROGRESS_EVERY_US;
	fprintf(stderr, "\r%zu of %zu tested, %zu failed", run->done, run->t->place_count,
		run->failed);
}

static void run_all(struct run *run)
{
	while (run->done < run->t->place_count) {
		uint64_t deadline_us;

		fill(run);
		deadline_us = serve(run);
		show_progress(run);
		if (run->done < run->t->place_count && deadline_us != KG_NEVER_US)
			wait_until(run, deadline_us);
	}
	if (run->progress_us != KG_NEVER_US)
		fputs("\r\033[K", stderr);
}

bool kg_try_run(struct kg_try *t)
{
	struct run *run = calloc(1, sizeof(*run));
	bool good;

	if (run == NULL)
		return false;
	run->t = t;
	run->slot_count = KG_MIN(kg_payload_sockets_max(), AT_A_TIME + 0u);
	run->progress_us = isatty(STDERR_FILENO) ? 0 : KG_NEVER_US;
	run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	good = run->epoll_fd >= 0;
	if (good) {
		run_all(run);
		close(run->epoll_fd);
	}
	free(run);
	return good;
}
