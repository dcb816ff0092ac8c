/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two datagrams of the rivals' transport, in the host's order of bytes: they never leave the
 * process. A data datagram is padded to the full length.
 */
#pragma once

#include "base/base.h"

/* Datagrams are numbered anew each time they leave (pn); what they carry keeps its number (sn). */
struct kg_rival_data {
	uint32_t pn, sn;
};

/* The greatest pn that has come, and which of the KG_RIVAL_ACKED before it; sn below `una` are all
 * there. */
#define KG_RIVAL_ACKED 256u
struct kg_rival_acks {
	uint32_t greatest, una;
	uint64_t before[KG_RIVAL_ACKED / 64]; /* bit n: greatest - 1 - n */
};
