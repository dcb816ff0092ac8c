/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the control thread's loop: it waits for signals, the kernel's routes and workers' reports,
 * and answers each.
 */
#include "control.h"

#include "box.h"
#include "clock.h"
#include "linux_ports.h"
#include "log.h"
#include "netlink/nexthop.h"
#include "nexthops.h"
#include "port_watch.h"
#include "shortage.h"
#include "trouble_log.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS       1000
#define LOG_LINES_MAX 20 /* reports logged per tick; the rest is counted */

struct kg_control {
	struct kg_box *box;
	struct kg_nexthop_watch *nexthops;
	struct kg_port_watch *ports;
	int signal_fd;
	unsigned int lines, suppressed; /* of this tick */
	struct kg_shortage shortage;
};

/* ---- next hops ---- */

static bool post_all(struct kg_control *control, struct kg_mail *mail)
{
	bool taken = true;

	for (unsigned int w = 0; w < control->box->worker_count; w++)
		taken &= kg_box_post(control->box, w, mail);
	return taken;
}

static bool publish(void *ctx, const struct kg_nexthop *nexthop)
{
	struct kg_control *control = ctx;
	struct kg_mail mail = { .type = KG_MAIL_NEXTHOP, .nexthop = *nexthop };
	char text[KG_IP_TEXT_BYTES];

	KG_LOG(DEBUG, "next hop of %s: state %d\n", kg_ip_text(&nexthop->peer, text),
	       nexthop->state);
	return post_all(control, &mail); /* else it is offered again */
}

static struct kg_nexthop_watch *watch_ports(struct kg_control *control)
{
	struct kg_nexthop_port ports[KG_CONFIG_PORTS_MAX];

	for (unsigned int i = 0; i < control->box->port_count; i++) {
		const struct kg_box_port *port = &control->box->ports[i];

		ports[i] = (struct kg_nexthop_port){
			.ifindex = kg_exception_ifindex(port->tap),
			.mac = port->nic.mac,
			.vlan = port->config->vlan,
		};
	}
	return kg_nexthop_watch_create(ports, control->box->port_count, publish, control);
}

/* Whoever can make up peers must not fill our memory: the oldest is forgotten, and asked for anew
 * if it is in use. False: it stays, for a worker's mailbox is full. */
static bool make_room(struct kg_control *control)
{
	const struct kg_ip *oldest = kg_nexthop_watch_oldest(control->nexthops);
	struct kg_mail mail = { .type = KG_MAIL_FORGET_HOP };

	mail.nexthop.peer = *oldest;
	if (!post_all(control, &mail))
		return false;
	kg_nexthop_watch_forget(control->nexthops, &mail.nexthop.peer);
	return true;
}

/* A question that cannot be served now is asked again. */
static void resolve(struct kg_control *control, const struct kg_ip *peer)
{
	if (kg_nexthop_watch_count(control->nexthops) < KG_NEXTHOPS_MAX || make_room(control))
		kg_nexthop_watch_resolve(control->nexthops, peer);
}

/* ---- reports ---- */

static void log_closed(const struct kg_control *control, const struct kg_report *r)
{
	char remote[KG_ENDPOINT_TEXT_BYTES] = "?";

	if (r->remote.ip.version != 0)
		kg_endpoint_text(&r->remote, remote);
	KG_LOG(NOTICE, "%s: %s channel %08x with %s closed: %s%s%s\n",
	       control->box->tunnels[r->tunnel].config->name, kg_protocol_name(r->protocol),
	       r->conv, remote, kg_close_name(r->why), r->text[0] != '\0' ? ": " : "", r->text);
}

static void log_connect_failed(const struct kg_control *control, const struct kg_report *r)
{
	const struct kg_tunnel_config *tunnel = control->box->tunnels[r->tunnel].config;
	char text[KG_ENDPOINT_TEXT_BYTES];
	const char *to = r->text;

	if (!tunnel->custom_destination)
		to = kg_endpoint_text(&(struct kg_endpoint){ tunnel->destinations[0],
							     tunnel->destination_ports[0].first },
				      text);
	KG_LOG(NOTICE, "%s: cannot connect %s to %s: %s\n", tunnel->name,
	       kg_protocol_name(r->protocol), to, kg_refusal_text((uint32_t)r->error));
}

static void log_report(struct kg_control *control, const struct kg_report *r)
{
	if (control->lines++ >= LOG_LINES_MAX) {
		control->suppressed++;
		return;
	}
	if (r->type == KG_REPORT_CLOSED)
		log_closed(control, r);
	else if (r->type == KG_REPORT_CONNECT_FAILED)
		log_connect_failed(control, r);
	else if (r->type == KG_REPORT_TROUBLE)
		kg_trouble_log(control->box, r, kg_clock_now_us());
	else
		KG_LOG(NOTICE, "%s: %s connection refused: no channel or local port left\n",
		       control->box->tunnels[r->tunnel].config->name,
		       kg_protocol_name(r->protocol));
}

static bool read_reports(struct kg_control *control)
{
	struct kg_report report;
	bool any = false;

	for (unsigned int w = 0; w < control->box->worker_count; w++) {
		while (rte_ring_sc_dequeue_elem(control->box->reports[w], &report,
						sizeof(report)) == 0) {
			any = true;
			if (report.type == KG_REPORT_RESOLVE)
				resolve(control, &report.remote.ip);
			else
				log_report(control, &report);
		}
	}
	return any;
}

/* False: the box cannot go on. */
static bool tick(struct kg_control *control, uint64_t now_us)
{
	kg_nexthop_watch_tick(control->nexthops, now_us);
	kg_shortage_tick(&control->shortage, control->box, now_us);
	kg_linux_ports_refresh(control->box);
	if (control->suppressed > 0)
		KG_LOG(NOTICE, "%u more lines suppressed\n", control->suppressed);
	control->lines = 0;
	control->suppressed = 0;
	return kg_port_watch_tick(control->ports);
}

/* ---- life ---- */

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

struct kg_control *kg_control_create(struct kg_box *box)
{
	struct kg_control *control = calloc(1, sizeof(*control));
	sigset_t signals = handled_signals();

	if (control == NULL)
		return NULL;
	control->box = box;
	control->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	control->nexthops = watch_ports(control);
	control->ports = kg_port_watch_create(box);
	if (control->signal_fd < 0 || control->nexthops == NULL || control->ports == NULL) {
		kg_control_destroy(control);
		return NULL;
	}
	return control;
}

void kg_control_destroy(struct kg_control *control)
{
	if (control == NULL)
		return;
	if (control->nexthops != NULL)
		kg_nexthop_watch_destroy(control->nexthops);
	kg_port_watch_destroy(control->ports);
	if (control->signal_fd >= 0)
		close(control->signal_fd);
	free(control);
}

/* The waker is the last of `fds`. */
static void sleep_until_event(struct kg_control *control, struct pollfd *fds, nfds_t count)
{
	struct kg_waker *waker = &control->box->control_waker;

	kg_waker_prepare(waker);
	if (!read_reports(control))
		poll(fds, count, TICK_MS);
	kg_waker_cancel(waker);
	if (fds[count - 1].revents != 0)
		kg_waker_take(waker);
}

bool kg_control_run(struct kg_control *control)
{
	struct pollfd fds[] = {
		{ .fd = control->signal_fd, .events = POLLIN },
		{ .fd = kg_nexthop_watch_fd(control->nexthops), .events = POLLIN },
		{ .fd = control->box->control_waker.fd, .events = POLLIN },
	};
	uint64_t tick_us = kg_clock_now_us();

	while ((fds[0].revents & POLLIN) == 0) {
		uint64_t now_us = kg_clock_now_us();

		sleep_until_event(control, fds, KG_ARRAY_SIZE(fds));
		if ((fds[1].revents & (POLLIN | POLLERR)) != 0)
			kg_nexthop_watch_input(control->nexthops);
		read_reports(control);
		if (now_us >= tick_us) {
			if (!tick(control, now_us))
				return false;
			tick_us = now_us + TICK_MS * KG_US_PER_MS;
		}
	}
	return true;
}
