/* SPDX-License-Identifier: BSD-3-Clause */
/* Every algorithm of the table: what is sealed opens, and nothing else does. */
#include "crypto/aead_table.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "crypto/check_isal.h"
#include "crypto/gcm_ipsec_mb.h"
#include "crypto/kdf.h"
#include "wire/profile.h"

#define SEED           77u
#define PLAIN_MAX      2048
#define DATAGRAM_MAX   (PLAIN_MAX + KG_AEAD_OVERHEAD_MAX)
#define BURST_JOBS     32
#define NO_TAG_GUESSES 5 /* of 2,000: what a check of two bytes may let pass, and then some */

struct fixture {
	const struct kg_aead_alg *alg;
	void *ctx;
	struct kg_rng rng;
	uint8_t plain[PLAIN_MAX];
};

static void fill(struct kg_rng *rng, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)kg_rng_next(rng);
}

static void *create(const struct kg_aead_alg *alg, const char *password)
{
	uint8_t key[KG_AEAD_KEY_BYTES];

	assert_true(kg_kdf_sha3_256(password, strlen(password), key));
	void *ctx = alg->create(key, kg_profile_kcptube.associated);

	assert_non_null(ctx);
	return ctx;
}

static struct fixture *setup(const struct kg_aead_alg *alg)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->alg = alg;
	f->ctx = create(f->alg, "qwerty1234");
	kg_rng_init(&f->rng, SEED);
	fill(&f->rng, f->plain, sizeof(f->plain));
	return f;
}

static void teardown(struct fixture *f)
{
	f->alg->destroy(f->ctx);
	free(f);
}

/* Runs `check` under each algorithm. */
static void for_each(void (*check)(struct fixture *f))
{
	for (size_t i = 0; i < KG_AEAD_ALGORITHMS; i++) {
		struct fixture *f = setup(kg_aead_algorithms[i]);

		check(f);
		teardown(f);
	}
}

/* Seals len bytes of the fixture's plaintext into `out`; returns the datagram's length. */
static uint16_t seal(struct fixture *f, uint8_t *out, uint16_t len)
{
	struct kg_aead_job job = { .data = out, .len = len, .iv = (uint16_t)kg_rng_next(&f->rng) };

	memcpy(out, f->plain, len);
	f->alg->seal(f->ctx, &job, 1);
	assert_ptr_equal(job.data, out);
	assert_int_equal(job.len, len + f->alg->spec->overhead_bytes);
	return job.len;
}

static bool open_in_place(struct fixture *f, void *ctx, uint8_t *data, uint16_t *len)
{
	struct kg_aead_job job = { .data = data, .len = *len };

	f->alg->open(ctx, &job, 1);
	*len = job.len;
	return job.ok;
}

/* Opens a copy that begins and ends with its allocation. */
static bool opens(struct fixture *f, void *ctx, const uint8_t *datagram, uint16_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, datagram, len);
	bool ok = open_in_place(f, ctx, copy, &len);

	free(copy);
	return ok;
}

static void names_are_found(void **state)
{
	assert_non_null(kg_aead_lookup("aes-gcm"));
	assert_ptr_equal(kg_aead_lookup("AES-GCM"), kg_aead_lookup("Aes-Gcm"));
	assert_ptr_equal(kg_aead_lookup("None"), &kg_aead_none);
	assert_ptr_equal(kg_aead_lookup("xor"), &kg_aead_xor);
	assert_null(kg_aead_lookup(""));
	assert_null(kg_aead_lookup("AES-GC"));
	assert_null(kg_aead_lookup("AES-GCM "));
	for (size_t i = 0; i < KG_AEAD_ALGORITHMS; i++) {
		const struct kg_aead_alg *alg = kg_aead_algorithms[i];

		assert_ptr_equal(kg_aead_lookup(alg->spec->name), alg);
		assert_ptr_equal(kg_aead_spec_lookup(alg->spec->name), alg->spec);
		assert_true(alg->spec->overhead_bytes <= KG_AEAD_OVERHEAD_MAX);
	}
}

/* Whoever needs no key protects nothing, and has to say so. */
static void only_two_have_no_key(void **state)
{
	for (size_t i = 0; i < KG_AEAD_ALGORITHMS; i++) {
		const struct kg_aead_alg *alg = kg_aead_algorithms[i];
		const char *promise = alg->spec->promise;
		bool open = alg == &kg_aead_none || alg == &kg_aead_xor;

		assert_int_equal(alg->spec->keyed, !open);
		assert_int_equal(strstr(promise, "into the tunnel") != NULL, open);
		assert_int_equal(strstr(promise, "hides and checks") != NULL, !open);
		assert_int_equal(alg->spec->overhead_bytes,
				 open ? KG_AEAD_CHECK_BYTES : KG_AEAD_OVERHEAD_BYTES);
	}
}

/* FIPS 202: SHA3-256 of nothing, and of "abc". */
static void key_is_sha3_256(void **state)
{
	static const uint8_t of_nothing[] = {
		0xa7, 0xff, 0xc6, 0xf8, 0xbf, 0x1e, 0xd7, 0x66, 0x51, 0xc1, 0x47,
		0x56, 0xa0, 0x61, 0xd6, 0x62, 0xf5, 0x80, 0xff, 0x4d, 0xe4, 0x3b,
		0x49, 0xfa, 0x82, 0xd8, 0x0a, 0x4b, 0x80, 0xf8, 0x43, 0x4a,
	};
	static const uint8_t of_abc[] = {
		0x3a, 0x98, 0x5d, 0xa7, 0x4f, 0xe2, 0x25, 0xb2, 0x04, 0x5c, 0x17,
		0x2d, 0x6b, 0xd3, 0x90, 0xbd, 0x85, 0x5f, 0x08, 0x6e, 0x3e, 0x9d,
		0x52, 0x5b, 0x46, 0xbf, 0xe2, 0x45, 0x11, 0x43, 0x15, 0x32,
	};
	uint8_t key[KG_AEAD_KEY_BYTES];

	assert_true(kg_kdf_sha3_256("", 0, key));
	assert_memory_equal(key, of_nothing, sizeof(key));
	assert_true(kg_kdf_sha3_256("abc", 3, key));
	assert_memory_equal(key, of_abc, sizeof(key));
}

static void check_every_length(struct fixture *f)
{
	uint8_t datagram[DATAGRAM_MAX + 1], trailer[KG_AEAD_OVERHEAD_MAX];

	for (uint16_t len = 0; len <= PLAIN_MAX; len++) {
		uint16_t sealed;

		datagram[len + f->alg->spec->overhead_bytes] = 0xee;
		sealed = seal(f, datagram, len);
		assert_int_equal(datagram[sealed], 0xee);
		memcpy(trailer, datagram + len, f->alg->spec->overhead_bytes);
		assert_true(open_in_place(f, f->ctx, datagram, &sealed));
		assert_int_equal(sealed, len);
		assert_memory_equal(datagram, f->plain, len);
		if (f->alg != &kg_aead_xor) /* which whitens it too */
			assert_memory_equal(datagram + len, trailer, f->alg->spec->overhead_bytes);
	}
}

static void every_length_comes_back(void **state)
{
	for_each(check_every_length);
}

static void check_truncations(struct fixture *f)
{
	uint8_t datagram[DATAGRAM_MAX];
	uint16_t len = seal(f, datagram, 1400);
	unsigned int passed = 0;

	for (uint16_t cut = 0; cut < len; cut++) {
		bool ok = opens(f, f->ctx, datagram, cut);

		if (cut < f->alg->spec->overhead_bytes)
			assert_false(ok);
		passed += ok;
	}
	if (f->alg->spec->keyed)
		assert_int_equal(passed, 0);
	else
		assert_in_range(passed, 0, NO_TAG_GUESSES);
}

static void truncation_is_noticed(void **state)
{
	for_each(check_truncations);
}

/* One flipped bit is noticed everywhere, by the folded CRC too: it is linear, and no bit of these
 * lengths contributes a CRC whose halves are equal. */
static void check_flips(struct fixture *f)
{
	static const uint16_t lens[] = { 0, 1, 15, 16, 17, 64, 333 };
	uint8_t datagram[DATAGRAM_MAX];

	for (size_t i = 0; i < KG_ARRAY_SIZE(lens); i++) {
		uint16_t len = seal(f, datagram, lens[i]);

		for (uint32_t bit = 0; bit < len * 8u; bit++) {
			datagram[bit / 8] ^= 1 << bit % 8;
			assert_false(opens(f, f->ctx, datagram, len));
			datagram[bit / 8] ^= 1 << bit % 8;
		}
		assert_true(opens(f, f->ctx, datagram, len));
	}
}

static void tampering_is_noticed(void **state)
{
	for_each(check_flips);
}

static void noise_does_not_open(struct fixture *f)
{
	uint8_t datagram[DATAGRAM_MAX];
	unsigned int passed = 0;

	for (int round = 0; round < 2000; round++) {
		uint16_t len = (uint16_t)kg_rng_below(&f->rng, 300);

		fill(&f->rng, datagram, len);
		passed += opens(f, f->ctx, datagram, len);
	}
	if (f->alg->spec->keyed)
		assert_int_equal(passed, 0);
	else
		assert_in_range(passed, 0, NO_TAG_GUESSES);
}

static void noise_is_noticed(void **state)
{
	for_each(noise_does_not_open);
}

static void check_wrong_key(struct fixture *f)
{
	void *other = create(f->alg, "qwerty1235");
	uint8_t datagram[DATAGRAM_MAX];

	for (uint16_t len = 0; len < 200; len++)
		assert_int_equal(opens(f, other, datagram, seal(f, datagram, len)),
				 !f->alg->spec->keyed);
	f->alg->destroy(other);
}

static void wrong_key_is_noticed(void **state)
{
	for_each(check_wrong_key);
}

static void check_iv(struct fixture *f)
{
	uint8_t datagram[DATAGRAM_MAX], other[DATAGRAM_MAX];
	struct kg_aead_job job = { .data = datagram, .len = 100 };
	struct kg_aead_job twin = { .data = other, .len = 100 };

	if (!f->alg->spec->keyed)
		return;
	memcpy(&job.iv, "\x12\x34", KG_AEAD_IV_BYTES);
	memcpy(&twin.iv, "\x12\x35", KG_AEAD_IV_BYTES);
	memcpy(datagram, f->plain, 100);
	memcpy(other, f->plain, 100);
	f->alg->seal(f->ctx, &job, 1);
	f->alg->seal(f->ctx, &twin, 1);
	assert_memory_equal(datagram + 100 + KG_AEAD_TAG_BYTES, "\x12\x34", KG_AEAD_IV_BYTES);
	assert_memory_not_equal(datagram, other, 100);
}

static void iv_stands_at_the_end(void **state)
{
	for_each(check_iv);
}

/* OpenSSL's GCM of the same nonce, which makes each anew. */
static void seal_by_openssl(EVP_CIPHER_CTX *gcm, uint16_t iv, uint8_t *bytes, int len)
{
	uint8_t nonce[16];
	int n;

	kg_aead_nonce(nonce, sizeof(nonce), (const uint8_t *)&iv);
	assert_true(EVP_EncryptInit_ex(gcm, NULL, NULL, NULL, nonce));
	assert_true(EVP_EncryptUpdate(gcm, NULL, &n, (const uint8_t *)kg_profile_kcptube.associated,
				      (int)strlen(kg_profile_kcptube.associated)));
	assert_true(EVP_EncryptUpdate(gcm, bytes, &n, bytes, len));
	assert_true(EVP_EncryptFinal_ex(gcm, bytes + n, &n));
	assert_true(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, KG_AEAD_TAG_BYTES, bytes + len));
}

static void each_iv_of_gcm_is_as_openssl_has_it(void **state)
{
	struct fixture *f = setup(&kg_aead_aes_gcm);
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	uint8_t key[KG_AEAD_KEY_BYTES];

	assert_true(kg_kdf_sha3_256("qwerty1234", strlen("qwerty1234"), key));
	assert_true(EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, NULL, NULL));
	assert_true(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_SET_IVLEN, 16, NULL));
	assert_true(EVP_EncryptInit_ex(gcm, NULL, NULL, key, NULL));
	for (uint32_t iv = 0; iv <= UINT16_MAX; iv++) {
		uint8_t ours[DATAGRAM_MAX], theirs[DATAGRAM_MAX];
		uint16_t len = (uint16_t)(iv % 37);
		struct kg_aead_job job = { .data = ours, .len = len, .iv = (uint16_t)iv };

		memcpy(ours, f->plain, len);
		memcpy(theirs, f->plain, len);
		f->alg->seal(f->ctx, &job, 1);
		seal_by_openssl(gcm, (uint16_t)iv, theirs, len);
		assert_memory_equal(ours, theirs, (size_t)len + KG_AEAD_TAG_BYTES);
		f->alg->open(f->ctx, &job, 1);
		assert_true(job.ok);
	}
	EVP_CIPHER_CTX_free(gcm);
	teardown(f);
}

/* A burst of all kinds of lengths; those in `bad` (a bit mask) are spoilt on the way. */
static void check_burst(struct fixture *f, uint32_t bad)
{
	uint8_t(*room)[DATAGRAM_MAX] = calloc(BURST_JOBS, sizeof(*room));
	struct kg_aead_job jobs[BURST_JOBS];
	uint16_t lens[BURST_JOBS];

	for (int i = 0; i < BURST_JOBS; i++) {
		lens[i] = (uint16_t)kg_rng_below(&f->rng, PLAIN_MAX + 1);
		jobs[i] = (struct kg_aead_job){ .data = room[i],
						.len = lens[i],
						.iv = (uint16_t)kg_rng_next(&f->rng) };
		memcpy(room[i], f->plain, lens[i]);
	}
	f->alg->seal(f->ctx, jobs, BURST_JOBS);
	for (int i = 0; i < BURST_JOBS; i++) {
		if (bad >> i & 1)
			jobs[i].data[kg_rng_below(&f->rng, jobs[i].len)] ^= 0x10;
		jobs[i].ok = bad >> i & 1; /* open must write it either way */
	}
	f->alg->open(f->ctx, jobs, BURST_JOBS);
	for (int i = 0; i < BURST_JOBS; i++) {
		assert_int_equal(jobs[i].ok, !(bad >> i & 1));
		if (!jobs[i].ok)
			continue;
		assert_int_equal(jobs[i].len, lens[i]);
		assert_memory_equal(jobs[i].data, f->plain, lens[i]);
	}
	free(room);
}

static void check_bursts(struct fixture *f)
{
	check_burst(f, 0);
	check_burst(f, UINT32_MAX);
	for (int bad = 0; bad < BURST_JOBS; bad++)
		check_burst(f, 1u << bad);
	f->alg->seal(f->ctx, NULL, 0);
	f->alg->open(f->ctx, NULL, 0);
}

static void bad_job_spoils_no_other(void **state)
{
	for_each(check_bursts);
}

/* The check value of 802.3's CRC over "123456789" is cbf43926: folded, f2 d2. */
static void none_folds_the_crc(void **state)
{
	struct fixture *f = setup(&kg_aead_none);
	uint8_t datagram[] = "123456789\0";
	struct kg_aead_job job = { .data = datagram, .len = 9 };

	f->alg->seal(f->ctx, &job, 1);
	assert_int_equal(job.len, 11);
	assert_memory_equal(datagram, "123456789\xf2\xd2", 11);
	teardown(f);
}

/* The same nine bytes and their check: every byte with its right neighbour, the last as it is. */
static void xor_whitens(void **state)
{
	struct fixture *f = setup(&kg_aead_xor);
	uint8_t datagram[] = "123456789\0";
	struct kg_aead_job job = { .data = datagram, .len = 9 };

	f->alg->seal(f->ctx, &job, 1);
	assert_int_equal(job.len, 11);
	assert_memory_equal(datagram, "\3\1\7\1\3\1\xf\1\xcb\x20\xd2", 11);
	teardown(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(key_is_sha3_256),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(truncation_is_noticed),
		cmocka_unit_test(tampering_is_noticed),
		cmocka_unit_test(noise_is_noticed),
		cmocka_unit_test(wrong_key_is_noticed),
		cmocka_unit_test(iv_stands_at_the_end),
		cmocka_unit_test(bad_job_spoils_no_other),
		cmocka_unit_test(none_folds_the_crc),
		cmocka_unit_test(only_two_have_no_key),
		cmocka_unit_test(xor_whitens),
		cmocka_unit_test(each_iv_of_gcm_is_as_openssl_has_it),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("aead", tests, NULL, NULL);
}
