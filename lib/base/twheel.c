/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the timers that are due. Ten levels of 64 slots cover every 64-bit time. A timer sits on
 * the level of the highest 6-bit digit in which its tick differs from the wheel's current one, in
 * the slot which that digit names. So its place follows from the two ticks, level by level the
 * slots come later in time, and the next occupied slot is found with one bit scan. When the wheel
 * reaches a slot of a higher level, its timers go to the levels below.
 *
 * Timers armed for a time that has passed wait in `overdue` for the next advance: a timer that
 * re-arms itself for "now" cannot hold up the advance that fires it.
 */
#include "base/twheel.h"

#include "base/mem.h"

#define DIGIT_BITS 6
#define SLOTS      (1 << DIGIT_BITS)
#define LEVELS     10 /* 60 bits; ticks of 64-bit microseconds have 57 */

struct kg_twheel {
	struct kg_mem *mem;
	uint64_t now_us; /* of the latest advance */
	uint64_t tick;   /* everything up to here has fired */
	struct kg_timer *overdue;
	struct kg_timer *firing; /* what is left of the slot being fired */
	uint64_t occupied[LEVELS];
	struct kg_timer *slots[LEVELS][SLOTS];
};

/* First tick at which the deadline has passed. */
static uint64_t tick_of(uint64_t deadline_us)
{
	return deadline_us / KG_TWHEEL_TICK_US + (deadline_us % KG_TWHEEL_TICK_US != 0);
}

static unsigned int level_of(const struct kg_twheel *wheel, uint64_t tick)
{
	uint64_t differs = tick ^ wheel->tick;

	return differs == 0 ? 0 : (63 - (unsigned int)__builtin_clzll(differs)) / DIGIT_BITS;
}

static unsigned int slot_of(uint64_t tick, unsigned int level)
{
	return (tick >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

static void push(struct kg_timer **head, struct kg_timer *timer)
{
	timer->next = *head;
	timer->link = head;
	if (*head != NULL)
		(*head)->link = &timer->next;
	*head = timer;
}

static void unlink_timer(struct kg_timer *timer)
{
	*timer->link = timer->next;
	if (timer->next != NULL)
		timer->next->link = timer->link;
	timer->link = NULL;
}

static void take_list(struct kg_timer **to, struct kg_timer **from)
{
	*to = *from;
	*from = NULL;
	if (*to != NULL)
		(*to)->link = to;
}

static void place(struct kg_twheel *wheel, struct kg_timer *timer)
{
	uint64_t tick = tick_of(timer->deadline_us);
	unsigned int level = level_of(wheel, tick);
	unsigned int slot = slot_of(tick, level);

	push(&wheel->slots[level][slot], timer);
	wheel->occupied[level] |= 1ull << slot;
}

struct kg_twheel *kg_twheel_create(struct kg_mem *mem, uint64_t now_us)
{
	struct kg_twheel *wheel = kg_mem_alloc(mem, sizeof(*wheel));

	if (wheel == NULL)
		return NULL;
	wheel->mem = mem;
	wheel->now_us = now_us;
	wheel->tick = now_us / KG_TWHEEL_TICK_US;
	return wheel;
}

void kg_twheel_destroy(struct kg_twheel *wheel)
{
	if (wheel != NULL)
		kg_mem_free(wheel->mem, wheel, sizeof(*wheel));
}

void kg_twheel_cancel(struct kg_twheel *wheel, struct kg_timer *timer)
{
	uint64_t tick = tick_of(timer->deadline_us);
	unsigned int level, slot;

	if (timer->link == NULL)
		return;
	unlink_timer(timer);
	timer->deadline_us = KG_NEVER_US;
	if (tick <= wheel->tick)
		return;
	level = level_of(wheel, tick);
	slot = slot_of(tick, level);
	if (wheel->slots[level][slot] == NULL)
		wheel->occupied[level] &= ~(1ull << slot);
}

static bool same_place(const struct kg_twheel *wheel, const struct kg_timer *timer,
		       uint64_t deadline_us)
{
	return timer->link != NULL && timer->deadline_us > wheel->now_us &&
	       deadline_us > wheel->now_us && deadline_us != KG_NEVER_US &&
	       tick_of(deadline_us) == tick_of(timer->deadline_us);
}

void kg_twheel_move(struct kg_twheel *wheel, struct kg_timer *timer, uint64_t deadline_us)
{
	if (same_place(wheel, timer, deadline_us)) {
		timer->deadline_us = deadline_us;
		return;
	}
	kg_twheel_cancel(wheel, timer);
	timer->deadline_us = deadline_us;
	if (deadline_us == KG_NEVER_US)
		return;
	if (deadline_us <= wheel->now_us)
		push(&wheel->overdue, timer);
	else
		place(wheel, timer);
}

/* The tick at which the next occupied slot begins; UINT64_MAX when there is none. */
static uint64_t next_tick(const struct kg_twheel *wheel, unsigned int *level)
{
	for (unsigned int i = 0; i < LEVELS; i++) {
		unsigned int shift = i * DIGIT_BITS;
		uint64_t slot;

		if (wheel->occupied[i] == 0)
			continue;
		slot = (uint64_t)__builtin_ctzll(wheel->occupied[i]);
		*level = i;
		return ((wheel->tick >> shift & ~(uint64_t)(SLOTS - 1)) | slot) << shift;
	}
	return UINT64_MAX;
}

static void fire_all(struct kg_twheel *wheel, uint64_t now_us)
{
	while (wheel->firing != NULL) {
		struct kg_timer *timer = wheel->firing;

		unlink_timer(timer);
		timer->deadline_us = KG_NEVER_US;
		timer->fire(timer, now_us);
	}
}

static void spread(struct kg_twheel *wheel)
{
	while (wheel->firing != NULL) {
		struct kg_timer *timer = wheel->firing;

		unlink_timer(timer);
		place(wheel, timer);
	}
}

void kg_twheel_advance(struct kg_twheel *wheel, uint64_t now_us)
{
	uint64_t last = now_us / KG_TWHEEL_TICK_US;
	unsigned int level = 0;
	uint64_t tick;

	if (now_us < wheel->now_us)
		return;
	wheel->now_us = now_us;
	take_list(&wheel->firing, &wheel->overdue);
	fire_all(wheel, now_us);
	while ((tick = next_tick(wheel, &level)) <= last) {
		unsigned int slot = slot_of(tick, level);

		wheel->tick = tick;
		wheel->occupied[level] &= ~(1ull << slot);
		take_list(&wheel->firing, &wheel->slots[level][slot]);
		if (level == 0)
			fire_all(wheel, now_us);
		else
			spread(wheel);
	}
	wheel->tick = last;
}

uint64_t kg_twheel_next_us(const struct kg_twheel *wheel)
{
	unsigned int level;
	uint64_t tick;

	if (wheel->overdue != NULL)
		return wheel->now_us;
	tick = next_tick(wheel, &level);
	return tick == UINT64_MAX ? KG_NEVER_US : tick * KG_TWHEEL_TICK_US;
}
