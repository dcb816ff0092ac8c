/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF programs of TCP's way, as Linux takes them. They know IPv4 without options and IPv6
 * without extension headers; what is a fragment or carries a VLAN tag is not theirs.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#define KG_TCP_WAY_INSNS_MAX 64

struct kg_tcp_way_code {
	struct bpf_insn insns[KG_TCP_WAY_INSNS_MAX];
	uint32_t count;
};

/* Of an interface's driver (XDP): to Linux goes TCP that opens no connection, all else to the
 * socket that the XSKMAP has for the queue, to Linux where it has none. */
void kg_tcp_way_code_sort(struct kg_tcp_way_code *code, int xskmap_fd);
/* Of an interface (tcx): TCP goes to another, as received there or to be sent. The array's number
 * at `counter_at` bytes counts frames, those that others will cut, or have merged, too. */
struct kg_tcp_way_redirect {
	unsigned int ifindex;
	bool received;
	int array_fd;
	uint32_t counter_at;
};
void kg_tcp_way_code_redirect(struct kg_tcp_way_code *code,
			      const struct kg_tcp_way_redirect *redirect);
