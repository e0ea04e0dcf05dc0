/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>

static void add(struct shelf *shelf, enum index_field field, const char *value, uint64_t number)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    MUST(store_index_add(txn, field, view_of_text(value), number) == OK);
    shelf_commit(&txn);
}

/* The numbers found, written as "3 2 1". */
static void assert_numbers(struct shelf *shelf, enum index_field field, const char *value,
                           uint64_t below, size_t max, const char *wanted)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    uint64_t items[64];
    struct store_numbers numbers = {items, max, 99};
    struct buffer text = buffer_init(1000);

    assert_ok(store_index_find(txn, field, view_of_text(value), below, &numbers));
    for (size_t i = 0; i < numbers.count; i++) {
        buffer_printf(&text, "%s%llu", i == 0 ? "" : " ", (unsigned long long)items[i]);
    }
    assert_view(view_of_buffer(&text), wanted);
    buffer_free(&text);
    store_abort(&txn);
}

static void records_are_found_newest_first(void **state)
{
    struct shelf *shelf = *state;

    for (uint64_t number = 1; number <= 5; number++) {
        add(shelf, INDEX_STATE, "XPE", number);
    }
    add(shelf, INDEX_STATE, "XTO", 6);
    assert_numbers(shelf, INDEX_STATE, "XPE", 0, 64, "5 4 3 2 1");
    assert_numbers(shelf, INDEX_STATE, "XTO", 0, 64, "6");
    assert_numbers(shelf, INDEX_STATE, "XMA", 0, 64, "");
    assert_numbers(shelf, INDEX_STATE, "", 0, 64, "");
}

static void a_page_ends_where_the_next_one_begins(void **state)
{
    struct shelf *shelf = *state;

    for (uint64_t number = 1; number <= 5; number++) {
        add(shelf, INDEX_STATE, "XPE", number);
    }
    assert_numbers(shelf, INDEX_STATE, "XPE", 0, 2, "5 4");
    assert_numbers(shelf, INDEX_STATE, "XPE", 4, 2, "3 2");
    assert_numbers(shelf, INDEX_STATE, "XPE", 2, 2, "1");
    assert_numbers(shelf, INDEX_STATE, "XPE", 1, 2, "");
    assert_numbers(shelf, INDEX_STATE, "XPE", 0, 0, "");
    assert_numbers(shelf, INDEX_STATE, "XPE", 6, 64, "5 4 3 2 1");
}

/* The same value in another field has another token: nothing can be told from equality. */
static void fields_do_not_mix(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;
    uint8_t one[STORE_TOKEN_BYTES];
    uint8_t other[STORE_TOKEN_BYTES];

    add(shelf, INDEX_STATE, "XPE", 1);
    assert_numbers(shelf, INDEX_DESTINATION, "XPE", 0, 64, "");
    txn = shelf_begin(shelf, STORE_READ);
    for (unsigned a = 0; a < TOKEN_FIELD_COUNT; a++) {
        for (unsigned b = 0; b < a; b++) {
            database_token(txn, (uint8_t)a, view_of_text("XPE"), one);
            database_token(txn, (uint8_t)b, view_of_text("XPE"), other);
            assert_memory_not_equal(one, other, STORE_TOKEN_BYTES);
        }
    }
    store_abort(&txn);
}

static void adding_twice_changes_nothing(void **state)
{
    struct shelf *shelf = *state;

    add(shelf, INDEX_CODE, "ML1.a", 1);
    add(shelf, INDEX_CODE, "ML1.a", 1);
    assert_numbers(shelf, INDEX_CODE, "ML1.a", 0, 64, "1");
}

static void it_tells_whether_a_record_holds_a_value(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;

    add(shelf, INDEX_CODE, "ML1.a", 3);
    txn = shelf_begin(shelf, STORE_READ);
    assert_true(store_index_has(txn, INDEX_CODE, view_of_text("ML1.a"), 3));
    assert_false(store_index_has(txn, INDEX_CODE, view_of_text("ML1.a"), 2));
    assert_false(store_index_has(txn, INDEX_CODE, view_of_text("ML1"), 3));
    assert_false(store_index_has(txn, INDEX_STATE, view_of_text("ML1.a"), 3));
    store_abort(&txn);
}

/* S-3: what a thief of the file learns: a token, and nothing that was typed. */
static void a_value_is_nowhere_in_the_file(void **state)
{
    static const char canary[] = "canary-in-the-index";
    struct shelf *shelf = *state;
    struct buffer bytes = buffer_init(32 * 1024 * 1024);
    char block[65536];
    size_t size = 0;

    add(shelf, INDEX_NAME, canary, 1);
    FILE *file = fopen(shelf_file(shelf, "data.mdb"), "rb");
    assert_non_null(file);
    while ((size = fread(block, 1, sizeof block, file)) > 0) {
        buffer_append(&bytes, view_of(block, size));
    }
    (void)fclose(file);
    assert_ok(bytes.error);
    assert_true(bytes.size > 8192);
    assert_null(memmem(bytes.data, bytes.size, canary, sizeof canary - 1));
    buffer_free(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_found_newest_first),
        TEST(a_page_ends_where_the_next_one_begins),
        TEST(fields_do_not_mix),
        TEST(adding_twice_changes_nothing),
        TEST(it_tells_whether_a_record_holds_a_value),
        TEST(a_value_is_nowhere_in_the_file),
    };

    return RUN(tests);
}
