/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes what a test datagram says of itself, and reads it again. */
#include "probe.h"

#include "base/bytes.h"

#define MAGIC     0x6b676278u /* "kgbx" */
#define RUN_AT    4
#define NUMBER_AT 8
#define SENT_AT   16

void bench_probe_encode(const struct bench_probe *probe, uint8_t *out)
{
	kg_store_be32(out, MAGIC);
	kg_store_be32(out + RUN_AT, probe->run);
	kg_store_be64(out + NUMBER_AT, probe->number);
	kg_store_be64(out + SENT_AT, probe->sent_cyc);
}

bool bench_probe_decode(struct bench_probe *probe, const uint8_t *bytes, size_t len)
{
	if (len < BENCH_PROBE_BYTES || kg_load_be32(bytes) != MAGIC)
		return false;
	probe->run = kg_load_be32(bytes + RUN_AT);
	probe->number = kg_load_be64(bytes + NUMBER_AT);
	probe->sent_cyc = kg_load_be64(bytes + SENT_AT);
	return true;
}
