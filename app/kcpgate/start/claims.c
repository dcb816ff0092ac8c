/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of what a box claims: its own, and one for each device that others could reach for. */
#include "start/claims.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_pci.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES 96

const char *kg_device_argument(const char *device, const char *key)
{
	const char *text = strstr(device, key);

	return text != NULL ? text + strlen(key) : NULL;
}

bool kg_device_interface(const char *device, char name[IF_NAMESIZE])
{
	const char *text = kg_device_argument(device, ",iface=");
	size_t len;

	if (text == NULL)
		return false;
	len = strcspn(text, ",");
	if (len == 0 || len >= IF_NAMESIZE)
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return true;
}

/* False: a device that is nobody else's, such as one that exists in memory. */
static bool device_key(const char *device, char key[KEY_BYTES])
{
	char interface[IF_NAMESIZE], text[KEY_BYTES];
	struct rte_pci_addr pci;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(device, ","), device);
	if (rte_pci_addr_parse(text, &pci) == 0)
		snprintf(key, KEY_BYTES, "device-" PCI_PRI_FMT, pci.domain, pci.bus, pci.devid,
			 pci.function);
	else if (kg_device_interface(device, interface))
		snprintf(key, KEY_BYTES, "device-%" PRIu64 "-%s", kg_run_netns(), interface);
	else
		return false;
	return true;
}

static bool take(struct kg_claims *claims, const char *key, const char *what, const char *value,
		 char *error, size_t error_bytes)
{
	struct kg_claim *claim = &claims->all[claims->count];
	pid_t holder;
	int rc = kg_claim_take(claim, key, &holder);

	if (rc == 0)
		claims->count++;
	else if (rc == -EWOULDBLOCK)
		snprintf(error, error_bytes, "%s \"%s\": process %d, another kcpgate, has it", what,
			 value, (int)holder);
	else
		snprintf(error, error_bytes, "%s \"%s\": cannot lock %s: %s", what, value,
			 claim->path, strerror(-rc));
	return rc == 0;
}

static void name_key(const struct kg_config *config, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "name-%s", config->name);
}

bool kg_claims_take(struct kg_claims *claims, const struct kg_config *config, char *error,
		    size_t error_bytes)
{
	char key[KEY_BYTES];
	bool good;

	claims->count = 0;
	name_key(config, key);
	good = take(claims, key, "name", config->name, error, error_bytes);
	for (unsigned int i = 0; good && i < config->port_count; i++) {
		const char *device = config->ports[i].device;

		if (device_key(device, key))
			good = take(claims, key, "device", device, error, error_bytes);
	}
	if (!good)
		kg_claims_release(claims);
	return good;
}

void kg_claims_release(struct kg_claims *claims)
{
	while (claims->count > 0)
		kg_claim_release(&claims->all[--claims->count]);
}

pid_t kg_claims_holder(const struct kg_config *config)
{
	struct kg_claim claim;
	char key[KEY_BYTES];
	pid_t holder = 0;

	name_key(config, key);
	if (kg_claim_take(&claim, key, &holder) == 0) {
		kg_claim_release(&claim);
		return 0;
	}
	return holder;
}
