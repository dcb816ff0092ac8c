/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a place of a server once it was tested, and how that reads. Only what was seen
 * is said: a server that cannot open a question is silent, whatever the cause.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

/* The weakest first: what comes later in this list says more, and takes the place of what was
 * known. */
#define KG_VERDICT_LIST(X)                                                                \
	X(WAITING, "waiting", "is being tested")                                          \
	X(NO_ANSWER, "no_answer", "no answer")                                            \
	X(UNREACHABLE, "unreachable", "unreachable")                                      \
	X(UNRESOLVED, "unresolved", "cannot be resolved")                                 \
	X(UNDECRYPTABLE, "undecryptable",                                                 \
	  "what comes back cannot be decrypted: another password, algorithm or service?") \
	X(FOREIGN, "foreign",                                                             \
	  "what comes back is no answer to the question: an echo, or another version?")   \
	X(CLOCK, "clock", "its clock")                                                    \
	X(ANSWERED, "answered", "answered")

enum kg_verdict_kind {
#define KG_VERDICT_ENUM(id, name, text) KG_VERDICT_##id,
	KG_VERDICT_LIST(KG_VERDICT_ENUM)
#undef KG_VERDICT_ENUM
	KG_VERDICT_COUNT
};

struct kg_verdict {
	enum kg_verdict_kind kind;
	/* ANSWERED: since the first question; of several that are told as one, from … to */
	uint32_t after_us, after_max_us;
	uint32_t questions; /* ANSWERED: how many there were till then, at most */
	int32_t skew_s;     /* ANSWERED, CLOCK: the server's clock minus ours */
	const char *why;    /* UNREACHABLE, UNRESOLVED: in words that last */
	struct kg_ip by;    /* UNREACHABLE: who says so; version 0: Linux here */
};

#define KG_VERDICT_TEXT_BYTES 160

/* Reads the same but for how long it took: then `sum` is for both. */
bool kg_verdict_join(struct kg_verdict *sum, const struct kg_verdict *verdict);
/* For programs: one word. */
const char *kg_verdict_name(enum kg_verdict_kind kind);
/* For people. `skew_max_s`: beyond it the ends do not hear each other. */
const char *kg_verdict_text(const struct kg_verdict *verdict, unsigned int skew_max_s,
			    char text[KG_VERDICT_TEXT_BYTES]);
