/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads what Linux says of the machine in its files. */
#include "doctor/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES_MAX 64

static void join(const struct kg_doctor *d, char path[PATH_MAX], const char *format, va_list values)
{
	char rest[PATH_MAX / 2];

	vsnprintf(rest, sizeof(rest), format, values);
	snprintf(path, PATH_MAX, "%.*s%s", PATH_MAX / 2 - 1, d->root, rest);
}

void kg_doctor_path(const struct kg_doctor *d, char path[PATH_MAX], const char *format, ...)
{
	va_list values;

	va_start(values, format);
	join(d, path, format, values);
	va_end(values);
}

static bool read_file(const char *path, char text[KG_DOCTOR_FILE_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = -1;

	if (fd >= 0) {
		len = read(fd, text, KG_DOCTOR_FILE_BYTES - 1);
		close(fd);
	}
	text[KG_MAX(len, 0)] = '\0';
	return len >= 0;
}

bool kg_doctor_read(const struct kg_doctor *d, char text[KG_DOCTOR_FILE_BYTES], const char *format,
		    ...)
{
	char path[PATH_MAX];
	va_list values;

	va_start(values, format);
	join(d, path, format, values);
	va_end(values);
	return read_file(path, text);
}

long kg_doctor_number(const struct kg_doctor *d, long absent, const char *format, ...)
{
	char path[PATH_MAX], text[KG_DOCTOR_FILE_BYTES], *end;
	va_list values;
	long number;

	va_start(values, format);
	join(d, path, format, values);
	va_end(values);
	if (!read_file(path, text))
		return absent;
	number = strtol(text, &end, 10);
	return end > text ? number : absent;
}

bool kg_doctor_list_has(const char *list, unsigned int number)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		if (number >= first && number <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

unsigned long kg_doctor_free_huge_mb(const struct kg_doctor *d, const char *directory,
				     unsigned long only_kb)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned long kb, mb = 0;
	DIR *sizes;

	kg_doctor_path(d, path, "%s", directory);
	sizes = opendir(path);
	while (sizes != NULL && (entry = readdir(sizes)) != NULL) {
		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) == 1 &&
		    (only_kb == 0 || kb == only_kb))
			mb += (unsigned long)kg_doctor_number(d, 0, "%s/%s/free_hugepages",
							      directory, entry->d_name) *
			      kb / 1024;
	}
	if (sizes != NULL)
		closedir(sizes);
	return mb;
}

int kg_doctor_node_of_cpu(const struct kg_doctor *d, unsigned int cpu)
{
	char cpus[KG_DOCTOR_FILE_BYTES];

	for (int node = 0; node < NODES_MAX; node++) {
		if (kg_doctor_read(d, cpus, "/sys/devices/system/node/node%d/cpulist", node) &&
		    kg_doctor_list_has(cpus, cpu))
			return node;
	}
	return -1;
}

bool kg_doctor_pci(const char *device, char address[16])
{
	unsigned int domain = 0, bus, slot, function;

	if (sscanf(device, "%4x:%2x:%2x.%1x", &domain, &bus, &slot, &function) != 4) {
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1x", &bus, &slot, &function) != 3)
			return false;
	}
	snprintf(address, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot & 0xff,
		 function & 0xf);
	return true;
}
