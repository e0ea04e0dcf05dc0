/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

struct secret {
    uint8_t *bytes; /* from sodium_malloc */
    size_t size;
    unsigned users; /* how often it is open */
    bool writable;  /* invariant: users > 0 when true */
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

void secret_free(struct secret **secret)
{
    if (secret == NULL || *secret == NULL) {
        return;
    }
    sodium_free((*secret)->bytes); /* opens, wipes, unlocks */
    free(*secret);
    *secret = NULL;
}

size_t secret_size(const struct secret *secret)
{
    return secret->size;
}

const uint8_t *secret_open(struct secret *secret)
{
    if (secret->users == 0) {
        (void)sodium_mprotect_readonly(secret->bytes);
    }
    secret->users++;
    return secret->bytes;
}

uint8_t *secret_open_for_writing(struct secret *secret)
{
    assert(secret->users == 0 || secret->writable);
    if (secret->users == 0) {
        (void)sodium_mprotect_readwrite(secret->bytes);
        secret->writable = true;
    }
    secret->users++;
    return secret->bytes;
}

void secret_close(struct secret *secret)
{
    assert(secret->users > 0);
    secret->users--;
    if (secret->users == 0) {
        (void)sodium_mprotect_noaccess(secret->bytes);
        secret->writable = false;
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
