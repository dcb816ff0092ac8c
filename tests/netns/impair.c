/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bad wire between two interfaces, for tests and comparisons: frames that come in at one go out
 * at the other later, in the same order, or not at all.
 *
 *     impair INTERFACE INTERFACE DELAY_MS JITTER_MS LOSS_PERCENT [HARM_PERCENT [VLAN [LINK…]]]
 *
 * Delay, with jitter more or less, is that of one way. Loss is at random, the seed fixed. Of each
 * harm as much as HARM_PERCENT: a frame comes twice, changes places with the one before if that is
 * still under way, has one bit flipped behind its Ethernet header; but what has no checksum there,
 * as ARP, is lost instead: a wire's own check would have found it. At the first interface frames
 * carry the VLAN's tag, at the second none: Linux takes it off what comes in (0: no tag at either).
 * LINK is rate=MBIT, with queue=MS (25 unless said): each way that much passes, and a queue; or
 * what a carrier does to the 5-tuples of UDP over IPv4 (sim/police.h): cap=MBIT, or penalty=MBIT,
 * after which they crawl with 64 kbit/s. Prints "ready", runs until SIGTERM, and then prints, of
 * what came in at each interface, frames, bytes, 5-tuples and how many of these crawl.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "sim/police.h"

#define FRAME_BYTES  1600
#define MACS_BYTES   12    /* Linux gives no frame that is shorter */
#define LINE_FRAMES  65536 /* under way in one direction; more are lost */
#define SOCKET_BYTES (16 << 20)
#define BURST_BYTES  64000
#define CRAWL_BPS    8000

struct frame {
	uint64_t due_ns;
	uint16_t len;
	uint8_t bytes[FRAME_BYTES];
};

/* From one interface to the other; frames in order of arrival. */
struct line {
	int from, to;
	struct frame *frames;
	uint32_t head, tail;
	uint64_t last_due_ns, count, bytes;
	uint8_t tag[4];   /* put into what leaves; zeros: none */
	uint64_t free_ns; /* what came before has left the bottleneck */
	struct kg_sim_police police;
};

static uint64_t delay_ns, jitter_ns, random_state = 1;
static uint32_t loss_below, harm_below; /* of 2^32 */
static uint64_t rate_Bps, queue_ns = 25000000;
static struct kg_sim_police_params carrier = { .burst_bytes = BURST_BYTES, .crawl_Bps = CRAWL_BPS };
static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
	int one = 1, bytes = SOCKET_BYTES;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));

	address.sll_ifindex = promiscuous.mr_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0) {
		perror(name);
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

static bool happens(uint32_t below)
{
	return (uint32_t)next_random() < below;
}

static struct frame *slot(struct line *line, uint32_t at)
{
	return &line->frames[at % LINE_FRAMES];
}

/* False: it does not go between UDP ports over IPv4. */
static bool read_ends(const struct frame *frame, struct kg_endpoint *from, struct kg_endpoint *to)
{
	const uint8_t *at = frame->bytes + sizeof(struct ether_header);
	struct iphdr ip;
	struct udphdr udp;

	if (frame->len < sizeof(struct ether_header) + sizeof(ip) + sizeof(udp))
		return false;
	memcpy(&ip, at, sizeof(ip));
	memcpy(&udp, at + sizeof(ip), sizeof(udp));
	if (ip.version != 4 || ip.ihl != sizeof(ip) / 4 || ip.protocol != IPPROTO_UDP)
		return false;
	*from = (struct kg_endpoint){ .ip = { .version = 4 }, .port = ntohs(udp.source) };
	*to = (struct kg_endpoint){ .ip = { .version = 4 }, .port = ntohs(udp.dest) };
	memcpy(from->ip.bytes, &ip.saddr, sizeof(ip.saddr));
	memcpy(to->ip.bytes, &ip.daddr, sizeof(ip.daddr));
	return true;
}

static bool is_let_pass(struct line *line, const struct frame *frame, uint64_t now)
{
	struct kg_endpoint from, to;

	return !read_ends(frame, &from, &to) ||
	       kg_sim_police_lets(&line->police, &carrier, now / 1000, &from, &to, frame->len);
}

/* When it has left the bottleneck; 0: the queue before that is full. */
static uint64_t serve(struct line *line, const struct frame *frame, uint64_t now)
{
	if (rate_Bps == 0)
		return now;
	if (line->free_ns > now + queue_ns)
		return 0;
	line->free_ns = KG_MAX(line->free_ns, now) + frame->len * 1000000000ull / rate_Bps;
	return line->free_ns;
}

/* The frame that is in the next slot; false: there is no room for it. */
static bool admit(struct line *line, uint64_t now)
{
	struct frame *frame = slot(line, line->tail);
	uint64_t due = serve(line, frame, now);

	if (due == 0 || line->tail - line->head == LINE_FRAMES - 1)
		return false;
	due += delay_ns - jitter_ns;
	if (jitter_ns > 0)
		due += next_random() % (2 * jitter_ns);
	line->last_due_ns = due > line->last_due_ns ? due : line->last_due_ns;
	frame->due_ns = line->last_due_ns;
	line->tail++;
	return true;
}

static void swap_last_two(struct line *line)
{
	struct frame *last = slot(line, line->tail - 1), *before = slot(line, line->tail - 2), kept;
	uint64_t due_ns = last->due_ns;

	kept = *last;
	*last = *before;
	*before = kept;
	before->due_ns = last->due_ns;
	last->due_ns = due_ns;
}

static bool has_checksum(const struct frame *frame)
{
	struct ether_header ethernet;

	memcpy(&ethernet, frame->bytes, sizeof(ethernet));
	return ethernet.ether_type == htons(ETHERTYPE_IP) ||
	       ethernet.ether_type == htons(ETHERTYPE_IPV6);
}

static void flip_bit(struct frame *frame)
{
	size_t bits = (frame->len - sizeof(struct ether_header)) * 8;
	size_t bit = sizeof(struct ether_header) * 8 + next_random() % bits;

	frame->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* To what is under way since just now. */
static void harm(struct line *line, uint64_t now)
{
	const struct frame *last = slot(line, line->tail - 1);

	if (happens(harm_below)) {
		*slot(line, line->tail) = *last;
		admit(line, now);
	}
	if (happens(harm_below) && line->tail - line->head > 1)
		swap_last_two(line);
	if (!happens(harm_below) || last->len <= sizeof(struct ether_header))
		return;
	last = slot(line, line->tail - 1);
	if (has_checksum(last))
		flip_bit(slot(line, line->tail - 1));
	else
		line->tail--;
}

static void take_in(struct line *line)
{
	uint64_t now = now_ns();
	struct frame *frame;
	ssize_t len;

	for (;;) {
		frame = slot(line, line->tail);
		len = recv(line->from, frame->bytes, sizeof(frame->bytes), 0);
		if (len < 0)
			return;
		line->count++;
		line->bytes += (uint64_t)len;
		frame->len = (uint16_t)len;
		if (!happens(loss_below) && is_let_pass(line, frame, now) && admit(line, now) &&
		    harm_below > 0)
			harm(line, now);
	}
}

static ssize_t send_frame(struct line *line, struct frame *frame)
{
	size_t tag_bytes = line->tag[0] != 0 ? sizeof(line->tag) : 0;
	struct iovec parts[] = { { frame->bytes, MACS_BYTES },
				 { line->tag, tag_bytes },
				 { frame->bytes + MACS_BYTES, frame->len - MACS_BYTES } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };

	return sendmsg(line->to, &message, 0);
}

static void let_out(struct line *line)
{
	uint64_t now = now_ns();

	for (; line->head != line->tail; line->head++) {
		struct frame *frame = slot(line, line->head);

		if (frame->due_ns > now)
			return;
		if (send_frame(line, frame) < 0 && errno == EAGAIN)
			return;
	}
}

/* Until a frame comes or is due, a tenth of a second at most. */
static void wait_for_frames(const struct line lines[2])
{
	struct pollfd fds[2] = { { .fd = lines[0].from, .events = POLLIN },
				 { .fd = lines[1].from, .events = POLLIN } };
	uint64_t now = now_ns(), due;
	struct timespec timeout = { 0 };

	due = now + 100000000u;
	for (int i = 0; i < 2; i++) {
		if (lines[i].head != lines[i].tail &&
		    lines[i].frames[lines[i].head % LINE_FRAMES].due_ns < due)
			due = lines[i].frames[lines[i].head % LINE_FRAMES].due_ns;
	}
	if (due > now)
		timeout.tv_nsec = (long)(due - now);
	ppoll(fds, 2, &timeout, NULL);
}

static void set_tag(struct line *line, uint16_t vlan)
{
	const uint16_t tag[] = { htons(ETHERTYPE_VLAN), htons(vlan) };

	memcpy(line->tag, tag, sizeof(tag));
}

static uint32_t share(const char *percent)
{
	return (uint32_t)(strtod(percent, NULL) / 100 * 4294967295.0);
}

/* False: it says nothing of a link. */
static bool set_link(const char *text)
{
	const char *value = strchr(text, '=');
	uint64_t Bps = value != NULL ? (uint64_t)(strtod(value + 1, NULL) * 125000) : 0;

	if (strncmp(text, "rate=", 5) == 0)
		rate_Bps = Bps;
	else if (strncmp(text, "queue=", 6) == 0)
		queue_ns = (uint64_t)(strtod(value + 1, NULL) * 1e6);
	else if (strncmp(text, "cap=", 4) == 0)
		carrier.rate_Bps = Bps;
	else if (strncmp(text, "penalty=", 8) == 0)
		carrier.penalty_Bps = Bps;
	else
		return false;
	return true;
}

static size_t punished(const struct kg_sim_police *police)
{
	size_t count = 0;

	for (size_t i = 0; i < police->count; i++)
		count += police->flows[i].crawls;
	return count;
}

static int usage(void)
{
	fputs("usage: impair INTERFACE INTERFACE DELAY_MS JITTER_MS LOSS_PERCENT [HARM_PERCENT"
	      " [VLAN [rate=MBIT | queue=MS | cap=MBIT | penalty=MBIT]…]]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct line lines[2];

	if (argc < 6)
		return usage();
	for (int i = 8; i < argc; i++) {
		if (!set_link(argv[i]))
			return usage();
	}
	delay_ns = (uint64_t)(strtod(argv[3], NULL) * 1e6);
	jitter_ns = (uint64_t)(strtod(argv[4], NULL) * 1e6);
	loss_below = share(argv[5]);
	harm_below = argc > 6 ? share(argv[6]) : 0;
	for (int i = 0; i < 2; i++) {
		lines[i].from = open_interface(argv[1 + i]);
		lines[i].frames = malloc(LINE_FRAMES * sizeof(struct frame));
		if (lines[i].frames == NULL || delay_ns < jitter_ns)
			return 2;
	}
	lines[0].to = lines[1].from;
	lines[1].to = lines[0].from;
	if (argc > 7 && atoi(argv[7]) != 0)
		set_tag(&lines[1], (uint16_t)atoi(argv[7]));
	signal(SIGTERM, end);
	puts("ready");
	fflush(stdout);
	while (!ended) {
		wait_for_frames(lines);
		for (int i = 0; i < 2; i++) {
			take_in(&lines[i]);
			let_out(&lines[i]);
		}
	}
	for (int i = 0; i < 2; i++)
		printf("%s %llu frames %llu bytes %zu tuples %zu crawl\n", argv[1 + i],
		       (unsigned long long)lines[i].count, (unsigned long long)lines[i].bytes,
		       lines[i].police.count, punished(&lines[i].police));
	return 0;
}
