/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks capabilities, the TUN device and directories of journals. */
#include "doctor/rights.h"

#include "log/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TUN "/dev/net/tun"

bool kg_doctor_may(const struct kg_doctor *d, enum kg_right right)
{
	char status[KG_DOCTOR_FILE_BYTES];
	const char *line;

	if (!kg_doctor_read(d, status, "/proc/self/status"))
		return false;
	line = strstr(status, "CapEff:");
	return line != NULL && (strtoull(line + strlen("CapEff:"), NULL, 16) >> right & 1) != 0;
}

static bool has_device_of(const struct kg_config *config, const char *driver)
{
	for (unsigned int i = 0; i < config->port_count; i++) {
		if (strncmp(config->ports[i].device, driver, strlen(driver)) == 0)
			return true;
	}
	return false;
}

static void lack(char *list, size_t bytes, const char *name)
{
	size_t len = strlen(list);

	snprintf(list + len, bytes - len, "%s%s", len > 0 ? ", " : "", name);
}

static void check_capabilities(struct kg_doctor *d)
{
	bool xdp = has_device_of(d->config, "net_af_xdp");
	char list[128] = "";

	if (!kg_doctor_may(d, KG_RIGHT_NET_ADMIN))
		lack(list, sizeof(list), "CAP_NET_ADMIN (TAPs, routes)");
	if ((xdp || has_device_of(d->config, "net_af_packet")) &&
	    !kg_doctor_may(d, KG_RIGHT_NET_RAW))
		lack(list, sizeof(list), "CAP_NET_RAW (ports of Linux)");
	/* libxdp asks Linux for programs by their numbers. */
	if (xdp && !kg_doctor_may(d, KG_RIGHT_SYS_ADMIN))
		lack(list, sizeof(list), "CAP_SYS_ADMIN (AF_XDP)");
	if (list[0] == '\0')
		kg_doctor_find(d, "permissions", KG_HEALTH_GOOD, "as needed");
	else
		kg_finding_mend(kg_doctor_find(d, "permissions", KG_HEALTH_MISSING,
					       "this process lacks %s", list),
				"start it as root, or as the service: systemctl start kcpgate");
}

static void check_tun(struct kg_doctor *d)
{
	char path[PATH_MAX];

	kg_doctor_path(d, path, TUN);
	if (access(path, R_OK | W_OK) == 0)
		kg_doctor_find(d, "TUN", KG_HEALTH_GOOD, "%s can be opened", TUN);
	else if (errno == ENOENT)
		kg_finding_mend(kg_doctor_find(d, "TUN", KG_HEALTH_MISSING,
					       "there is no %s, by which Linux gets its TAPs", TUN),
				"modprobe tun; [ -e " TUN " ] || { mkdir -p /dev/net && mknod " TUN
				" c 10 200; }");
	else
		kg_finding_mend(
			kg_doctor_find(d, "TUN", KG_HEALTH_MISSING, "%s: %s", TUN, strerror(errno)),
			"chmod 0666 " TUN);
}

static void check_journals(struct kg_doctor *d)
{
	for (unsigned int i = 0; i < d->config->tunnel_count; i++) {
		const struct kg_tunnel_config *tunnel = &d->config->tunnels[i];
		const char *fault = kg_journal_fault(tunnel);

		if (fault != NULL)
			kg_finding_mend(kg_doctor_find(d, "log_path", KG_HEALTH_MISSING,
						       "%s of %s: %s", tunnel->log_path,
						       tunnel->name, fault),
					"mkdir -p %s", tunnel->log_path);
	}
}

void kg_doctor_check_rights(struct kg_doctor *d)
{
	check_capabilities(d);
	check_tun(d);
	check_journals(d);
}
