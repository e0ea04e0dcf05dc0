/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- opening ------------------------------------------------------------------------------- */

static void a_new_store_is_empty_and_was_closed(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    uint64_t count = 7;

    assert_true(store_was_closed(shelf->store));
    assert_ok(store_record_count(txn, &count));
    assert_int_equal(count, 0);
    store_abort(&txn);
}

static void a_store_opens_again_with_what_was_committed(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    int64_t value = 0;

    assert_ok(store_counter_set(txn, "DN-2026", 14));
    shelf_commit(&txn);
    assert_ok(shelf_reopen(shelf));
    assert_true(store_was_closed(shelf->store));
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_counter_get(txn, "DN-2026", &value));
    assert_true(value == 14);
    store_abort(&txn);
}

/* A copy of the files of an open store is what a crash leaves. */
static void a_store_that_was_not_closed_says_so(void **state)
{
    static const char *const names[] = {"data.mdb", "keys.mdb", "anchor", "lock"};
    struct shelf *shelf = *state;
    struct store_options options = shelf->options;
    struct store *copy = NULL;
    char path[64];

    directory_new(path);
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *to = arena_printf(shelf->arena, "%s/%s", path, names[i]);
        file_copy(shelf_file(shelf, names[i]), to);
        MUST(chmod(to, 0600) == 0);
    }
    options.path = path;
    assert_ok(store_open(&options, &copy));
    assert_false(store_was_closed(copy));
    store_close(&copy);
    assert_ok(store_open(&options, &copy));
    assert_true(store_was_closed(copy));
    store_close(&copy);
    directory_remove(path);
}

/* S09 */
static void S09_a_second_writer_is_refused(void **state)
{
    struct shelf *shelf = *state;
    struct store *second = NULL;

    assert_error(ERR_STORE_LOCKED, store_open(&shelf->options, &second));
    assert_null(second);
}

/* S05 */
static void S05_a_store_of_another_node_or_key_is_foreign(void **state)
{
    struct shelf *shelf = *state;
    struct store_options options = shelf->options;
    struct secret *other = secret_random(KEY_BYTES);

    store_close(&shelf->store);
    options.master = other;
    assert_error(ERR_STORE_FOREIGN, store_open(&options, &shelf->store));
    options = shelf->options;
    options.node.bytes[0] ^= 1;
    assert_error(ERR_STORE_FOREIGN, store_open(&options, &shelf->store));
    assert_null(shelf->store);
    assert_ok(store_open(&shelf->options, &shelf->store));
    secret_free(&other);
}

/* U02: a newer version is opened by nobody older. */
static void U02_a_store_of_another_version_is_refused(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    const struct key key = key_number(0);
    const struct counter_row row = {.value = STORE_SCHEMA_VERSION + 1,
                                    .name = id_view(&shelf->options.node)};

    assert_ok(database_put_row(txn, TABLE_META, &key, &counter_row_info, &row));
    shelf_commit(&txn);
    assert_error(ERR_STORE_VERSION, shelf_reopen(shelf));
}

static void a_store_is_read_beside_its_writer(void **state)
{
    struct shelf *shelf = *state;
    struct store_options options = shelf->options;
    struct store *reader = NULL;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    int64_t value = 0;

    assert_ok(store_counter_set(txn, "n", 5));
    shelf_commit(&txn);
    store_close(&shelf->store);
    options.read_only = true;
    assert_ok(store_open(&options, &reader));
    assert_error(ERR_FILE, store_begin(reader, STORE_WRITE, &txn));
    assert_ok(store_begin(reader, STORE_READ, &txn));
    assert_ok(store_counter_get(txn, "n", &value));
    assert_true(value == 5);
    store_abort(&txn);
    store_close(&reader);
    assert_ok(store_open(&shelf->options, &shelf->store));
    assert_true(store_was_closed(shelf->store)); /* a reader changes no mark */
}

static void a_store_in_an_unsafe_or_missing_place_is_not_opened(void **state)
{
    struct shelf *shelf = *state;
    struct store_options options = shelf->options;

    store_close(&shelf->store);
    MUST(chmod(shelf->path, 0750) == 0);
    assert_error(ERR_FILE_UNSAFE, store_open(&options, &shelf->store));
    MUST(chmod(shelf->path, 0700) == 0);
    options.path = "/nowhere";
    assert_error(ERR_FILE, store_open(&options, &shelf->store));
    MUST(chmod(shelf_file(shelf, "data.mdb"), 0644) == 0);
    assert_error(ERR_FILE_UNSAFE, store_open(&shelf->options, &shelf->store));
    MUST(chmod(shelf_file(shelf, "data.mdb"), 0600) == 0);
    assert_ok(store_open(&shelf->options, &shelf->store));
}

static void closing_nothing_is_fine(void **state)
{
    struct store *none = NULL;

    (void)state;
    store_close(&none);
    store_close(NULL);
    store_abort(NULL);
}

/* --- transactions -------------------------------------------------------------------------- */

/* S-7 */
static void a_change_without_an_audit_entry_is_a_bug_and_changes_nothing(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    int64_t value = 9;

    assert_ok(store_counter_set(txn, "n", 5));
    assert_error(ERR_BUG, store_commit(&txn));
    assert_null(txn);
    txn = shelf_begin(shelf, STORE_WRITE);
    assert_ok(store_counter_get(txn, "n", &value));
    assert_true(value == 0);
    shelf_note(txn);
    assert_ok(store_commit(&txn));
}

/* S-7: deleting is a change too. */
static void a_deletion_without_an_audit_entry_is_a_bug(void **state)
{
    struct shelf *shelf = *state;
    struct store_user user = {.name = view_of_text("alice"), .roles = 1};
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    assert_ok(store_user_put(txn, &user));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_WRITE);
    user.roles = 0;
    assert_ok(store_user_put(txn, &user));
    assert_error(ERR_BUG, store_commit(&txn));
}

static void the_first_error_of_a_transaction_sticks(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_user bad = {.name = view_of_text(""), .roles = 1};
    int64_t value = 9;

    shelf_note(txn);
    assert_ok(store_counter_set(txn, "n", 5));
    assert_error(ERR_BUG, store_user_put(txn, &bad));
    assert_error(ERR_BUG, store_error(txn));
    assert_error(ERR_BUG, store_counter_set(txn, "m", 6));
    assert_error(ERR_BUG, store_commit(&txn));
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_counter_get(txn, "n", &value));
    assert_true(value == 0);
    store_abort(&txn);
}

static void nothing_is_written_while_reading(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);

    assert_error(ERR_BUG, store_counter_set(txn, "n", 5));
    assert_error(ERR_BUG, store_commit(&txn));
}

static void there_is_one_writer_at_a_time(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *first = shelf_begin(shelf, STORE_WRITE);
    struct store_txn *second = NULL;

    assert_error(ERR_BUG, store_begin(shelf->store, STORE_WRITE, &second));
    assert_ok(store_begin(shelf->store, STORE_READ, &second));
    store_abort(&second);
    store_abort(&first);
    first = shelf_begin(shelf, STORE_WRITE);
    store_abort(&first);
}

static void an_aborted_transaction_changes_nothing(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct audit_cursor cursor = {0};
    int64_t value = 9;

    assert_ok(store_counter_set(txn, "n", 5));
    shelf_note(txn);
    store_abort(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_counter_get(txn, "n", &value));
    assert_ok(store_audit_cursor(txn, &cursor));
    assert_true(value == 0 && cursor.seq == 0);
    store_abort(&txn);
}

static void a_reader_sees_one_moment(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *reader = shelf_begin(shelf, STORE_READ);
    struct store_txn *writer = shelf_begin(shelf, STORE_WRITE);
    int64_t value = 9;

    assert_ok(store_counter_set(writer, "n", 5));
    shelf_commit(&writer);
    assert_ok(store_counter_get(reader, "n", &value));
    assert_true(value == 0);
    store_abort(&reader);
}

static void committing_nothing_is_fine(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    assert_ok(store_commit(&txn));
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_commit(&txn));
}

/* --- points -------------------------------------------------------------------------------- */

static const char *const point_names[] = {"commit.before-keys", "commit.between",
                                          "commit.before-anchor", "commit.after"};

/* Fails at one of the points, and counts those it passed. */
struct stop {
    size_t at;
    size_t passed;
};

static enum error stop_at(void *context, const char *name)
{
    struct stop *stop = context;

    assert_true(stop->passed < COUNT(point_names));
    assert_string_equal(name, point_names[stop->passed]);
    return stop->passed++ == stop->at ? ERR_STORE_IO : OK;
}

/* S-6: a record with a key; at each point it is there whole, or not at all. */
static void a_commit_that_ends_at_any_point_leaves_all_or_nothing(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;

    for (size_t at = 0; at <= COUNT(point_names); at++) {
        struct id id = {{(uint8_t)(at + 1)}};
        struct section_keys *keys = section_keys_new();
        struct store_record record = {.record = id,
                                      .header = view_of_text("header"),
                                      .reference = view_of_text("DN-XMA-2026-0014"),
                                      .version = 1,
                                      .schema = view_of_text("valise/denial/1")};
        struct stop stop = {at, 0};
        uint64_t number = 0;
        shelf->options.point = NULL;
        assert_ok(shelf_reopen(shelf));
        shelf->options.point = stop_at;
        shelf->options.point_context = &stop;
        store_close(&shelf->store);
        stop.at = SIZE_MAX; /* opening may commit as well */
        assert_ok(store_open(&shelf->options, &shelf->store));
        stop = (struct stop){at, 0};
        section_keys_make(keys, 3);
        txn = shelf_begin(shelf, STORE_WRITE);
        assert_ok(store_record_add(txn, &record, &number));
        assert_ok(store_keys_put(txn, &id, keys));
        shelf_note(txn);
        assert_error(at < COUNT(point_names) ? ERR_STORE_IO : OK, store_commit(&txn));
        assert_null(txn);
        assert_int_equal(stop.passed, at < COUNT(point_names) ? at + 1 : COUNT(point_names));
        shelf->options.point = NULL;
        assert_ok(shelf_reopen(shelf));
        txn = shelf_begin(shelf, STORE_READ);
        bool there = store_record_find(txn, &id, &number) == OK;
        assert_int_equal(there, at >= 2); /* from before-anchor on it is durable */
        assert_ok(store_keys_get(txn, &id, keys));
        assert_int_equal(section_keys_slots(keys), at >= 1 ? 8 : 0);
        store_abort(&txn);
        section_keys_free(&keys);
    }
}

/* --- full ---------------------------------------------------------------------------------- */

static enum error put_blob(struct store_txn *txn, uint32_t number, size_t size)
{
    static uint8_t bytes[65536];
    uint8_t name[4];

    put_u32(name, number);
    struct id id = digest(HASH_CIPHER, view_of(name, sizeof name));
    return store_blob_put(txn, &id, view_of(bytes, size));
}

/* S06 G5 */
static void S06_a_full_store_refuses_and_keeps_what_it_has(void **state)
{
    struct shelf *shelf = *state;
    uint32_t stored = 0;
    enum error err = OK;

    store_close(&shelf->store);
    shelf->options.max_bytes = STORE_MIN_BYTES;
    assert_ok(store_open(&shelf->options, &shelf->store));
    assert_true(store_has_room(shelf->store));
    while (err == OK) {
        struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
        err = put_blob(txn, stored, 65536);
        if (err == OK) {
            shelf_note(txn);
            err = store_commit(&txn);
        } else {
            assert_error(err, store_commit(&txn));
        }
        stored += err == OK;
        assert_true(stored < 100);
    }
    assert_error(ERR_STORE_FULL, err);
    assert_true(stored > 30);
    assert_false(store_has_room(shelf->store));
    for (uint32_t i = 0; i <= stored; i++) {
        struct store_txn *txn = shelf_begin(shelf, STORE_READ);
        uint8_t name[4];
        put_u32(name, i);
        struct id id = digest(HASH_CIPHER, view_of(name, sizeof name));
        assert_int_equal(store_blob_has(txn, &id), i < stored);
        store_abort(&txn);
    }
    assert_ok(shelf_reopen(shelf));
    /* Small things still fit, and a larger map takes the rest. */
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    assert_ok(store_counter_set(txn, "n", 1));
    shelf_commit(&txn);
    store_close(&shelf->store);
    shelf->options.max_bytes = 2 * STORE_MIN_BYTES;
    assert_ok(store_open(&shelf->options, &shelf->store));
    txn = shelf_begin(shelf, STORE_WRITE);
    assert_ok(put_blob(txn, stored, 65536));
    shelf_commit(&txn);
}

static void a_limit_below_what_is_held_leaves_no_room(void **state)
{
    struct shelf *shelf = *state;

    for (uint32_t i = 0; i < 100; i++) {
        struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
        assert_ok(put_blob(txn, i, 65536));
        shelf_commit(&txn);
    }
    assert_true(store_has_room(shelf->store));
    store_close(&shelf->store);
    shelf->options.max_bytes = STORE_MIN_BYTES;
    assert_ok(store_open(&shelf->options, &shelf->store));
    assert_false(store_has_room(shelf->store));
}

static void space_is_counted(void **state)
{
    struct shelf *shelf = *state;
    struct store_space before;
    struct store_space after;

    store_space(shelf->store, &before);
    for (uint32_t i = 0; i < 20; i++) {
        struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
        assert_ok(put_blob(txn, i, 65536));
        shelf_commit(&txn);
    }
    store_space(shelf->store, &after);
    assert_true(before.max_bytes == shelf->options.max_bytes && before.disk_free_bytes > 0);
    assert_true(after.used_bytes > before.used_bytes + 20ULL * 65536);
    store_sweep_readers(shelf->store);
}

/* --- sealing ------------------------------------------------------------------------------- */

/* Write bytes past the sealing, as somebody with the file in hand could. */
static void put_raw(struct shelf *shelf, enum table table, const struct key *key, struct view value)
{
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_val data = {value.size, (void *)(uintptr_t)value.data};
    MDB_txn *txn = NULL;

    MUST(mdb_txn_begin(shelf->store->data, NULL, 0, &txn) == 0);
    MUST(mdb_put(txn, shelf->store->tables[table], &name, &data, 0) == 0);
    MUST(mdb_txn_commit(txn) == 0);
}

static struct view get_raw(struct shelf *shelf, enum table table, const struct key *key)
{
    MDB_val name = {key->size, (void *)(uintptr_t)key->bytes};
    MDB_val data = {0, NULL};
    MDB_txn *txn = NULL;
    struct view copy = {0};

    MUST(mdb_txn_begin(shelf->store->data, NULL, MDB_RDONLY, &txn) == 0);
    MUST(mdb_get(txn, shelf->store->tables[table], &name, &data) == 0);
    MUST(arena_copy(shelf->arena, view_of(data.mv_data, data.mv_size), &copy) == OK);
    mdb_txn_abort(txn);
    return copy;
}

static void put_value(struct shelf *shelf, const struct key *key, const char *text)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    MUST(database_put(txn, TABLE_BLOB, key, view_of_text(text)) == OK);
    shelf_commit(&txn);
}

static enum error get_value(struct shelf *shelf, enum table table, const struct key *key,
                            struct view *value)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    enum error err = database_get(txn, table, key, shelf->arena, value);

    store_abort(&txn);
    return err;
}

/* S-2 S01: every byte of what lies in the file. */
static void S01_a_changed_value_does_not_open(void **state)
{
    struct shelf *shelf = *state;
    const struct key key = key_number(1);
    struct view value = {0};

    put_value(shelf, &key, "plain text");
    struct view raw = get_raw(shelf, TABLE_BLOB, &key);
    assert_int_equal(raw.size, 24 + 10 + 16);
    for (size_t i = 0; i < raw.size; i++) {
        uint8_t *changed = (uint8_t *)(uintptr_t)raw.data;
        changed[i] ^= 1;
        put_raw(shelf, TABLE_BLOB, &key, raw);
        assert_error(ERR_STORE_CORRUPT, get_value(shelf, TABLE_BLOB, &key, &value));
        changed[i] ^= 1;
    }
    for (size_t size = 1; size < raw.size; size++) {
        put_raw(shelf, TABLE_BLOB, &key, view_of(raw.data, size));
        assert_error(ERR_STORE_CORRUPT, get_value(shelf, TABLE_BLOB, &key, &value));
    }
    put_raw(shelf, TABLE_BLOB, &key, raw);
    assert_ok(get_value(shelf, TABLE_BLOB, &key, &value));
    assert_view(value, "plain text");
}

/* A value is bound to its table and its key. */
static void a_value_moved_elsewhere_does_not_open(void **state)
{
    struct shelf *shelf = *state;
    const struct key one = key_number(1);
    const struct key two = key_number(2);
    struct view value = {0};

    put_value(shelf, &one, "one");
    put_value(shelf, &two, "two");
    struct view raw = get_raw(shelf, TABLE_BLOB, &one);
    put_raw(shelf, TABLE_BLOB, &two, raw);
    assert_error(ERR_STORE_CORRUPT, get_value(shelf, TABLE_BLOB, &two, &value));
    put_raw(shelf, TABLE_DRAFT, &one, raw);
    assert_error(ERR_STORE_CORRUPT, get_value(shelf, TABLE_DRAFT, &one, &value));
}

static void the_same_value_is_sealed_differently_each_time(void **state)
{
    struct shelf *shelf = *state;
    const struct key key = key_number(1);

    put_value(shelf, &key, "same");
    struct view first = get_raw(shelf, TABLE_BLOB, &key);
    put_value(shelf, &key, "same");
    struct view second = get_raw(shelf, TABLE_BLOB, &key);
    assert_false(view_equal(first, second));
}

/* A row that opens, but is not what we write, is damage too. */
static void a_sealed_row_of_another_form_is_corrupt(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    const struct key key = key_number(9);
    struct counter_row row;

    assert_ok(database_put(txn, TABLE_META, &key, view_of_text("no row")));
    assert_error(ERR_STORE_CORRUPT,
                 database_get_row(txn, TABLE_META, &key, &counter_row_info, shelf->arena, &row));
    store_abort(&txn);
}

/* A key of another size than its table's can only come from damage. */
static void a_key_of_another_size_is_corrupt(void **state)
{
    struct shelf *shelf = *state;
    struct key key = {{0xff, 0xff}, 2};
    struct store_txn *txn = NULL;
    uint64_t number = 0;

    put_raw(shelf, TABLE_RECORD, &key, view_of_text("value"));
    txn = shelf_begin(shelf, STORE_READ);
    assert_error(ERR_STORE_CORRUPT, store_record_before(txn, 0, &number));
    store_abort(&txn);
    key.size = KEY_MAX_BYTES;
    put_raw(shelf, TABLE_USER, &key, view_of_text("value"));
    txn = shelf_begin(shelf, STORE_READ);
    struct store_user user;
    assert_error(ERR_STORE_CORRUPT, store_user_at(txn, 0, shelf->arena, &user));
    assert_error(ERR_STORE_CORRUPT, store_user_at(txn, 5, shelf->arena, &user));
    store_abort(&txn);
}

static void results_of_lmdb_have_names(void **state)
{
    (void)state;
    assert_error(OK, database_error(MDB_SUCCESS));
    assert_error(ERR_NOT_FOUND, database_error(MDB_NOTFOUND));
    assert_error(ERR_STORE_FULL, database_error(MDB_MAP_FULL));
    assert_error(ERR_STORE_READERS, database_error(MDB_READERS_FULL));
    assert_error(ERR_STORE_CORRUPT, database_error(MDB_CORRUPTED));
    assert_error(ERR_STORE_CORRUPT, database_error(MDB_PAGE_NOTFOUND));
    assert_error(ERR_STORE_VERSION, database_error(MDB_VERSION_MISMATCH));
    assert_error(ERR_STORE_IO, database_error(MDB_PANIC));
    assert_error(ERR_STORE_IO, database_error(5 /* EIO */));
    assert_error(ERR_DISK_FULL, database_error(28 /* ENOSPC */));
    assert_error(ERR_NO_MEMORY, database_error(12 /* ENOMEM */));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_store_is_empty_and_was_closed),
        TEST(a_store_opens_again_with_what_was_committed),
        TEST(a_store_that_was_not_closed_says_so),
        TEST(S09_a_second_writer_is_refused),
        TEST(S05_a_store_of_another_node_or_key_is_foreign),
        TEST(U02_a_store_of_another_version_is_refused),
        TEST(a_store_is_read_beside_its_writer),
        TEST(a_store_in_an_unsafe_or_missing_place_is_not_opened),
        TEST(closing_nothing_is_fine),
        TEST(a_change_without_an_audit_entry_is_a_bug_and_changes_nothing),
        TEST(a_deletion_without_an_audit_entry_is_a_bug),
        TEST(the_first_error_of_a_transaction_sticks),
        TEST(nothing_is_written_while_reading),
        TEST(there_is_one_writer_at_a_time),
        TEST(an_aborted_transaction_changes_nothing),
        TEST(a_reader_sees_one_moment),
        TEST(committing_nothing_is_fine),
        TEST(a_commit_that_ends_at_any_point_leaves_all_or_nothing),
        TEST(S06_a_full_store_refuses_and_keeps_what_it_has),
        TEST(a_limit_below_what_is_held_leaves_no_room),
        TEST(space_is_counted),
        TEST(S01_a_changed_value_does_not_open),
        TEST(a_value_moved_elsewhere_does_not_open),
        TEST(the_same_value_is_sealed_differently_each_time),
        TEST(a_sealed_row_of_another_form_is_corrupt),
        TEST(a_key_of_another_size_is_corrupt),
        TEST(results_of_lmdb_have_names),
    };

    return RUN(tests);
}
