/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds a program that keeps an interface's address alive. */
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct kg_dhcp_client {
	pid_t pid;
	char name[32];
};

/* A DHCP client with a packet socket on the interface, in this network namespace. False: there is
 * none that we know. */
bool kg_dhcp_find(const char *interface, struct kg_dhcp_client *client);
