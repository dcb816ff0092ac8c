/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets up DPDK ports, and the TAPs that mirror them. */
#include "box/internal.h"

#include "kernel/takeover.h"
#include "log.h"
#include "start/claims.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AF_XDP_PMD "net_af_xdp"
#define VHOST      "/dev/vhost-net"

/* Of a box that was killed; the driver would not find its own program. */
static void clear_interface(const struct kg_port_config *config)
{
	char link[IF_NAMESIZE];

	if (kg_device_interface(config->device, link))
		kg_tcp_way_clear(if_nametoindex(link));
}

static bool start_nic(struct kg_box *box, struct kg_box_port *port, char *error, size_t error_bytes)
{
	struct kg_nic_params params = {
		.device = port->config->device,
		.queues = (uint16_t)box->config->worker_count,
		.mtu = port->config->mtu,
		.vlan = port->config->vlan,
		.sleeps = box->config->poll == KG_POLL_ADAPTIVE,
		.rx_descriptors = box->rx_descriptors,
		.mempool = box->mbufs,
	};
	char why[256];

	clear_interface(port->config);
	if (!kg_nic_start(&port->nic, &params, why, sizeof(why)))
		FAIL("port %s: %s", port->config->name, why);
	return true;
}

bool kg_box_init_ports(struct kg_box *box, char *error, size_t error_bytes)
{
	for (unsigned int i = 0; i < box->config->port_count; i++) {
		struct kg_box_port *port = &box->ports[i];

		port->config = &box->config->ports[i];
		port->nic.port_id = RTE_MAX_ETHPORTS;
		box->port_count = i + 1;
		if (!start_nic(box, port, error, error_bytes))
			return false;
	}
	return true;
}

static void log_tcp(const char *port, const struct kg_exception *tap)
{
	int error = kg_exception_tcp_error(tap);

	if (kg_exception_tcp(tap) == KG_EXCEPTION_TCP_INSIDE_LINUX)
		KG_LOG(INFO, "port %s: TCP of hosts passes inside Linux, and not the workers\n",
		       port);
	if (error != 0)
		KG_LOG(INFO, "port %s: TCP of hosts passes the workers, for Linux says: %s\n", port,
		       strerror(-error));
	if (kg_exception_tcp(tap) == KG_EXCEPTION_TCP_LEAVES_UNCUT)
		KG_LOG(INFO, "port %s: TCP of Linux leaves by the interface itself, uncut\n", port);
}

static void log_port(const struct kg_box *box, const struct kg_box_port *port)
{
	const struct kg_port_config *config = port->config;

	if (box->config->worker_count == 1)
		KG_LOG(INFO, "port %s: %s, mirrored by %s\n", config->name, config->device,
		       config->tap);
	else
		KG_LOG(INFO, "port %s: %s, mirrored by %s, %u queues, %s\n", config->name,
		       config->device, config->tap, box->config->worker_count,
		       kg_rss_text(&port->nic.rss));
	log_tcp(config->name, port->tap);
	if (port->nic.train_count > 0)
		KG_LOG(INFO,
		       "port %s: datagrams that leave together leave as one frame, if Linux cuts "
		       "it (6.2)\n",
		       config->name);
	if (box->config->poll == KG_POLL_ADAPTIVE)
		KG_LOG(INFO, "port %s: sleeping workers are woken by %s\n", config->name,
		       kg_rx_wake_text(port->nic.rx_wakes, (uint16_t)box->config->worker_count));
}

/* By which frames of Linux leave the port, too. With AF_PACKET the port would receive them, and a
 * tag is the worker's to insert. */
static unsigned int own_interface(const struct kg_port_config *config)
{
	char link[IF_NAMESIZE];

	if (strncmp(config->device, AF_XDP_PMD, strlen(AF_XDP_PMD)) != 0 || config->vlan != 0 ||
	    !kg_device_interface(config->device, link))
		return 0;
	return if_nametoindex(link);
}

static struct kg_exception_params tap_params(const struct kg_box *box,
					     const struct kg_box_port *port)
{
	const struct kg_port_config *config = port->config;

	return (struct kg_exception_params){
		.name = config->tap,
		.mac = port->nic.mac,
		.mtu = config->mtu,
		.addresses = config->addresses,
		.address_count = config->address_count,
		.gateways = config->gateways,
		.gateway_count = config->gateway_count,
		.mempool = box->mbufs,
		.port_ifindex = own_interface(config),
	};
}

/* Of the port's queues; their number, 0 unless all have one. */
static unsigned int xdp_sockets(const struct kg_nic *nic, unsigned int queues, int *sockets)
{
	for (unsigned int q = 0; q < queues; q++) {
		if (nic->rx_wakes[q].by != KG_RX_WAKE_BY_XDP_SOCKET)
			return 0;
		sockets[q] = nic->rx_wakes[q].fd;
	}
	return queues;
}

/* Of the interface's queues, that of the port's first. */
static unsigned int first_queue(const char *device)
{
	const char *text = kg_device_argument(device, ",start_queue=");

	return text != NULL ? (unsigned int)atoi(text) : 0;
}

/* NULL: it is not wanted, or cannot be had. */
static struct kg_exception *mirror_by_vhost(const struct kg_box_port *port,
					    struct kg_exception_params params)
{
	struct kg_exception *tap = NULL;
	char why[256] = "there is no " VHOST;

	if (port->config->exception != KG_EXCEPTION_VHOST)
		return NULL;
	params.ethdev = "virtio_user";
	params.ethdev_arguments = ",path=" VHOST ",queues=1,queue_size=512";
	if (access(VHOST, R_OK | W_OK) == 0)
		tap = kg_exception_create(&params, why, sizeof(why));
	if (tap == NULL)
		KG_LOG(WARNING, "port %s: \"exception\" is \"tap\" instead of \"vhost\": %s\n",
		       port->config->name, why);
	return tap;
}

static bool mirror(struct kg_box *box, struct kg_box_port *port, char *error, size_t error_bytes)
{
	struct kg_exception_params params = tap_params(box, port);
	int sockets[KG_NIC_QUEUES_MAX];
	char why[256];

	params.port_sockets = sockets;
	params.port_socket_count = xdp_sockets(&port->nic, box->config->worker_count, sockets);
	params.port_first_queue = first_queue(port->config->device);
	port->tap = mirror_by_vhost(port, params);
	if (port->tap == NULL)
		port->tap = kg_exception_create(&params, why, sizeof(why));
	if (port->tap == NULL)
		FAIL("port %s: %s", port->config->name, why);
	log_port(box, port);
	return true;
}

static bool take_over(struct kg_box_port *port, char *error, size_t error_bytes)
{
	char link[IF_NAMESIZE], why[256];

	if (!port->config->take_over || !kg_device_interface(port->config->device, link))
		return true;
	port->takeover = kg_takeover_begin(link, kg_exception_ifindex(port->tap), why, sizeof(why));
	if (port->takeover == NULL)
		FAIL("port %s: %s", port->config->name, why);
	KG_LOG(INFO, "port %s: what Linux had on %s is on %s\n", port->config->name, link,
	       port->config->tap);
	return true;
}

bool kg_box_init_taps(struct kg_box *box, char *error, size_t error_bytes)
{
	for (unsigned int i = 0; i < box->port_count; i++) {
		if (!mirror(box, &box->ports[i], error, error_bytes) ||
		    !take_over(&box->ports[i], error, error_bytes))
			return false;
		box->taps[i] = box->ports[i].tap;
	}
	return true;
}

bool kg_box_restore_tap(const struct kg_box *box, const struct kg_box_port *port, char *error,
			size_t error_bytes)
{
	struct kg_exception_params params = tap_params(box, port);

	int rc;

	if (!kg_exception_restore(port->tap, &params, error, error_bytes))
		return false;
	rc = port->takeover != NULL ? kg_takeover_again(port->takeover) : 0;
	if (rc != 0)
		FAIL("routes that were taken over: %s", strerror(-rc));
	return true;
}

void kg_box_fini_ports(struct kg_box *box)
{
	for (unsigned int i = 0; i < box->port_count; i++) {
		if (box->ports[i].tap != NULL)
			kg_exception_destroy(box->ports[i].tap);
		kg_takeover_end(box->ports[i].takeover);
		kg_nic_stop(&box->ports[i].nic);
	}
}
