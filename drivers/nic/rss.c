/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets a NIC's spreading of frames, learns what it took of it, and computes its hash. */
#include "nic/rss.h"

#include "base/bytes.h"

#include <rte_thash.h>
#include <string.h>

#define KEY_BYTES_MIN (4 * KG_RSS_KEY_WORDS)
#define KEY_BYTES_MAX 64 /* more than any driver of DPDK takes today */
#define RETA_GROUPS   (KG_RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE)

/*
 * "Verifying the RSS hash calculation", Microsoft's NDIS documentation: good with every port range,
 * and every driver's author has tested it. What is behind 40 bytes no hash of ours reaches. DPDK
 * takes it without const.
 */
static uint8_t own_key[KEY_BYTES_MAX] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* ---- the device ---- */

static bool key_fits(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size >= KEY_BYTES_MIN && info->hash_key_size <= KEY_BYTES_MAX;
}

/* Of one IP version: UDP with its ports, or else whatever there is. */
static uint64_t hash_functions(uint64_t offered, uint64_t udp, uint64_t ip)
{
	return (offered & udp) != 0 ? udp : offered & ip;
}

void kg_rss_configure(const struct rte_eth_dev_info *info, uint16_t queues,
		      struct rte_eth_conf *conf)
{
	uint64_t offered = info->flow_type_rss_offloads;
	uint64_t hash = hash_functions(offered, RTE_ETH_RSS_NONFRAG_IPV4_UDP, RTE_ETH_RSS_IPV4) |
			hash_functions(offered, RTE_ETH_RSS_NONFRAG_IPV6_UDP, RTE_ETH_RSS_IPV6);

	if (queues == 1 || hash == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = hash;
	if (!key_fits(info))
		return; /* the device takes one of its own */
	conf->rx_adv_conf.rss_conf.rss_key = own_key;
	conf->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
}

/* Some drivers report no key size, some functions but no key. */
static void learn_hash(struct kg_rss *rss, uint16_t port_id, const struct rte_eth_dev_info *info)
{
	static const uint8_t no_key[KEY_BYTES_MAX];
	uint8_t key[KEY_BYTES_MAX] = { 0 };
	struct rte_eth_rss_conf conf = {
		.rss_key = key,
		.rss_key_len = info->hash_key_size != 0 ? info->hash_key_size : KEY_BYTES_MIN,
	};

	if (conf.rss_key_len > sizeof(key) || rte_eth_dev_rss_hash_conf_get(port_id, &conf) != 0 ||
	    memcmp(key, no_key, sizeof(key)) == 0)
		return;
	rss->hash = conf.rss_hf;
	for (int i = 0; i < KG_RSS_KEY_WORDS; i++)
		rss->key[i] = kg_load_be32(key + 4 * i);
}

/* A table that cannot be set is still good to know. */
static void spread_table(uint16_t port_id, uint16_t size, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 reta[RETA_GROUPS] = { 0 };

	for (uint16_t i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
	}
	rte_eth_dev_rss_reta_update(port_id, reta, size);
}

static void learn_table(struct kg_rss *rss, uint16_t port_id, uint16_t size)
{
	struct rte_eth_rss_reta_entry64 reta[RETA_GROUPS] = { 0 };

	for (uint16_t group = 0; group * RTE_ETH_RETA_GROUP_SIZE < size; group++)
		reta[group].mask = UINT64_MAX;
	if (rte_eth_dev_rss_reta_query(port_id, reta, size) != 0)
		return;
	rss->reta_size = size;
	for (uint16_t i = 0; i < size; i++)
		rss->reta[i] = (uint8_t)reta[i / RTE_ETH_RETA_GROUP_SIZE]
				       .reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

void kg_rss_learn(struct kg_rss *rss, uint16_t port_id, uint16_t queues)
{
	struct rte_eth_dev_info info;

	memset(rss, 0, sizeof(*rss));
	if (queues == 1 || rte_eth_dev_info_get(port_id, &info) != 0)
		return;
	learn_hash(rss, port_id, &info);
	if (!rte_is_power_of_2(info.reta_size) || info.reta_size > KG_RSS_RETA_MAX)
		return;
	spread_table(port_id, info.reta_size, queues);
	learn_table(rss, port_id, info.reta_size);
}

/* ---- the same sum ---- */

/* Addresses as words in host order; returns the next free word. */
static uint32_t *put_ip(uint32_t *words, const struct kg_ip *ip)
{
	unsigned int count = ip->version == 4 ? 1 : 4;

	for (unsigned int i = 0; i < count; i++)
		*words++ = kg_load_be32(ip->bytes + 4 * i);
	return words;
}

uint32_t kg_rss_hash(const struct kg_rss *rss, const struct kg_endpoint *source,
		     const struct kg_endpoint *destination)
{
	uint32_t tuple[KG_RSS_KEY_WORDS - 1], *end = tuple;

	end = put_ip(end, &source->ip);
	end = put_ip(end, &destination->ip);
	*end++ = (uint32_t)source->port << 16 | destination->port;
	return rte_softrss_be(tuple, (uint32_t)(end - tuple), (const uint8_t *)rss->key);
}

bool kg_rss_covers_ports(const struct kg_rss *rss, uint8_t version)
{
	uint64_t needed =
		version == 4 ? RTE_ETH_RSS_NONFRAG_IPV4_UDP : RTE_ETH_RSS_NONFRAG_IPV6_UDP;

	return rss->reta_size != 0 && (rss->hash & needed) != 0;
}

bool kg_rss_queue_of(const struct kg_rss *rss, const struct kg_endpoint *source,
		     const struct kg_endpoint *destination, uint16_t *queue)
{
	if (!kg_rss_covers_ports(rss, source->ip.version))
		return false;
	*queue = rss->reta[kg_rss_hash(rss, source, destination) & (rss->reta_size - 1u)];
	return true;
}

const char *kg_rss_text(const struct kg_rss *rss)
{
	if (rss->hash == 0 || rss->reta_size == 0)
		return "spread as the device likes";
	if ((rss->hash & (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)) != 0)
		return "RSS on UDP ports";
	return "RSS on addresses";
}
