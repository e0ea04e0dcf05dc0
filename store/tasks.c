/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <string.h>

/* Counters, and what was kept aside for a person to look at. */

static struct key counter_key(struct store_txn *txn, const char *name)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_COUNTER, view_of_text(name), token);
    return key_token(token);
}

enum error store_counter_get(struct store_txn *txn, const char *name, int64_t *value)
{
    struct arena *arena = arena_new(4096);
    const struct key key = counter_key(txn, name);
    struct counter_row row = {0};
    enum error err = ERR_NO_MEMORY;

    *value = 0;
    if (arena != NULL) {
        err = database_get_row(txn, TABLE_META, &key, &counter_row_info, arena, &row);
    }
    if (err == OK) {
        *value = row.value;
    }
    arena_free(&arena);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum error store_counter_set(struct store_txn *txn, const char *name, int64_t value)
{
    const struct key key = counter_key(txn, name);
    const struct counter_row row = {.value = value, .name = view_of_text(name)};

    return database_put_row(txn, TABLE_META, &key, &counter_row_info, &row);
}

enum error store_quarantine_add(struct store_txn *txn, const struct store_quarantine *row)
{
    struct key key = {{0}, 0};
    struct store_quarantine cut = *row;
    uint64_t next = 1;
    enum error err = database_seek(txn, TABLE_QUARANTINE, SEEK_LAST, &key);

    if (err == OK) {
        next = get_u64(key.bytes) + 1;
    } else if (err != ERR_NOT_FOUND) {
        return database_fail(txn, err);
    }
    if (cut.bytes.size > QUARANTINE_BYTES_MAX) {
        cut.bytes.size = QUARANTINE_BYTES_MAX;
    }
    key = key_number(next);
    return database_put_row(txn, TABLE_QUARANTINE, &key, &quarantine_row_info, &cut);
}

enum error store_quarantine_before(struct store_txn *txn, uint64_t below, struct arena *arena,
                                   uint64_t *number, struct store_quarantine *row)
{
    struct key key = key_number(below);
    enum error err = OK;

    TRY(database_seek(txn, TABLE_QUARANTINE, below == 0 ? SEEK_LAST : SEEK_BEFORE, &key));
    TRY(database_get_row(txn, TABLE_QUARANTINE, &key, &quarantine_row_info, arena, row));
    *number = get_u64(key.bytes);
out:
    return err;
}

enum error store_quarantine_trim(struct store_txn *txn, uint32_t peer, struct arena *arena)
{
    struct key key = key_number(1);
    enum error err = OK;

    for (;;) {
        struct store_quarantine row = {0};

        arena_clear(arena);
        TRY(database_seek(txn, TABLE_QUARANTINE, SEEK_AT_OR_AFTER, &key));
        TRY(database_get_row(txn, TABLE_QUARANTINE, &key, &quarantine_row_info, arena, &row));
        if (row.peer == peer) {
            return database_delete(txn, TABLE_QUARANTINE, &key);
        }
        key = key_number(get_u64(key.bytes) + 1);
    }
out:
    return err;
}

enum error store_quarantine_count(struct store_txn *txn, uint64_t *count)
{
    return database_count(txn, TABLE_QUARANTINE, count);
}
