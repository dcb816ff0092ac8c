/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels that come and go on a payload thread while it runs. */
#include "payload/internal.h"
#include "payload_rig.h"

#define GUEST     7
#define HELD      256 /* buffers, more than sockets take of somebody who does not read */
#define BUF_BYTES 1200

struct guest {
	struct rig *rig;
	struct kg_app_listener listener;
	struct kg_app_end app;
	struct kg_gate *gate;
	uint16_t id;
	struct kg_kept_socket *kept; /* where it leaves its sockets, when it rests */
	struct kg_waker waker;
	atomic_uint awaited;
};

static struct kg_payload_tunnel tunnel_of(const struct guest *guest)
{
	return (struct kg_payload_tunnel){
		.name = "guest",
		.id = guest->id,
		.app = &guest->app,
		.first_bytes = FIRST_BYTES + 100,
		.rest_bytes = REST_BYTES,
	};
}

/* Waits until it is done. */
static void order(struct guest *guest, enum kg_gate_order what)
{
	struct kg_gate_mail mail = { .order = what,
				     .tunnel = guest->id,
				     .gate = guest->gate,
				     .kept = guest->kept,
				     .awaited = &guest->awaited,
				     .waker = &guest->waker };
	uint64_t end = rig_now_ms() + WAIT_MS;

	atomic_store(&guest->awaited, 1);
	assert_true(kg_gate_post(guest->rig->payload, &mail));
	while (atomic_load(&guest->awaited) > 0) {
		assert_true(rig_now_ms() < end);
		rig_nap();
	}
}

static struct guest *guest_new(struct rig *rig, enum kg_app_kind kind)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	struct kg_payload_tunnel tunnel;
	char error[256] = "";

	guest->rig = rig;
	guest->id = GUEST;
	assert_int_equal(kg_waker_init(&guest->waker), 0);
	guest->listener = (struct kg_app_listener){ .tcp = true, .udp = true };
	guest->listener.at = rig_loopback(4, 0);
	guest->app = (struct kg_app_end){ .kind = kind, .listeners = &guest->listener };
	guest->app.listener_count = kind == KG_APP_LISTENS;
	tunnel = tunnel_of(guest);
	for (int i = 0; i < 20 && guest->gate == NULL; i++) {
		guest->listener.at.port = rig_free_port();
		guest->gate = kg_gate_create(rig->payload, &tunnel, NULL, error, sizeof(error));
	}
	if (guest->gate == NULL)
		fail_msg("%s", error);
	order(guest, KG_GATE_OPEN);
	assert_true(kg_gate_is_open(guest->gate));
	return guest;
}

static void guest_forget(struct guest *guest)
{
	order(guest, KG_GATE_FORGET);
	kg_waker_fini(&guest->waker);
	free(guest);
}

/* The worker takes the guest's next connection. */
static void accept_guest(struct guest *guest, struct rig_channel *ch, uint8_t protocol)
{
	struct kg_msg msg = rig_expect(guest->rig, KG_MSG_OPEN);

	assert_int_equal(msg.tunnel, guest->id);
	assert_int_equal(msg.protocol, protocol);
	*ch = (struct rig_channel){ .rig = guest->rig, .flow = msg.flow, .protocol = protocol };
}

/* A worker has its own ring to answer by: the one whose flow it is. */
static void attach_guest(struct rig_channel *ch, uint32_t credit)
{
	ch->link = (unsigned int)(((struct kg_flow *)ch->flow)->link - ch->rig->payload->links);
	rig_attach(ch, credit);
}

static bool is_refused(const struct kg_endpoint *at)
{
	union kg_sockaddr addr = rig_sockaddr(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool refused = connect(fd, &addr.any, kg_sockaddr_len(&addr)) < 0 && errno == ECONNREFUSED;

	close(fd);
	return refused;
}

static void a_gate_opens_and_goes_while_the_thread_runs(void **state)
{
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_LISTENS);
	struct kg_endpoint at = guest->listener.at;
	struct rig_channel ch;
	int fd = rig_connect_to(&at, SOCK_STREAM);
	char byte;

	accept_guest(guest, &ch, KG_PROTOCOL_TCP);
	attach_guest(&ch, 10);
	rig_send(&ch, "a", 1);
	rig_read(fd, &byte, 1);
	order(guest, KG_GATE_SHUT);
	assert_true(is_refused(&at));
	rig_send(&ch, "b", 1); /* those that are there are served on */
	rig_read(fd, &byte, 1);
	assert_int_equal(byte, 'b');
	rig_close(&ch, false);
	close(fd);
	guest_forget(guest);
	close(rig_bind(4, SOCK_DGRAM, &at.port));
	rig_end(rig);
}

/* The port is somebody else's: it is found out before anything has changed. */
static void a_port_that_is_taken_is_told_at_once(void **state)
{
	struct rig *rig = rig_new();
	struct guest guest = { .rig = rig, .id = GUEST };
	struct kg_payload_tunnel tunnel = tunnel_of(&guest);
	char error[256] = "";

	guest.app = (struct kg_app_end){ .listeners = &guest.listener, .listener_count = 1 };
	guest.listener = (struct kg_app_listener){ .at = rig->listen.at, .tcp = true };
	assert_null(kg_gate_create(rig->payload, &tunnel, NULL, error, sizeof(error)));
	assert_non_null(strstr(error, "tunnel guest: cannot listen on tcp"));
	rig_end(rig);
}

static void nobody_dials_through_a_gate_that_is_shut(void **state)
{
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_DIALS);
	struct kg_msg connect = {
		.type = KG_MSG_CONNECT, .protocol = KG_PROTOCOL_TCP, .tunnel = GUEST, .conn = guest
	};

	order(guest, KG_GATE_SHUT);
	rig_send_on(rig, 0, &connect);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, ESHUTDOWN);
	guest_forget(guest);
	connect.tunnel = GUEST; /* its number is nobody's now */
	rig_send_on(rig, 0, &connect);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, ESHUTDOWN);
	rig_end(rig);
}

/* A listener whose queue is full does not answer, which holds nobody up. */
static void who_is_still_dialling_is_refused(void **state)
{
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_DIALS);
	struct kg_target target = { .address = "127.0.0.1" };
	int listener = rig_bind(4, SOCK_STREAM, &target.port), filler;
	struct kg_endpoint to = rig_loopback(4, target.port);
	struct kg_msg connect = { .type = KG_MSG_CONNECT,
				  .protocol = KG_PROTOCOL_TCP,
				  .tunnel = GUEST,
				  .conn = guest,
				  .target = &target };

	assert_int_equal(listen(listener, 0), 0);
	filler = rig_connect_to(&to, SOCK_STREAM);
	rig_send_on(rig, 0, &connect);
	rig_await_stat(&rig->payload->stats.flows, 1);
	order(guest, KG_GATE_SHUT);
	assert_int_equal(rig_expect(rig, KG_MSG_REFUSED).count, ESHUTDOWN);
	guest_forget(guest);
	close(filler);
	close(listener);
	rig_end(rig);
}

/* Whoever does not read is cut off soon, and the worker gets its buffers back. */
static void an_application_that_stands_still_is_cut_off(void **state)
{
	static const uint8_t bytes[BUF_BYTES];
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_LISTENS);
	int fd = rig_connect_to(&guest->listener.at, SOCK_STREAM);
	struct rig_channel ch;
	uint32_t sent = 0;

	accept_guest(guest, &ch, KG_PROTOCOL_TCP);
	attach_guest(&ch, 10);
	for (; sent - rig->credited < HELD; sent++) {
		struct kg_msg msg;

		rig_send(&ch, bytes, sizeof(bytes));
		while (rig_poll(rig, &msg))
			fail_msg("unexpected message %u", msg.type);
		assert_true(sent < 100000);
	}
	order(guest, KG_GATE_SHUT);
	assert_ptr_equal(rig_expect(rig, KG_MSG_ABORT).conn, &ch);
	rig_close(&ch, true);
	guest_forget(guest);
	close(fd);
	rig_end(rig);
}

/* The socket stays until the last of its flows has gone: answers leave from it. */
static void a_udp_source_is_served_on_and_no_other(void **state)
{
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_LISTENS);
	int fd = rig_connect_to(&guest->listener.at, SOCK_DGRAM);
	int other = rig_connect_to(&guest->listener.at, SOCK_DGRAM);
	const uint64_t *dropped = &rig->payload->stats.udp_dropped_full;
	struct rig_channel ch;
	char byte;

	rig_write(fd, "x", 1);
	accept_guest(guest, &ch, KG_PROTOCOL_UDP);
	attach_guest(&ch, 10);
	rig_expect_datagram(&ch, (const uint8_t *)"x", 1);
	order(guest, KG_GATE_SHUT);
	rig_write(other, "y", 1);
	rig_await_stat(dropped, 1);
	rig_send(&ch, "z", 1);
	rig_read(fd, &byte, 1);
	assert_int_equal(byte, 'z');
	rig_close(&ch, false);
	guest_forget(guest);
	close(fd);
	close(other);
	rig_end(rig);
}

/* Comes in its place. */
static struct guest *guest_after(const struct guest *before, struct kg_kept_list *list)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	struct kg_payload_tunnel tunnel;
	char error[256] = "";

	guest->rig = before->rig;
	guest->id = before->id + 1;
	guest->listener = before->listener;
	guest->app = before->app;
	guest->app.listeners = &guest->listener;
	assert_int_equal(kg_waker_init(&guest->waker), 0);
	tunnel = tunnel_of(guest);
	guest->gate = kg_gate_create(guest->rig->payload, &tunnel, list, error, sizeof(error));
	if (guest->gate == NULL)
		fail_msg("%s", error);
	return guest;
}

/* Who comes between the two is the new one's, with what has been said. */
static void sockets_go_on_in_the_next_gate(void **state)
{
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_LISTENS), *next;
	struct kg_kept_list list = TAILQ_HEAD_INITIALIZER(list);
	struct kg_endpoint at = guest->listener.at;
	struct rig_channel ch;
	int tcp, udp;

	guest->kept = kg_kept_create(&list, 2)->sockets;
	order(guest, KG_GATE_REST);
	tcp = rig_connect_to(&at, SOCK_STREAM);
	next = guest_after(guest, &list);
	order(next, KG_GATE_OPEN);
	accept_guest(next, &ch, KG_PROTOCOL_TCP);
	attach_guest(&ch, 10);
	rig_close(&ch, false);
	close(tcp);

	next->kept = kg_kept_create(&list, 2)->sockets;
	order(next, KG_GATE_REST);
	udp = rig_connect_to(&at, SOCK_DGRAM);
	rig_write(udp, "a", 1);
	guest_forget(guest);
	guest = guest_after(next, &list);
	order(guest, KG_GATE_OPEN);
	accept_guest(guest, &ch, KG_PROTOCOL_UDP);
	attach_guest(&ch, 10);
	rig_expect_datagram(&ch, (const uint8_t *)"a", 1);
	rig_close(&ch, false);
	close(udp);
	kg_kept_close_all(&list);
	assert_true(TAILQ_EMPTY(&list));
	guest_forget(next);
	guest_forget(guest);
	rig_end(rig);
}

/* The next one is bound otherwise, or there is none. */
static void sockets_that_nobody_takes_are_closed(void **state)
{
	struct rig *rig = rig_new();
	struct guest *guest = guest_new(rig, KG_APP_LISTENS), *next;
	struct kg_kept_list list = TAILQ_HEAD_INITIALIZER(list);
	struct kg_endpoint at = guest->listener.at;
	struct rig_channel ch;
	int fd;

	guest->kept = kg_kept_create(&list, 2)->sockets;
	order(guest, KG_GATE_REST);
	assert_false(is_refused(&at));
	kg_kept_close_all(&list);
	assert_true(is_refused(&at));
	guest_forget(guest);

	guest = guest_new(rig, KG_APP_LISTENS);
	at = guest->listener.at;
	guest->kept = kg_kept_create(&list, 2)->sockets;
	order(guest, KG_GATE_REST);
	guest->listener.at.ip = (struct kg_ip){ .version = 4 };
	next = guest_after(guest, &list);
	order(next, KG_GATE_OPEN);
	assert_true(guest->kept[0].fd < 0 && guest->kept[1].fd < 0);
	fd = rig_connect_to(&at, SOCK_STREAM);
	accept_guest(next, &ch, KG_PROTOCOL_TCP);
	attach_guest(&ch, 10);
	rig_close(&ch, false);
	close(fd);
	kg_kept_close_all(&list);
	guest_forget(guest);
	guest_forget(next);
	rig_end(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gate_opens_and_goes_while_the_thread_runs),
		cmocka_unit_test(a_port_that_is_taken_is_told_at_once),
		cmocka_unit_test(nobody_dials_through_a_gate_that_is_shut),
		cmocka_unit_test(who_is_still_dialling_is_refused),
		cmocka_unit_test(an_application_that_stands_still_is_cut_off),
		cmocka_unit_test(a_udp_source_is_served_on_and_no_other),
		cmocka_unit_test(sockets_go_on_in_the_next_gate),
		cmocka_unit_test(sockets_that_nobody_takes_are_closed),
	};

	return cmocka_run_group_tests_name("payload gate", tests, rig_init_eal, bare_eal_fini);
}
