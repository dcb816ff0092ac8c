/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads whose a datagram is: the conv of its segments, or the iden in its place. */
#include "session/bare.h"

enum kg_drop kg_session_conv(bool bare, const struct kg_fec *fec, const struct kg_datagram *in,
			     uint32_t *conv)
{
	struct kg_udphop_body body;
	enum kg_drop drop;

	if (!bare)
		return kg_framing_conv(fec, in->data, in->len, conv);
	drop = kg_udphop_decode(&body, in->data, in->len);
	*conv = drop == KG_DROP_NONE ? body.iden : 0;
	return drop;
}

uint16_t kg_session_owner(bool bare, const struct kg_fec *fec, const struct kg_datagram *in,
			  uint16_t workers)
{
	uint32_t conv;

	if (kg_session_conv(bare, fec, in, &conv) != KG_DROP_NONE || conv == 0)
		return (uint16_t)(kg_endpoint_hash(&in->remote, 0) % workers);
	return (uint16_t)(conv % workers);
}
