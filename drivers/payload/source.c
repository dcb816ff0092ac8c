/* SPDX-License-Identifier: BSD-3-Clause */
/* Hangs sockets into the thread's epoll set, has buffers ready for what they bring, and posts it.
 */
#include "payload/internal.h"

#include "memory/buf_mempool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int kg_source_open(struct kg_payload *p, struct kg_source *source, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET, .data.ptr = source };

	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	source->fd = fd;
	return 0;
}

/* Its descriptor, which epoll watches still; -1: it has none. */
static int detach(struct kg_payload *p, struct kg_source *source)
{
	int fd = source->fd;

	if (source->ready) {
		TAILQ_REMOVE(&p->ready, source, ready_link);
		p->ready_count--;
	}
	source->ready = false;
	source->events = 0;
	source->fd = -1;
	return fd;
}

void kg_source_close(struct kg_payload *p, struct kg_source *source)
{
	int fd = detach(p, source);

	if (fd >= 0)
		close(fd);
}

int kg_source_let_go(struct kg_payload *p, struct kg_source *source)
{
	int fd = detach(p, source);

	if (fd >= 0)
		epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	return fd;
}

void kg_source_wake(struct kg_payload *p, struct kg_source *source)
{
	if (source->ready)
		return;
	source->ready = true;
	TAILQ_INSERT_TAIL(&p->ready, source, ready_link);
	p->ready_count++;
}

/* ---- buffers to read into ---- */

static struct kg_buf *take_one(struct kg_payload *p, enum kg_buf_use use)
{
	if (p->spare_count > 0)
		return p->spare[--p->spare_count];
	return kg_buf_alloc_for(p->config.pool, p->spare_bytes, use);
}

/* Where buffers are short each gets one at least: who has had its share has no credit. */
unsigned int kg_spare_take(struct kg_payload *p, struct kg_buf **bufs, unsigned int count)
{
	unsigned int taken = 0;

	while (taken < count) {
		struct kg_buf *buf = take_one(p, taken == 0 ? KG_BUF_FIRST : KG_BUF_MORE);

		if (buf == NULL)
			break;
		bufs[taken++] = buf;
	}
	if (taken == 0 && count > 0)
		kg_count(&p->stats.no_buffer, 1);
	return taken;
}

void kg_spare_put(struct kg_payload *p, struct kg_buf *buf)
{
	if (p->spare_count < KG_READ_BUFS)
		p->spare[p->spare_count++] = buf;
	else
		kg_buf_free(buf);
}

void kg_spare_drop(struct kg_payload *p)
{
	while (p->spare_count > 0)
		kg_buf_free(p->spare[--p->spare_count]);
}

struct kg_buf *kg_spare_fit(struct kg_payload *p, struct kg_buf *buf, uint16_t len)
{
	struct kg_buf *small = NULL;

	if (len <= KG_BUF_SMALL_ROOM)
		small = kg_buf_alloc(p->config.pool, len);
	if (small == NULL) {
		buf->len = len;
		return buf;
	}
	memcpy(small->data, buf->data, len);
	small->len = len;
	kg_spare_put(p, buf);
	return small;
}

bool kg_link_post(struct kg_payload *p, struct kg_link *link, const struct kg_msg *msgs,
		  unsigned int count)
{
	if (rte_ring_sp_enqueue_bulk_elem(link->rings->to_worker, msgs, sizeof(*msgs), count,
					  NULL) == 0) {
		kg_count(&p->stats.ring_full, 1);
		return false;
	}
	link->posted = true;
	return true;
}

int kg_source_spare_fd(const struct kg_payload *p)
{
	return fcntl(p->epoll_fd, F_DUPFD_CLOEXEC, 0);
}
