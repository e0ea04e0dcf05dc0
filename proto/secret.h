/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key bytes: locked in memory, fenced by guard pages, unreadable while closed,
 * wiped at the end. There is no function that copies or prints one.
 */

#include "bytes.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_BYTES = 32, SECRET_MAX_BYTES = 65536 };

struct secret;

/**
 * Start libsodium. Call once before anything else in proto/.
 * @return OK, or ERR_CRYPTO_START.
 */
MUST_CHECK enum error secret_start(void);

/**
 * Whether this process can keep memory out of swap.
 * sodium_malloc succeeds even when nothing could be locked, so this tries mlock itself.
 * @return OK, or ERR_MEMORY_NOT_LOCKED.
 */
MUST_CHECK enum error secret_check_locking(void);

/**
 * Make a secret of zero bytes, closed.
 * @param size 1..SECRET_MAX_BYTES.
 * @return owned by the caller, or NULL without memory.
 */
struct secret *secret_new(size_t size);

/** Make a secret of random bytes, closed; NULL without memory. */
struct secret *secret_random(size_t size);

/**
 * Make a secret of the given bytes and wipe them at their old place.
 * @param bytes must be writable memory of `size` bytes; wiped also on failure.
 */
struct secret *secret_take(uint8_t *bytes, size_t size);

/** Wipe and free; NULL is allowed; *secret becomes NULL. */
void secret_free(struct secret **secret);

/** Size in bytes. */
size_t secret_size(const struct secret *secret);

/**
 * Open for reading until secret_close. Calls nest; the outermost one changes the
 * protection of the pages, which costs as much as sealing several sections.
 */
const uint8_t *secret_open(struct secret *secret);

/** Open for reading and writing until secret_close. Calls nest, but not within secret_open alone.
 */
uint8_t *secret_open_for_writing(struct secret *secret);

/** Close again. */
void secret_close(struct secret *secret);

/** Whether two secrets hold the same bytes, in constant time. */
bool secret_equal(struct secret *a, struct secret *b);

/**
 * Many small secrets of one size in one guarded area: as long as it is held,
 * opening any of them changes no protection. They are open and closed together.
 */
struct secret_pool;

/**
 * Make an empty pool.
 * @param size  of each secret.
 * @param count most secrets it takes; size * count is 1..SECRET_MAX_BYTES.
 * @return owned by the caller, or NULL without memory.
 */
struct secret_pool *secret_pool_new(size_t size, size_t count);

/** Free; NULL is allowed; *pool becomes NULL. Its secrets must be freed before. */
void secret_pool_free(struct secret_pool **pool);

/**
 * Move a closed secret into the pool. Its old memory is wiped and freed; the
 * secret itself stays the caller's, to be freed as before.
 * @return false, nothing moved, if the pool is full or the size is another one.
 */
bool secret_pool_take(struct secret_pool *pool, struct secret *secret);

/** Keep all secrets of the pool open for reading until secret_pool_release. Calls nest. */
void secret_pool_hold(struct secret_pool *pool);
void secret_pool_release(struct secret_pool *pool);
