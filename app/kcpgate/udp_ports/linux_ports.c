/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A service that binds a port of `local_ports`, before the start or later, has it: channels choose
 * others, and those that were there move, as behind a NAT that gives them a new port.
 */
#include "udp_ports/linux_ports.h"

#include "box.h"
#include "netlink/udp_ports.h"

static bool has_clients(const struct kg_box *box)
{
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		if (tunnel->config->wire.role == KG_ROLE_CLIENT)
			return true;
	}
	return false;
}

/* Said again with every refresh while channels are there, so a full mailbox does no harm. */
static void tell_owner(struct kg_box *box, uint16_t port)
{
	struct kg_mail mail = { .type = KG_MAIL_LEAVE_PORT, .port = port };
	const struct kg_box_tunnel *tunnel =
		kg_box_tunnel(box, kg_port_table_get(&box->udp_ports, port));

	if (box->worker_count == 0 || tunnel == NULL || tunnel->config->wire.role != KG_ROLE_CLIENT)
		return;
	kg_box_post(box, port % box->worker_count, &mail);
}

int kg_linux_ports_refresh(struct kg_box *box)
{
	struct kg_udp_ports now;
	int error;

	if (!has_clients(box))
		return 0;
	error = kg_udp_ports_read(&now);
	for (unsigned int i = 0; error == 0 && i < KG_ARRAY_SIZE(now.words); i++) {
		kg_port_set_assign(&box->linux_ports, i, now.words[i]);
		for (uint64_t word = now.words[i]; word != 0; word &= word - 1)
			tell_owner(box, (uint16_t)(i * 64 + (unsigned int)__builtin_ctzll(word)));
	}
	return error;
}
