/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for OpenSSL's malloc, realloc and free, from before main: OpenSSL takes others only
 * until its first allocation. A block's head says where the block came from, so any thread may free
 * it.
 */
#include "crypto/openssl_heap.h"

#include <openssl/crypto.h>
#include <sodium.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct block {
	alignas(max_align_t) size_t bytes;
	bool secret;
	alignas(max_align_t) uint8_t data[];
};

static _Thread_local bool asked_for_secret;

static void *allocate(size_t bytes, bool secret)
{
	size_t whole = bytes + sizeof(struct block);
	struct block *block;

	if (bytes == 0 || whole < bytes)
		return NULL;
	if (secret) /* ends with a page: aligned if its size is */
		block = sodium_malloc((whole + alignof(max_align_t) - 1) & -alignof(max_align_t));
	else
		block = malloc(whole);
	if (!block)
		return NULL;
	block->bytes = bytes;
	block->secret = secret;
	return block->data;
}

static struct block *block_of(void *data)
{
	return (struct block *)((uint8_t *)data - offsetof(struct block, data));
}

static void heap_free(void *data, const char *file, int line)
{
	struct block *block;

	if (!data)
		return;
	block = block_of(data);
	if (block->secret)
		sodium_free(block);
	else
		free(block);
}

static void *heap_malloc(size_t bytes, const char *file, int line)
{
	return allocate(bytes, asked_for_secret);
}

/* What is secret stays so, whoever makes it larger. */
static void *heap_realloc(void *data, size_t bytes, const char *file, int line)
{
	struct block *old;
	void *data_new;

	if (!data)
		return heap_malloc(bytes, file, line);
	old = block_of(data);
	data_new = allocate(bytes, old->secret);
	if (data_new)
		memcpy(data_new, data, bytes < old->bytes ? bytes : old->bytes);
	if (data_new || bytes == 0)
		heap_free(data, file, line);
	return data_new;
}

__attribute__((constructor)) static void take_over(void)
{
	if (sodium_init() >= 0)
		CRYPTO_set_mem_functions(heap_malloc, heap_realloc, heap_free);
}

void kg_openssl_heap_secret(bool secret)
{
	asked_for_secret = secret;
}
