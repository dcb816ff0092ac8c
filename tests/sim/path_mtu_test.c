/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What size of packet passes to a peer (session/peers.c), where much is lost: behind a policer,
 * which drops small ones less often than large ones, and yet some of each, the size stays; on a
 * path that becomes narrow it goes down, whatever is lost besides. Prints what it sees.
 */
#include "session_rig.h"

#include <stdio.h>

#include "net/frame.h"

#define UPLOADS     8u
#define WAY_US      20000u
#define PIECE_BYTES 1300u
#define AROUND      (KG_IPV4_BYTES + KG_UDP_BYTES)
#define WIDE        (PAIR_MTU + AROUND)
#define NARROW      900
#define WARM_US     SEC(2)

struct world {
	struct rig rig;
	unsigned int uploads;
	struct kg_channel *channels[UPLOADS]; /* the client's */
	bool narrow;
	uint16_t mtu; /* as the client's host was told */
	unsigned int shrunk;
	uint64_t got; /* pieces */
};

static struct world *world_of(struct rig *rig)
{
	return KG_CONTAINER_OF(rig, struct world, rig);
}

static struct world *world_at(void *host)
{
	return world_of(((struct rig_end *)host)->rig);
}

/* ---- applications ---- */

static void say(struct world *w, unsigned int who)
{
	static const uint8_t bytes[PIECE_BYTES];
	struct rig_end *client = &w->rig.ends[KG_ROLE_CLIENT];
	uint16_t rest = kg_session_rest_bytes(client->session);
	struct kg_buf *chain = kg_buf_chain_copy(&client->host.pool.pool, bytes, sizeof(bytes),
						 rest - KG_MESSAGE_KIND_BYTES, rest);

	assert_non_null(chain);
	assert_true(kg_channel_send(w->channels[who], chain, w->rig.now_us));
}

static void talk(struct rig *rig)
{
	struct world *w = world_of(rig);

	for (unsigned int who = 0; who < w->uploads; who++) {
		while (kg_channel_room(w->channels[who]) > 0)
			say(w, who);
	}
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	kg_channel_connected(ch, world_at(host)->rig.now_us);
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct world *w = world_at(host);
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, w->rig.now_us)) != NULL) {
		kg_buf_free_chain(chain);
		w->got++;
	}
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	fail_msg("closed: %s", kg_close_name(why));
}

static void on_path_mtu(void *host, const struct kg_ip *peer, uint16_t mtu, enum kg_pmtu_how how)
{
	struct world *w = world_at(host);

	if (host != &w->rig.ends[KG_ROLE_CLIENT])
		return;
	w->mtu = mtu;
	w->shrunk += how == KG_PMTU_LOST;
}

static const struct kg_session_ops ops = {
	.connect = on_connect,
	.readable = on_readable,
	.closed = on_closed,
	.path_mtu = on_path_mtu,
};

/* ---- wire ---- */

/* What does not go in pieces is lost if it is too long. */
static bool sends(struct rig *rig, int role, struct kg_datagram *out)
{
	bool whole = out->mtu == KG_DATAGRAM_WHOLE || out->len + AROUND <= out->mtu;

	return !world_of(rig)->narrow || role != KG_ROLE_CLIENT || !whole ||
	       out->len + AROUND <= NARROW;
}

/* ---- life ---- */

struct setting {
	bool rate_auto; /* else as much as a window lets through */
	unsigned int uploads;
	uint64_t cap_Bps; /* 0: no policer */
	uint32_t burst_bytes;
	unsigned int loss_percent;
	uint64_t seed;
};

static void begin(struct world *w, const struct setting *setting)
{
	const struct kg_sim_link_params back = { .delay_us = WAY_US, .in_order = true };
	struct kg_sim_link_params there = back;

	there.loss = (uint16_t)(setting->loss_percent * 65536 / 100);
	there.overhead_bytes = RIG_OVERHEAD;
	there.police.key = KG_SIM_BY_HOST;
	there.police.rate_Bps = setting->cap_Bps;
	there.police.burst_bytes = setting->burst_bytes;
	there.rate_Bps = 12500000;
	there.queue_us = 25000;
	*w = (struct world){ 0 };
	rig_init(&w->rig, setting->seed, talk);
	w->rig.sends = sends;
	for (int role = 0; role < 2; role++) {
		struct kg_session_config *config = &w->rig.ends[role].config;

		config->kcp.rate_auto = setting->rate_auto;
		config->path_mtu_max = WIDE;
	}
	rig_begin_end(&w->rig, KG_ROLE_SERVER, &back, ops);
	rig_begin_end(&w->rig, KG_ROLE_CLIENT, &there, ops);
	for (unsigned int who = 0; who < setting->uploads; who++) {
		w->channels[who] = kg_session_open(w->rig.ends[KG_ROLE_CLIENT].session,
						   KG_PROTOCOL_TCP, NULL, NULL, w->rig.now_us);
		assert_non_null(w->channels[who]);
	}
	rig_pass(&w->rig, SEC(1) / 2);
	w->uploads = setting->uploads;
	rig_pass(&w->rig, WARM_US);
}

static void a_policer_is_no_narrow_path(void **state)
{
	static const struct setting settings[] = {
		{ .rate_auto = true, .uploads = 1, .cap_Bps = 250000, .burst_bytes = 10000 },
		{ .rate_auto = true, .uploads = 8, .cap_Bps = 250000, .burst_bytes = 10000 },
		{ .rate_auto = true, .uploads = 8, .cap_Bps = 60000, .burst_bytes = 64000 },
		{ .rate_auto = false, .uploads = 1, .cap_Bps = 250000, .burst_bytes = 10000 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(settings); i++) {
		/* A window draws nothing by chance. */
		for (uint64_t seed = 1; seed <= (settings[i].rate_auto ? 4 : 1); seed++) {
			struct setting setting = settings[i];
			static struct world w;
			const struct kg_sim_link *link = &w.rig.ends[KG_ROLE_CLIENT].link;

			setting.seed = seed;
			begin(&w, &setting);
			rig_pass(&w.rig, SEC(60));
			printf("policer, setting %zu, seed %u: %u bytes, shrunk %u times, %.3f "
			       "policed, %u pieces\n",
			       i, (unsigned int)seed, w.mtu, w.shrunk,
			       (double)link->policed / (double)link->sent, (unsigned int)w.got);
			assert_int_equal(w.shrunk, 0);
			assert_int_equal(w.mtu, WIDE);
			rig_fini(&w.rig);
		}
	}
}

/* From one moment on, as if a way had failed and the one in its place were narrower. */
static void a_narrow_path_is_noticed_whatever_is_lost(void **state)
{
	for (unsigned int loss = 0; loss <= 20; loss += 5) {
		for (uint64_t seed = 1; seed <= 4; seed++) {
			const struct setting setting = {
				.rate_auto = true, .uploads = 2, .loss_percent = loss, .seed = seed
			};
			static struct world w;
			uint64_t narrow_us;

			begin(&w, &setting);
			rig_pass(&w.rig, SEC(5));
			w.narrow = true;
			narrow_us = w.rig.now_us;
			while (w.mtu > NARROW && w.rig.now_us < narrow_us + SEC(3))
				rig_pass(&w.rig, 10 * KG_US_PER_MS);
			assert_in_range(w.mtu, NARROW * 3 / 4, NARROW);
			printf("narrow, %u %% lost, seed %u: %u bytes after %.2f s\n", loss,
			       (unsigned int)seed, w.mtu, (double)(w.rig.now_us - narrow_us) / 1e6);
			rig_fini(&w.rig);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policer_is_no_narrow_path),
		cmocka_unit_test(a_narrow_path_is_noticed_whatever_is_lost),
	};

	return cmocka_run_group_tests_name("path_mtu", tests, NULL, NULL);
}
