/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of /etc/hosts are in a table of ours; c-ares, which would read the file for every question,
 * asks name servers only. It opens and closes sockets as it likes and tells what it waits for; an
 * epoll of our own holds them, level-triggered, and is the one descriptor that others see. Answers
 * that are known within the asking call are put aside and told later, so that nobody is called back
 * before he knows that he has asked.
 */
#include "resolver/resolver.h"

#include "config/values.h"
#include "net/dns_txt.h"
#include "net/order.h"
#include "payload/socket.h"
#include "resolver/hosts.h"
#include "resolver/lookups.h"
#include "resolver/stamp.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#define EVENTS        16
#define HOSTS_PATH    "/etc/hosts"
#define NSSWITCH_PATH "/etc/nsswitch.conf"
#define RESOLV_PATH   "/etc/resolv.conf"
#define DISCARD_PORT  9 /* nothing is sent there */
#define HOSTS_TTL_S   5 /* the file may change at any time, and is cheap to read */
#define CLASS_IN      1
#define TYPE_TXT      16

/*
 * One server is asked for about 4.5 s: our askers do not wait as long as c-ares would. Each try is
 * twice as long as the one before, but since 1.32 the first is five times what the server has taken
 * lately, 250 ms at least; so there are more of them, and the longest has a bound.
 */
#if ARES_VERSION >= 0x012000
static const struct ares_options patience = { .timeout = 500, .maxtimeout = 1500, .tries = 4 };
#define PATIENCE (ARES_OPT_TIMEOUTMS | ARES_OPT_MAXTIMEOUTMS | ARES_OPT_TRIES)
#else
static const struct ares_options patience = { .timeout = 1500, .tries = 2 };
#define PATIENCE (ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES)
#endif

/* Since 1.31 c-ares keeps answers unless told for how long, which is 0 here. */
#ifndef ARES_OPT_QUERY_CACHE
#define ARES_OPT_QUERY_CACHE 0
#endif

struct kg_question {
	TAILQ_ENTRY(kg_question) link; /* in `answered` */
	struct kg_resolver *resolver;
	kg_resolved *told; /* NULL: forgotten */
	void *ctx;
	struct kg_answer answer;
	unsigned int what; /* enum kg_ask */
	char name[];
};

struct kg_resolver {
	ares_channel channel; /* NULL before the first question */
	struct kg_hosts *hosts;
	struct kg_stamp resolv; /* of what the channel was made from */
	struct kg_stamp nsswitch;
	enum kg_lookups lookups;
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

/* From where Linux would reach it; not set: it would not. */
static struct kg_ip source_of(const struct kg_ip *ip)
{
	struct kg_endpoint to = { .ip = *ip, .port = DISCARD_PORT }, local = { 0 };
	bool in_progress;
	int fd = kg_socket_dial(&to, SOCK_DGRAM, NULL, &in_progress);

	if (fd < 0)
		return local.ip;
	(void)kg_socket_local(fd, &local);
	close(fd);
	return local.ip;
}

static void take_ips(struct kg_question *q, const struct kg_ip *ips, unsigned int count)
{
	struct kg_choice choices[KG_RESOLVER_IPS_MAX];

	for (unsigned int i = 0; i < count; i++) {
		choices[i] = (struct kg_choice){ .ip = ips[i], .source = source_of(&ips[i]) };
		q->answer.reachable += choices[i].source.version != 0;
	}
	kg_order(choices, count, q->answer.ips);
	q->answer.count = count;
}

static uint32_t least_ttl(uint32_t least_s, int ttl_s)
{
	return KG_MIN(least_s, (uint32_t)KG_MAX(ttl_s, 0));
}

static void take_info(struct kg_question *q, const struct ares_addrinfo *info)
{
	struct kg_ip ips[KG_RESOLVER_IPS_MAX];
	uint32_t ttl_s = UINT32_MAX;
	unsigned int count = 0;

	for (const struct ares_addrinfo_cname *alias = info->cnames; alias != NULL;
	     alias = alias->next)
		ttl_s = least_ttl(ttl_s, alias->ttl);
	for (const struct ares_addrinfo_node *node = info->nodes;
	     node != NULL && count < KG_RESOLVER_IPS_MAX; node = node->ai_next) {
		if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
			continue;
		ips[count++] = kg_sockaddr_endpoint((const void *)node->ai_addr).ip;
		ttl_s = least_ttl(ttl_s, node->ai_ttl);
	}
	take_ips(q, ips, count);
	q->answer.ttl_s = ttl_s;
}

static void settle(struct kg_question *q, enum kg_resolver_error error)
{
	q->answer.error = error;
	q->resolver->waiting--;
	TAILQ_INSERT_TAIL(&q->resolver->answered, q, link);
}

/* ---- the hosts file ---- */

static bool find_in_hosts(struct kg_question *q)
{
	struct kg_ip ips[KG_RESOLVER_IPS_MAX];
	unsigned int count = kg_hosts_find(q->resolver->hosts, q->name, q->what & KG_ASK_IPV4,
					   q->what & KG_ASK_IPV6, ips, KG_RESOLVER_IPS_MAX);

	if (count == 0)
		return false;
	take_ips(q, ips, count);
	q->answer.ttl_s = HOSTS_TTL_S;
	settle(q, KG_RESOLVER_OK);
	return true;
}

/* ---- name servers ---- */

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct kg_question *q = arg;
	enum kg_resolver_error error = error_of(status);

	if (result != NULL) {
		take_info(q, result);
		ares_freeaddrinfo(result);
	}
	if (error != KG_RESOLVER_OK && q->resolver->lookups == KG_LOOKUPS_SERVERS_THEN_FILES &&
	    status != ARES_EDESTRUCTION && find_in_hosts(q))
		return;
	if (error == KG_RESOLVER_OK && q->answer.count == 0)
		error = KG_RESOLVER_NO_ADDRESS;
	settle(q, error);
}

static void on_text(void *arg, int status, int timeouts, unsigned char *message, int len)
{
	struct kg_question *q = arg;
	enum kg_resolver_error error = error_of(status);
	struct kg_endpoint found;

	if (error == KG_RESOLVER_OK) {
		if (kg_dns_txt_endpoint(message, (size_t)len, &found, &q->answer.ttl_s)) {
			take_ips(q, &found.ip, 1);
			q->answer.port = found.port;
		} else {
			error = KG_RESOLVER_NO_ADDRESS;
		}
	}
	settle(q, error);
}

/* c-ares 1.28 takes questions as records and gives answers so; 1.34 warns of the older way. */
#if ARES_VERSION >= 0x011c00
static void on_record(void *arg, ares_status_t status, size_t timeouts,
		      const ares_dns_record_t *record)
{
	unsigned char *message = NULL;
	size_t len = 0;

	if (status == ARES_SUCCESS)
		status = ares_dns_write(record, &message, &len);
	on_text(arg, (int)status, (int)timeouts, message, (int)len);
	ares_free_string(message);
}

static void ask_text(struct kg_question *q)
{
	ares_dns_record_t *record = NULL;
	ares_status_t status = ares_dns_record_create(&record, 0, ARES_FLAG_RD, ARES_OPCODE_QUERY,
						      ARES_RCODE_NOERROR);

	if (status == ARES_SUCCESS)
		status = ares_dns_record_query_add(record, q->name, ARES_REC_TYPE_TXT,
						   ARES_CLASS_IN);
	if (status == ARES_SUCCESS)
		ares_search_dnsrec(q->resolver->channel, record, on_record, q);
	else
		settle(q, error_of((int)status));
	ares_dns_record_destroy(record);
}
#else
static void ask_text(struct kg_question *q)
{
	ares_search(q->resolver->channel, q->name, CLASS_IN, TYPE_TXT, on_text, q);
}
#endif

static void ask_servers(struct kg_question *q)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = (q->what & KG_ASK_IPV6) == 0   ? AF_INET
			     : (q->what & KG_ASK_IPV4) == 0 ? AF_INET6
							    : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM, /* each address once */
		.ai_flags = ARES_AI_NOSORT, /* versions of c-ares sort differently */
	};

	if (q->what == KG_ASK_TXT)
		ask_text(q);
	else
		ares_getaddrinfo(q->resolver->channel, q->name, NULL, &hints, on_addresses, q);
}

static bool init_channel(struct kg_resolver *r)
{
	struct ares_options options = patience;

	options.sock_state_cb = on_socket;
	options.sock_state_cb_data = r;
	options.lookups = (char[]){ "b" }; /* name servers only */
	if (r->channel != NULL)
		ares_destroy(r->channel);
	if (ares_init_options(&r->channel, &options,
			      PATIENCE | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS |
				      ARES_OPT_QUERY_CACHE) == ARES_SUCCESS)
		return true;
	r->channel = NULL;
	return false;
}

/* Anew, when what it is made from has changed. */
static bool open_channel(struct kg_resolver *r)
{
	bool changed = kg_stamp_changed(&r->resolv, RESOLV_PATH);

	if (kg_stamp_changed(&r->nsswitch, NSSWITCH_PATH))
		r->lookups = kg_lookups_read(NSSWITCH_PATH);
	return (r->channel != NULL && !changed) || init_channel(r);
}

/* ---- our side ---- */

static struct kg_question *create_question(struct kg_resolver *r, const char *name,
					   unsigned int what, kg_resolved *told, void *ctx)
{
	struct kg_question *q = calloc(1, sizeof(*q) + strlen(name) + 1);

	if (q == NULL)
		return NULL;
	q->resolver = r;
	q->told = told;
	q->ctx = ctx;
	q->what = what;
	strcpy(q->name, name);
	r->waiting++;
	return q;
}

struct kg_question *kg_resolver_ask(struct kg_resolver *r, const char *name, unsigned int what,
				    kg_resolved *told, void *ctx)
{
	struct kg_question *q;

	if (r->waiting == KG_RESOLVER_QUESTIONS_MAX || (r->waiting == 0 && !open_channel(r)))
		return NULL;
	q = create_question(r, name, what, told, ctx);
	if (q == NULL)
		return NULL;
	if (r->lookups != KG_LOOKUPS_SERVERS && r->lookups != KG_LOOKUPS_SERVERS_THEN_FILES &&
	    find_in_hosts(q))
		return q;
	if (r->lookups == KG_LOOKUPS_FILES && what != KG_ASK_TXT)
		settle(q, KG_RESOLVER_NO_NAME);
	else
		ask_servers(q);
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
			q->told(q->ctx, &q->answer);
		free(q);
	}
}

void kg_resolver_input(struct kg_resolver *r)
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

void kg_answer_keep_hosts(struct kg_answer *answer, unsigned int count)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (kg_is_one_host(&answer->ips[i]) && !kg_ip_is_loopback(&answer->ips[i]))
			answer->ips[kept++] = answer->ips[i];
	}
	answer->count = kept;
	if (answer->error == KG_RESOLVER_OK && kept == 0)
		answer->error = KG_RESOLVER_NO_ADDRESS;
}

const char *kg_resolver_error_text(enum kg_resolver_error error)
{
	static const char *const texts[] = {
		[KG_RESOLVER_OK] = "",
		[KG_RESOLVER_NO_NAME] = "there is no such name",
		[KG_RESOLVER_NO_ADDRESS] = "it has nothing that can be used",
		[KG_RESOLVER_NO_ANSWER] = "name servers do not answer",
	};

	return texts[error];
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
	r->hosts = kg_hosts_create(HOSTS_PATH);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd >= 0 && r->hosts != NULL &&
	    ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS)
		return r;
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	kg_hosts_destroy(r->hosts);
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
	kg_hosts_destroy(r->hosts);
	free(r);
}
