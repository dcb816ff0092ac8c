/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks what the CPUs can, whether workers may run where they shall, and who else runs there. */
#include "start/cpus.h"
#include "doctor/internal.h"

#include <string.h>

/* One that every x86 of the last ten years has; without it DPDK does not start, or ciphers crawl.
 */
static const struct {
	const char *flag;
	enum kg_health without;
	const char *why;
} flags[] = {
	{ "sse4_2", KG_HEALTH_MISSING, "DPDK needs it" },
	{ "aes", KG_HEALTH_POOR, "AES-GCM and AES-OCB are slow without it" },
	{ "pclmulqdq", KG_HEALTH_POOR, "AES-GCM is slow without it" },
	{ "avx2", KG_HEALTH_POOR, "ciphers and parity are slower without it" },
};

/* The CPU's flags stand in one line between spaces. */
static bool has_flag(const char *line, const char *flag)
{
	char word[32];

	snprintf(word, sizeof(word), " %s ", flag);
	return strstr(line, word) != NULL;
}

/* The flags with a space behind each; NULL: this is no x86, or says none. */
static char *flags_line(char *text)
{
	char *line = strstr(text, "\nflags"), *end;

	if (line == NULL)
		return NULL;
	end = strchr(line + 1, '\n');
	if (end != NULL)
		strcpy(end, " ");
	return line;
}

static void check_flags(struct kg_doctor *d)
{
	char text[KG_DOCTOR_FILE_BYTES];
	const char *line;
	unsigned int lacks = 0;

	if (!kg_doctor_read(d, text, "/proc/cpuinfo") || (line = flags_line(text)) == NULL)
		return;
	for (size_t i = 0; i < KG_ARRAY_SIZE(flags); i++) {
		if (has_flag(line, flags[i].flag))
			continue;
		kg_doctor_find(d, "CPU flags", flags[i].without,
			       "the CPU has no %s: %s; a virtual machine has its host's with the "
			       "CPU model \"host\"",
			       flags[i].flag, flags[i].why);
		lacks++;
	}
	if (lacks == 0)
		kg_doctor_find(d, "CPU flags", KG_HEALTH_GOOD, "all that ciphers use are there");
}

static void check_workers(struct kg_doctor *d)
{
	unsigned int good = 0;

	for (unsigned int i = 0; i < d->config->worker_count; i++) {
		if (kg_cpu_is_ours(d->config->workers[i]))
			good++;
		else
			kg_doctor_find(d, "workers", KG_HEALTH_MISSING,
				       "CPU %u is not there, is off, or is closed to this process; "
				       "lscpu shows which there are, \"workers\" names others",
				       d->config->workers[i]);
	}
	if (good > 0 && good == d->config->worker_count)
		kg_doctor_find(d, "workers", KG_HEALTH_GOOD, "%u on CPUs of their own", good);
}

/* A worker that naps gives its CPU away by itself. */
static void check_isolated(struct kg_doctor *d)
{
	char list[KG_DOCTOR_FILE_BYTES], shared[128] = "";
	size_t len = 0;

	if (d->config->poll != KG_POLL_BUSY || d->config->worker_count == 0)
		return;
	kg_doctor_read(d, list, "/sys/devices/system/cpu/isolated");
	for (unsigned int i = 0; i < d->config->worker_count && len + 8 < sizeof(shared); i++) {
		if (!kg_doctor_list_has(list, d->config->workers[i]))
			len += (size_t)snprintf(shared + len, sizeof(shared) - len, "%s%u",
						len > 0 ? "," : "", d->config->workers[i]);
	}
	if (len == 0) {
		kg_doctor_find(d, "isolated CPUs", KG_HEALTH_GOOD, "nobody else runs on workers'");
		return;
	}
	kg_finding_mend(kg_doctor_find(d, "isolated CPUs", KG_HEALTH_POOR,
				       "Linux lets others run on CPU %s, where workers are busy; "
				       "the command takes effect when the machine starts anew",
				       shared),
			"echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=%s nohz_full=%s "
			"rcu_nocbs=%s\"' >/etc/default/grub.d/kcpgate.cfg && update-grub",
			shared, shared, shared);
}

void kg_doctor_check_cpus(struct kg_doctor *d)
{
	check_flags(d);
	check_workers(d);
	check_isolated(d);
}
