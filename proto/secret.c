/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct secret {
    uint8_t *bytes; /* from sodium_malloc, or within the pool's */
    size_t size;
    unsigned users;           /* how often it is open */
    bool writable;            /* invariant: users > 0 when true */
    struct secret_pool *pool; /* whose memory is opened instead, or NULL */
};

struct secret_pool {
    struct secret *all; /* `count` places one after another */
    size_t size;        /* of a place */
    size_t count;
    bool *taken;
};

enum error secret_start(void)
{
    return sodium_init() < 0 ? ERR_CRYPTO_START : OK;
}

enum error secret_check_locking(void)
{
    static const size_t probe_bytes = 65536;
    enum error err = ERR_MEMORY_NOT_LOCKED;
    void *page =
        mmap(NULL, probe_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) {
        return ERR_NO_MEMORY;
    }
    if (mlock(page, probe_bytes) == 0) {
        err = OK;
    }
    (void)munmap(page, probe_bytes);
    return err;
}

struct secret *secret_new(size_t size)
{
    struct secret *secret = NULL;

    if (size == 0 || size > SECRET_MAX_BYTES) {
        return NULL;
    }
    secret = calloc(1, sizeof *secret);
    if (secret == NULL) {
        return NULL;
    }
    secret->bytes = sodium_malloc(size);
    if (secret->bytes == NULL) {
        free(secret);
        return NULL;
    }
    secret->size = size;
    sodium_memzero(secret->bytes, size);
    (void)sodium_mprotect_noaccess(secret->bytes);
    return secret;
}

struct secret *secret_random(size_t size)
{
    struct secret *secret = secret_new(size);

    if (secret != NULL) {
        randombytes_buf(secret_open_for_writing(secret), size);
        secret_close(secret);
    }
    return secret;
}

struct secret *secret_take(uint8_t *bytes, size_t size)
{
    struct secret *secret = secret_new(size);

    if (secret != NULL) {
        uint8_t *place = secret_open_for_writing(secret);
        for (size_t i = 0; i < size; i++) {
            place[i] = bytes[i];
        }
        secret_close(secret);
    }
    sodium_memzero(bytes, size);
    return secret;
}

/* Whose protection counts: of the pool's area for a secret that lies in one. */
static struct secret *guard_of(struct secret *secret)
{
    return secret->pool != NULL ? secret->pool->all : secret;
}

static void pool_give_back(struct secret_pool *pool, struct secret *secret)
{
    uint8_t *all = secret_open_for_writing(pool->all);

    sodium_memzero(secret->bytes, secret->size);
    pool->taken[(size_t)(secret->bytes - all) / pool->size] = false;
    secret_close(pool->all);
}

void secret_free(struct secret **secret)
{
    if (secret == NULL || *secret == NULL) {
        return;
    }
    if ((*secret)->pool != NULL) {
        pool_give_back((*secret)->pool, *secret);
    } else {
        sodium_free((*secret)->bytes); /* opens, wipes, unlocks */
    }
    free(*secret);
    *secret = NULL;
}

size_t secret_size(const struct secret *secret)
{
    return secret->size;
}

const uint8_t *secret_open(struct secret *secret)
{
    struct secret *guard = guard_of(secret);

    if (guard->users == 0) {
        (void)sodium_mprotect_readonly(guard->bytes);
    }
    guard->users++;
    return secret->bytes;
}

uint8_t *secret_open_for_writing(struct secret *secret)
{
    struct secret *guard = guard_of(secret);

    assert(guard->users == 0 || guard->writable);
    if (guard->users == 0) {
        (void)sodium_mprotect_readwrite(guard->bytes);
        guard->writable = true;
    }
    guard->users++;
    return secret->bytes;
}

void secret_close(struct secret *secret)
{
    struct secret *guard = guard_of(secret);

    assert(guard->users > 0);
    guard->users--;
    if (guard->users == 0) {
        (void)sodium_mprotect_noaccess(guard->bytes);
        guard->writable = false;
    }
}

bool secret_equal(struct secret *a, struct secret *b)
{
    bool equal = false;

    if (a->size == b->size) {
        equal = sodium_memcmp(secret_open(a), secret_open(b), a->size) == 0;
        secret_close(b);
        secret_close(a);
    }
    return equal;
}

/* --- pools --------------------------------------------------------------------------------- */

struct secret_pool *secret_pool_new(size_t size, size_t count)
{
    struct secret_pool *pool = calloc(1, sizeof *pool);
    size_t bytes = 0;

    if (pool == NULL) {
        return NULL;
    }
    pool->size = size;
    pool->count = count;
    pool->all = size_mul(size, count, &bytes) ? secret_new(bytes) : NULL;
    pool->taken = calloc(count, sizeof *pool->taken);
    if (pool->all == NULL || pool->taken == NULL) {
        secret_pool_free(&pool);
    }
    return pool;
}

void secret_pool_free(struct secret_pool **pool)
{
    if (pool == NULL || *pool == NULL) {
        return;
    }
    secret_free(&(*pool)->all);
    free((*pool)->taken);
    free(*pool);
    *pool = NULL;
}

bool secret_pool_take(struct secret_pool *pool, struct secret *secret)
{
    size_t place = 0;

    while (place < pool->count && pool->taken[place]) {
        place++;
    }
    if (place == pool->count || secret->size != pool->size || secret->pool != NULL) {
        return false;
    }
    assert(secret->users == 0);
    uint8_t *to = secret_open_for_writing(pool->all) + place * pool->size;
    memcpy(to, secret_open(secret), secret->size);
    secret_close(secret);
    secret_close(pool->all);
    sodium_free(secret->bytes);
    secret->bytes = to;
    secret->pool = pool;
    pool->taken[place] = true;
    return true;
}

void secret_pool_hold(struct secret_pool *pool)
{
    (void)secret_open(pool->all);
}

void secret_pool_release(struct secret_pool *pool)
{
    secret_close(pool->all);
}
