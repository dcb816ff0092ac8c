/* SPDX-License-Identifier: BSD-3-Clause */
/* Derives settings from others: names, the preset's numbers, windows, mtu. */
#include "config/kinds.h"
#include "config/load.h"
#include "config/presets.h"

#include "fec/shard.h"
#include "net/frame.h"
#include "rate/rate.h"
#include "rate/told.h"
#include "wire/profile.h"

#include <string.h>

#define DEFAULT_MTU_BYTES 1500
#define RCV_WINDOW_MIN    128 /* KCP raises smaller ones to it: docs/kcp.md §8.1 */

/* ---- mtu ---- */

/* What a name stands for is not known yet: it may be anything that the ports can reach. */
static unsigned int host_families(const struct kg_config *config, const struct kg_host *host)
{
	return host->ip.version != 0 ? kg_ip_family(&host->ip) : kg_port_families(config);
}

/* Families in which the tunnel's own datagrams can travel. */
static unsigned int path_families(const struct kg_config *config,
				  const struct kg_tunnel_config *tunnel)
{
	const struct kg_wire_end *wire = &tunnel->wire;
	unsigned int families = 0;

	for (unsigned int i = 0; i < wire->peer_count; i++)
		families |= host_families(config, &wire->peers[i]);
	for (unsigned int i = 0; i < wire->address_count; i++)
		families |= kg_ip_family(&wire->addresses[i]);
	if (wire->peer_count + wire->address_count == 0)
		families = kg_port_families(config);
	return families & kg_tunnel_families(tunnel);
}

/* Of the wire and the algorithm; none is named yet where the configuration is wrong. */
static unsigned int overhead_bytes(const struct kg_tunnel_config *tunnel)
{
	const char *name = tunnel->wire.encryption_algorithm;
	const struct kg_aead_spec *spec = name ? kg_aead_spec_lookup(name) : &kg_aead_spec_aes_gcm;

	return kg_profile_overhead_bytes(tunnel->wire.profile, spec);
}

int kg_tunnel_kcp_mtu(const struct kg_config *config, const struct kg_tunnel_config *tunnel,
		      unsigned int mtu)
{
	bool ipv4 = path_families(config, tunnel) == KG_FAMILY_IPV4;
	unsigned int headers = kg_ip_header_bytes(ipv4 ? 4 : 6) + KG_UDP_BYTES;
	unsigned int fec = tunnel->wire.fec.parity ? KG_FEC_OVERHEAD_BYTES : 0;
	unsigned int around = overhead_bytes(tunnel) + fec;
	int room = (int)mtu - (int)(headers + around);
	int readable = (int)(KG_DATAGRAM_MAX_BYTES - around); /* by an original */

	return KG_MIN(room, KG_MIN(readable, KG_KCP_MTU_MAX));
}

size_t kg_tunnel_target_bytes(const struct kg_tunnel_config *tunnel)
{
	unsigned int around = KG_KCP_HEADER_BYTES + KG_INITIALISE_MAX_BYTES;
	unsigned int room = tunnel->wire.kcp.mtu > around ? tunnel->wire.kcp.mtu - around : 0;

	return KG_MIN(room, (unsigned int)KG_TARGET_ADDRESS_MAX_BYTES);
}

static unsigned int smallest_port_mtu(const struct kg_config *config)
{
	unsigned int smallest = 0;

	for (unsigned int i = 0; i < config->port_count; i++) {
		unsigned int mtu = config->ports[i].mtu;

		if (mtu && (!smallest || mtu < smallest))
			smallest = mtu;
	}
	return smallest ? smallest : DEFAULT_MTU_BYTES;
}

/* kcp.mtu from mtu; what was written as kcp_mtu has no effect then, as in KCPTube. */
static void derive_kcp_mtu(struct kg_load *load, unsigned int i)
{
	struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place at = kg_tunnel_place(load, i, "mtu");
	struct kg_place kcp_at = kg_tunnel_place(load, i, "kcp_mtu");
	int fits = kg_tunnel_kcp_mtu(load->config, t, t->wire.mtu);

	if (fits < KG_KCP_MTU_MIN) {
		kg_mistakes_error(load->mistakes, &at,
				  "found %u; allowed %d or more, for headers and KCP", t->wire.mtu,
				  t->wire.mtu - fits + KG_KCP_MTU_MIN);
		return;
	}
	if (t->wire.kcp.mtu && t->wire.kcp.mtu != fits)
		kg_mistakes_warning(load->mistakes, &kcp_at,
				    "%u has no effect beside mtu %u, which makes it %d",
				    t->wire.kcp.mtu, t->wire.mtu, fits);
	t->wire.kcp.mtu = (uint16_t)fits;
}

static void derive_mtu(struct kg_load *load, unsigned int i)
{
	struct kg_tunnel_config *t = &load->config->tunnels[i];
	unsigned int port_mtu = smallest_port_mtu(load->config);
	struct kg_place at = kg_tunnel_place(load, i, "mtu");
	struct kg_place kcp_at = kg_tunnel_place(load, i, "kcp_mtu");
	int fits = kg_tunnel_kcp_mtu(load->config, t, port_mtu);

	if (t->wire.mtu > port_mtu)
		kg_mistakes_warning(load->mistakes, &at, "%u is more than the %u of a port",
				    t->wire.mtu, port_mtu);
	if (!t->wire.mtu && t->wire.kcp.mtu > fits)
		kg_mistakes_warning(load->mistakes, &kcp_at,
				    "%u makes packets larger than the %u bytes of a port; %d fits",
				    t->wire.kcp.mtu, port_mtu, fits);
	if (t->wire.mtu || !t->wire.kcp.mtu) {
		t->wire.mtu = t->wire.mtu ? t->wire.mtu : (uint16_t)port_mtu;
		derive_kcp_mtu(load, i);
	}
	t->wire.mtu = t->wire.mtu ? t->wire.mtu : (uint16_t)port_mtu;
}

/* ---- preset and windows ---- */

static const char *const manual_keys[] = { "kcp_nodelay", "kcp_interval", "kcp_resend", "kcp_nc" };

static void require_manual(struct kg_load *load, unsigned int i)
{
	for (size_t k = 0; k < KG_ARRAY_SIZE(manual_keys); k++) {
		struct kg_place at = kg_tunnel_place(load, i, manual_keys[k]);

		if (!kg_tunnel_given(load, i, manual_keys[k]))
			kg_mistakes_error(load->mistakes, &at,
					  "missing; kcp \"" KG_PRESET_MANUAL "\" requires it");
	}
}

/* Remarks on numbers of `written` that the preset has replaced by others. */
static void compare_manual(struct kg_load *load, unsigned int i,
			   const struct kg_tunnel_config *written)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];

	for (size_t k = 0; k < KG_ARRAY_SIZE(manual_keys); k++) {
		const struct kg_key *key = kg_schema_find(KG_SCOPE_TUNNEL, manual_keys[k]);
		struct kg_place at = kg_tunnel_place(load, i, manual_keys[k]);
		json_t *before = key->kind->dump(key, written), *now = key->kind->dump(key, t);
		char text[KG_FOUND_BYTES], preset_text[KG_FOUND_BYTES];

		if (kg_tunnel_given(load, i, manual_keys[k]) && !json_equal(before, now))
			kg_mistakes_warning(load->mistakes, &at,
					    "%s has no effect with kcp \"%s\", which makes it %s",
					    kg_found(before, text), t->wire.kcp_preset,
					    kg_found(now, preset_text));
		json_decref(before);
		json_decref(now);
	}
}

static void derive_preset(struct kg_load *load, unsigned int i, const struct kg_preset *preset)
{
	struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_tunnel_config written = *t;

	if (!strcmp(preset->name, KG_PRESET_MANUAL)) {
		require_manual(load, i);
		return;
	}
	t->wire.kcp.nodelay = preset->nodelay;
	t->wire.kcp.interval_ms = preset->interval_ms;
	t->wire.kcp.resend = preset->resend;
	t->wire.kcp.nc = preset->nc;
	compare_manual(load, i, &written);
}

/* Segments of an application's datagram that fills a packet of the path. */
static uint16_t datagram_segments(const struct kg_tunnel_config *t)
{
	unsigned int mss = KG_MAX(t->wire.kcp.mtu, KG_KCP_MTU_MIN) - KG_KCP_HEADER_BYTES;

	return (uint16_t)KG_MIN(t->wire.mtu / mss + 1, (unsigned int)KG_KCP_FRAGMENTS_MAX);
}

static void derive_windows(struct kg_load *load, unsigned int i, const struct kg_preset *preset)
{
	struct kg_kcp_params *kcp = &load->config->tunnels[i].wire.kcp;
	struct kg_place snd_at = kg_tunnel_place(load, i, "kcp_sndwnd");
	uint16_t least = datagram_segments(&load->config->tunnels[i]);
	struct kg_place at = kg_tunnel_place(load, i, "kcp_rcvwnd");

	kcp->snd_spread = kcp->snd_wnd == 0;
	kcp->rcv_grows = kcp->rcv_wnd == 0;
	kcp->snd_wnd = kcp->snd_wnd ? kcp->snd_wnd : preset->window;
	kcp->rcv_wnd = kcp->rcv_wnd ? kcp->rcv_wnd : preset->window;
	if (kcp->snd_wnd < least) {
		kg_mistakes_warning(load->mistakes, &snd_at,
				    "%u is less than a datagram of %u bytes needs, taken as %u",
				    kcp->snd_wnd, load->config->tunnels[i].wire.mtu, least);
		kcp->snd_wnd = least;
	}
	if (kcp->rcv_wnd < RCV_WINDOW_MIN) {
		kg_mistakes_warning(load->mistakes, &at, "%u is too small, taken as %u",
				    kcp->rcv_wnd, RCV_WINDOW_MIN);
		kcp->rcv_wnd = RCV_WINDOW_MIN;
	}
}

/* ---- listen_on ---- */

/* What an earlier address, or any of its family, stands for already is left out. */
static void derive_listen_on(struct kg_tunnel_config *t)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < t->listen_on_count; i++) {
		bool covered = false;

		for (unsigned int j = 0; j < t->listen_on_count; j++)
			covered |= j != i && kg_ip_accepts(&t->listen_on[j], &t->listen_on[i]) &&
				   (j < i || !kg_ip_equal(&t->listen_on[j], &t->listen_on[i]));
		if (!covered)
			t->listen_on[kept++] = t->listen_on[i];
	}
	t->listen_on_count = kept;
}

/* ---- names ---- */

static void name_if_missing(char **name, const char *prefix, unsigned int number)
{
	char text[KG_NAME_MAX_CHARS + 1];

	if (*name)
		return;
	snprintf(text, sizeof(text), "%s%u", prefix, number);
	*name = kg_config_strdup(text);
}

/* Legs have the relay's name, and what they are. */
static void name_tunnel(struct kg_tunnel_config *t, unsigned int i)
{
	char text[2 * KG_NAME_MAX_CHARS];

	if (!kg_mode_is_leg(t->mode)) {
		name_if_missing(&t->name, "tunnel", i);
		return;
	}
	t->relay = t->name;
	name_if_missing(&t->relay, "tunnel", i - (t->mode == KG_MODE_FORWARDER));
	snprintf(text, sizeof(text), "%s.%s", t->relay, kg_mode_name(t->mode));
	t->name = kg_config_strdup(text);
}

static void derive_tap(struct kg_load *load, unsigned int i)
{
	struct kg_port_config *port = &load->config->ports[i];
	struct kg_place at = kg_port_place(load, i, "tap");
	char text[KG_TAP_MAX_CHARS + 1];

	if (port->tap)
		return;
	if (snprintf(text, sizeof(text), "kg-%s", port->name) > KG_TAP_MAX_CHARS)
		kg_mistakes_error(load->mistakes, &at,
				  "missing; \"kg-%s\" is longer than the %u characters allowed",
				  port->name, KG_TAP_MAX_CHARS);
	port->tap = kg_config_strdup(text);
}

/* ---- protocol ---- */

#define UDPHOP_TIMEOUT_S 1800 /* docs/udphop.md §2 */

static bool gives_timeout(const struct kg_load *load, unsigned int i)
{
	const struct kg_key *key = kg_schema_find(KG_SCOPE_TUNNEL, "udp_timeout");
	const json_t *value = kg_load_given(load->tunnels[i].json, key);

	return value != NULL && !(json_is_integer(value) && json_integer_value(value) == 0);
}

static void derive_protocol(struct kg_load *load, unsigned int i)
{
	struct kg_wire_end *wire = &load->config->tunnels[i].wire;

	wire->profile = &kg_profile_kcptube;
	if (wire->protocol == KG_WIRE_KCPTUBE)
		return;
	wire->profile = &kg_profile_udphop;
	if (!gives_timeout(load, i))
		wire->udp_timeout_s = UDPHOP_TIMEOUT_S;
}

static void derive_rate(struct kg_wire_end *wire)
{
	static const enum kg_rate_kind kinds[KG_RATE_WORDS] = {
		[KG_RATE_WORD_FAIR] = KG_RATE_FAIR,
		[KG_RATE_WORD_SCAVENGER] = KG_RATE_SCAVENGER,
	};
	bool told = wire->rate >= KG_RATE_WORDS;

	wire->kcp.rate_auto = wire->rate != KG_RATE_WORD_WINDOW && wire->kcp.nc;
	wire->kcp.rate_kind = (told ? KG_RATE_TOLD : kinds[wire->rate]) & 3;
	if (told)
		wire->kcp.rate_told = kg_rate_tell(wire->rate / KG_MAX(wire->mtu, 1u));
}

void kg_load_derive(struct kg_load *load)
{
	struct kg_config *config = load->config;

	for (unsigned int i = 0; i < config->port_count; i++) {
		name_if_missing(&config->ports[i].name, "port", i);
		derive_tap(load, i);
	}
	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		struct kg_tunnel_config *t = &config->tunnels[i];
		const struct kg_preset *preset =
			t->wire.kcp_preset ? kg_preset_find(t->wire.kcp_preset) : NULL;

		name_tunnel(t, i);
		derive_protocol(load, i);
		derive_listen_on(t);
		kg_tunnel_derive_ends(config, t);
		derive_mtu(load, i);
		if (preset) {
			derive_preset(load, i, preset);
			derive_windows(load, i, preset);
		}
		t->wire.kcp.pace = true;
		derive_rate(&t->wire);
	}
}
