/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <string.h>

enum error store_index_add(struct store_txn *txn, enum index_field field, struct view value,
                           uint64_t number)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, (uint8_t)field, value, token);
    const struct key key = key_index(field, token, number);
    return database_mark(txn, TABLE_INDEX, &key);
}

bool store_index_has(struct store_txn *txn, enum index_field field, struct view value,
                     uint64_t number)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, (uint8_t)field, value, token);
    const struct key key = key_index(field, token, number);
    return database_has(txn, TABLE_INDEX, &key);
}

enum error store_index_find(struct store_txn *txn, enum index_field field, struct view value,
                            uint64_t below, struct store_numbers *numbers)
{
    uint8_t token[STORE_TOKEN_BYTES];
    enum error err = OK;

    numbers->count = 0;
    database_token(txn, (uint8_t)field, value, token);
    const struct key first = key_index(field, token, 0);
    struct key key = key_index(field, token, below == 0 ? UINT64_MAX : below);
    while (numbers->count < numbers->max) {
        err = database_seek(txn, TABLE_INDEX, SEEK_BEFORE, &key);
        if (err == ERR_NOT_FOUND) {
            return OK;
        }
        TRY(err);
        if (key.size != KEY_INDEX_BYTES ||
            memcmp(key.bytes, first.bytes, KEY_INDEX_BYTES - 8) != 0) {
            return OK;
        }
        numbers->items[numbers->count++] = get_u64(key.bytes + KEY_INDEX_BYTES - 8);
    }
out:
    return err;
}

/* Whether an index row is to stay. */
static bool is_good(struct store_txn *txn, const struct key *key)
{
    const struct key record = key_number(get_u64(key->bytes + KEY_INDEX_BYTES - 8));

    return database_marked(txn, TABLE_INDEX, key) == OK && database_has(txn, TABLE_RECORD, &record);
}

enum error store_index_sweep(struct store_txn *txn)
{
    enum error err = OK;
    uint64_t count = 0;
    uint64_t seen = 0;

    TRY(database_count(txn, TABLE_INDEX, &count));
    TRY(database_sweep(txn, TABLE_INDEX, is_good, &seen));
    err = seen == count ? OK : database_fail(txn, ERR_STORE_CORRUPT);
out:
    return err;
}
