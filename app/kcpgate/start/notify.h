/* SPDX-License-Identifier: BSD-3-Clause */
/* Service readiness as systemd's sd_notify(3) protocol has it. */
#pragma once

/* Sends `state` ("READY=1") to $NOTIFY_SOCKET if there is one. */
void kg_notify(const char *state);
