/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's AF_XDP driver brings libbpf and libxdp, which warn of much that is no fault. They are the
 * driver's libraries, not ours: where they are not installed, nothing is to be done.
 */
#include "log/chatter.h"

#include "base/base.h"

#include <dlfcn.h>
#include <rte_log.h>
#include <stdarg.h>

RTE_LOG_REGISTER(bpf_log_type, kcpgate.bpf, ERR);

/* Both libraries' levels: warning, information, debugging. */
typedef int print_fn(int level, const char *format, va_list args);
typedef print_fn *set_print_fn(print_fn *print);

static int print(int level, const char *format, va_list args)
{
	static const uint32_t levels[] = { RTE_LOG_WARNING, RTE_LOG_INFO, RTE_LOG_DEBUG };

	return rte_vlog(levels[KG_MIN((unsigned int)level, 2u)], (uint32_t)bpf_log_type, format,
			args);
}

static void redirect(const char *library, const char *function)
{
	void *handle = dlopen(library, RTLD_LAZY);
	set_print_fn *set_print = handle ? (set_print_fn *)dlsym(handle, function) : NULL;

	if (set_print)
		set_print(print);
}

void kg_chatter_redirect(void)
{
	redirect("libbpf.so.1", "libbpf_set_print");
	redirect("libxdp.so.1", "libxdp_set_print");
}
