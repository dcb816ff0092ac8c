/* SPDX-License-Identifier: BSD-3-Clause */
/* Empties the table of ports; all else is in the header, for it is on every datagram's way. */
#include "udp_ports/port_table.h"

void kg_port_table_init(struct kg_port_table *table)
{
	for (uint32_t port = 0; port < KG_ARRAY_SIZE(table->tunnel); port++)
		kg_port_table_set(table, (uint16_t)port, KG_PORT_TABLE_NONE);
}
