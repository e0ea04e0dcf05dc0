/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * LMDB has no checksums: a flipped meta page silently gives back the commit
 * before. So where the audit chain stands is also written here, outside LMDB,
 * after each commit: two halves in turn, sealed. The file is synced only after the
 * first commit of a store. It may be behind what is durable, never ahead, so it is a
 * lower bound that a store must reach (S-9).
 */

enum { HALF_BYTES = 512, PLAIN_BYTES = 8 + ID_BYTES + 8, SEALED_BYTES = 24 + PLAIN_BYTES + 16 };

static const char associated[] = "valise anchor 1";

static const uint8_t *anchor_key(const uint8_t *keys)
{
    return keys + (size_t)DERIVED_ANCHOR * KEY_BYTES;
}

enum error anchor_open(struct store *store)
{
    struct stat info;
    enum error err = place_file(store->path, "anchor", &store->anchor_fd);

    store->anchor_sync = err == OK && fstat(store->anchor_fd, &info) == 0 && info.st_size == 0;
    return err;
}

static enum error read_half(struct store *store, unsigned half, struct anchor *anchor)
{
    uint8_t bytes[SEALED_BYTES];
    struct buffer plain = buffer_init(SEALED_BYTES);
    ssize_t got = pread(store->anchor_fd, bytes, sizeof bytes, (off_t)half * HALF_BYTES);
    enum error err = OK;

    if (got < (ssize_t)sizeof bytes || sodium_is_zero(bytes, sizeof bytes) == 1) {
        return ERR_NOT_FOUND;
    }
    err = database_unseal(anchor_key(secret_open(store->table_keys)), view_of_text(associated),
                          view_of(bytes, sizeof bytes), &plain);
    secret_close(store->table_keys);
    if (err == OK) {
        anchor->audit_seq = (int64_t)get_u64(plain.data);
        memcpy(anchor->audit_hash.bytes, plain.data + 8, ID_BYTES);
        anchor->records = get_u64(plain.data + 8 + ID_BYTES);
    }
    buffer_free(&plain);
    return err;
}

enum error anchor_read(struct store *store, struct anchor *anchor)
{
    struct anchor halves[2] = {0};
    enum error errors[2] = {read_half(store, 0, &halves[0]), read_half(store, 1, &halves[1])};
    unsigned newest = 0;

    if (errors[0] == ERR_NO_MEMORY || errors[1] == ERR_NO_MEMORY) {
        return ERR_NO_MEMORY; /* what is not read is not damaged */
    }
    if (errors[0] != OK && errors[1] != OK) {
        return errors[0] == ERR_NOT_FOUND && errors[1] == ERR_NOT_FOUND ? ERR_NOT_FOUND
                                                                        : ERR_STORE_CORRUPT;
    }
    if (errors[0] != OK || (errors[1] == OK && halves[1].audit_seq > halves[0].audit_seq)) {
        newest = 1;
    }
    *anchor = halves[newest];
    store->anchor_turn = 1 - newest;
    return OK;
}

void anchor_write(struct store *store)
{
    uint8_t plain[PLAIN_BYTES];
    uint8_t nonce[24];
    struct buffer sealed = buffer_init(SEALED_BYTES);

    put_u64(plain, (uint64_t)store->current.audit_seq);
    memcpy(plain + 8, store->current.audit_hash.bytes, ID_BYTES);
    put_u64(plain + 8 + ID_BYTES, store->current.records);
    random_fill(nonce, sizeof nonce);
    if (database_seal(anchor_key(secret_open(store->table_keys)), nonce, view_of_text(associated),
                      view_of(plain, sizeof plain), &sealed) == OK) {
        /* A failed write leaves the older half, which is still a true lower bound. */
        ssize_t written = pwrite(store->anchor_fd, sealed.data, sealed.size,
                                 (off_t)store->anchor_turn * HALF_BYTES);
        if (written == (ssize_t)sealed.size) {
            store->anchor_turn = 1 - store->anchor_turn;
            /* Without any half a store with a history is refused. */
            store->anchor_sync = store->anchor_sync && fdatasync(store->anchor_fd) != 0;
        }
    }
    secret_close(store->table_keys);
    buffer_free(&sealed);
}
