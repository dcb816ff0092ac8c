/* SPDX-License-Identifier: BSD-3-Clause */
/* What Linux's own UDP sockets have is not for the channels of clients. */
#pragma once

struct kg_box;

/*
 * Asks Linux anew and publishes the answer (kg_box.linux_ports); workers whose channels leave from
 * a port that has got a socket meanwhile are told by mail. Control thread, or before there is one.
 * 0, or -errno: then what was known stays.
 */
int kg_linux_ports_refresh(struct kg_box *box);
