/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of /etc/hosts are in a table of ours; c-ares, which would read the file for every question,
 * asks name servers only. It opens and closes sockets as it likes and tells what it waits for; an
 * epoll of our own holds them, level-triggered, and is the one descriptor that others see. Answers
 * that are known within the asking call are put aside and told later, so that nobody is called back
 * before he knows that he has asked.
 */
#include "resolver/resolver.h"

#include "resolver/hosts.h"
#include "resolver/stamp.h"

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
#define HOSTS_PATH   "/etc/hosts"

struct kg_question {
	TAILQ_ENTRY(kg_question) link; /* in `answered` */
	struct kg_resolver *resolver;
	kg_resolved *told; /* NULL: forgotten */
	void *ctx;
	enum kg_resolver_error error;
	unsigned int count;
	struct kg_ip ips[KG_RESOLVER_IPS_MAX];
	bool ipv4, ipv6;
	char name[];
};

/* In which order nsswitch.conf wants them asked. */
enum order {
	FILES_THEN_SERVERS,
	SERVERS_THEN_FILES,
	FILES,
	SERVERS,
};

struct kg_resolver {
	ares_channel channel; /* NULL before the first question */
	struct kg_hosts *hosts;
	struct kg_stamp settings[3]; /* of the files that the channel was made from */
	enum order order;
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

/* The next one of a version, from `i` on. */
static unsigned int next_of(const struct kg_ip *ips, unsigned int count, unsigned int i,
			    uint8_t version)
{
	while (i < count && ips[i].version != version)
		i++;
	return i;
}

/* Families take turns (RFC 8305 §4), that of the first address first. */
static void take_ips(struct kg_question *q, const struct kg_ip *ips, unsigned int count)
{
	uint8_t versions[2] = { 6, 4 };
	unsigned int next[2];

	if (count > 0 && ips[0].version == 4) {
		versions[0] = 4;
		versions[1] = 6;
	}
	next[0] = next_of(ips, count, 0, versions[0]);
	next[1] = next_of(ips, count, 0, versions[1]);
	for (int turn = 0; next[0] < count || next[1] < count; turn = !turn) {
		if (next[turn] == count)
			continue;
		q->ips[q->count++] = ips[next[turn]];
		next[turn] = next_of(ips, count, next[turn] + 1, versions[turn]);
	}
}

/* c-ares has sorted them (RFC 6724). */
static void take_nodes(struct kg_question *q, const struct ares_addrinfo_node *node)
{
	struct kg_ip ips[KG_RESOLVER_IPS_MAX];
	unsigned int count = 0;

	for (; node != NULL && count < KG_RESOLVER_IPS_MAX; node = node->ai_next) {
		if (node->ai_family == AF_INET || node->ai_family == AF_INET6)
			ips[count++] = ip_of(node);
	}
	take_ips(q, ips, count);
}

static void settle(struct kg_question *q, enum kg_resolver_error error)
{
	q->error = error;
	q->resolver->waiting--;
	TAILQ_INSERT_TAIL(&q->resolver->answered, q, link);
}

/* ---- the hosts file ---- */

/* Would Linux find a way, of this family, from here? */
static bool is_reachable(const struct kg_ip *ip)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	if (fd < 0)
		return false;
	memcpy(&to.sin6_addr, ip->bytes, sizeof(to.sin6_addr));
	good = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	close(fd);
	return good;
}

/* IPv6 comes first where it can be reached (RFC 6724 §6, rules 1 and 6). */
static bool find_in_hosts(struct kg_question *q)
{
	struct kg_ip ips[KG_RESOLVER_IPS_MAX], first;
	unsigned int count = kg_hosts_find(q->resolver->hosts, q->name, q->ipv4, q->ipv6, ips,
					   KG_RESOLVER_IPS_MAX);
	unsigned int six = next_of(ips, count, 0, 6), four = next_of(ips, count, 0, 4);

	if (six < count && four < count) {
		unsigned int best = is_reachable(&ips[six]) ? six : four;

		first = ips[best];
		memmove(&ips[1], ips, best * sizeof(ips[0]));
		ips[0] = first;
	}
	take_ips(q, ips, count);
	if (count > 0)
		settle(q, KG_RESOLVER_OK);
	return count > 0;
}

/* ---- name servers ---- */

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct kg_question *q = arg;

	enum kg_resolver_error error = error_of(status);

	if (result != NULL) {
		take_nodes(q, result->nodes);
		ares_freeaddrinfo(result);
	}
	if (error != KG_RESOLVER_OK && q->resolver->order == SERVERS_THEN_FILES &&
	    status != ARES_EDESTRUCTION && find_in_hosts(q))
		return;
	if (error == KG_RESOLVER_OK && q->count == 0)
		error = KG_RESOLVER_NO_ADDRESS;
	settle(q, error);
}

static void ask_servers(struct kg_question *q)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = q->ipv4 && q->ipv6 ? AF_UNSPEC
			     : q->ipv4          ? AF_INET
						: AF_INET6,
		.ai_socktype = SOCK_STREAM, /* each address once */
	};

	ares_getaddrinfo(q->resolver->channel, q->name, NULL, &hints, on_answer, q);
}

/* What c-ares has read of nsswitch.conf: "b" are name servers, "f" files. */
static enum order order_of(const char *lookups)
{
	const char *files = strchr(lookups, 'f'), *servers = strchr(lookups, 'b');

	if (servers == NULL)
		return FILES;
	if (files == NULL)
		return SERVERS;
	return files < servers ? FILES_THEN_SERVERS : SERVERS_THEN_FILES;
}

static void read_order(struct kg_resolver *r)
{
	struct ares_options options;
	int mask;

	r->order = FILES_THEN_SERVERS;
	if (ares_save_options(r->channel, &options, &mask) != ARES_SUCCESS)
		return;
	if (options.lookups != NULL)
		r->order = order_of(options.lookups);
	ares_destroy_options(&options);
}

static bool init_channel(struct kg_resolver *r, int more)
{
	struct ares_options options = {
		.timeout = FIRST_TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = r,
		.lookups = (char[]){ "b" },
	};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | more;

	if (r->channel != NULL)
		ares_destroy(r->channel);
	if (ares_init_options(&r->channel, &options, mask) == ARES_SUCCESS)
		return true;
	r->channel = NULL;
	return false;
}

/* Anew, when what it is made from has changed: once to hear the order, once to have no files asked.
 */
static bool open_channel(struct kg_resolver *r)
{
	static const char *const files[] = { "/etc/resolv.conf", "/etc/nsswitch.conf",
					     "/etc/host.conf" };
	bool changed = r->channel == NULL;

	for (size_t i = 0; i < KG_ARRAY_SIZE(files); i++)
		changed |= kg_stamp_changed(&r->settings[i], files[i]);
	if (!changed)
		return true;
	if (!init_channel(r, 0))
		return false;
	read_order(r);
	return init_channel(r, ARES_OPT_LOOKUPS);
}

/* ---- our side ---- */

struct kg_question *kg_resolver_ask(struct kg_resolver *r, const char *name, bool ipv4, bool ipv6,
				    kg_resolved *told, void *ctx)
{
	struct kg_question *q;

	if (r->waiting == KG_RESOLVER_QUESTIONS_MAX || (r->waiting == 0 && !open_channel(r)))
		return NULL;
	q = calloc(1, sizeof(*q) + strlen(name) + 1);
	if (q == NULL)
		return NULL;
	q->resolver = r;
	q->told = told;
	q->ctx = ctx;
	q->ipv4 = ipv4;
	q->ipv6 = ipv6;
	strcpy(q->name, name);
	r->waiting++;
	if ((r->order == FILES || r->order == FILES_THEN_SERVERS) && find_in_hosts(q))
		return q;
	if (r->order == FILES)
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
