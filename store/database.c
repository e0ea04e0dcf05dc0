/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SEALED_MAX_BYTES = 2 * 1024 * 1024,
    ROW_MAX_BYTES = SEALED_MAX_BYTES - 64
};

enum error database_error(int result)
{
    switch (result) {
    case MDB_SUCCESS:
        return OK;
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case MDB_MAP_FULL:
        return ERR_STORE_FULL;
    case ENOSPC:
    case EDQUOT:
        return ERR_DISK_FULL;
    case MDB_READERS_FULL:
        return ERR_STORE_READERS;
    case ENOMEM:
        return ERR_NO_MEMORY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return ERR_STORE_CORRUPT;
    case MDB_VERSION_MISMATCH:
        return ERR_STORE_VERSION;
    case EACCES:
    case EPERM:
    case ENOENT:
        return ERR_FILE;
    default:
        return ERR_STORE_IO;
    }
}

enum error database_fail(struct store_txn *txn, enum error error)
{
    if (txn->error == OK && error != OK) {
        txn->error = error;
    }
    return error;
}

enum error store_error(const struct store_txn *txn)
{
    return txn->error;
}

/* --- sealing ------------------------------------------------------------------------------- */

enum error database_seal(const uint8_t *table_key, const uint8_t nonce[static 24],
                         struct view associated, struct view plain, struct buffer *sealed)
{
    uint8_t *place = NULL;

    buffer_append(sealed, view_of(nonce, NONCE_BYTES));
    place = buffer_extend(sealed, plain.size + TAG_BYTES);
    if (place == NULL) {
        return sealed->error;
    }
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(place, NULL, plain.data, plain.size,
                                                     associated.data, associated.size, NULL, nonce,
                                                     table_key);
    return OK;
}

enum error database_unseal(const uint8_t *table_key, struct view associated, struct view sealed,
                           struct buffer *plain)
{
    uint8_t *place = NULL;

    if (sealed.size < NONCE_BYTES + TAG_BYTES) {
        return ERR_STORE_CORRUPT;
    }
    place = buffer_extend(plain, sealed.size - NONCE_BYTES - TAG_BYTES);
    if (place == NULL) {
        return plain->error;
    }
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(place, NULL, NULL, sealed.data + NONCE_BYTES,
                                                   sealed.size - NONCE_BYTES, associated.data,
                                                   associated.size, sealed.data, table_key) != 0) {
        return ERR_STORE_CORRUPT;
    }
    return OK;
}

/* What a value is bound to: its table and its key, so that it cannot be moved. */
static struct view associated_data(enum table table, const struct key *key,
                                   uint8_t bytes[static KEY_MAX_BYTES + 1])
{
    bytes[0] = (uint8_t)table;
    memcpy(bytes + 1, key->bytes, key->size);
    return view_of(bytes, key->size + 1);
}

static const uint8_t *table_key(const struct store_txn *txn, unsigned index)
{
    return txn->open + (size_t)index * KEY_BYTES;
}

void database_token(struct store_txn *txn, uint8_t field, struct view value,
                    uint8_t out[static STORE_TOKEN_BYTES])
{
    token(view_of(table_key(txn, DERIVED_TOKENS + (unsigned)field), KEY_BYTES), value, out);
}

/* --- transactions -------------------------------------------------------------------------- */

static enum error at_point(struct store *store, const char *name)
{
    return store->point == NULL ? OK : store->point(store->point_context, name);
}

static enum error begin(MDB_env *env, enum store_mode mode, MDB_txn **txn)
{
    unsigned flags = mode == STORE_READ ? MDB_RDONLY : 0;
    int result = mdb_txn_begin(env, NULL, flags, txn);

    if (result == MDB_READERS_FULL) {
        int dead = 0;
        (void)mdb_reader_check(env, &dead);
        result = mdb_txn_begin(env, NULL, flags, txn);
    }
    return database_error(result);
}

enum error store_begin(struct store *store, enum store_mode mode, struct store_txn **txn)
{
    struct store_txn *made = NULL;
    enum error err = OK;

    *txn = NULL;
    if (store->failed) {
        return ERR_STORE_IO;
    }
    if (mode == STORE_WRITE && store->writing) {
        return ERR_BUG; /* LMDB would wait for ourselves for ever */
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    made->store = store;
    made->mode = mode;
    made->next = store->current;
    err = begin(store->data, mode, &made->data);
    if (err != OK) {
        free(made);
        return err;
    }
    if (mode == STORE_WRITE) {
        random_fill(made->nonce, sizeof made->nonce);
        store->writing = true;
    }
    made->open = secret_open(store->table_keys);
    *txn = made;
    return OK;
}

void store_hold_keys(struct store *store)
{
    (void)secret_open(store->table_keys);
}

void store_release_keys(struct store *store)
{
    secret_close(store->table_keys);
}

static void finish(struct store_txn **txn)
{
    struct store_txn *done = *txn;

    if (done->keys != NULL) {
        mdb_txn_abort(done->keys);
    }
    if (done->data != NULL) {
        mdb_txn_abort(done->data);
    }
    if (done->mode == STORE_WRITE) {
        done->store->writing = false;
    }
    secret_close(done->store->table_keys);
    sodium_memzero(done, sizeof *done);
    free(done);
    *txn = NULL;
}

void store_abort(struct store_txn **txn)
{
    if (txn != NULL && *txn != NULL) {
        finish(txn);
    }
}

enum error database_commit(struct store *store, MDB_txn **handle)
{
    MDB_txn *txn = *handle;
    enum error err = OK;

    *handle = NULL;
    if (txn == NULL) {
        return OK;
    }
    err = database_error(mdb_txn_commit(txn));
    if (err == ERR_STORE_IO) {
        store->failed = true; /* never retried: what is durable is not known any more */
    }
    return err;
}

enum error store_commit(struct store_txn **txn)
{
    struct store_txn *done = *txn;
    struct store *store = done->store;
    enum error err = done->error;

    if (err == OK && done->changed && !done->audited) {
        err = ERR_BUG; /* S-7 */
    }
    if (done->mode == STORE_READ || err != OK || !(done->changed || done->audited)) {
        finish(txn);
        return err;
    }
    TRY(at_point(store, "commit.before-keys"));
    /* Keys first: keys without a record are swept, a record without keys would be lost. */
    TRY(database_commit(store, &done->keys));
    TRY(at_point(store, "commit.between"));
    TRY(database_commit(store, &done->data));
    store->current = done->next;
    TRY(at_point(store, "commit.before-anchor"));
    anchor_write(store);
    TRY(at_point(store, "commit.after"));
out:
    finish(txn);
    return err;
}

static enum error need_keys(struct store_txn *txn)
{
    if (txn->keys != NULL) {
        return OK;
    }
    return database_fail(txn, begin(txn->store->keys, txn->mode, &txn->keys));
}

/* The LMDB transaction and handle of a table. */
static enum error table_of(struct store_txn *txn, enum table table, MDB_txn **handle, MDB_dbi *dbi)
{
    enum error err = txn->error;

    if (err == OK && table == TABLE_SECTION_KEY) {
        err = need_keys(txn);
    }
    *handle = table == TABLE_SECTION_KEY ? txn->keys : txn->data;
    *dbi = txn->store->tables[table];
    return err;
}

/* --- values -------------------------------------------------------------------------------- */

static enum error put_bytes(struct store_txn *txn, enum table table, const struct key *key,
                            struct view bytes)
{
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_val value = {bytes.size, (void *)(uintptr_t)bytes.data};
    MDB_txn *handle = NULL;
    MDB_dbi dbi = 0;
    enum error err = OK;

    if (txn->mode != STORE_WRITE) {
        return database_fail(txn, ERR_BUG);
    }
    TRY(table_of(txn, table, &handle, &dbi));
    TRY(database_fail(txn, database_error(mdb_put(handle, dbi, &name, &value, 0))));
    if (table == TABLE_AUDIT) {
        txn->audited = true;
    } else {
        txn->changed = true;
    }
out:
    return err;
}

enum error database_put(struct store_txn *txn, enum table table, const struct key *key,
                        struct view value)
{
    uint8_t associated[KEY_MAX_BYTES + 1];
    struct buffer sealed = buffer_init(SEALED_MAX_BYTES);
    enum error err = txn->error;

    TRY(err);
    sodium_increment(txn->nonce, sizeof txn->nonce);
    TRY(database_fail(txn, database_seal(table_key(txn, table), txn->nonce,
                                         associated_data(table, key, associated), value, &sealed)));
    TRY(put_bytes(txn, table, key, view_of_buffer(&sealed)));
out:
    buffer_free(&sealed);
    return err;
}

/* A row of the index says all in its key. Its value is a tag over that key, so that a flipped bit,
 * which would hide a record from a search, is found. */
static void mark_tag(const struct store_txn *txn, enum table table, const struct key *key,
                     uint8_t tag[static MARK_BYTES])
{
    uint8_t bytes[KEY_MAX_BYTES + 1];
    struct view bound = associated_data(table, key, bytes);

    _Static_assert(MARK_BYTES == crypto_shorthash_siphash24_BYTES, "SipHash-2-4");
    _Static_assert(KEY_BYTES >= crypto_shorthash_siphash24_KEYBYTES, "its key is the first half");
    (void)crypto_shorthash_siphash24(tag, bound.data, bound.size, table_key(txn, table));
}

enum error database_mark(struct store_txn *txn, enum table table, const struct key *key)
{
    uint8_t tag[MARK_BYTES];

    mark_tag(txn, table, key, tag);
    return put_bytes(txn, table, key, view_of(tag, sizeof tag));
}

static enum error get_bytes(struct store_txn *txn, enum table table, const struct key *key,
                            struct view *bytes)
{
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_val value = {0, NULL};
    MDB_txn *handle = NULL;
    MDB_dbi dbi = 0;
    enum error err = OK;

    TRY(table_of(txn, table, &handle, &dbi));
    TRY(database_error(mdb_get(handle, dbi, &name, &value)));
    *bytes = view_of(value.mv_data, value.mv_size);
out:
    return err;
}

enum error database_get(struct store_txn *txn, enum table table, const struct key *key,
                        struct arena *arena, struct view *value)
{
    uint8_t associated[KEY_MAX_BYTES + 1];
    struct view sealed = {0};
    uint8_t *place = NULL;
    enum error err = OK;

    TRY(get_bytes(txn, table, key, &sealed));
    if (sealed.size < NONCE_BYTES + TAG_BYTES) {
        return ERR_STORE_CORRUPT;
    }
    size_t size = sealed.size - NONCE_BYTES - TAG_BYTES;
    place = arena_alloc(arena, size);
    if (place == NULL) {
        return arena_error(arena);
    }
    struct view bound = associated_data(table, key, associated);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            place, NULL, NULL, sealed.data + NONCE_BYTES, sealed.size - NONCE_BYTES, bound.data,
            bound.size, sealed.data, table_key(txn, table)) != 0) {
        return ERR_STORE_CORRUPT;
    }
    *value = view_of(place, size);
out:
    return err;
}

enum error database_marked(struct store_txn *txn, enum table table, const struct key *key)
{
    uint8_t tag[MARK_BYTES];
    struct view kept = {0};
    enum error err = get_bytes(txn, table, key, &kept);

    TRY(err);
    mark_tag(txn, table, key, tag);
    TRY(view_equal(kept, view_of(tag, sizeof tag)) ? OK : ERR_STORE_CORRUPT);
out:
    return err;
}

enum error database_delete(struct store_txn *txn, enum table table, const struct key *key)
{
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_txn *handle = NULL;
    MDB_dbi dbi = 0;
    enum error err = OK;

    if (txn->mode != STORE_WRITE) {
        return database_fail(txn, ERR_BUG);
    }
    TRY(table_of(txn, table, &handle, &dbi));
    err = database_error(mdb_del(handle, dbi, &name, NULL));
    if (err != ERR_NOT_FOUND) {
        (void)database_fail(txn, err);
        txn->changed = true;
    }
out:
    return err;
}

bool database_has(struct store_txn *txn, enum table table, const struct key *key)
{
    struct view ignored = {0};

    return get_bytes(txn, table, key, &ignored) == OK;
}

enum error database_put_row(struct store_txn *txn, enum table table, const struct key *key,
                            const struct object_info *info, const void *row)
{
    struct buffer bytes = buffer_init(ROW_MAX_BYTES);
    enum error err = OK;

    TRY(database_fail(txn, object_encode(info, row, &bytes)));
    TRY(database_put(txn, table, key, view_of_buffer(&bytes)));
out:
    buffer_free(&bytes);
    return err;
}

enum error database_get_row(struct store_txn *txn, enum table table, const struct key *key,
                            const struct object_info *info, struct arena *arena, void *row)
{
    struct view bytes = {0};
    enum error err = OK;

    TRY(database_get(txn, table, key, arena, &bytes));
    err = object_decode(info, bytes, arena, row);
    if (err == ERR_NOT_CANONICAL || err == ERR_TOO_LARGE) {
        err = ERR_STORE_CORRUPT; /* sealed by us, yet not what we write */
    }
out:
    return err;
}

static int seek_before(MDB_cursor *cursor, MDB_val *name, MDB_val *value)
{
    int result = mdb_cursor_get(cursor, name, value, MDB_SET_RANGE);

    return result == MDB_NOTFOUND ? mdb_cursor_get(cursor, name, value, MDB_LAST)
           : result == 0          ? mdb_cursor_get(cursor, name, value, MDB_PREV)
                                  : result;
}

enum error database_seek(struct store_txn *txn, enum table table, enum seek seek, struct key *key)
{
    MDB_val name = {key->size, key->bytes};
    MDB_val value = {0, NULL};
    MDB_cursor *cursor = NULL;
    MDB_txn *handle = NULL;
    MDB_dbi dbi = 0;
    int result = 0;
    enum error err = OK;

    TRY(table_of(txn, table, &handle, &dbi));
    TRY(database_error(mdb_cursor_open(handle, dbi, &cursor)));
    if (seek == SEEK_LAST) {
        result = mdb_cursor_get(cursor, &name, &value, MDB_LAST);
    } else if (seek == SEEK_BEFORE) {
        result = seek_before(cursor, &name, &value);
    } else {
        result = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
    }
    TRY(database_error(result));
    const size_t size = table_key_bytes(table);
    if (name.mv_size > KEY_MAX_BYTES || (size != 0 && name.mv_size != size)) {
        err = ERR_STORE_CORRUPT; /* callers rely on it: they read numbers from keys */
    } else {
        memmove(key->bytes, name.mv_data, name.mv_size);
        key->size = name.mv_size;
    }
out:
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return err;
}

/** A walk that deletes what is not good. */
struct sweep {
    struct store_txn *txn;
    enum table table;
    MDB_cursor *cursor;
    bool (*is_good)(struct store_txn *, const struct key *);
    struct key last; /* good row met before; size 0 for none */
};

static enum error sweep_row(struct sweep *sweep, const MDB_val *name)
{
    struct key key = {{0}, name->mv_size};
    struct key *last = &sweep->last;
    enum error err = OK;

    TRY(key.size == table_key_bytes(sweep->table) ? OK : ERR_STORE_CORRUPT);
    memcpy(key.bytes, name->mv_data, key.size);
    if (!sweep->is_good(sweep->txn, &key)) {
        sweep->txn->changed = true;
        return database_error(mdb_cursor_del(sweep->cursor, 0));
    }
    TRY(last->size == 0 || memcmp(last->bytes, key.bytes, key.size) < 0 ? OK : ERR_STORE_CORRUPT);
    *last = key;
out:
    return err;
}

enum error database_sweep(struct store_txn *txn, enum table table,
                          bool (*is_good)(struct store_txn *, const struct key *), uint64_t *seen)
{
    struct sweep sweep = {.txn = txn, .table = table, .is_good = is_good};
    MDB_txn *handle = NULL;
    MDB_dbi dbi = 0;
    MDB_val name;
    MDB_val value;
    int result = 0;
    enum error err = txn->mode == STORE_WRITE ? OK : ERR_BUG;

    *seen = 0;
    TRY(err);
    TRY(table_of(txn, table, &handle, &dbi));
    TRY(database_error(mdb_cursor_open(handle, dbi, &sweep.cursor)));
    while ((result = mdb_cursor_get(sweep.cursor, &name, &value, MDB_NEXT)) == 0) {
        (*seen)++;
        TRY(sweep_row(&sweep, &name));
    }
    err = result == MDB_NOTFOUND ? OK : database_error(result);
out:
    if (sweep.cursor != NULL) {
        mdb_cursor_close(sweep.cursor);
    }
    return database_fail(txn, err);
}

enum error database_count(struct store_txn *txn, enum table table, uint64_t *count)
{
    MDB_stat stat;
    MDB_txn *handle = NULL;
    MDB_dbi dbi = 0;
    enum error err = OK;

    TRY(table_of(txn, table, &handle, &dbi));
    TRY(database_error(mdb_stat(handle, dbi, &stat)));
    *count = stat.ms_entries;
out:
    return err;
}
