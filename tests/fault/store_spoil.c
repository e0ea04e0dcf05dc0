/* SPDX-License-Identifier: Apache-2.0 */
#include "store_tool.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Changing the store of a node past all of its code. */

/** One table of a data file, opened to write with LMDB alone: what an intruder without keys has. */
struct raw {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
};

static enum error raw_open(const char *store, const char *table, struct raw *raw)
{
    char path[PATH_BYTES + 64];
    enum error err = OK;

    (void)snprintf(path, sizeof path, "%s/data.mdb", store);
    TRY(database_error(mdb_env_create(&raw->env)));
    TRY(database_error(mdb_env_set_mapsize(raw->env, STORE_TOOL_MAX_BYTES)));
    TRY(database_error(mdb_env_set_maxdbs(raw->env, TABLE_COUNT)));
    TRY(database_error(mdb_env_open(raw->env, path, MDB_NOSUBDIR, 0600)));
    TRY(database_error(mdb_txn_begin(raw->env, NULL, 0, &raw->txn)));
    TRY(database_error(mdb_dbi_open(raw->txn, table, 0, &raw->table)));
out:
    return err;
}

static enum error raw_close(struct raw *raw, enum error err)
{
    if (raw->txn != NULL && err == OK) {
        err = database_error(mdb_txn_commit(raw->txn));
    } else if (raw->txn != NULL) {
        mdb_txn_abort(raw->txn);
    }
    if (raw->env != NULL) {
        mdb_env_close(raw->env);
    }
    return err;
}

/* Where LMDB has mapped a file. Searched for, a value is found in pages that are free, too. */
static uintptr_t mapped_at(const char *path)
{
    char line[PATH_BYTES + 128];
    char real[PATH_BYTES];
    uintptr_t start = 0;
    FILE *maps = realpath(path, real) == NULL ? NULL : fopen("/proc/self/maps", "r");

    while (maps != NULL && start == 0 && fgets(line, sizeof line, maps) != NULL) {
        if (strstr(line, real) != NULL) {
            start = (uintptr_t)strtoull(line, NULL, 16);
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return start;
}

enum error do_places(struct home *home, char **arguments)
{
    char path[PATH_BYTES + 64];
    struct raw raw = {0};
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    uintptr_t start = 0;
    enum error err = OK;

    (void)snprintf(path, sizeof path, "%s/data.mdb", home->store);
    TRY(raw_open(home->store, arguments[0], &raw));
    start = mapped_at(path);
    TRY(start == 0 ? ERR_FILE : OK);
    TRY(database_error(mdb_cursor_open(raw.txn, raw.table, &cursor)));
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        print_hex(view_of(key.mv_data, key.mv_size));
        (void)printf(" %td %zu\n", (ptrdiff_t)((uintptr_t)value.mv_data - start), value.mv_size);
    }
out:
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return raw_close(&raw, err == OK ? ERR_CANCELLED : err) == ERR_CANCELLED ? OK : err;
}

enum error do_graft(struct home *home, char **arguments)
{
    char other[PATH_BYTES];
    struct raw to = {0};
    struct raw from = {0};
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    long count = 0;
    enum error err = OK;

    (void)snprintf(other, sizeof other, "%s/store", arguments[1]);
    TRY(raw_open(home->store, arguments[0], &to));
    TRY(raw_open(other, arguments[0], &from));
    TRY(database_error(mdb_cursor_open(from.txn, from.table, &cursor)));
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        TRY(database_error(mdb_put(to.txn, to.table, &key, &value, 0)));
        count++;
    }
    (void)printf("rows %ld\n", count);
out:
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    (void)raw_close(&from, ERR_CANCELLED);
    return raw_close(&to, err);
}

static enum error key_from_hex(const char *text, uint8_t bytes[static KEY_MAX_BYTES], MDB_val *key)
{
    key->mv_data = bytes;
    return sodium_hex2bin(bytes, KEY_MAX_BYTES, text, strlen(text), NULL, &key->mv_size, NULL) == 0
               ? OK
               : ERR_USAGE;
}

enum error do_drop(struct home *home, char **arguments)
{
    uint8_t bytes[KEY_MAX_BYTES];
    struct raw raw = {0};
    MDB_val key;
    enum error err = OK;

    TRY(key_from_hex(arguments[1], bytes, &key));
    TRY(raw_open(home->store, arguments[0], &raw));
    TRY(database_error(mdb_del(raw.txn, raw.table, &key, NULL)));
out:
    return raw_close(&raw, err);
}

enum error do_swap(struct home *home, char **arguments)
{
    uint8_t bytes[2][KEY_MAX_BYTES];
    struct buffer copies[2] = {buffer_init(STORE_TOOL_MAX_BYTES),
                               buffer_init(STORE_TOOL_MAX_BYTES)};
    struct raw raw = {0};
    MDB_val keys[2];
    MDB_val value;
    enum error err = OK;

    TRY(raw_open(home->store, arguments[0], &raw));
    for (int i = 0; i < 2; i++) {
        TRY(key_from_hex(arguments[1 + i], bytes[i], &keys[i]));
        TRY(database_error(mdb_get(raw.txn, raw.table, &keys[i], &value)));
        buffer_append(&copies[i], view_of(value.mv_data, value.mv_size));
    }
    for (int i = 0; i < 2; i++) {
        value = (MDB_val){copies[1 - i].size, copies[1 - i].data};
        TRY(database_error(mdb_put(raw.txn, raw.table, &keys[i], &value, 0)));
    }
out:
    buffer_free(&copies[0]);
    buffer_free(&copies[1]);
    return raw_close(&raw, err);
}

enum error do_move(struct home *home, char **arguments)
{
    uint8_t bytes[2][KEY_MAX_BYTES];
    struct buffer copy = buffer_init(STORE_TOOL_MAX_BYTES);
    struct raw raw = {0};
    MDB_val keys[2];
    MDB_val value;
    enum error err = OK;

    TRY(raw_open(home->store, arguments[0], &raw));
    TRY(key_from_hex(arguments[1], bytes[0], &keys[0]));
    TRY(key_from_hex(arguments[2], bytes[1], &keys[1]));
    TRY(database_error(mdb_get(raw.txn, raw.table, &keys[0], &value)));
    buffer_append(&copy, view_of(value.mv_data, value.mv_size));
    TRY(database_error(mdb_del(raw.txn, raw.table, &keys[0], NULL)));
    value = (MDB_val){copy.size, copy.data};
    TRY(database_error(mdb_put(raw.txn, raw.table, &keys[1], &value, 0)));
out:
    buffer_free(&copy);
    return raw_close(&raw, err);
}

enum error do_cut(struct home *home, char **arguments)
{
    struct raw raw = {0};
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    enum error err = OK;

    TRY(raw_open(home->store, arguments[0], &raw));
    TRY(database_error(mdb_cursor_open(raw.txn, raw.table, &cursor)));
    for (long left = strtol(arguments[1], NULL, 10); left > 0; left--) {
        TRY(database_error(mdb_cursor_get(cursor, &key, &value, MDB_LAST)));
        TRY(database_error(mdb_cursor_del(cursor, 0)));
    }
out:
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return raw_close(&raw, err);
}
