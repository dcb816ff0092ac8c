/* SPDX-License-Identifier: BSD-3-Clause */
/* Names all who race. */
#include "rival/racer.h"

const struct kg_racer kg_racers[KG_RACERS] = {
	{ "kcpgate", &kg_racer_kcp, NULL },
	{ "kcpgate auto", &kg_racer_kcp_auto, NULL },
	{ "stock KCP", &kg_racer_stock, NULL },
	{ "Brutal", &kg_racer_rival, &kg_rival_brutal },
	{ "BBRv1", &kg_racer_rival, &kg_rival_bbr1 },
	{ "BBRv3", &kg_racer_rival, &kg_rival_bbr3 },
	{ "CUBIC", &kg_racer_rival, &kg_rival_cubic },
	{ "Copa", &kg_racer_rival, &kg_rival_copa },
	{ "Vivace", &kg_racer_rival, &kg_rival_vivace },
};
