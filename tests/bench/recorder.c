/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.h"

#include "bench.h"

#include <lmdb.h>
#include <sodium.h>
#include <string.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SEALED_EXTRA_BYTES = NONCE_BYTES + TAG_BYTES,
    TOKEN_BYTES = 16,
    VALUE_MAX_BYTES = 2 * 1024 * 1024,
    TABLES_MAX = 64,
    KEYS_TABLES = 32 /* tables of the environment for keys are counted from here */
};

static const size_t BARE_MAP_BYTES = (size_t)16 * 1024 * 1024 * 1024;

/* Unavoidable here: what the linker puts between has no argument to carry it. */
static struct recording recording;
static bool running;

void recorder_run(bool on)
{
    running = on;
}

void recorder_clear(void)
{
    recording.count = 0; /* the memory stays, for the next time */
}

const struct recording *recorder_recording(void)
{
    return &recording;
}

/* --- recording ----------------------------------------------------------------------------- */

static struct recorded *add(enum recorded_kind kind)
{
    if (recording.count == recording.capacity) {
        recording.capacity = recording.capacity == 0 ? 4096 : 2 * recording.capacity;
        recording.items = realloc(recording.items, recording.capacity * sizeof recording.items[0]);
        MUST(recording.items != NULL);
    }
    struct recorded *item = &recording.items[recording.count++];
    *item = (struct recorded){.kind = (uint8_t)kind};
    return item;
}

static bool is_keys(MDB_txn *txn)
{
    const char *path = NULL;

    MUST(mdb_env_get_path(mdb_txn_env(txn), &path) == 0);
    return strstr(path, "keys.mdb") != NULL;
}

static void add_key(enum recorded_kind kind, MDB_txn *txn, MDB_dbi table, const MDB_val *key)
{
    struct recorded *item = add(kind);

    MUST(table < KEYS_TABLES && key->mv_size <= RECORDED_KEY_BYTES);
    item->table = (uint8_t)(is_keys(txn) ? table + KEYS_TABLES : table);
    item->key_size = (uint8_t)key->mv_size;
    memcpy(item->key, key->mv_data, key->mv_size);
}

/* The names are the linker's: __wrap_x stands where x was called, __real_x is x. */
int __real_mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags);
int __real_mdb_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value);
int __wrap_mdb_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value);
int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
void __real_token(struct view key, struct view value, uint8_t *out);
void __wrap_token(struct view key, struct view value, uint8_t *out);

int __wrap_mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    if (running) {
        add_key(RECORDED_PUT, txn, table, key);
        recording.items[recording.count - 1].size = (uint32_t)value->mv_size;
    }
    return __real_mdb_put(txn, table, key, value, flags);
}

int __wrap_mdb_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    if (running) {
        add_key(RECORDED_DELETE, txn, table, key);
    }
    return __real_mdb_del(txn, table, key, value);
}

int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    /* Ours commits two environments; one commit is all that durability needs. */
    if (running && !is_keys(txn)) {
        (void)add(RECORDED_COMMIT);
    }
    return __real_mdb_txn_commit(txn);
}

void __wrap_token(struct view key, struct view value, uint8_t *out)
{
    if (running) {
        add(RECORDED_TOKEN)->size = (uint32_t)value.size;
    }
    __real_token(key, value, out);
}

/* --- bare ---------------------------------------------------------------------------------- */

struct bare_store {
    MDB_env *env;
    MDB_txn *txn;
    char path[BENCH_PATH_BYTES];
    MDB_dbi tables[TABLES_MAX];
    bool opened[TABLES_MAX];
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
    uint8_t nonce[NONCE_BYTES];
    uint8_t *plain;  /* VALUE_MAX_BYTES */
    uint8_t *sealed; /* VALUE_MAX_BYTES */
};

struct bare_store *bare_store_open(const char *path, const struct recording *made)
{
    struct bare_store *store = calloc(1, sizeof *store);

    MUST(store != NULL);
    store->plain = calloc(1, VALUE_MAX_BYTES);
    store->sealed = calloc(1, VALUE_MAX_BYTES);
    MUST(store->plain != NULL && store->sealed != NULL);
    randombytes_buf(store->key, sizeof store->key);
    (void)snprintf(store->path, sizeof store->path, "%s", path);
    bench_make_directory(path);
    MUST(mdb_env_create(&store->env) == 0);
    MUST(mdb_env_set_mapsize(store->env, BARE_MAP_BYTES) == 0);
    MUST(mdb_env_set_maxdbs(store->env, TABLES_MAX) == 0);
    /* The flags that the store has, no others: durable commits. */
    MUST(mdb_env_open(store->env, path, MDB_NORDAHEAD | MDB_NOTLS, 0600) == 0);
    MUST(mdb_txn_begin(store->env, NULL, 0, &store->txn) == 0);
    for (size_t i = 0; i < made->count; i++) {
        char name[8];
        unsigned table = made->items[i].table;
        if (!store->opened[table]) {
            (void)snprintf(name, sizeof name, "%u", table);
            MUST(mdb_dbi_open(store->txn, name, MDB_CREATE, &store->tables[table]) == 0);
            store->opened[table] = true;
        }
    }
    MUST(__real_mdb_txn_commit(store->txn) == 0);
    store->txn = NULL;
    return store;
}

void bare_store_close(struct bare_store **store)
{
    if ((*store)->txn != NULL) {
        mdb_txn_abort((*store)->txn);
    }
    mdb_env_close((*store)->env);
    bench_remove_directory((*store)->path);
    free((*store)->plain);
    free((*store)->sealed);
    free(*store);
    *store = NULL;
}

/* Values are sealed at rest under their key: without it a stolen disk is an open book. */
static void put(struct bare_store *store, const struct recorded *item)
{
    MDB_val key = {item->key_size, (void *)(uintptr_t)item->key};
    MDB_val value = {item->size, store->sealed};

    if (item->size >= SEALED_EXTRA_BYTES) {
        sodium_increment(store->nonce, sizeof store->nonce);
        memcpy(store->sealed, store->nonce, NONCE_BYTES);
        (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
            store->sealed + NONCE_BYTES, NULL, store->plain, item->size - SEALED_EXTRA_BYTES,
            item->key, item->key_size, NULL, store->nonce, store->key);
    }
    MUST(__real_mdb_put(store->txn, store->tables[item->table], &key, &value, 0) == 0);
}

void bare_store_replay(struct bare_store *store, const struct recording *made, size_t *next)
{
    uint8_t token[TOKEN_BYTES];

    while (*next < made->count) {
        const struct recorded *item = &made->items[(*next)++];
        MDB_val key = {item->key_size, (void *)(uintptr_t)item->key};

        if (store->txn == NULL) {
            MUST(mdb_txn_begin(store->env, NULL, 0, &store->txn) == 0);
        }
        switch (item->kind) {
        case RECORDED_TOKEN:
            (void)crypto_generichash_blake2b_salt_personal(token, sizeof token, store->plain,
                                                           item->size, store->key,
                                                           sizeof store->key, NULL, store->plain);
            break;
        case RECORDED_PUT:
            put(store, item);
            break;
        case RECORDED_DELETE:
            /* What was put before the recording is not there. */
            (void)__real_mdb_del(store->txn, store->tables[item->table], &key, NULL);
            break;
        default:
            MUST(__real_mdb_txn_commit(store->txn) == 0);
            store->txn = NULL;
            return;
        }
    }
}
