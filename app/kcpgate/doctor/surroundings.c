/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks the clock, by which peers know replays, and the ports that Linux gives its own sockets. */
#include "doctor/internal.h"

#include <unistd.h>

#define RANGE        "/proc/sys/net/ipv4/ip_local_port_range"
#define RESERVED     "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define DIALS_LITTLE 16384 /* connections to one target: a busy server has more */

static void check_clock(struct kg_doctor *d)
{
	if (d->clock_synchronised)
		kg_doctor_find(d, "clock", KG_HEALTH_GOOD, "is synchronised");
	else
		kg_finding_mend(kg_doctor_find(d, "clock", KG_HEALTH_POOR,
					       "nobody keeps it right; datagrams are refused when "
					       "the clocks of two boxes differ by 255 s"),
				"apt-get install chrony");
}

static bool dials(const struct kg_config *config)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		if (config->tunnels[i].mode == KG_MODE_SERVER)
			return true;
	}
	return false;
}

static bool overlaps(const struct kg_config *config, unsigned int first, unsigned int last)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		const struct kg_wire_end *wire = &config->tunnels[i].wire;

		for (unsigned int r = 0; r < wire->port_count; r++) {
			if (wire->ports[r].first <= last && wire->ports[r].last >= first)
				return true;
		}
	}
	return false;
}

static void check_ports(struct kg_doctor *d)
{
	char text[KG_DOCTOR_FILE_BYTES], path[PATH_MAX];
	unsigned int first, last;

	if (!kg_doctor_read(d, text, RANGE) || sscanf(text, "%u %u", &first, &last) != 2 ||
	    first > last)
		return;
	kg_doctor_path(d, path, RESERVED);
	if (overlaps(d->config, first, last) && access(path, W_OK) != 0)
		kg_finding_mend(kg_doctor_find(d, "ephemeral ports", KG_HEALTH_POOR,
					       "tunnels have ports among %u-%u, which Linux gives "
					       "its own sockets, and " RESERVED
					       " cannot be written to reserve them",
					       first, last),
				"mount -o remount,rw /proc/sys");
	else if (dials(d->config) && last - first + 1 < DIALS_LITTLE)
		kg_finding_mend(kg_doctor_find(d, "ephemeral ports", KG_HEALTH_POOR,
					       "%u: so many connections to one target at a time",
					       last - first + 1),
				"sysctl -w net.ipv4.ip_local_port_range='32768 60999'");
	else
		kg_doctor_find(d, "ephemeral ports", KG_HEALTH_GOOD, "%u-%u", first, last);
}

void kg_doctor_check_surroundings(struct kg_doctor *d)
{
	check_clock(d);
	check_ports(d);
}
