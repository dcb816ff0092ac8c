/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns the configuration into EAL's arguments, and cleans up after EAL. */
#include "start/eal.h"

#include "log/chatter.h"
#include "nic/nic.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_pdump.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool shared; /* with other programs of DPDK: docs/decisions/0081-who-attaches.md */

struct arguments {
	char **list; /* NULL-terminated */
	int count;
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *args, const char *format,
						      ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	args->list = realloc(args->list, ((size_t)args->count + 2) * sizeof(args->list[0]));
	if (args->list == NULL)
		abort();
	args->list[args->count++] = text;
	args->list[args->count] = NULL;
}

/* "127@(0,1,2),0@2": the control thread may run wherever we may; worker i is lcore i, bound to its
 * CPU. */
static void add_lcores(struct arguments *args, const struct kg_config *config)
{
	char text[4096];
	size_t len = (size_t)snprintf(text, sizeof(text), "%u@(", KG_EAL_MAIN_LCORE);
	const char *separator = "";
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE && len < sizeof(text) - 16; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%d", separator, cpu);
		separator = ",";
	}
	len += (size_t)snprintf(text + len, sizeof(text) - len, ")");
	for (unsigned int i = 0; i < config->worker_count && len < sizeof(text) - 32; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ",%u@%u", i,
					config->workers[i]);
	add(args, "--lcores=%s", text);
	add(args, "--main-lcore=%u", KG_EAL_MAIN_LCORE);
}

static void add_devices(struct arguments *args, const struct kg_config *config)
{
	bool pci = false;

	for (unsigned int i = 0; i < config->port_count; i++) {
		const char *device = config->ports[i].device;
		bool is_pci = isxdigit((unsigned char)device[0]) && strchr(device, ':') != NULL;

		add(args, is_pci ? "--allow=%s" : "--vdev=%s", device);
		pci |= is_pci;
	}
	if (!pci)
		add(args, "--no-pci");
}

static void add_memory(struct arguments *args, const struct kg_config *config)
{
	add(args, "-m");
	add(args, "%u", config->memory_mb);
	/* Not --in-memory, which would silence telemetry; unlinked pages leave nothing behind. */
	if (!config->hugepages)
		add(args, "--no-huge");
	else if (!config->shared_memory)
		add(args, "--huge-unlink");
}

int kg_eal_init(const struct kg_config *config, char *const *options, int option_count)
{
	/* EAL keeps pointers to the texts, and puts others into its list. */
	static struct arguments args;
	static char **given;

	add(&args, "kcpgate");
	/* What went well is no news; a level of the user's comes after this one. Telemetry's,
	 * registered late, obeys the first that fits; it warns that nobody wants a socket that is
	 * long obsolete. */
	add(&args, "--log-level=lib.telemetry:error");
	add(&args, "--log-level=lib.*:warning");
	add(&args, "--log-level=user1:warning"); /* libraries that have no type of their own */
	add(&args, "--file-prefix=kcpgate-%s", config->name);
	add_memory(&args, config);
	add_lcores(&args, config);
	add_devices(&args, config);
	for (unsigned int i = 0; i < config->eal_count; i++)
		add(&args, "%s", config->eal[i]);
	for (int i = 0; i < option_count; i++)
		add(&args, "%s", options[i]);
	shared = config->shared_memory;
	given = calloc((size_t)args.count + 1, sizeof(given[0]));
	if (given == NULL)
		abort();
	memcpy(given, args.list, (size_t)args.count * sizeof(given[0]));
	kg_chatter_redirect();
	if (rte_eal_init(args.count, given) < 0 || (shared && rte_pdump_init() < 0))
		return -rte_errno;
	return 0;
}

bool kg_eal_has_devices(const struct kg_config *config, FILE *errors)
{
	bool all = true;

	for (unsigned int i = 0; i < config->port_count; i++) {
		if (kg_nic_exists(config->ports[i].device))
			continue;
		fprintf(errors,
			"ports[%u].device: found \"%s\", which DPDK cannot open (EAL says why "
			"above, more with --log-level=kcpgate.bpf:debug); allowed: a PCI address "
			"bound to a DPDK driver, or a virtual "
			"device with its arguments\n",
			i, config->ports[i].device);
		all = false;
	}
	return all;
}

static void remove_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) /* "." and ".." stay by themselves */
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

/* EAL itself would do so at the next start. */
static int remove_page(const struct rte_memseg_list *list, const struct rte_memseg *segment,
		       void *arg)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	(void)list;
	(void)arg;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", rte_memseg_get_fd_thread_unsafe(segment));
	len = readlink(link, path, sizeof(path) - 1);
	if (len > 0) {
		path[len] = '\0';
		unlink(path);
	}
	return 0;
}

void kg_eal_fini(void)
{
	bool ours = rte_eal_process_type() == RTE_PROC_PRIMARY;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", rte_eal_get_runtime_dir());
	if (shared) {
		rte_pdump_uninit();
		rte_memseg_walk(remove_page, NULL);
	}
	rte_eal_cleanup();
	if (ours)
		remove_files(path);
}
