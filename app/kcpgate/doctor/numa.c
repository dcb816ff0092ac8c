/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks whether workers, NICs and memory are on the same node of the machine. */
#include "doctor/internal.h"

#include <string.h>
#include <unistd.h>

static bool has_nodes(const struct kg_doctor *d)
{
	char path[PATH_MAX];

	kg_doctor_path(d, path, "/sys/devices/system/node/node1");
	return access(path, F_OK) == 0;
}

static void check_port(struct kg_doctor *d, const struct kg_port_config *port, unsigned int worker,
		       int node)
{
	char address[16];
	long of_nic;

	if (!kg_doctor_pci(port->device, address))
		return;
	of_nic = kg_doctor_number(d, -1, "/sys/bus/pci/devices/%s/numa_node", address);
	if (of_nic >= 0 && of_nic != node)
		kg_doctor_find(d, "NUMA", KG_HEALTH_POOR,
			       "port %s is on node %ld, and the worker on CPU %u on node %d; "
			       "\"workers\" had better name CPUs of node %ld",
			       port->name, of_nic, worker, node, of_nic);
}

/* DPDK takes memory where the workers are. */
static void check_pages(struct kg_doctor *d, unsigned int worker, int node)
{
	char directory[64];

	if (!d->config->hugepages || d->has_memory)
		return;
	snprintf(directory, sizeof(directory), "/sys/devices/system/node/node%d/hugepages", node);
	if (kg_doctor_free_huge_mb(d, directory, 0) > 0)
		return;
	kg_finding_mend(kg_doctor_find(d, "NUMA", KG_HEALTH_POOR,
				       "node %d, where the worker on CPU %u is, has no free "
				       "hugepages",
				       node, worker),
			"echo %u >%s/hugepages-2048kB/nr_hugepages", (d->config->memory_mb + 1) / 2,
			directory);
}

void kg_doctor_check_numa(struct kg_doctor *d)
{
	unsigned int before = d->count;

	for (unsigned int i = 0; i < d->config->worker_count && has_nodes(d); i++) {
		unsigned int cpu = d->config->workers[i];
		int node = kg_doctor_node_of_cpu(d, cpu);

		if (node < 0)
			continue;
		check_pages(d, cpu, node);
		for (unsigned int p = 0; p < d->config->port_count; p++)
			check_port(d, &d->config->ports[p], cpu, node);
	}
	if (d->count == before)
		kg_doctor_find(d, "NUMA", KG_HEALTH_GOOD, "%s",
			       has_nodes(d) ? "workers, ports and memory are together"
					    : "the machine has one node");
}
