/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "../../store/database.h"

#include <sodium.h>
#include <string.h>

/*
 * What lies in the files is what LAYOUT.md says: read with LMDB alone, opened
 * with keys derived here.
 */

enum { NONCE_BYTES = 24, TAG_BYTES = 16, HALF_BYTES = 512, VALUE_MAX_BYTES = 4096 };

/** One environment, read without the store. */
struct raw {
    MDB_env *env;
    MDB_txn *txn;
};

static struct raw raw_open(struct shelf *shelf, const char *name)
{
    struct raw raw = {NULL, NULL};

    assert_int_equal(mdb_env_create(&raw.env), 0);
    assert_int_equal(mdb_env_set_maxdbs(raw.env, TABLE_COUNT), 0);
    assert_int_equal(mdb_env_open(raw.env, shelf_file(shelf, name),
                                  MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600),
                     0);
    assert_int_equal(mdb_txn_begin(raw.env, NULL, MDB_RDONLY, &raw.txn), 0);
    return raw;
}

static void raw_close(struct raw *raw)
{
    mdb_txn_abort(raw->txn);
    mdb_env_close(raw->env);
}

static void derive(struct shelf *shelf, enum kdf_label label, uint8_t number, uint8_t *key)
{
    const struct view input = view_of(&number, 1);

    kdf(view_of(secret_open(shelf->master), KEY_BYTES), label, &input, 1, key, KEY_BYTES);
    secret_close(shelf->master);
}

/* nonce ‖ sealed, bound to some bytes. @return size of what was inside; SIZE_MAX if shut. */
static size_t unseal(const uint8_t *key, struct view bound, struct view sealed, uint8_t *plain)
{
    assert_true(sealed.size >= NONCE_BYTES + TAG_BYTES && sealed.size <= VALUE_MAX_BYTES);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed.data + NONCE_BYTES,
                                                   sealed.size - NONCE_BYTES, bound.data,
                                                   bound.size, sealed.data, key) != 0) {
        return SIZE_MAX;
    }
    return sealed.size - NONCE_BYTES - TAG_BYTES;
}

/** A table by its name and number in LAYOUT.md. */
struct place {
    const char *file;
    const char *table;
    enum kdf_label label;
    uint8_t number;
};

/* The value under a key as LAYOUT.md says it is sealed. */
static struct view read_value(struct shelf *shelf, const struct place *place, struct view key,
                              uint8_t plain[static VALUE_MAX_BYTES])
{
    uint8_t bound[1 + KEY_MAX_BYTES] = {place->number};
    uint8_t table_key[KEY_BYTES];
    MDB_val name = {key.size, (void *)(uintptr_t)key.data};
    MDB_val value = {0, NULL};
    MDB_dbi table = 0;
    struct raw raw = raw_open(shelf, place->file);

    derive(shelf, place->label, place->number, table_key);
    memcpy(bound + 1, key.data, key.size);
    assert_int_equal(mdb_dbi_open(raw.txn, place->table, 0, &table), 0);
    assert_int_equal(mdb_get(raw.txn, table, &name, &value), 0);
    struct view sealed = view_of(value.mv_data, value.mv_size);
    size_t size = unseal(table_key, view_of(bound, 1 + key.size), sealed, plain);
    assert_true(size != SIZE_MAX);
    bound[0] ^= 1; /* as of another table */
    uint8_t scratch[VALUE_MAX_BYTES];
    assert_true(unseal(table_key, view_of(bound, 1 + key.size), sealed, scratch) == SIZE_MAX);
    raw_close(&raw);
    return view_of(plain, size);
}

static void field_token(struct shelf *shelf, uint8_t field, struct view value, uint8_t *to)
{
    uint8_t key[KEY_BYTES];

    derive(shelf, KDF_STORE_INDEX, field, key);
    token(view_of(key, sizeof key), value, to);
}

static const uint8_t cipher_bytes[] = "ciphertext";

/* One record with a section, an index row, a user, a counter, in one commit. */
static void fill(struct shelf *shelf, struct id *record_id)
{
    const struct id cipher = digest(HASH_CIPHER, view_of(cipher_bytes, sizeof cipher_bytes));
    const struct store_user user = {.name = view_of_text("clerk"), .roles = 4};
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    uint8_t key[KEY_BYTES];
    uint64_t number = 0;
    struct store_record record = {.header = view_of_text("header"),
                                  .reference = view_of_text("DN-XMA-2026-0014"),
                                  .version = 1,
                                  .schema = view_of_text("valise/denial/1")};

    memset(key, 7, sizeof key);
    *record_id = digest(HASH_RECORD, record.header);
    record.record = *record_id;
    assert_non_null(keys);
    section_keys_put(keys, 3, key);
    assert_ok(store_record_add(txn, &record, &number));
    assert_int_equal(number, 1);
    assert_ok(store_blob_put(txn, &cipher, view_of(cipher_bytes, sizeof cipher_bytes)));
    assert_ok(store_keys_put(txn, record_id, keys));
    assert_ok(store_index_add(txn, INDEX_STATE, view_of_text("XPE"), number));
    assert_ok(store_user_put(txn, &user));
    assert_ok(store_counter_set(txn, "DN-2026", 14));
    shelf_commit(&txn);
    section_keys_free(&keys);
}

/* S-1 */
static void no_flag_weakens_a_commit(void **state)
{
    struct shelf *shelf = *state;
    unsigned flags[2] = {0};

    assert_int_equal(mdb_env_get_flags(shelf->store->data, &flags[0]), 0);
    assert_int_equal(mdb_env_get_flags(shelf->store->keys, &flags[1]), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(flags[i] & (MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_MAPASYNC), 0);
    }
}

/* S-2 */
static void values_are_sealed_as_written_down(void **state)
{
    struct shelf *shelf = *state;
    struct id record_id;
    uint8_t plain[VALUE_MAX_BYTES];
    uint8_t key[KEY_MAX_BYTES];
    struct store_record record = {0};
    const struct id cipher = digest(HASH_CIPHER, view_of(cipher_bytes, sizeof cipher_bytes));

    fill(shelf, &record_id);
    store_close(&shelf->store);
    put_u64(key, 1);
    const struct place records = {"data.mdb", "record", KDF_STORE_VALUE, 1};
    struct view value = read_value(shelf, &records, view_of(key, 8), plain);
    assert_ok(object_decode(&record_row_info, value, shelf->arena, &record));
    assert_view(record.reference, "DN-XMA-2026-0014");
    const struct place blobs = {"data.mdb", "blob", KDF_STORE_VALUE, 2};
    field_token(shelf, 17, id_view(&cipher), key);
    assert_views_equal(read_value(shelf, &blobs, view_of(key, 16), plain),
                       view_of(cipher_bytes, sizeof cipher_bytes));
    const struct place sections = {"keys.mdb", "section", KDF_STORE_KEY, 14};
    field_token(shelf, 18, id_view(&record_id), key);
    key[16] = 3;
    value = read_value(shelf, &sections, view_of(key, 17), plain);
    assert_int_equal(value.size, KEY_BYTES);
    assert_int_equal(value.data[31], 7);
    const struct place audit = {"data.mdb", "audit", KDF_STORE_AUDIT, 13};
    struct audit_entry entry = {0};
    put_u64(key, 1);
    value = read_value(shelf, &audit, view_of(key, 8), plain);
    assert_ok(object_decode(&audit_entry_info, value, shelf->arena, &entry));
    assert_int_equal(entry.seq, 1);
}

static void owner_and_counters_stand_in_meta(void **state)
{
    struct shelf *shelf = *state;
    const struct place meta = {"data.mdb", "meta", KDF_STORE_VALUE, 0};
    struct id record_id;
    uint8_t plain[VALUE_MAX_BYTES];
    uint8_t key[KEY_MAX_BYTES] = {0};
    struct counter_row row = {0};

    fill(shelf, &record_id);
    store_close(&shelf->store);
    assert_ok(object_decode(&counter_row_info, read_value(shelf, &meta, view_of(key, 8), plain),
                            shelf->arena, &row));
    assert_int_equal(row.value, 1);
    assert_views_equal(row.name, id_view(&shelf->options.node));
    field_token(shelf, 22, view_of_text("DN-2026"), key);
    assert_ok(object_decode(&counter_row_info, read_value(shelf, &meta, view_of(key, 16), plain),
                            shelf->arena, &row));
    assert_int_equal(row.value, 14);
}

/* S-3 */
static void an_index_key_is_field_token_and_number(void **state)
{
    struct shelf *shelf = *state;
    struct id record_id;
    uint8_t bound[1 + KEY_INDEX_BYTES] = {TABLE_INDEX, 5};
    uint8_t *key = bound + 1;
    uint8_t tag_key[KEY_BYTES];
    uint8_t tag[crypto_shorthash_siphash24_BYTES];
    MDB_dbi table = 0;
    MDB_val name = {KEY_INDEX_BYTES, key};
    MDB_val value = {0, NULL};

    fill(shelf, &record_id);
    store_close(&shelf->store);
    derive(shelf, KDF_STORE_VALUE, TABLE_INDEX, tag_key);
    field_token(shelf, 5, view_of_text("XPE"), key + 1);
    put_u64(key + 17, 1);
    struct raw raw = raw_open(shelf, "data.mdb");
    assert_int_equal(mdb_dbi_open(raw.txn, "index", 0, &table), 0);
    assert_int_equal(mdb_get(raw.txn, table, &name, &value), 0);
    (void)crypto_shorthash_siphash24(tag, bound, sizeof bound, tag_key);
    assert_int_equal(value.mv_size, sizeof tag);
    assert_memory_equal(value.mv_data, tag, sizeof tag);
    key[0] = 16;
    field_token(shelf, 16, id_view(&record_id), key + 1);
    assert_int_equal(mdb_get(raw.txn, table, &name, &value), 0);
    raw_close(&raw);
}

static struct view read_file(struct shelf *shelf, const char *name, uint8_t *bytes, size_t max)
{
    FILE *file = fopen(shelf_file(shelf, name), "rb");
    size_t size = 0;

    assert_non_null(file);
    size = fread(bytes, 1, max, file);
    (void)fclose(file);
    return view_of(bytes, size);
}

/* S-9 */
static void the_anchor_says_in_turn_where_the_audit_trail_stood(void **state)
{
    struct shelf *shelf = *state;
    enum { SEALED_BYTES = NONCE_BYTES + 48 + TAG_BYTES };
    struct id record_id;
    uint8_t file[2 * HALF_BYTES] = {0};
    uint8_t key[KEY_BYTES];
    bool seen[3] = {false};

    fill(shelf, &record_id);
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    shelf_commit(&txn);
    store_close(&shelf->store);
    struct view bytes = read_file(shelf, "anchor", file, sizeof file);
    assert_int_equal(bytes.size, HALF_BYTES + SEALED_BYTES);
    derive(shelf, KDF_STORE_ANCHOR, 23, key);
    for (size_t half = 0; half < 2; half++) {
        uint8_t plain[VALUE_MAX_BYTES];
        size_t size = unseal(key, view_of_text("valise anchor 1"),
                             view_of(file + half * HALF_BYTES, SEALED_BYTES), plain);

        assert_int_equal(size, 48);
        assert_in_range(get_u64(plain), 1, 2);
        assert_int_equal(get_u64(plain + 40), 1);
        seen[get_u64(plain)] = true;
    }
    assert_true(seen[1] && seen[2]);
}

static void the_lock_file_says_whether_the_store_is_open(void **state)
{
    struct shelf *shelf = *state;
    uint8_t byte[4];

    assert_view(read_file(shelf, "lock", byte, sizeof byte), "O");
    store_close(&shelf->store);
    assert_view(read_file(shelf, "lock", byte, sizeof byte), "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_flag_weakens_a_commit, shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(values_are_sealed_as_written_down, shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(owner_and_counters_stand_in_meta, shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(an_index_key_is_field_token_and_number, shelf_new,
                                        shelf_free),
        cmocka_unit_test_setup_teardown(the_anchor_says_in_turn_where_the_audit_trail_stood,
                                        shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(the_lock_file_says_whether_the_store_is_open, shelf_new,
                                        shelf_free),
    };

    return RUN(tests);
}
