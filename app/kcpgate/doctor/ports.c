/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks whether DPDK finds the ports' devices, and may have them. */
#include "doctor/internal.h"
#include "start/claims.h"

#include <libgen.h>
#include <string.h>
#include <unistd.h>

#define NOIOMMU "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/* Those that leave the NIC with Linux, and give DPDK queues of it. */
static const char *const shared_drivers[] = { "mlx4_core", "mlx5_core", "mana" };
static const char *const user_drivers[] = { "vfio-pci", "igb_uio", "uio_pci_generic" };

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/* Empty: it has none. */
static void driver_of(const struct kg_doctor *d, const char *address, char driver[64])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	kg_doctor_path(d, path, "/sys/bus/pci/devices/%s/driver", address);
	len = readlink(path, target, sizeof(target) - 1);
	target[KG_MAX(len, 0)] = '\0';
	snprintf(driver, 64, "%.63s", len > 0 ? basename(target) : "");
}

static bool has_iommu(const struct kg_doctor *d, const char *address)
{
	char path[PATH_MAX];

	kg_doctor_path(d, path, "/sys/bus/pci/devices/%s/iommu_group", address);
	return access(path, F_OK) == 0;
}

/* vfio without an IOMMU has to be told that it is without. */
static void check_iommu(struct kg_doctor *d, const char *name, const char *address)
{
	char mode[KG_DOCTOR_FILE_BYTES];

	if (has_iommu(d, address)) {
		kg_doctor_find(d, name, KG_HEALTH_GOOD, "%s is with vfio-pci, behind an IOMMU",
			       address);
		return;
	}
	kg_doctor_read(d, mode, NOIOMMU);
	if (mode[0] == 'Y' || mode[0] == '1')
		kg_doctor_find(d, name, KG_HEALTH_GOOD,
			       "%s is with vfio-pci, without an IOMMU: the NIC may write anywhere",
			       address);
	else
		kg_finding_mend(kg_doctor_find(d, name, KG_HEALTH_MISSING,
					       "%s has no IOMMU, and vfio is not told to do "
					       "without; intel_iommu=on or amd_iommu=on on the "
					       "kernel's command line may bring it",
					       address),
				"modprobe vfio enable_unsafe_noiommu_mode=1 && echo 1 >" NOIOMMU);
}

static void check_pci(struct kg_doctor *d, const char *name, const char *address)
{
	char path[PATH_MAX], driver[64];

	kg_doctor_path(d, path, "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK) != 0) {
		kg_finding_mend(kg_doctor_find(d, name, KG_HEALTH_MISSING,
					       "there is no device %s; the command shows which "
					       "there are",
					       address),
				"dpdk-devbind.py --status-dev net");
		return;
	}
	driver_of(d, address, driver);
	if (strcmp(driver, "vfio-pci") == 0)
		check_iommu(d, name, address);
	else if (is_one_of(driver, user_drivers, KG_ARRAY_SIZE(user_drivers)) ||
		 is_one_of(driver, shared_drivers, KG_ARRAY_SIZE(shared_drivers)))
		kg_doctor_find(d, name, KG_HEALTH_GOOD, "%s is with %s", address, driver);
	else
		kg_finding_mend(kg_doctor_find(d, name, KG_HEALTH_MISSING,
					       "%s is with %s, and DPDK needs it with vfio-pci",
					       address, driver[0] != '\0' ? driver : "no driver"),
				"kcpgate-setup --nic %s", address);
}

static void check_interface(struct kg_doctor *d, const char *name, const char *interface)
{
	if (if_nametoindex(interface) != 0)
		kg_doctor_find(d, name, KG_HEALTH_GOOD, "Linux has the interface %s", interface);
	else
		kg_finding_mend(kg_doctor_find(d, name, KG_HEALTH_MISSING,
					       "Linux has no interface %s; the command shows which "
					       "there are",
					       interface),
				"ip -brief link");
}

void kg_doctor_check_ports(struct kg_doctor *d)
{
	for (unsigned int i = 0; i < d->config->port_count; i++) {
		const struct kg_port_config *port = &d->config->ports[i];
		char name[KG_FINDING_NAME], address[16], interface[IF_NAMESIZE];

		snprintf(name, sizeof(name), "port %.32s", port->name);
		if (kg_doctor_pci(port->device, address))
			check_pci(d, name, address);
		else if (kg_device_interface(port->device, interface))
			check_interface(d, name, interface);
	}
}
