/* SPDX-License-Identifier: BSD-3-Clause */
/* Libraries below DPDK write to the screen as they like; this makes lines of our log of it. */
#pragma once

/* Before EAL starts. What libbpf and libxdp say is seen with --log-level=kcpgate.bpf:debug. */
void kg_chatter_redirect(void);
