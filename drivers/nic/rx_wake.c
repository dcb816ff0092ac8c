/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the socket of each receive queue. */
#include "nic/rx_wake.h"

#include "base/base.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

static bool has(const struct kg_sockets *sockets, int fd)
{
	for (unsigned int i = 0; i < sockets->count; i++) {
		if (sockets->fds[i] == fd)
			return true;
	}
	return false;
}

void kg_rx_wake_find_xdp(struct kg_rx_wake *wake, const struct kg_sockets *before)
{
	struct kg_sockets now;

	kg_sockets_list(&now, AF_XDP);
	for (unsigned int i = 0; i < now.count; i++) {
		if (!has(before, now.fds[i]))
			*wake = (struct kg_rx_wake){ .by = KG_RX_WAKE_BY_XDP_SOCKET,
						     .fd = now.fds[i] };
	}
}

static bool is_bound_to(int fd, unsigned int ifindex)
{
	struct sockaddr_ll address = { 0 };
	socklen_t bytes = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &bytes) == 0 &&
	       address.sll_ifindex == (int)ifindex;
}

void kg_rx_wake_find_packet(struct kg_rx_wake *wakes, uint16_t queues, unsigned int ifindex)
{
	struct kg_sockets all, bound = { 0 };

	kg_sockets_list(&all, AF_PACKET);
	for (unsigned int i = 0; ifindex != 0 && i < all.count; i++) {
		if (is_bound_to(all.fds[i], ifindex))
			bound.fds[bound.count++] = all.fds[i];
	}
	if (bound.count != queues)
		return;
	for (uint16_t q = 0; q < queues; q++)
		wakes[q] = (struct kg_rx_wake){ .by = KG_RX_WAKE_BY_PACKET_SOCKET,
						.fd = bound.fds[q] };
}

void kg_rx_wake_take_error(int fd)
{
	int error;
	socklen_t bytes = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

const char *kg_rx_wake_text(const struct kg_rx_wake *wakes, uint16_t queues)
{
	static const char *const texts[] = {
		[KG_RX_WAKE_BY_NOTHING] = "timers only: a frame waits up to 5 ms",
		[KG_RX_WAKE_BY_PACKET_SOCKET] = "its AF_PACKET sockets",
		[KG_RX_WAKE_BY_XDP_SOCKET] = "its AF_XDP sockets",
		[KG_RX_WAKE_BY_INTERRUPT] = "its driver's interrupts",
	};
	enum kg_rx_wake_by worst = wakes[0].by;

	for (uint16_t q = 1; q < queues; q++)
		worst = KG_MIN(worst, wakes[q].by);
	return texts[worst];
}
