/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs users' programs, one at a time and without a shell. A program gets one argument, nothing of
 * ours but standard error and the environment, and half a minute. While it runs others wait; of
 * those for one tunnel and family only the latest.
 */
#include "control/internal.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIME_US (30 * KG_US_PER_S)

extern char **environ;

struct hook {
	TAILQ_ENTRY(hook) link;
	char *path; /* of its own: the tunnel may go meanwhile */
	uint16_t tunnel;
	char argument[KG_ENDPOINT_TEXT_BYTES];
};

struct kg_control_hooks {
	struct kg_loop *loop;
	struct kg_loop_source source; /* fd: of the program that runs; -1: none runs */
	pid_t pid;
	TAILQ_HEAD(, hook) waiting;
	struct hook *running;
};

static struct hook *make_hook(const char *path, uint16_t tunnel)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (hook == NULL)
		return NULL;
	hook->tunnel = tunnel;
	hook->path = strdup(path);
	if (hook->path != NULL)
		return hook;
	free(hook);
	return NULL;
}

static void free_hook(struct hook *hook)
{
	free(hook->path);
	free(hook);
}

/* ---- starting ---- */

/* Signals are blocked in this thread, and SIGPIPE is ignored: a program shall not inherit that. Its
 * own group lets it be ended with all it has started. */
static int set_up(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *files)
{
	sigset_t none, pipe_only;

	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &pipe_only);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETPGROUP);
	if (posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO) != 0 ||
	    posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1) != 0)
		return ENOMEM;
	return 0;
}

static int spawn(const struct hook *hook, pid_t *pid)
{
	char *arguments[] = { hook->path, (char *)(uintptr_t)hook->argument, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return rc;
	posix_spawnattr_init(&attributes);
	rc = set_up(&attributes, &files);
	if (rc == 0)
		rc = posix_spawn(pid, hook->path, &files, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static void kill_all(const struct kg_control_hooks *hooks)
{
	kill(-hooks->pid, SIGKILL);
}

/* False: it does not run. */
static bool start(struct kg_control_hooks *hooks, struct hook *hook)
{
	int rc = spawn(hook, &hooks->pid);

	if (rc != 0) {
		KG_LOG(WARNING, "cannot run %s: %s\n", hook->path, strerror(rc));
		return false;
	}
	hooks->source.fd = pidfd_open(hooks->pid, 0);
	hooks->source.due_us = hooks->loop->clock_us() + TIME_US;
	if (hooks->source.fd >= 0 && kg_loop_add(hooks->loop, &hooks->source))
		return true;
	KG_LOG(WARNING, "cannot watch %s: %s\n", hook->path, strerror(errno));
	kill_all(hooks);
	waitpid(hooks->pid, NULL, 0);
	return false;
}

static void start_next(struct kg_control_hooks *hooks)
{
	struct hook *hook;

	while (hooks->running == NULL && (hook = TAILQ_FIRST(&hooks->waiting)) != NULL) {
		TAILQ_REMOVE(&hooks->waiting, hook, link);
		if (start(hooks, hook))
			hooks->running = hook;
		else
			free_hook(hook);
	}
}

/* ---- ending ---- */

static void let_go(struct kg_control_hooks *hooks)
{
	kg_loop_remove(&hooks->source);
	close(hooks->source.fd);
	hooks->source.fd = -1;
	free_hook(hooks->running);
	hooks->running = NULL;
}

static void log_end(const struct hook *hook, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		KG_LOG(WARNING, "%s %s: status %d\n", hook->path, hook->argument,
		       WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		KG_LOG(WARNING, "%s %s: ended by signal %d\n", hook->path, hook->argument,
		       WTERMSIG(status));
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_hooks *hooks = KG_CONTAINER_OF(source, struct kg_control_hooks, source);
	int status;

	if (now_us >= source->due_us) {
		KG_LOG(WARNING, "%s does not end, so it is ended\n", hooks->running->path);
		kill_all(hooks);
		source->due_us = KG_NEVER_US;
	}
	if (waitpid(hooks->pid, &status, WNOHANG) != hooks->pid)
		return;
	log_end(hooks->running, status);
	let_go(hooks);
	start_next(hooks);
}

/* ---- asking for it ---- */

void kg_control_hooks_run(struct kg_control_hooks *hooks, const char *path, uint16_t tunnel,
			  const char *argument)
{
	struct hook *hook;

	TAILQ_FOREACH (hook, &hooks->waiting, link) {
		if (hook->tunnel == tunnel && !strcmp(hook->path, path))
			break;
	}
	if (hook == NULL) {
		hook = make_hook(path, tunnel);
		if (hook == NULL)
			return;
		TAILQ_INSERT_TAIL(&hooks->waiting, hook, link);
	}
	snprintf(hook->argument, sizeof(hook->argument), "%s", argument);
	start_next(hooks);
}

struct kg_control_hooks *kg_control_hooks_create(struct kg_loop *loop)
{
	struct kg_control_hooks *hooks = calloc(1, sizeof(*hooks));

	if (hooks == NULL)
		return NULL;
	hooks->loop = loop;
	hooks->source = (struct kg_loop_source){ .fd = -1, .serve = serve };
	TAILQ_INIT(&hooks->waiting);
	return hooks;
}

void kg_control_hooks_destroy(struct kg_control_hooks *hooks)
{
	struct hook *hook;

	if (hooks == NULL)
		return;
	if (hooks->running != NULL) {
		kill_all(hooks);
		waitpid(hooks->pid, NULL, 0);
		let_go(hooks);
	}
	while ((hook = TAILQ_FIRST(&hooks->waiting)) != NULL) {
		TAILQ_REMOVE(&hooks->waiting, hook, link);
		free_hook(hook);
	}
	free(hooks);
}
