/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the programs instruction by instruction: they are short, and no compiler for BPF is needed
 * to build a box. */
#include "kernel/tcp_way_code.h"

#include "net/frame.h"
#include "net/proto.h"

#include <stddef.h>

#define IP_AT        KG_ETHER_BYTES
#define IPV4_PLAIN   0x45 /* version, and the length of a header without options */
#define IPV4_WHOLE   ((uint16_t)~KG_IPV4_DONT_FRAGMENT)
#define TCP_BYTES    20
#define TCP_FLAGS_AT 13
#define TCP_SYN      0x02
#define NEXT_PROGRAM (-1) /* TCX_NEXT */

/* What a program does with the frames that are not its own: all that rejects jumps there. */
struct writer {
	struct kg_tcp_way_code *code;
	uint32_t rejects[16], reject_count;
};

static void put(struct writer *w, struct bpf_insn insn)
{
	w->code->insns[w->code->count++] = insn;
}

#define PUT(w, ...) put((w), (struct bpf_insn){ __VA_ARGS__ })

static void copy(struct writer *w, uint8_t to, uint8_t from)
{
	PUT(w, .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from);
}

static void set(struct writer *w, uint8_t to, int32_t value)
{
	PUT(w, .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to, .imm = value);
}

/* `size`: BPF_B, BPF_H or BPF_W. */
static void load(struct writer *w, uint8_t size, uint8_t to, uint8_t from, size_t at)
{
	PUT(w, .code = BPF_LDX | BPF_MEM | size, .dst_reg = to, .src_reg = from,
	    .off = (int16_t)at);
}

/* Of a map, or with `value` the address `at` bytes into an array's. */
static void load_map(struct writer *w, uint8_t to, int fd, bool value, uint32_t at)
{
	PUT(w, .code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = to,
	    .src_reg = value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD, .imm = fd);
	PUT(w, .imm = (int32_t)at);
}

static void call(struct writer *w, int32_t function)
{
	PUT(w, .code = BPF_JMP | BPF_CALL, .imm = function);
}

static void leave(struct writer *w)
{
	PUT(w, .code = BPF_JMP | BPF_EXIT);
}

/* `condition`: BPF_JEQ, BPF_JNE. Where to is said by land(). */
static uint32_t jump_if(struct writer *w, uint8_t condition, uint8_t reg, int32_t value)
{
	PUT(w, .code = BPF_JMP | condition | BPF_K, .dst_reg = reg, .imm = value);
	return w->code->count - 1;
}

static uint32_t jump(struct writer *w)
{
	PUT(w, .code = BPF_JMP | BPF_JA);
	return w->code->count - 1;
}

static void land(struct writer *w, uint32_t jump)
{
	w->code->insns[jump].off = (int16_t)(w->code->count - jump - 1);
}

static void reject(struct writer *w, uint32_t jump)
{
	w->rejects[w->reject_count++] = jump;
}

static void reject_if(struct writer *w, uint8_t condition, uint8_t reg, int32_t value)
{
	reject(w, jump_if(w, condition, reg, value));
}

static void land_rejects(struct writer *w)
{
	for (uint32_t i = 0; i < w->reject_count; i++)
		land(w, w->rejects[i]);
}

static void mask(struct writer *w, uint8_t reg, int32_t bits)
{
	PUT(w, .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = reg, .imm = bits);
}

/* ---- XDP ---- */

/* Frames are read by r2, which ends at r3, into r5. */
static void need(struct writer *w, size_t bytes)
{
	copy(w, BPF_REG_4, BPF_REG_2);
	PUT(w, .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_4, .imm = (int32_t)bytes);
	PUT(w, .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = BPF_REG_4, .src_reg = BPF_REG_3);
	reject(w, w->code->count - 1);
}

static void read8(struct writer *w, size_t at)
{
	load(w, BPF_B, BPF_REG_5, BPF_REG_2, at);
}

static void read16(struct writer *w, size_t at)
{
	load(w, BPF_H, BPF_REG_5, BPF_REG_2, at);
	PUT(w, .code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = BPF_REG_5, .imm = 16);
}

static void sort_ipv6(struct writer *w)
{
	need(w, IP_AT + KG_IPV6_BYTES + TCP_BYTES);
	read8(w, IP_AT + KG_IPV6_NEXT_HEADER_AT);
	reject_if(w, BPF_JNE, BPF_REG_5, KG_PROTO_TCP);
	read8(w, IP_AT + KG_IPV6_BYTES + TCP_FLAGS_AT);
}

static void sort_ipv4(struct writer *w)
{
	read8(w, IP_AT);
	reject_if(w, BPF_JNE, BPF_REG_5, IPV4_PLAIN);
	read8(w, IP_AT + KG_IPV4_PROTOCOL_AT);
	reject_if(w, BPF_JNE, BPF_REG_5, KG_PROTO_TCP);
	read16(w, IP_AT + KG_IPV4_FRAGMENT_AT);
	mask(w, BPF_REG_5, IPV4_WHOLE);
	reject_if(w, BPF_JNE, BPF_REG_5, 0);
	read8(w, IP_AT + KG_IPV4_BYTES + TCP_FLAGS_AT);
}

void kg_tcp_way_code_sort(struct kg_tcp_way_code *code, int xskmap_fd)
{
	struct writer w = { .code = code };
	uint32_t ipv4, flags;

	code->count = 0;
	copy(&w, BPF_REG_6, BPF_REG_1);
	load(&w, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, data));
	load(&w, BPF_W, BPF_REG_3, BPF_REG_6, offsetof(struct xdp_md, data_end));
	need(&w, IP_AT + KG_IPV4_BYTES + TCP_BYTES);
	read16(&w, KG_ETHERTYPE_AT);
	ipv4 = jump_if(&w, BPF_JEQ, BPF_REG_5, KG_ETHERTYPE_IPV4);
	reject_if(&w, BPF_JNE, BPF_REG_5, KG_ETHERTYPE_IPV6);
	sort_ipv6(&w);
	flags = jump(&w);
	land(&w, ipv4);
	sort_ipv4(&w);
	land(&w, flags);
	mask(&w, BPF_REG_5, TCP_SYN);
	reject_if(&w, BPF_JNE, BPF_REG_5, 0);
	set(&w, BPF_REG_0, XDP_PASS);
	leave(&w);
	land_rejects(&w);
	load_map(&w, BPF_REG_1, xskmap_fd, false, 0);
	load(&w, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, rx_queue_index));
	set(&w, BPF_REG_3, XDP_PASS);
	call(&w, BPF_FUNC_redirect_map);
	leave(&w);
}

/* ---- tcx ---- */

/* Into r0, of the frame of r6. These know nothing of where in a buffer a frame lies; a shorter one
 * ends the program with 0, by which it goes on as it would. */
static void fetch(struct writer *w, uint8_t size, size_t at)
{
	PUT(w, .code = BPF_LD | BPF_ABS | size, .imm = (int32_t)at);
}

static void find_tcp(struct writer *w)
{
	uint32_t ipv4, found;

	fetch(w, BPF_H, KG_ETHERTYPE_AT);
	ipv4 = jump_if(w, BPF_JEQ, BPF_REG_0, KG_ETHERTYPE_IPV4);
	reject_if(w, BPF_JNE, BPF_REG_0, KG_ETHERTYPE_IPV6);
	fetch(w, BPF_B, IP_AT + KG_IPV6_NEXT_HEADER_AT);
	reject_if(w, BPF_JNE, BPF_REG_0, KG_PROTO_TCP);
	found = jump(w);
	land(w, ipv4);
	fetch(w, BPF_B, IP_AT + KG_IPV4_PROTOCOL_AT);
	reject_if(w, BPF_JNE, BPF_REG_0, KG_PROTO_TCP);
	fetch(w, BPF_H, IP_AT + KG_IPV4_FRAGMENT_AT);
	mask(w, BPF_REG_0, IPV4_WHOLE);
	reject_if(w, BPF_JNE, BPF_REG_0, 0);
	land(w, found);
}

static void count_frames(struct writer *w, const struct kg_tcp_way_redirect *redirect)
{
	uint32_t several;

	load(w, BPF_W, BPF_REG_0, BPF_REG_6, offsetof(struct __sk_buff, gso_segs));
	several = jump_if(w, BPF_JNE, BPF_REG_0, 0);
	set(w, BPF_REG_0, 1);
	land(w, several);
	load_map(w, BPF_REG_1, redirect->array_fd, true, redirect->counter_at);
	PUT(w, .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0,
	    .imm = BPF_ADD);
}

void kg_tcp_way_code_redirect(struct kg_tcp_way_code *code,
			      const struct kg_tcp_way_redirect *redirect)
{
	struct writer w = { .code = code };

	code->count = 0;
	copy(&w, BPF_REG_6, BPF_REG_1);
	load(&w, BPF_W, BPF_REG_0, BPF_REG_6, offsetof(struct __sk_buff, vlan_present));
	reject_if(&w, BPF_JNE, BPF_REG_0, 0);
	find_tcp(&w);
	count_frames(&w, redirect);
	set(&w, BPF_REG_1, (int32_t)redirect->ifindex);
	set(&w, BPF_REG_2, redirect->received ? BPF_F_INGRESS : 0);
	call(&w, BPF_FUNC_redirect);
	leave(&w);
	land_rejects(&w);
	set(&w, BPF_REG_0, NEXT_PROGRAM);
	leave(&w);
}
