/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines wait in a list, bounded in bytes; one thread takes them out and may wait in write(2). */
#include "log/writer.h"

#include "log/files.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_MS      500
#define FLUSH_STEP_US 1000

enum way {
	WAY_DESCRIPTOR, /* and syslog */
	WAY_APPEND,
	WAY_REPLACE,
};

/* Where a line goes. */
struct goal {
	enum way way;
	int fd, priority; /* descriptor */
	const char *path; /* file */
};

struct line {
	STAILQ_ENTRY(line) link;
	struct goal to; /* its path stands behind the text */
	size_t len;
	char text[];
};

struct kg_log_writer {
	pthread_t thread;
	pthread_mutex_t lock; /* held for moments only */
	pthread_cond_t filled;
	STAILQ_HEAD(, line) lines;
	size_t bytes;                         /* in `lines` */
	bool writing;                         /* a line is out of the list and not written yet */
	bool refused;                         /* the last line was: more would be, too */
	int last_fd;                          /* where losses are told */
	uint64_t told;                        /* of `lost` */
	atomic_uint_fast64_t lost, unwritten; /* the latter: lines of files */
	struct kg_log_files files;            /* the thread's */
};

/* ---- under the lock ---- */

static bool enqueue(struct kg_log_writer *w, const struct goal *to, const char *text, size_t len)
{
	size_t path_bytes = to->path != NULL ? strlen(to->path) + 1 : 0;
	struct line *line = NULL;

	if (w->bytes + len <= KG_LOG_QUEUE_BYTES)
		line = malloc(sizeof(*line) + len + path_bytes);
	if (line == NULL)
		return false;
	*line = (struct line){ .to = *to, .len = len };
	memcpy(line->text, text, len);
	if (path_bytes > 0)
		line->to.path = memcpy(line->text + len, to->path, path_bytes);
	STAILQ_INSERT_TAIL(&w->lines, line, link);
	w->bytes += len;
	return true;
}

/* In its place among the lines: before the first that has room again. False: no room for it. */
static bool tell_lost(struct kg_log_writer *w)
{
	const struct goal to = { .fd = w->last_fd, .priority = LOG_WARNING };
	uint64_t lost = atomic_load(&w->lost);
	char text[64];
	int len;

	if (lost == w->told)
		return true;
	len = snprintf(text, sizeof(text), "kcpgate: %" PRIu64 " lines of the log were lost\n",
		       lost - w->told);
	if (!enqueue(w, &to, text, (size_t)len))
		return false;
	w->told = lost;
	return true;
}

static struct line *dequeue(struct kg_log_writer *w)
{
	struct line *line = STAILQ_FIRST(&w->lines);

	if (line == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(&w->lines, link);
	w->bytes -= line->len;
	return line;
}

/* ---- the thread ---- */

static void unlock(void *lock)
{
	pthread_mutex_unlock(lock);
}

static struct line *take(struct kg_log_writer *w)
{
	struct line *line;

	pthread_mutex_lock(&w->lock);
	pthread_cleanup_push(unlock, &w->lock); /* the end may come while it waits */
	w->writing = false;
	if (!w->refused)
		tell_lost(w);
	while (STAILQ_EMPTY(&w->lines))
		pthread_cond_wait(&w->filled, &w->lock);
	line = dequeue(w);
	w->writing = true;
	pthread_cleanup_pop(true);
	return line;
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t taken = write(fd, text, len);

		if (taken < 0 && errno == EINTR)
			continue;
		if (taken <= 0)
			return false;
		text += taken;
		len -= (size_t)taken;
	}
	return true;
}

static void write_to_descriptor(struct kg_log_writer *w, const struct line *line)
{
	w->refused = !write_all(line->to.fd, line->text, line->len);
	if (w->refused)
		atomic_fetch_add(&w->lost, 1);
	if (line->to.priority != KG_LOG_NO_SYSLOG)
		syslog(line->to.priority, "%.*s", (int)line->len, line->text);
}

static void complain(const char *path, int error)
{
	char text[PATH_MAX + 128];
	int len = snprintf(text, sizeof(text),
			   "kcpgate: cannot write %s: %s; what belongs there is lost until it can "
			   "be written\n",
			   path, strerror(error));

	write_all(STDERR_FILENO, text, (size_t)len);
	syslog(LOG_WARNING, "%s", text);
}

static void write_to_file(struct kg_log_writer *w, const struct line *line)
{
	const char *path = line->to.path;
	int error = line->to.way == WAY_APPEND
			    ? kg_log_files_append(&w->files, path, line->text, line->len)
			    : kg_log_files_replace(&w->files, path, line->text, line->len);

	if (error != 0)
		atomic_fetch_add(&w->unwritten, 1);
	if (error > 0)
		complain(path, error);
}

static void *run(void *writer)
{
	struct kg_log_writer *w = writer;

	for (;;) {
		struct line *line = take(w);

		pthread_cleanup_push(free, line);
		if (line->to.way == WAY_DESCRIPTOR)
			write_to_descriptor(w, line);
		else
			write_to_file(w, line);
		pthread_cleanup_pop(true);
	}
	return NULL;
}

/* ---- everybody ---- */

static void put(struct kg_log_writer *w, const struct goal *to, const char *text, size_t len)
{
	pthread_mutex_lock(&w->lock);
	if (to->way == WAY_DESCRIPTOR)
		w->last_fd = to->fd;
	if (!tell_lost(w) || !enqueue(w, to, text, len))
		atomic_fetch_add(&w->lost, 1);
	pthread_cond_signal(&w->filled);
	pthread_mutex_unlock(&w->lock);
}

void kg_log_writer_put(struct kg_log_writer *w, int fd, int priority, const char *text, size_t len)
{
	put(w, &(struct goal){ WAY_DESCRIPTOR, fd, priority, NULL }, text, len);
}

void kg_log_writer_append(struct kg_log_writer *w, const char *path, const char *text, size_t len)
{
	put(w, &(struct goal){ .way = WAY_APPEND, .path = path }, text, len);
}

void kg_log_writer_replace(struct kg_log_writer *w, const char *path, const char *text, size_t len)
{
	put(w, &(struct goal){ .way = WAY_REPLACE, .path = path }, text, len);
}

static bool is_idle(struct kg_log_writer *w)
{
	bool idle;

	pthread_mutex_lock(&w->lock);
	idle = STAILQ_EMPTY(&w->lines) && !w->writing;
	pthread_mutex_unlock(&w->lock);
	return idle;
}

void kg_log_writer_flush(struct kg_log_writer *w)
{
	for (int waited_ms = 0; waited_ms < FLUSH_MS && !is_idle(w); waited_ms++)
		usleep(FLUSH_STEP_US);
}

uint64_t kg_log_writer_lost(const struct kg_log_writer *w)
{
	return atomic_load(&w->lost) + atomic_load(&w->unwritten);
}

struct kg_log_writer *kg_log_writer_create(void)
{
	struct kg_log_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->last_fd = STDERR_FILENO;
	STAILQ_INIT(&w->lines);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->filled, NULL);
	errno = pthread_create(&w->thread, NULL, run, w);
	if (errno == 0) {
		pthread_setname_np(w->thread, "kg-log");
		return w;
	}
	free(w);
	return NULL;
}

void kg_log_writer_destroy(struct kg_log_writer *w)
{
	struct line *line;

	if (w == NULL)
		return;
	kg_log_writer_flush(w);
	pthread_cancel(w->thread); /* it may be in a write that never ends */
	pthread_join(w->thread, NULL);
	while ((line = dequeue(w)) != NULL)
		free(line);
	kg_log_files_fini(&w->files);
	pthread_cond_destroy(&w->filled);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
