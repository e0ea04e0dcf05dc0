/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>

static struct id id_of(const char *text)
{
    return digest(HASH_RECORD, view_of_text(text));
}

static void assert_same_key(struct section_keys *a, struct section_keys *b, uint8_t slot)
{
    uint8_t key[KEY_BYTES];

    memcpy(key, section_keys_open(a, slot), KEY_BYTES);
    section_keys_close(a);
    assert_memory_equal(key, section_keys_open(b, slot), KEY_BYTES);
    section_keys_close(b);
}

static void keys_come_back_slot_by_slot(void **state)
{
    struct shelf *shelf = *state;
    struct section_keys *keys = section_keys_new();
    struct section_keys *again = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id id = id_of("a");

    section_keys_make(keys, 0);
    section_keys_make(keys, 7);
    section_keys_make(keys, SLOTS_MAX - 1);
    assert_ok(store_keys_put(txn, &id, keys));
    shelf_commit(&txn);
    assert_ok(shelf_reopen(shelf));
    txn = shelf_begin(shelf, STORE_READ);
    section_keys_make(again, 3); /* what was held is cleared */
    assert_ok(store_keys_get(txn, &id, again));
    assert_int_equal(section_keys_slots(again), 0x8081);
    assert_same_key(keys, again, 0);
    assert_same_key(keys, again, 7);
    assert_same_key(keys, again, SLOTS_MAX - 1);
    store_abort(&txn);
    section_keys_free(&keys);
    section_keys_free(&again);
}

static void a_record_without_keys_has_none(void **state)
{
    struct shelf *shelf = *state;
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    struct id id = id_of("nothing");

    assert_ok(store_keys_get(txn, &id, keys));
    assert_int_equal(section_keys_slots(keys), 0);
    store_abort(&txn);
    section_keys_free(&keys);
}

static void keys_of_one_record_are_not_those_of_another(void **state)
{
    struct shelf *shelf = *state;
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id one = id_of("one");
    struct id two = id_of("two");

    section_keys_make(keys, 1);
    assert_ok(store_keys_put(txn, &one, keys));
    section_keys_clear(keys);
    section_keys_make(keys, 2);
    assert_ok(store_keys_put(txn, &two, keys));
    assert_ok(store_keys_get(txn, &one, keys));
    assert_int_equal(section_keys_slots(keys), 2);
    assert_ok(store_keys_get(txn, &two, keys));
    assert_int_equal(section_keys_slots(keys), 4);
    store_abort(&txn);
    section_keys_free(&keys);
}

/* A later grant adds sections to those that are held. */
static void keys_are_added_to_those_that_are_held(void **state)
{
    struct shelf *shelf = *state;
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id id = id_of("a");

    section_keys_make(keys, 1);
    assert_ok(store_keys_put(txn, &id, keys));
    section_keys_clear(keys);
    section_keys_make(keys, 2);
    assert_ok(store_keys_put(txn, &id, keys));
    assert_ok(store_keys_get(txn, &id, keys));
    assert_int_equal(section_keys_slots(keys), 6);
    store_abort(&txn);
    section_keys_free(&keys);
}

/* The keys lie in an environment of their own, so that purging can rewrite it. */
static void keys_lie_apart_from_the_data(void **state)
{
    struct shelf *shelf = *state;
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id id = id_of("a");

    section_keys_make(keys, 1);
    assert_ok(store_keys_put(txn, &id, keys));
    shelf_commit(&txn);
    /* An empty keys environment in its place: the data alone has no key. */
    store_close(&shelf->store);
    MUST(remove(shelf_file(shelf, "keys.mdb")) == 0);
    assert_ok(store_open(&shelf->options, &shelf->store));
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_keys_get(txn, &id, keys));
    assert_int_equal(section_keys_slots(keys), 0);
    store_abort(&txn);
    section_keys_free(&keys);
}

static void a_key_of_another_size_is_corrupt(void **state)
{
    struct shelf *shelf = *state;
    struct section_keys *keys = section_keys_new();
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id id = id_of("a");
    uint8_t token[STORE_TOKEN_BYTES];

    database_token(txn, TOKEN_KEY, id_view(&id), token);
    const struct key key = key_section(token, 4);
    assert_ok(database_put(txn, TABLE_SECTION_KEY, &key, view_of_text("short")));
    assert_error(ERR_STORE_CORRUPT, store_keys_get(txn, &id, keys));
    store_abort(&txn);
    section_keys_free(&keys);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_come_back_slot_by_slot),
        TEST(a_record_without_keys_has_none),
        TEST(keys_of_one_record_are_not_those_of_another),
        TEST(keys_are_added_to_those_that_are_held),
        TEST(keys_lie_apart_from_the_data),
        TEST(a_key_of_another_size_is_corrupt),
    };

    return RUN(tests);
}
