/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <string.h>

static struct key rid_key(struct store_txn *txn, const struct id *record)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_RID, id_view(record), token);
    return key_index((enum index_field)TOKEN_RID, token, 0);
}

static uint64_t key_tail_number(const struct key *key)
{
    return get_u64(key->bytes + key->size - 8);
}

enum error store_record_find(struct store_txn *txn, const struct id *record, uint64_t *number)
{
    struct key key = rid_key(txn, record);
    const struct key wanted = key;
    enum error err = OK;

    TRY(database_seek(txn, TABLE_INDEX, SEEK_AT_OR_AFTER, &key));
    if (key.size != KEY_INDEX_BYTES || memcmp(key.bytes, wanted.bytes, KEY_INDEX_BYTES - 8) != 0) {
        return ERR_NOT_FOUND;
    }
    *number = key_tail_number(&key);
out:
    return err;
}

enum error store_record_put(struct store_txn *txn, uint64_t number,
                            const struct store_record *record)
{
    const struct key key = key_number(number);

    return database_put_row(txn, TABLE_RECORD, &key, &record_row_info, record);
}

enum error store_record_index(struct store_txn *txn, const struct id *record, uint64_t number)
{
    struct key rid = rid_key(txn, record);

    put_u64(rid.bytes + rid.size - 8, number);
    return database_mark(txn, TABLE_INDEX, &rid);
}

enum error store_record_add(struct store_txn *txn, const struct store_record *record,
                            uint64_t *number)
{
    struct key last = {{0}, 0};
    uint64_t next = 1;
    enum error err = OK;

    TRY(txn->error);
    err = store_record_find(txn, &record->record, number);
    if (err != ERR_NOT_FOUND) {
        return err == OK ? ERR_EXISTS : err;
    }
    err = database_seek(txn, TABLE_RECORD, SEEK_LAST, &last);
    if (err == OK) {
        next = key_tail_number(&last) + 1;
    } else if (err != ERR_NOT_FOUND) {
        return database_fail(txn, err);
    }
    TRY(store_record_put(txn, next, record));
    TRY(store_record_index(txn, &record->record, next));
    txn->next.records++;
    *number = next;
out:
    return err;
}

enum error store_record_get(struct store_txn *txn, uint64_t number, struct arena *arena,
                            struct store_record *record)
{
    const struct key key = key_number(number);

    return database_get_row(txn, TABLE_RECORD, &key, &record_row_info, arena, record);
}

enum error store_record_before(struct store_txn *txn, uint64_t below, uint64_t *number)
{
    struct key key = key_number(below);
    enum error err = database_seek(txn, TABLE_RECORD, below == 0 ? SEEK_LAST : SEEK_BEFORE, &key);

    if (err == OK) {
        *number = key_tail_number(&key);
    }
    return err;
}

enum error store_record_count(struct store_txn *txn, uint64_t *count)
{
    return database_count(txn, TABLE_RECORD, count);
}

static struct key blob_key(struct store_txn *txn, const struct id *cipher)
{
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_CIPHER, id_view(cipher), token);
    return key_token(token);
}

enum error store_blob_put(struct store_txn *txn, const struct id *cipher, struct view bytes)
{
    const struct key key = blob_key(txn, cipher);

    return database_put(txn, TABLE_BLOB, &key, bytes);
}

enum error store_blob_get(struct store_txn *txn, const struct id *cipher, struct arena *arena,
                          struct view *bytes)
{
    const struct key key = blob_key(txn, cipher);

    return database_get(txn, TABLE_BLOB, &key, arena, bytes);
}

enum error store_blob_remove(struct store_txn *txn, const struct id *cipher)
{
    const struct key key = blob_key(txn, cipher);

    return database_delete(txn, TABLE_BLOB, &key);
}

bool store_blob_has(struct store_txn *txn, const struct id *cipher)
{
    const struct key key = blob_key(txn, cipher);

    return database_has(txn, TABLE_BLOB, &key);
}

enum error store_holder_put(struct store_txn *txn, uint64_t number, uint32_t peer,
                            const struct store_holder *holder)
{
    const struct key key = key_holder(number, peer);

    return database_put_row(txn, TABLE_HOLDER, &key, &holder_row_info, holder);
}

enum error store_holder_get(struct store_txn *txn, uint64_t number, uint32_t peer,
                            struct store_holder *holder)
{
    struct arena *arena = arena_new(65536);
    const struct key key = key_holder(number, peer);
    enum error err = ERR_NO_MEMORY;

    if (arena != NULL) {
        err = database_get_row(txn, TABLE_HOLDER, &key, &holder_row_info, arena, holder);
    }
    arena_free(&arena);
    return err;
}
