/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens, finds and closes a worker's shortcuts; they are found by their tuple. */
#include "shortcut.h"

#include "box.h"
#include "memory/keyed_hash.h"
#include "worker.h"

#include <rte_hash.h>
#include <rte_malloc.h>
#include <string.h>

/* A tuple without the holes of the compiler's. */
struct key {
	uint8_t remote[16], local[16];
	uint16_t remote_port, local_port;
	uint32_t version;
};
_Static_assert(sizeof(struct key) == 40, "no padding");

struct kg_shortcuts {
	struct rte_hash *index; /* struct key -> struct kg_shortcut */
};

static void key_init(struct key *key, const struct kg_endpoint *local,
		     const struct kg_endpoint *remote)
{
	memcpy(key->remote, remote->ip.bytes, sizeof(key->remote));
	memcpy(key->local, local->ip.bytes, sizeof(key->local));
	key->remote_port = remote->port;
	key->local_port = local->port;
	key->version = remote->ip.version;
}

struct kg_shortcuts *kg_shortcuts_create(const char *name, uint32_t entries)
{
	struct kg_shortcuts *shortcuts = rte_zmalloc("kg_shortcuts", sizeof(*shortcuts), 0);
	struct rte_hash_parameters params = {
		.name = name,
		.entries = entries,
		.key_len = sizeof(struct key),
		.hash_func = kg_keyed_hash_function(),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
		.socket_id = SOCKET_ID_ANY,
	};

	if (shortcuts == NULL)
		return NULL;
	shortcuts->index = rte_hash_create(&params);
	if (shortcuts->index == NULL) {
		rte_free(shortcuts);
		return NULL;
	}
	return shortcuts;
}

void kg_shortcuts_destroy(struct kg_shortcuts *shortcuts)
{
	if (shortcuts == NULL)
		return;
	rte_hash_free(shortcuts->index);
	rte_free(shortcuts);
}

void kg_shortcuts_lookup(const struct kg_shortcuts *shortcuts, struct rte_mbuf *const *v,
			 uint16_t n, struct kg_shortcut **found)
{
	struct key keys[KG_NIC_BURST];
	const void *pointers[KG_NIC_BURST];
	uint64_t hits = 0;

	for (uint16_t i = 0; i < n; i++) {
		key_init(&keys[i], &kg_pkt(v[i])->local, &kg_pkt(v[i])->remote);
		pointers[i] = &keys[i];
	}
	rte_hash_lookup_bulk_data(shortcuts->index, pointers, n, &hits, (void **)found);
	for (uint16_t i = 0; i < n; i++) {
		if ((hits & 1ull << i) == 0)
			found[i] = NULL;
	}
}

unsigned int kg_shortcut_owner(const struct kg_pkt *pkt, unsigned int workers)
{
	const struct kg_tuple ends = { .local = pkt->local, .remote = pkt->remote };

	if (pkt->tunnel == KG_PORT_TABLE_DIALLED)
		return pkt->local.port % workers;
	return (unsigned int)(kg_tuple_hash(&ends, 0) % workers);
}

/* ---- life ---- */

static bool is_dialled(const struct kg_shortcut *shortcut)
{
	const struct kg_side *side = shortcut->conn->side;

	return side->tunnel->config->app.kind == KG_APP_DIALS;
}

/*
 * Will the flow's datagrams come to its worker, and may it answer? What is left to Linux: local
 * addresses that are not a port's, as those of the host's own applications, and remote ones that
 * mean nothing without an interface.
 */
static bool may_shorten(const struct kg_shortcut *shortcut)
{
	const struct kg_side *side = shortcut->conn->side;
	const struct kg_box *box = side->worker->box;
	const struct kg_tuple *ends = &shortcut->ends;
	bool dialled = is_dialled(shortcut);
	const struct kg_pkt received = {
		.local = ends->local,
		.remote = ends->remote,
		.tunnel = dialled ? KG_PORT_TABLE_DIALLED : KG_PORT_TABLE_LISTENED,
	};

	return side->tunnel->config->app.fast_path &&
	       kg_port_table_get(&box->udp_ports, ends->local.port) ==
		       (dialled ? KG_PORT_TABLE_NONE : KG_PORT_TABLE_LISTENED) &&
	       kg_shortcut_owner(&received, box->worker_count) == side->worker->index &&
	       kg_box_has_address(box, &ends->local.ip) && !kg_ip_is_link_local(&ends->remote.ip);
}

void kg_shortcut_open(struct kg_conn *conn, const struct kg_tuple *ends)
{
	struct kg_mem *mem = kg_arena_mem(conn->side->worker->arena);
	struct kg_shortcut *shortcut = kg_mem_alloc(mem, sizeof(*shortcut));

	if (shortcut == NULL)
		return;
	shortcut->ends = *ends;
	shortcut->conn = conn;
	if (!may_shorten(shortcut)) {
		kg_mem_free(mem, shortcut, sizeof(*shortcut));
		return;
	}
	conn->shortcut = shortcut;
	if (is_dialled(shortcut)) {
		shortcut->proven = true;
		kg_shortcut_enter(shortcut);
	}
}

void kg_shortcut_enter(struct kg_shortcut *shortcut)
{
	struct kg_worker *w = shortcut->conn->side->worker;
	const struct kg_tuple *ends = &shortcut->ends;
	struct key key;

	if (shortcut->entered)
		return;
	key_init(&key, &ends->local, &ends->remote);
	shortcut->entered = rte_hash_add_key_data(w->shortcuts->index, &key, shortcut) == 0;
	if (shortcut->entered && is_dialled(shortcut))
		kg_port_table_set(&w->box->udp_ports, ends->local.port, KG_PORT_TABLE_DIALLED);
}

/* Unless a tunnel listens there meanwhile. */
static void forget_dialled(struct kg_worker *w, uint16_t port)
{
	if (kg_port_table_get(&w->box->udp_ports, port) == KG_PORT_TABLE_DIALLED)
		kg_port_table_set(&w->box->udp_ports, port, KG_PORT_TABLE_NONE);
}

void kg_shortcut_close(struct kg_conn *conn)
{
	struct kg_worker *w = conn->side->worker;
	struct kg_shortcut *shortcut = conn->shortcut;
	struct key key;

	if (shortcut == NULL)
		return;
	conn->shortcut = NULL;
	if (shortcut->entered) {
		key_init(&key, &shortcut->ends.local, &shortcut->ends.remote);
		rte_hash_del_key(w->shortcuts->index, &key);
		if (is_dialled(shortcut))
			forget_dialled(w, shortcut->ends.local.port);
	}
	kg_mem_free(kg_arena_mem(w->arena), shortcut, sizeof(*shortcut));
}
