/* SPDX-License-Identifier: BSD-3-Clause */
#include "box.h"

#include "clock.h"
#include "crypto/aead_table.h"
#include "crypto/kdf.h"
#include "log.h"
#include "pkt.h"
#include "worker.h"

#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMPOOL_CACHE     256
#define LINK_RING_SIZE    16384 /* messages between a worker and the payload thread */
#define HANDOFF_RING_SIZE 4096
#define REPORT_RING_SIZE  1024
#define FRAMES_IN_RINGS   4096 /* mbufs that may wait between workers and Linux */
#define SMALL_PAGE_BYTES  4096
#define SEEN_ENTRIES      (1u << 17)
#define SEEN_KEEP_S       510 /* a timestamp is good from 255 s before until 255 s after */

#define FAIL(...)                                          \
	do {                                               \
		snprintf(error, error_bytes, __VA_ARGS__); \
		return false;                              \
	} while (0)

/* ---- memory ---- */

static bool init_memory(struct kg_box *box, char *error, size_t error_bytes)
{
	const struct kg_config *config = box->config;
	size_t total = (size_t)config->memory_mb << 20;
	unsigned int mbufs = config->port_count * KG_NIC_MBUFS(config->worker_count) +
			     FRAMES_IN_RINGS +
			     (config->worker_count + 1) * (MEMPOOL_CACHE * 2 + HANDOFF_RING_SIZE);
	/* An mbuf must not cross a page, and only one fits in a small page. */
	size_t mbuf_bytes = (size_t)mbufs * (config->hugepages ? RTE_MBUF_DEFAULT_BUF_SIZE + 256
							       : SMALL_PAGE_BYTES);
	size_t taken = mbuf_bytes + total / 8 /* arenas */ + total / 8 /* EAL, rings, tables */;

	if (taken + total / 8 > total)
		FAIL("memory.mb: %u is too little for %u ports and %u workers; %zu would do",
		     config->memory_mb, config->port_count, config->worker_count,
		     (mbuf_bytes >> 20) * 2 + 16);
	box->mbufs = rte_pktmbuf_pool_create("kg_mbufs", mbufs, MEMPOOL_CACHE, KG_PKT_PRIV_BYTES,
					     RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	box->bufs = kg_buf_mempool_create("kg_bufs", total - taken, MEMPOOL_CACHE);
	if (box->mbufs == NULL || box->bufs == NULL)
		FAIL("out of memory: %u MB of %s wanted", config->memory_mb,
		     config->hugepages ? "hugepages" : "memory");
	return true;
}

/* ---- ports ---- */

static bool init_port(struct kg_box *box, unsigned int index, char *error, size_t error_bytes)
{
	struct kg_box_port *port = &box->ports[index];
	const struct kg_port_config *config = &box->config->ports[index];
	struct kg_nic_params nic = {
		.device = config->device,
		.queues = (uint16_t)box->config->worker_count,
		.mtu = config->mtu,
		.vlan = config->vlan,
		.mempool = box->mbufs,
	};
	struct kg_exception_params tap = {
		.name = config->tap,
		.mtu = config->mtu,
		.addresses = config->addresses,
		.address_count = config->address_count,
		.gateways = config->gateways,
		.gateway_count = config->gateway_count,
		.mempool = box->mbufs,
	};
	char why[256];

	port->config = config;
	port->nic.port_id = RTE_MAX_ETHPORTS;
	box->port_count = index + 1;
	if (!kg_nic_start(&port->nic, &nic, why, sizeof(why)))
		FAIL("port %s: %s", config->name, why);
	tap.mac = port->nic.mac;
	port->tap = kg_exception_create(&tap, why, sizeof(why));
	if (port->tap == NULL)
		FAIL("port %s: %s", config->name, why);
	KG_LOG(INFO, "port %s: %s, mirrored by %s, %u queues\n", config->name, config->device,
	       config->tap, nic.queues);
	return true;
}

/* ---- tunnels ---- */

static void enter_listen_ports(struct kg_box *box, uint16_t index)
{
	const struct kg_tunnel_config *config = box->tunnels[index].config;

	for (unsigned int i = 0; i < config->listen_port_count; i++) {
		for (uint32_t port = config->listen_ports[i].first;
		     port <= config->listen_ports[i].last; port++) {
			if (kg_port_table_get(&box->udp_ports, (uint16_t)port) ==
			    KG_PORT_TABLE_NONE)
				kg_port_table_set(&box->udp_ports, (uint16_t)port, index);
		}
	}
}

static bool init_tunnel(struct kg_box *box, uint16_t index, char *error, size_t error_bytes)
{
	struct kg_box_tunnel *tunnel = &box->tunnels[index];
	const struct kg_tunnel_config *config = &box->config->tunnels[index];
	const char *password = config->encryption_password;

	tunnel->config = config;
	tunnel->aead = kg_aead_lookup(config->encryption_algorithm);
	if (tunnel->aead == NULL)
		FAIL("tunnel %s: no algorithm %s", config->name, config->encryption_algorithm);
	if (tunnel->aead->keyed && !kg_kdf_sha3_256(password, strlen(password), tunnel->key))
		FAIL("tunnel %s: the key cannot be derived", config->name);
	if (config->role == KG_ROLE_SERVER) {
		enter_listen_ports(box, index);
		tunnel->seen = kg_seen_create(&box->mem, SEEN_ENTRIES, SEEN_KEEP_S);
		if (tunnel->seen == NULL)
			FAIL("tunnel %s: out of memory", config->name);
	}
	KG_LOG(INFO,
	       "tunnel %s: %s, %s, kcp_mtu %u. KCPTube's wire hides and checks the traffic; it "
	       "does not keep it secret from a determined observer\n",
	       config->name, config->role == KG_ROLE_CLIENT ? "client" : "server",
	       tunnel->aead->name, config->kcp.mtu);
	return true;
}

static bool init_tunnels(struct kg_box *box, char *error, size_t error_bytes)
{
	kg_port_table_init(&box->udp_ports);
	box->tunnels = calloc(box->config->tunnel_count, sizeof(box->tunnels[0]));
	if (box->tunnels == NULL)
		FAIL("out of memory");
	box->tunnel_count = box->config->tunnel_count;
	for (uint16_t i = 0; i < box->tunnel_count; i++) {
		if (!init_tunnel(box, i, error, error_bytes))
			return false;
	}
	return true;
}

/* Linux must not give a socket of its own a port that a tunnel uses. */
static bool reserve_ports(struct kg_box *box, char *error, size_t error_bytes)
{
	static const struct kg_port_range local = { KG_LOCAL_PORT_FIRST, KG_LOCAL_PORT_LAST };
	struct kg_port_range *ranges = NULL;
	unsigned int count = 0;

	for (unsigned int t = 0; t < box->tunnel_count; t++) {
		const struct kg_tunnel_config *config = box->tunnels[t].config;
		bool server = config->role == KG_ROLE_SERVER;
		unsigned int more = server ? config->listen_port_count : 1;

		ranges = realloc(ranges, (count + more) * sizeof(*ranges));
		if (ranges == NULL)
			FAIL("out of memory");
		memcpy(ranges + count, server ? config->listen_ports : &local,
		       more * sizeof(*ranges));
		count += more;
	}
	box->reserved_ports = kg_reserved_ports_hold(ranges, count);
	free(ranges);
	if (box->reserved_ports == NULL)
		KG_LOG(WARNING,
		       "cannot reserve the tunnels' UDP ports (%s): Linux may use them too\n",
		       strerror(errno));
	return true;
}

/* ---- rings ---- */

static struct rte_ring *make_ring(const char *format, unsigned int a, unsigned int b,
				  unsigned int element_bytes, unsigned int size)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), format, a, b);
	return rte_ring_create_elem(name, element_bytes, size, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static bool init_rings_of(struct kg_box *box, unsigned int w)
{
	char name[16];

	snprintf(name, sizeof(name), "kg_w%u", w);
	box->links[w].payload_waker = &box->payload_waker;
	if (kg_payload_link_init(&box->links[w], name, LINK_RING_SIZE) != 0)
		return false;
	box->mail[w] = make_ring("kg_mail_%u", w, 0, sizeof(struct kg_mail), KG_MAIL_RING_SIZE);
	box->reports[w] =
		make_ring("kg_report_%u", w, 0, sizeof(struct kg_report), REPORT_RING_SIZE);
	for (unsigned int from = 0; from < box->config->worker_count; from++) {
		if (from == w)
			continue;
		box->handoff[w][from] =
			make_ring("kg_hand_%u_%u", w, from, sizeof(void *), HANDOFF_RING_SIZE);
		if (box->handoff[w][from] == NULL)
			return false;
	}
	return box->mail[w] != NULL && box->reports[w] != NULL;
}

static bool init_rings(struct kg_box *box, char *error, size_t error_bytes)
{
	pthread_mutex_init(&box->mail_lock, NULL);
	if (kg_waker_init(&box->control_waker) != 0 || kg_waker_init(&box->payload_waker) != 0)
		FAIL("no event descriptors: %s", strerror(errno));
	for (unsigned int w = 0; w < box->config->worker_count; w++) {
		if (!init_rings_of(box, w))
			FAIL("out of memory for the rings of worker %u", w);
	}
	return true;
}

/* ---- workers and payload thread ---- */

static bool init_workers(struct kg_box *box, char *error, size_t error_bytes)
{
	box->worker_count = box->config->worker_count;
	for (unsigned int i = 0; i < box->worker_count; i++) {
		if (!rte_lcore_is_enabled(box->config->workers[i]))
			FAIL("workers[%u]: EAL has no lcore %u", i, box->config->workers[i]);
		box->workers[i] = kg_worker_create(box, i, error, error_bytes);
		if (box->workers[i] == NULL)
			return false;
		box->links[i].worker_waker = &box->workers[i]->waker;
	}
	return true;
}

/* Where a client tunnel's applications come in; kg_box_fini frees the list. */
static struct kg_endpoint *listen_endpoints(const struct kg_tunnel_config *config,
					    unsigned int *count)
{
	struct kg_endpoint *list;

	*count = KG_MAX(config->listen_on_count, 1u);
	list = calloc(*count, sizeof(*list));
	for (unsigned int i = 0; list != NULL && i < *count; i++) {
		if (config->listen_on_count > 0)
			list[i].ip = config->listen_on[i];
		list[i].port = config->listen_ports[0].first;
	}
	return list;
}

static bool fill_payload_tunnel(const struct kg_box *box, unsigned int index,
				struct kg_payload_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = box->tunnels[index].config;
	const struct kg_session *session = box->workers[0]->sides[index].session;

	*tunnel = (struct kg_payload_tunnel){
		.name = config->name,
		.role = config->role,
		.ipv4_only = config->ipv4_only,
		.ipv6_only = config->ipv6_only,
		.first_bytes = kg_session_first_bytes(session),
		.rest_bytes = kg_session_rest_bytes(session),
		.udp_timeout_s = config->udp_timeout_s,
	};
	if (config->role == KG_ROLE_SERVER) {
		tunnel->destination.ip = config->destinations[0];
		tunnel->destination.port = config->destination_ports[0].first;
		return true;
	}
	tunnel->listen = listen_endpoints(config, &tunnel->listen_count);
	return tunnel->listen != NULL;
}

static bool init_payload(struct kg_box *box, char *error, size_t error_bytes)
{
	struct kg_payload_config config = {
		.tunnel_count = box->tunnel_count,
		.links = box->links,
		.link_count = box->worker_count,
		.waker = &box->payload_waker,
		.taps = box->taps,
		.tap_count = box->port_count,
		.pool = kg_buf_mempool_pool(box->bufs),
		.busy = box->config->poll == KG_POLL_BUSY,
	};

	box->payload_tunnels = calloc(box->tunnel_count, sizeof(box->payload_tunnels[0]));
	config.tunnels = box->payload_tunnels;
	for (unsigned int i = 0; i < box->port_count; i++)
		box->taps[i] = box->ports[i].tap;
	for (unsigned int i = 0; i < box->tunnel_count; i++) {
		if (box->payload_tunnels == NULL ||
		    !fill_payload_tunnel(box, i, &box->payload_tunnels[i]))
			FAIL("out of memory");
	}
	box->payload = kg_payload_create(&config, error, error_bytes);
	return box->payload != NULL;
}

/* ---- life ---- */

bool kg_box_init(struct kg_box *box, const struct kg_config *config, char *error,
		 size_t error_bytes)
{
	memset(box, 0, sizeof(*box));
	box->config = config;
	box->control_waker.fd = box->payload_waker.fd = -1;
	kg_mem_malloc_init(&box->mem);
	if (!init_memory(box, error, error_bytes) || !init_rings(box, error, error_bytes))
		return false;
	for (unsigned int i = 0; i < config->port_count; i++) {
		if (!init_port(box, i, error, error_bytes))
			return false;
	}
	return init_tunnels(box, error, error_bytes) && reserve_ports(box, error, error_bytes) &&
	       init_workers(box, error, error_bytes) && init_payload(box, error, error_bytes);
}

static void free_rings(struct kg_box *box)
{
	for (unsigned int w = 0; w < box->config->worker_count; w++) {
		kg_payload_link_fini(&box->links[w]);
		rte_ring_free(box->mail[w]);
		rte_ring_free(box->reports[w]);
		for (unsigned int from = 0; from < box->config->worker_count; from++) {
			void *m;

			while (box->handoff[w][from] != NULL &&
			       rte_ring_dequeue(box->handoff[w][from], &m) == 0)
				rte_pktmbuf_free(m);
			rte_ring_free(box->handoff[w][from]);
		}
	}
	kg_waker_fini(&box->control_waker);
	kg_waker_fini(&box->payload_waker);
}

void kg_box_fini(struct kg_box *box)
{
	kg_payload_destroy(box->payload);
	for (unsigned int i = 0; box->payload_tunnels != NULL && i < box->tunnel_count; i++)
		free((void *)(uintptr_t)box->payload_tunnels[i].listen);
	free(box->payload_tunnels);
	free_rings(box);
	for (unsigned int i = 0; i < box->worker_count; i++)
		kg_worker_destroy(box->workers[i]);
	if (box->reserved_ports != NULL)
		kg_reserved_ports_release(box->reserved_ports);
	for (unsigned int i = 0; i < box->tunnel_count; i++) {
		kg_seen_destroy(box->tunnels[i].seen);
		explicit_bzero(box->tunnels[i].key, sizeof(box->tunnels[i].key));
	}
	free(box->tunnels);
	for (unsigned int i = 0; i < box->port_count; i++) {
		if (box->ports[i].tap != NULL)
			kg_exception_destroy(box->ports[i].tap);
		kg_nic_stop(&box->ports[i].nic);
	}
	kg_buf_mempool_destroy(box->bufs);
	rte_mempool_free(box->mbufs);
}

static void *payload_thread(void *box)
{
	kg_payload_run(((struct kg_box *)box)->payload);
	return NULL;
}

int kg_box_start(struct kg_box *box)
{
	int rc = pthread_create(&box->payload_thread, NULL, payload_thread, box);

	if (rc != 0)
		return -rc;
	pthread_setname_np(box->payload_thread, "kg-payload");
	for (unsigned int i = 0; rc == 0 && i < box->worker_count; i++)
		rc = rte_eal_remote_launch(kg_worker_run, box->workers[i], box->workers[i]->lcore);
	return rc;
}

void kg_box_stop(struct kg_box *box)
{
	struct kg_mail mail = { .type = KG_MAIL_STOP };

	for (unsigned int i = 0; i < box->worker_count; i++)
		kg_box_post(box, i, &mail);
	for (unsigned int i = 0; i < box->worker_count; i++)
		rte_eal_wait_lcore(box->workers[i]->lcore);
	kg_payload_stop(box->payload);
	pthread_join(box->payload_thread, NULL);
}

bool kg_box_post(struct kg_box *box, unsigned int worker, struct kg_mail *mail)
{
	int rc;

	pthread_mutex_lock(&box->mail_lock);
	rc = rte_ring_sp_enqueue_elem(box->mail[worker], mail, sizeof(*mail));
	pthread_mutex_unlock(&box->mail_lock);
	kg_waker_wake(&box->workers[worker]->waker);
	return rc == 0;
}
