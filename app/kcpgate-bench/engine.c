/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes an engine's parameters of a preset. */
#include "engine.h"

#include "config/presets.h"
#include "wire/profile.h"

#define IPV4_UDP_BYTES (20 + 8)

uint16_t bench_engine_overhead_bytes(void)
{
	return IPV4_UDP_BYTES +
	       kg_profile_overhead_bytes(&kg_profile_kcptube, &kg_aead_spec_aes_gcm);
}

bool bench_engine_params(const struct bench_options *options, struct kg_kcp_params *params)
{
	const struct kg_preset *preset = kg_preset_find(options->preset);
	uint16_t window;

	if (preset == NULL || preset->window == 0) {
		fprintf(stderr, "no preset \"%s\"\n", options->preset);
		return false;
	}
	window = options->window > 0 ? (uint16_t)options->window : preset->window;
	*params = (struct kg_kcp_params){
		.conv = 1,
		.mtu = (uint16_t)(BENCH_IP_BYTES - bench_engine_overhead_bytes()),
		.snd_wnd = window,
		.rcv_wnd = window,
		.nodelay = preset->nodelay,
		.interval_ms = preset->interval_ms,
		.resend = preset->resend,
		.nc = preset->nc,
		.blast = true,
		.pace = true,
		.snd_spread = options->window == 0,
		.rcv_grows = options->window == 0,
	};
	return true;
}
