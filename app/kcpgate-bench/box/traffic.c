/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the rig's datagrams, sends them, and takes what comes back. */
#include "rig.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define IDLE_MAX_US 50 /* what a frame may wait for us */
#define IDLE_MIN_US 5  /* less is not worth a system call */

#define TIMER_SLACK_NS 1000 /* the default of 50 us would make short sleeps long ones */

/* Small, middle and large as 7 : 4 : 1, what is commonly called IMIX, here of payloads. */
static const uint16_t mix[] = { 64, 512, 64, 64, 512, 64, 1200, 64, 512, 64, 64, 512 };

double bench_rig_mean_size(const struct bench_rig_params *params)
{
	double sum = 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(mix); i++)
		sum += params->size != 0 ? params->size : mix[i];
	return sum / KG_ARRAY_SIZE(mix);
}

/* The mix goes on by one with each round of the flows, so that every flow has all sizes. */
static uint16_t size_of(const struct bench_rig_params *params, uint64_t number)
{
	if (params->size != 0)
		return params->size;
	return mix[(number + number / params->flows) % KG_ARRAY_SIZE(mix)];
}

/* The payload behind the probe stays as the pool was made: zeros. */
static void fill(const struct bench_rig *rig, struct rte_mbuf *m, const struct bench_probe *probe)
{
	const struct bench_rig_params *params = rig->params;
	struct kg_endpoint from = params->from;
	uint16_t size = size_of(params, probe->number);
	uint16_t header = kg_frame_header_bytes(&rig->l2, params->to.ip.version);
	uint8_t *out = rte_pktmbuf_mtod(m, uint8_t *);

	from.port = (uint16_t)(from.port + probe->number % params->flows);
	bench_probe_encode(probe, out + header);
	kg_frame_build(out, &rig->l2, &from, &params->to, size, 0, KG_FRAME_CSUM_SOFTWARE);
	rte_pktmbuf_append(m, header + size);
}

unsigned int bench_rig_send(struct bench_rig *rig, uint32_t run, uint64_t number,
			    unsigned int count, uint64_t now_cyc)
{
	struct bench_probe probe = { .run = run, .number = number, .sent_cyc = now_cyc };
	struct bench_port *port = &rig->ports[BENCH_RIG_SENDER];
	uint64_t full = port->stats.tx_full;
	struct rte_mbuf *v[KG_NIC_BURST];

	if (rte_pktmbuf_alloc_bulk(rig->tx_mempool, v, count) != 0)
		return 0;
	for (unsigned int i = 0; i < count; i++, probe.number++) {
		fill(rig, v[i], &probe);
		bench_port_tx(port, v[i]);
	}
	bench_port_flush(port);
	return count - (unsigned int)(port->stats.tx_full - full);
}

/* The datagram goes back where it came from, in its own mbuf. */
static void echo(struct bench_port *port, struct rte_mbuf *m, const struct kg_frame *frame)
{
	uint8_t *out = rte_pktmbuf_mtod(m, uint8_t *);
	struct kg_mac back;
	struct kg_l2 l2;

	memcpy(back.bytes, out + sizeof(back.bytes), sizeof(back.bytes));
	kg_l2_init(&l2, &port->nic.mac, &back, KG_VLAN_NONE);
	kg_frame_build(out, &l2, &frame->destination, &frame->source, frame->payload_bytes, 0,
		       KG_FRAME_CSUM_SOFTWARE);
	m->data_len = frame->payload_offset + frame->payload_bytes;
	m->pkt_len = m->data_len;
	bench_port_tx(port, m);
}

static bool is_answer(const struct bench_rig_params *params, const struct kg_frame *frame)
{
	uint16_t flow = (uint16_t)(frame->destination.port - params->from.port);

	return flow < params->flows && kg_ip_equal(&frame->destination.ip, &params->from.ip) &&
	       kg_endpoint_equal(&frame->source, &params->to);
}

/* Owns the mbuf from here on. */
static void take(struct bench_rig *rig, struct bench_port *port, struct rte_mbuf *m,
		 const struct kg_frame *frame, uint64_t now_cyc)
{
	const struct bench_rig_params *params = rig->params;
	struct bench_probe probe;

	if (!bench_probe_decode(&probe,
				rte_pktmbuf_mtod_offset(m, uint8_t *, frame->payload_offset),
				frame->payload_bytes)) {
		port->stats.rx_other++;
	} else if (kg_endpoint_equal(&frame->destination, &params->sink)) {
		bench_tally_take(&rig->one_way, &probe, frame->payload_bytes, now_cyc);
		if (params->echo) {
			echo(port, m, frame);
			return;
		}
	} else if (is_answer(params, frame)) {
		bench_tally_take(&rig->round_trip, &probe, frame->payload_bytes, now_cyc);
	} else {
		port->stats.rx_other++;
	}
	rte_pktmbuf_free(m);
}

unsigned int bench_rig_poll(struct bench_rig *rig, struct bench_port *port)
{
	struct rte_mbuf *v[KG_NIC_BURST];
	struct kg_frame frames[KG_NIC_BURST];
	uint16_t n = bench_port_rx(port, v, frames);
	uint64_t now_cyc = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++)
		take(rig, port, v[i], &frames[i], now_cyc);
	if (n > 0)
		bench_port_flush(port);
	return n;
}

unsigned int bench_rig_poll_all(struct bench_rig *rig)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < rig->port_count; i++)
		n += bench_rig_poll(rig, &rig->ports[i]);
	return n;
}

void bench_rig_idle_init(const struct bench_rig *rig)
{
	if (rig->params->adaptive)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
}

void bench_rig_idle(const struct bench_rig *rig, uint64_t cyc)
{
	uint64_t us = cyc * KG_US_PER_S / rte_get_tsc_hz();
	struct timespec time = { .tv_nsec = (long)KG_MIN(us, (uint64_t)IDLE_MAX_US) * 1000 };

	if (rig->params->adaptive && us >= IDLE_MIN_US)
		nanosleep(&time, NULL);
	else
		rte_pause();
}
