/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SEALED_MAX_BYTES = 2 * 1024 * 1024,
    ROW_MAX_BYTES = SEALED_MAX_BYTES - 64,
    KEYS_ENV_MIN_BYTES = 4 * 1024 * 1024,
    FULL_RESERVE_DIVISOR = 16 /* the last sixteenth is kept for closing, purging, repairing */
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

/* Commit one environment. The handle is gone whatever happens. */
static enum error commit_one(struct store *store, MDB_txn **handle)
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
    TRY(commit_one(store, &done->keys));
    TRY(at_point(store, "commit.between"));
    TRY(commit_one(store, &done->data));
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

enum error database_mark(struct store_txn *txn, enum table table, const struct key *key)
{
    return put_bytes(txn, table, key, view_of("", 0));
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
    if (name.mv_size > KEY_MAX_BYTES) {
        err = ERR_STORE_CORRUPT;
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

/* --- opening ------------------------------------------------------------------------------- */

static enum kdf_label label_of(unsigned derived)
{
    if (derived == DERIVED_ANCHOR) {
        return KDF_STORE_ANCHOR;
    }
    if (derived >= DERIVED_TOKENS) {
        return KDF_STORE_INDEX;
    }
    return derived == TABLE_SECTION_KEY ? KDF_STORE_KEY
           : derived == TABLE_AUDIT     ? KDF_STORE_AUDIT
                                        : KDF_STORE_VALUE;
}

static enum error derive_keys(struct store *store, struct secret *master)
{
    store->table_keys = secret_new((size_t)DERIVED_COUNT * KEY_BYTES);
    if (store->table_keys == NULL) {
        return ERR_NO_MEMORY;
    }
    const struct view key = view_of(secret_open(master), secret_size(master));
    uint8_t *to = secret_open_for_writing(store->table_keys);
    for (unsigned i = 0; i < DERIVED_COUNT; i++) {
        /* Tables and index fields count on their own: a new table moves no token. */
        uint8_t number = (uint8_t)(i >= DERIVED_TOKENS ? i - DERIVED_TOKENS : i);
        struct view input = view_of(&number, 1);
        kdf(key, label_of(i), &input, 1, to + (size_t)i * KEY_BYTES, KEY_BYTES);
    }
    secret_close(store->table_keys);
    secret_close(master);
    return OK;
}

static enum error open_environment(const struct store *store, const char *name, uint64_t max_bytes,
                                   unsigned flags, MDB_env **env)
{
    char path[4096];
    MDB_env *made = NULL;
    int fd = -1;
    enum error err = OK;

    /* Made by us first, so that mode, owner and link are checked before LMDB opens it. */
    TRY(place_file(store->path, name, &fd));
    (void)close(fd);
    TRY(database_error(mdb_env_create(&made)));
    TRY(database_error(mdb_env_set_mapsize(made, max_bytes)));
    TRY(database_error(mdb_env_set_maxreaders(made, DATA_READERS)));
    TRY(database_error(mdb_env_set_maxdbs(made, TABLE_COUNT)));
    if (snprintf(path, sizeof path, "%s/%s", store->path, name) >= (int)sizeof path) {
        TRY(ERR_FILE);
    }
    /* No flag that weakens a commit: S-1. */
    TRY(database_error(
        mdb_env_open(made, path, MDB_NOSUBDIR | MDB_NORDAHEAD | MDB_NOTLS | flags, 0600)));
    *env = made;
    made = NULL;
out:
    if (made != NULL) {
        mdb_env_close(made);
    }
    return err;
}

static enum error open_tables(struct store *store, bool read_only)
{
    const unsigned begin_flags = read_only ? MDB_RDONLY : 0;
    const unsigned open_flags = read_only ? 0 : MDB_CREATE;
    MDB_txn *data = NULL;
    MDB_txn *keys = NULL;
    enum error err = OK;

    TRY(database_error(mdb_txn_begin(store->data, NULL, begin_flags, &data)));
    TRY(database_error(mdb_txn_begin(store->keys, NULL, begin_flags, &keys)));
    for (int i = 0; i < TABLE_COUNT; i++) {
        MDB_txn *txn = i == TABLE_SECTION_KEY ? keys : data;
        TRY(database_error(
            mdb_dbi_open(txn, table_name((enum table)i), open_flags, &store->tables[i])));
    }
    TRY(commit_one(store, &keys));
    TRY(commit_one(store, &data));
out:
    if (keys != NULL) {
        mdb_txn_abort(keys);
    }
    if (data != NULL) {
        mdb_txn_abort(data);
    }
    return err;
}

/* The meta table says whose store this is and which version wrote it. */
static enum error check_owner(struct store *store, const struct store_options *options)
{
    struct arena *arena = arena_new(4096);
    struct store_txn *txn = NULL;
    struct key key = key_number(0);
    struct counter_row row = {0};
    struct view name = id_view(&options->node);
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(store_begin(store, options->read_only ? STORE_READ : STORE_WRITE, &txn));
    err = database_get_row(txn, TABLE_META, &key, &counter_row_info, arena, &row);
    if (err == ERR_NOT_FOUND) {
        row.value = STORE_SCHEMA_VERSION;
        row.name = name;
        TRY(database_put_row(txn, TABLE_META, &key, &counter_row_info, &row));
        txn->audited = true; /* nothing has happened yet that could be noted */
        TRY(store_commit(&txn));
        return OK;
    }
    if (err == ERR_STORE_CORRUPT) {
        err = ERR_STORE_FOREIGN; /* sealed under another master key */
    }
    TRY(err);
    TRY(row.value == STORE_SCHEMA_VERSION ? OK : ERR_STORE_VERSION);
    TRY(view_equal(row.name, name) ? OK : ERR_STORE_FOREIGN);
out:
    store_abort(&txn);
    arena_free(&arena);
    return err;
}

/* Compare where the audit chain stands with what the anchor says was committed: S-9. */
static enum error check_anchor(struct store *store, bool accept_older)
{
    struct arena *arena = arena_new(65536);
    struct store_txn *txn = NULL;
    struct anchor anchor = {0};
    struct audit_cursor at = {0};
    enum error err = OK;

    TRY(arena == NULL ? ERR_NO_MEMORY : OK);
    TRY(store_begin(store, STORE_READ, &txn));
    TRY(store_audit_cursor(txn, &at));
    TRY(store_record_count(txn, &store->current.records));
    store->current.audit_seq = at.seq;
    store->current.audit_hash = at.hash;
    err = anchor_read(store, &anchor);
    if (err == ERR_NOT_FOUND && at.seq == 0) {
        err = OK;
        goto out;
    }
    if (err == OK) {
        struct key key = key_number((uint64_t)anchor.audit_seq);
        struct view bytes = {0};
        err = anchor.audit_seq == 0 ? OK : database_get(txn, TABLE_AUDIT, &key, arena, &bytes);
        struct id hash = digest(HASH_AUDIT, bytes);
        if (err == OK && anchor.audit_seq != 0 && !id_equal(&hash, &anchor.audit_hash)) {
            err = ERR_STORE_ROLLED_BACK;
        }
    }
    if (err == ERR_NOT_FOUND) {
        err = ERR_STORE_ROLLED_BACK;
    }
    if (accept_older && (err == ERR_STORE_ROLLED_BACK || err == ERR_STORE_CORRUPT)) {
        err = OK;
    }
out:
    store_abort(&txn);
    arena_free(&arena);
    return err;
}

enum error store_open(const struct store_options *options, struct store **store)
{
    struct store *made = calloc(1, sizeof *made);
    const unsigned flags = options->read_only ? MDB_RDONLY : 0;
    uint64_t keys_bytes = options->max_bytes / 8;
    enum error err = OK;

    *store = NULL;
    if (made == NULL) {
        return ERR_NO_MEMORY;
    }
    made->lock_fd = -1;
    made->anchor_fd = -1;
    made->max_bytes = options->max_bytes;
    made->point = options->point;
    made->point_context = options->point_context;
    made->path = strdup(options->path);
    TRY(made->path == NULL ? ERR_NO_MEMORY : OK);
    TRY(place_check(options->path, options->allow_tmpfs));
    if (!options->read_only) {
        TRY(place_lock(options->path, &made->lock_fd));
        made->was_closed = place_was_closed(made->lock_fd);
    }
    TRY(derive_keys(made, options->master));
    keys_bytes = keys_bytes < KEYS_ENV_MIN_BYTES ? KEYS_ENV_MIN_BYTES : keys_bytes;
    TRY(open_environment(made, "data.mdb", options->max_bytes, flags, &made->data));
    TRY(open_environment(made, "keys.mdb", keys_bytes, flags, &made->keys));
    TRY(open_tables(made, options->read_only));
    TRY(anchor_open(made));
    TRY(check_owner(made, options));
    TRY(check_anchor(made, options->accept_older));
    if (!options->read_only) {
        store_sweep_readers(made);
        place_mark(made->lock_fd, false);
    }
    *store = made;
    made = NULL;
out:
    if (made != NULL) {
        made->was_closed = false;
        made->failed = true; /* do not mark as closed in order what was not opened */
        store_close(&made);
    }
    return err;
}

void store_close(struct store **store)
{
    struct store *done = store == NULL ? NULL : *store;

    if (done == NULL) {
        return;
    }
    if (done->data != NULL) {
        mdb_env_close(done->data);
    }
    if (done->keys != NULL) {
        mdb_env_close(done->keys);
    }
    if (done->anchor_fd >= 0) {
        (void)fdatasync(done->anchor_fd);
        (void)close(done->anchor_fd);
    }
    if (done->lock_fd >= 0) {
        if (!done->failed) {
            place_mark(done->lock_fd, true);
        }
        (void)close(done->lock_fd);
    }
    secret_free(&done->table_keys);
    free(done->path);
    free(done);
    *store = NULL;
}

bool store_was_closed(const struct store *store)
{
    return store->was_closed;
}

void store_sweep_readers(struct store *store)
{
    int dead = 0;

    (void)mdb_reader_check(store->data, &dead);
    (void)mdb_reader_check(store->keys, &dead);
}

/* Pages that were freed and will be used again: table 0 of LMDB, lists with their length first. */
static uint64_t free_pages(MDB_env *env)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val name = {0, NULL};
    MDB_val list = {0, NULL};
    uint64_t pages = 0;

    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0) {
        return 0;
    }
    if (mdb_cursor_open(txn, 0, &cursor) == 0) {
        while (mdb_cursor_get(cursor, &name, &list, MDB_NEXT) == 0) {
            size_t count = 0;
            memcpy(&count, list.mv_data, list.mv_size < sizeof count ? 0 : sizeof count);
            pages += count;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return pages;
}

bool store_has_room(struct store *store)
{
    struct store_space space;

    store_space(store, &space);
    return space.max_bytes - space.used_bytes >= space.max_bytes / FULL_RESERVE_DIVISOR;
}

void store_space(struct store *store, struct store_space *space)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct statvfs disk;

    *space = (struct store_space){.max_bytes = store->max_bytes};
    if (mdb_env_info(store->data, &info) == 0 && mdb_env_stat(store->data, &stat) == 0) {
        uint64_t pages = (uint64_t)info.me_last_pgno + 1;
        /* Counting free pages walks a list, so it is done only where it matters. */
        if (pages * stat.ms_psize > store->max_bytes / 2) {
            uint64_t unused = free_pages(store->data);
            pages -= unused < pages ? unused : pages;
        }
        space->used_bytes = pages * stat.ms_psize;
    }
    if (statvfs(store->path, &disk) == 0) {
        space->disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
}
