/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets up a sender and a sink around the boxes under test, and keeps count of a run. */
#include "rig.h"

#include "nic/mbufs.h"
#include "pace.h"

#include <rte_cycles.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>

#define RX_MBUFS      (BENCH_RIG_PORTS * KG_NIC_MBUFS(1, KG_NIC_DESCRIPTORS) + 4096)
#define TX_MBUFS      4096
#define MEMPOOL_CACHE 256

#define RESOLVE_S    10
#define RESOLVE_PPS  5
#define OPEN_S       60 /* an overloaded channel may wait ten before it tries again */
#define OPEN_PPS     5000
#define OPEN_AGAIN_S 0.5 /* before a flow's datagram is taken for lost */

/* ---- ports ---- */

static void clear(struct rte_mempool *pool, void *arg, void *object, unsigned int index)
{
	struct rte_mbuf *m = object;

	memset(m->buf_addr, 0, m->buf_len);
}

/* What is sent comes from a pool of its own, into which nothing is ever received. */
static bool make_mempools(struct bench_rig *rig)
{
	rig->rx_mempool =
		kg_nic_mbufs_create("bench_rx", RX_MBUFS, MEMPOOL_CACHE, 0, RTE_ETHER_MTU);
	rig->tx_mempool =
		kg_nic_mbufs_create("bench_tx", TX_MBUFS, MEMPOOL_CACHE, 0, RTE_ETHER_MTU);
	if (rig->rx_mempool == NULL || rig->tx_mempool == NULL)
		return false;
	rte_mempool_obj_iter(rig->tx_mempool, clear, NULL);
	return true;
}

static bool start_ports(struct bench_rig *rig, char *error, size_t error_bytes)
{
	uint16_t port_id;

	RTE_ETH_FOREACH_DEV (port_id) {
		if (rig->port_count == BENCH_RIG_PORTS)
			break;
		if (!bench_port_start(&rig->ports[rig->port_count], port_id, rig->rx_mempool, error,
				      error_bytes))
			return false;
		rig->port_count++;
	}
	if (rig->port_count == 0)
		snprintf(error, error_bytes,
			 "no ports: EAL's options, which end with \"--\", must name one or two "
			 "(-a PCI-ADDRESS, or --vdev net_af_xdp0,iface=eth1)");
	return rig->port_count > 0;
}

static void give_addresses(struct bench_rig *rig)
{
	const struct bench_rig_params *params = rig->params;
	struct bench_port *sender = &rig->ports[BENCH_RIG_SENDER];

	bench_port_add_address(sender, &params->from.ip);
	sender->next_hop = params->gateway.version != 0 ? params->gateway : params->to.ip;
	if (params->sink.ip.version != 0)
		bench_port_add_address(&rig->ports[rig->port_count - 1], &params->sink.ip);
}

static bool resolve(struct bench_rig *rig, char *error, size_t error_bytes)
{
	struct bench_port *sender = &rig->ports[BENCH_RIG_SENDER];
	uint64_t hz = rte_get_tsc_hz(), end = rte_rdtsc() + RESOLVE_S * hz;
	char text[KG_IP_TEXT_BYTES];
	struct bench_pace pace;

	bench_pace_init(&pace, rte_rdtsc(), RESOLVE_PPS, (double)hz);
	while (!sender->next_hop_known && rte_rdtsc() < end && !*rig->params->interrupted) {
		if (bench_pace_due(&pace, rte_rdtsc(), 1) > 0)
			bench_port_ask(sender);
		if (bench_rig_poll_all(rig) == 0)
			bench_rig_idle(rig, hz);
	}
	if (!sender->next_hop_known)
		snprintf(error, error_bytes, "%s does not answer within %d s",
			 kg_ip_text(&sender->next_hop, text), RESOLVE_S);
	else
		kg_l2_init(&rig->l2, &sender->nic.mac, &sender->next_hop_mac, KG_VLAN_NONE);
	return sender->next_hop_known;
}

bool bench_rig_start(struct bench_rig *rig, const struct bench_rig_params *params, char *error,
		     size_t error_bytes)
{
	*rig = (struct bench_rig){ .params = params };
	for (unsigned int i = 0; i < BENCH_RIG_PORTS; i++)
		rig->ports[i].nic.port_id = RTE_MAX_ETHPORTS;
	bench_rig_idle_init(rig);
	/* Datagrams of an earlier process must not look like ours. */
	rig->run = (uint32_t)(rte_rdtsc() >> 16);
	if (!make_mempools(rig)) {
		snprintf(error, error_bytes, "not enough memory for %d mbufs; give EAL more",
			 RX_MBUFS + TX_MBUFS);
		return false;
	}
	if (!start_ports(rig, error, error_bytes))
		return false;
	if (params->two_cores && rig->port_count == 1) {
		snprintf(error, error_bytes, "a second core needs a second port: --cores 1");
		return false;
	}
	give_addresses(rig);
	return bench_rig_begin(rig, 1) && resolve(rig, error, error_bytes);
}

void bench_rig_stop(struct bench_rig *rig)
{
	for (unsigned int i = 0; i < BENCH_RIG_PORTS; i++)
		bench_port_stop(&rig->ports[i]);
	rte_mempool_free(rig->rx_mempool);
	rte_mempool_free(rig->tx_mempool);
	bench_tally_fini(&rig->one_way);
	bench_tally_fini(&rig->round_trip);
}

/* ---- runs ---- */

bool bench_rig_begin(struct bench_rig *rig, uint64_t numbers)
{
	rig->run++;
	return bench_tally_begin(&rig->one_way, rig->run, numbers, rig->params->flows) &&
	       bench_tally_begin(&rig->round_trip, rig->run, numbers, rig->params->flows);
}

struct bench_tally *bench_rig_tally(struct bench_rig *rig)
{
	bool back = rig->params->echo || rig->params->sink.ip.version == 0;

	return back ? &rig->round_trip : &rig->one_way;
}

void bench_rig_io(const struct bench_rig *rig, struct bench_io *io)
{
	for (unsigned int i = 0; i < rig->port_count; i++) {
		const struct bench_port_stats *stats = &rig->ports[i].stats;

		io[i] = (struct bench_io){
			.rx_frames = stats->rx_frames,
			.rx_bytes = stats->rx_bytes,
			.tx_frames = stats->tx_frames,
			.tx_bytes = stats->tx_bytes,
			.dropped =
				stats->rx_bad + stats->tx_full + bench_port_missed(&rig->ports[i]),
		};
	}
}

void bench_rig_print_io(const struct bench_rig *rig, const struct bench_io *from,
			const struct bench_io *to, double seconds)
{
	static const char *const names[] = { "sender", "sink" };

	for (unsigned int i = 0; i < rig->port_count; i++)
		bench_io_print(rig->ports[i].nic.port_id,
			       rig->port_count == 1 ? "sender and sink" : names[i], &from[i],
			       &to[i], seconds);
	bench_io_print_sum(from, to, rig->port_count, seconds);
}

/* The flows that have not delivered yet, in turn; a new turn not before the last has had time. */
struct opening {
	struct bench_pace pace;
	uint32_t flow;
	uint64_t turn_cyc;
};

static void send_next(struct bench_rig *rig, struct opening *opening)
{
	const struct bench_tally *tally = bench_rig_tally(rig);
	uint64_t now_cyc = rte_rdtsc();

	if (opening->flow == rig->params->flows &&
	    (double)(now_cyc - opening->turn_cyc) > OPEN_AGAIN_S * (double)rte_get_tsc_hz()) {
		opening->flow = 0;
		opening->turn_cyc = now_cyc;
	}
	while (opening->flow < rig->params->flows && bench_tally_has(tally, opening->flow))
		opening->flow++;
	if (opening->flow < rig->params->flows && bench_pace_due(&opening->pace, now_cyc, 1) > 0)
		bench_rig_send(rig, rig->run, opening->flow++, 1, now_cyc);
}

bool bench_rig_open_flows(struct bench_rig *rig, char *error, size_t error_bytes)
{
	const struct bench_tally *tally = bench_rig_tally(rig);
	uint64_t hz = rte_get_tsc_hz(), begin = rte_rdtsc();
	uint64_t end = begin + (OPEN_S + rig->params->flows / OPEN_PPS) * hz;
	struct opening opening = { .turn_cyc = begin };

	snprintf(error, error_bytes, "interrupted");
	if (!bench_rig_begin(rig, rig->params->flows))
		return false;
	bench_pace_init(&opening.pace, begin, OPEN_PPS, (double)hz);
	while (tally->received < rig->params->flows && !*rig->params->interrupted) {
		if (rte_rdtsc() > end) {
			snprintf(error, error_bytes, "%llu of %u flows deliver nothing",
				 (unsigned long long)(rig->params->flows - tally->received),
				 rig->params->flows);
			return false;
		}
		send_next(rig, &opening);
		if (bench_rig_poll_all(rig) == 0)
			bench_rig_idle(rig, hz / OPEN_PPS);
	}
	return !*rig->params->interrupted;
}
