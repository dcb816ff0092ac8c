/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * c-ares opens and closes sockets as it likes and tells what it waits for; an epoll of our own
 * holds them, level-triggered, and is the one descriptor that others see. Answers may come from
 * within the asking call (a name of /etc/hosts); they are put aside and told later, so that nobody
 * is called back before he knows that he has asked.
 */
#include "resolver/resolver.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

/* One server is asked for 1.5 s and then for 3 s: our askers do not wait as long as c-ares would.
 */
#define FIRST_TRY_MS 1500
#define TRIES        2
#define EVENTS       16

struct kg_question {
	TAILQ_ENTRY(kg_question) link; /* in `answered` */
	struct kg_resolver *resolver;
	kg_resolved *told; /* NULL: forgotten */
	void *ctx;
	enum kg_resolver_error error;
	unsigned int count;
	struct kg_ip ips[KG_RESOLVER_IPS_MAX];
};

struct kg_resolver {
	ares_channel channel; /* NULL before the first question */
	int epoll_fd;
	unsigned int waiting;
	TAILQ_HEAD(, kg_question) answered;
};

/* ---- c-ares's side ---- */

static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct kg_resolver *r = data;
	struct epoll_event event = {
		.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
		.data.fd = fd,
	};

	if (event.events == 0)
		epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 && errno == ENOENT)
		/* Without memory for it the question times out. */
		(void)epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static enum kg_resolver_error error_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return KG_RESOLVER_OK;
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
	case ARES_ENONAME:
		return KG_RESOLVER_NO_NAME;
	case ARES_ENODATA:
		return KG_RESOLVER_NO_ADDRESS;
	default:
		return KG_RESOLVER_NO_ANSWER;
	}
}

/* The next address of a family from `node` on; NULL: none. */
static const struct ares_addrinfo_node *next_of(const struct ares_addrinfo_node *node, int family)
{
	while (node != NULL && node->ai_family != family)
		node = node->ai_next;
	return node;
}

static struct kg_ip ip_of(const struct ares_addrinfo_node *node)
{
	const struct sockaddr_in6 *in6 = (const void *)node->ai_addr;
	const struct sockaddr_in *in = (const void *)node->ai_addr;
	struct kg_ip ip = { .version = node->ai_family == AF_INET6 ? 6 : 4 };

	if (ip.version == 6)
		memcpy(ip.bytes, &in6->sin6_addr, sizeof(in6->sin6_addr));
	else
		memcpy(ip.bytes, &in->sin_addr, sizeof(in->sin_addr));
	return ip;
}

/* c-ares has sorted them (RFC 6724); families take turns (RFC 8305 §4), its first choice first. */
static void take_ips(struct kg_question *q, const struct ares_addrinfo_node *nodes)
{
	const struct ares_addrinfo_node *next[2];
	int first = nodes != NULL && nodes->ai_family == AF_INET ? AF_INET : AF_INET6;
	int families[2] = { first, first == AF_INET ? AF_INET6 : AF_INET };

	next[0] = next_of(nodes, families[0]);
	next[1] = next_of(nodes, families[1]);
	for (int turn = 0; q->count < KG_RESOLVER_IPS_MAX && (next[0] != NULL || next[1] != NULL);
	     turn = !turn) {
		if (next[turn] == NULL)
			continue;
		q->ips[q->count++] = ip_of(next[turn]);
		next[turn] = next_of(next[turn]->ai_next, families[turn]);
	}
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct kg_question *q = arg;

	q->error = error_of(status);
	if (result != NULL) {
		take_ips(q, result->nodes);
		ares_freeaddrinfo(result);
	}
	if (q->error == KG_RESOLVER_OK && q->count == 0)
		q->error = KG_RESOLVER_NO_ADDRESS;
	q->resolver->waiting--;
	TAILQ_INSERT_TAIL(&q->resolver->answered, q, link);
}

static bool open_channel(struct kg_resolver *r)
{
	struct ares_options options = {
		.timeout = FIRST_TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = r,
	};

	if (r->channel != NULL)
		ares_destroy(r->channel);
	if (ares_init_options(&r->channel, &options,
			      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) ==
	    ARES_SUCCESS)
		return true;
	r->channel = NULL;
	return false;
}

/* ---- our side ---- */

struct kg_question *kg_resolver_ask(struct kg_resolver *r, const char *name, bool ipv4, bool ipv6,
				    kg_resolved *told, void *ctx)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = ipv4 && ipv6 ? AF_UNSPEC
			     : ipv4       ? AF_INET
					  : AF_INET6,
		.ai_socktype = SOCK_STREAM, /* each address once */
	};
	struct kg_question *q;

	if (r->waiting == KG_RESOLVER_QUESTIONS_MAX || (r->waiting == 0 && !open_channel(r)))
		return NULL;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return NULL;
	q->resolver = r;
	q->told = told;
	q->ctx = ctx;
	r->waiting++;
	ares_getaddrinfo(r->channel, name, NULL, &hints, on_answer, q);
	return q;
}

void kg_resolver_forget(struct kg_question *question)
{
	question->told = NULL;
}

static void tell_answers(struct kg_resolver *r)
{
	struct kg_question *q;

	while ((q = TAILQ_FIRST(&r->answered)) != NULL) {
		TAILQ_REMOVE(&r->answered, q, link);
		if (q->told != NULL)
			q->told(q->ctx, q->error, q->ips, q->count);
		free(q);
	}
}

bool kg_resolver_input(struct kg_resolver *r)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(r->epoll_fd, events, EVENTS, 0);

	for (int i = 0; i < count; i++) {
		bool writes = events[i].events & EPOLLOUT;
		bool reads = events[i].events & ~(uint32_t)EPOLLOUT;

		ares_process_fd(r->channel, reads ? events[i].data.fd : ARES_SOCKET_BAD,
				writes ? events[i].data.fd : ARES_SOCKET_BAD);
	}
	if (r->waiting > 0)
		ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* time-outs */
	tell_answers(r);
	return count > 0;
}

int kg_resolver_timeout_ms(const struct kg_resolver *r)
{
	struct timeval left;

	if (!TAILQ_EMPTY(&r->answered))
		return 0;
	if (r->waiting == 0 || ares_timeout(r->channel, NULL, &left) == NULL)
		return -1;
	return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

int kg_resolver_fd(const struct kg_resolver *r)
{
	return r->epoll_fd;
}

struct kg_resolver *kg_resolver_create(void)
{
	struct kg_resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	TAILQ_INIT(&r->answered);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd >= 0 && ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS)
		return r;
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	free(r);
	return NULL;
}

void kg_resolver_destroy(struct kg_resolver *r)
{
	struct kg_question *q;

	if (r == NULL)
		return;
	if (r->channel != NULL)
		ares_destroy(r->channel); /* answers all */
	while ((q = TAILQ_FIRST(&r->answered)) != NULL) {
		TAILQ_REMOVE(&r->answered, q, link);
		free(q);
	}
	ares_library_cleanup();
	close(r->epoll_fd);
	free(r);
}
