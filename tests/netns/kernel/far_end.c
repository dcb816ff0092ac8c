/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays the hosts beyond a TAP, frame by frame. */
#include "far_end.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <rte_arp.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"

#define EXIT_SKIPPED 77

static void skip_all(const char *reason)
{
	printf("skipped: %s\n", reason);
	exit(EXIT_SKIPPED);
}

void far_end_start(void)
{
	static char *eal[] = {
		"test", "--no-huge", "--no-shconf", "--no-pci",       "-m",
		"64",   "-l",        "0",           "--no-telemetry", "--log-level=error"
	};

	if (geteuid() != 0)
		skip_all("needs root");
	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		skip_all("no /dev/net/tun");
	if (unshare(CLONE_NEWNET) != 0)
		skip_all("no network namespaces");
	if (system("ip link set lo up") != 0)
		skip_all("no iproute2");
	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		skip_all("EAL does not start");
}

struct rte_mempool *far_end_mempool(const char *name, unsigned int mbufs, uint16_t data_bytes)
{
	struct rte_mempool *mempool = rte_pktmbuf_pool_create(
		name, mbufs, 0, 0, RTE_PKTMBUF_HEADROOM + data_bytes, SOCKET_ID_ANY);

	assert_non_null(mempool);
	return mempool;
}

void shell(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

const char *shell_output(const char *format, ...)
{
	static char output[65536];
	char command[512];
	va_list args;
	FILE *pipe;
	size_t len;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(output, 1, sizeof(output) - 1, pipe);
	output[len] = '\0';
	pclose(pipe);
	return output;
}

struct far_host *far_host_add(struct far_end *far, const char *ip, uint8_t mac)
{
	struct far_host *host = &far->hosts[far->host_count++];

	assert_true(far->host_count <= FAR_HOSTS);
	*host = (struct far_host){ .mac = { { 2, 0, 0, 0, 0xfa, mac } }, .answers = true };
	assert_true(kg_ip_parse(&host->ip, ip));
	return host;
}

void far_end_write(struct far_end *far, const void *frame, size_t len)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(far->mempool);

	assert_non_null(mbuf);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)len), frame, len);
	kg_exception_write(far->tap, &mbuf, 1);
}

static void put_ether(uint8_t *frame, const uint8_t *to, const struct kg_mac *from, uint16_t type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from->bytes, 6);
	kg_store_be16(frame + 12, type);
}

/* RFC 826. */
static void write_arp(struct far_end *far, uint16_t operation, const struct far_host *host,
		      const uint8_t *to_mac, const void *to_ip)
{
	uint8_t frame[60] = { 0 };
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(frame + KG_ETHER_BYTES);

	put_ether(frame, to_mac, &host->mac, RTE_ETHER_TYPE_ARP);
	kg_store_be16(&arp->arp_hardware, RTE_ARP_HRD_ETHER);
	kg_store_be16(&arp->arp_protocol, RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	kg_store_be16(&arp->arp_opcode, operation);
	memcpy(&arp->arp_data.arp_sha, host->mac.bytes, 6);
	memcpy(&arp->arp_data.arp_sip, host->ip.bytes, 4);
	memcpy(&arp->arp_data.arp_tha, to_mac, 6);
	memcpy(&arp->arp_data.arp_tip, to_ip, 4);
	far_end_write(far, frame, sizeof(frame));
}

/* RFC 5227 §2.3: a request for itself. */
void far_host_announce(struct far_end *far, const struct far_host *host)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	write_arp(far, RTE_ARP_OP_REQUEST, host, broadcast, host->ip.bytes);
}

/* RFC 4861 §4.4: solicited, override, with the target's link-layer address. */
static void write_advertisement(struct far_end *far, const struct far_host *host,
				const uint8_t *solicitation)
{
	enum {
		NA_BYTES = 32
	};
	uint8_t frame[KG_ETHER_BYTES + KG_IPV6_BYTES + NA_BYTES] = { 0 };
	uint8_t *ip = frame + KG_ETHER_BYTES, *na = ip + KG_IPV6_BYTES;
	uint16_t sum;

	put_ether(frame, solicitation + 6, &host->mac, RTE_ETHER_TYPE_IPV6);
	ip[0] = 0x60;
	kg_store_be16(ip + 4, NA_BYTES);
	ip[6] = 58;
	ip[7] = 255;
	memcpy(ip + 8, host->ip.bytes, 16);
	memcpy(ip + 24, solicitation + KG_ETHER_BYTES + 8, 16);
	na[0] = 136;
	na[4] = 0x60;
	memcpy(na + 8, host->ip.bytes, 16);
	na[24] = 2;
	na[25] = 1;
	memcpy(na + 26, host->mac.bytes, 6);
	sum = (uint16_t)~kg_checksum_fold(
		kg_checksum_add(kg_checksum_pseudo(ip + 8, 32, 58, NA_BYTES), na, NA_BYTES));
	memcpy(na + 2, &sum, 2);
	far_end_write(far, frame, sizeof(frame));
}

static struct far_host *host_lookup(struct far_end *far, uint8_t version, const uint8_t *bytes)
{
	for (unsigned int i = 0; i < far->host_count; i++) {
		struct kg_ip *ip = &far->hosts[i].ip;

		if (ip->version == version && memcmp(ip->bytes, bytes, version == 4 ? 4 : 16) == 0)
			return &far->hosts[i];
	}
	return NULL;
}

static void note_asked(struct far_host *host, const uint8_t *frame)
{
	host->asked++;
	host->asked_unicast = memcmp(frame, host->mac.bytes, 6) == 0;
}

static void on_arp(struct far_end *far, const uint8_t *frame)
{
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(frame + KG_ETHER_BYTES);
	struct far_host *host = host_lookup(far, 4, (const uint8_t *)&arp->arp_data.arp_tip);

	far->arp_replies += kg_load_be16(&arp->arp_opcode) == RTE_ARP_OP_REPLY;
	if (host == NULL || kg_load_be16(&arp->arp_opcode) != RTE_ARP_OP_REQUEST)
		return;
	note_asked(host, frame);
	if (host->answers)
		write_arp(far, RTE_ARP_OP_REPLY, host, frame + 6, &arp->arp_data.arp_sip);
}

static void on_solicitation(struct far_end *far, const uint8_t *frame)
{
	static const uint8_t unspecified[16]; /* source of duplicate address detection */
	const uint8_t *ip = frame + KG_ETHER_BYTES;
	struct far_host *host = host_lookup(far, 6, ip + KG_IPV6_BYTES + 8);

	if (host == NULL || memcmp(ip + 8, unspecified, 16) == 0)
		return;
	note_asked(host, frame);
	if (host->answers)
		write_advertisement(far, host, frame);
}

static void on_frame(struct far_end *far, const uint8_t *frame, size_t len)
{
	uint16_t type = kg_load_be16(frame + 12);
	bool icmp6 = type == RTE_ETHER_TYPE_IPV6 && frame[KG_ETHER_BYTES + 6] == 58;

	if (type == RTE_ETHER_TYPE_ARP)
		on_arp(far, frame);
	else if (icmp6 && frame[KG_ETHER_BYTES + KG_IPV6_BYTES] == 135)
		on_solicitation(far, frame);
	else if (!icmp6 && type >= 0x0600 &&
		 !(type == RTE_ETHER_TYPE_IPV6 && frame[KG_ETHER_BYTES + 6] == 0)) {
		memcpy(far->frame, frame, len);
		far->frame_bytes = len;
	} /* else: multicast listener reports and the like */
}

bool far_end_turn(struct far_end *far, int timeout_ms)
{
	struct pollfd ready = { .fd = kg_exception_fd(far->tap), .events = POLLIN };
	bool any = false;
	struct rte_mbuf *mbuf;

	poll(&ready, 1, timeout_ms);
	while ((mbuf = kg_exception_read(far->tap)) != NULL) {
		assert_true(rte_pktmbuf_data_len(mbuf) >= KG_ETHER_BYTES);
		on_frame(far, rte_pktmbuf_mtod(mbuf, uint8_t *), rte_pktmbuf_data_len(mbuf));
		rte_pktmbuf_free(mbuf);
		any = true;
	}
	return any;
}

void far_end_wait_frame(struct far_end *far)
{
	for (int i = 0; i < 200 && far->frame_bytes == 0; i++)
		far_end_turn(far, 10);
	assert_true(far->frame_bytes > 0);
}
