/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The two LMDB environments as a whole: opening, closing, whose they are, how full they are. */

enum {
    KEYS_ENV_MIN_BYTES = 4 * 1024 * 1024,
    FULL_RESERVE_DIVISOR = 16, /* the last sixteenth is kept for closing, purging, repairing */
    FULL_RESERVE_BYTES = 1024 * 1024 /* but at least the pages that one large record touches */
};

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
    TRY(database_commit(store, &keys));
    TRY(database_commit(store, &data));
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
        err = store_commit(&txn);
        goto out;
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
static enum error check_anchor(struct store *store, const struct store_options *options)
{
    bool accepted = false;
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
    if (options->accept_older && (err == ERR_STORE_ROLLED_BACK || err == ERR_STORE_CORRUPT)) {
        accepted = true;
        err = OK;
    }
out:
    store_abort(&txn);
    arena_free(&arena);
    store->is_older = accepted && !options->read_only;
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
    TRY(made->anchor_sync && !options->read_only ? place_sync(options->path) : OK);
    TRY(check_owner(made, options));
    TRY(check_anchor(made, options));
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

bool store_is_older(const struct store *store)
{
    return store->is_older;
}

void store_accept_older(struct store *store)
{
    /* Both halves: the store stands by what it has, and neither may ask for more again. */
    anchor_write(store);
    store->anchor_sync = true;
    anchor_write(store);
    store->is_older = false;
}

int64_t store_last_event(const struct store *store)
{
    return store->current.audit_seq;
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
    uint64_t reserve = space.max_bytes / FULL_RESERVE_DIVISOR;
    reserve = reserve > FULL_RESERVE_BYTES ? reserve : FULL_RESERVE_BYTES;
    return space.used_bytes + reserve <= space.max_bytes;
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
