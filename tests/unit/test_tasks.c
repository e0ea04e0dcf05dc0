/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

static void a_counter_is_zero_until_it_is_set(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    int64_t value = 9;

    assert_ok(store_counter_get(txn, "DN-2026", &value));
    assert_true(value == 0);
    assert_ok(store_counter_set(txn, "DN-2026", 14));
    assert_ok(store_counter_set(txn, "DN-2027", INT64_MIN));
    assert_ok(store_counter_set(txn, "DN-2026", 15));
    assert_ok(store_counter_get(txn, "DN-2026", &value));
    assert_true(value == 15);
    assert_ok(store_counter_get(txn, "DN-2027", &value));
    assert_true(value == INT64_MIN);
    assert_ok(store_counter_get(txn, "DN-2028", &value));
    assert_true(value == 0);
    store_abort(&txn);
}

static void the_name_of_a_counter_has_a_limit(void **state)
{
    struct shelf *shelf = *state;
    char name[66];

    for (size_t size = 63; size <= 65; size++) {
        struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
        memset(name, 'n', sizeof name);
        name[size] = '\0';
        assert_error(size <= 64 ? OK : ERR_BUG, store_counter_set(txn, name, 1));
        store_abort(&txn);
    }
}

/* --- quarantine ---------------------------------------------------------------------------- */

static void put_aside(struct store_txn *txn, int64_t seq, struct view bytes)
{
    const struct store_quarantine row = {
        .peer = 2, .seq = seq, .error = ERR_BAD_SIGNATURE, .time = sample_now, .bytes = bytes};

    MUST(store_quarantine_add(txn, &row) == OK);
}

static void what_is_put_aside_is_listed_newest_first(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_quarantine row;
    uint64_t number = 0;
    uint64_t count = 9;

    assert_ok(store_quarantine_count(txn, &count));
    assert_int_equal(count, 0);
    assert_error(ERR_NOT_FOUND, store_quarantine_before(txn, 0, shelf->arena, &number, &row));
    for (int64_t seq = 1; seq <= 3; seq++) {
        put_aside(txn, seq, view_of_text("bytes"));
    }
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_quarantine_count(txn, &count));
    assert_int_equal(count, 3);
    for (int64_t seq = 3; seq >= 1; seq--) {
        assert_ok(store_quarantine_before(txn, number, shelf->arena, &number, &row));
        assert_true(row.seq == seq && row.peer == 2 && row.error == ERR_BAD_SIGNATURE);
        assert_view(row.bytes, "bytes");
    }
    assert_error(ERR_NOT_FOUND, store_quarantine_before(txn, number, shelf->arena, &number, &row));
    store_abort(&txn);
}

/* Evidence is bounded: what is longer is cut. */
static void evidence_is_cut_to_its_limit(void **state)
{
    struct shelf *shelf = *state;
    uint8_t bytes[QUARANTINE_BYTES_MAX + 1];
    struct store_quarantine row;
    uint64_t number = 0;

    memset(bytes, 'e', sizeof bytes);
    for (size_t size = QUARANTINE_BYTES_MAX - 1; size <= sizeof bytes; size++) {
        struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
        put_aside(txn, 1, view_of(bytes, size));
        assert_ok(store_quarantine_before(txn, 0, shelf->arena, &number, &row));
        assert_int_equal(row.bytes.size, size < QUARANTINE_BYTES_MAX ? size : QUARANTINE_BYTES_MAX);
        store_abort(&txn);
    }
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    put_aside(txn, 1, view_of(NULL, 0));
    store_abort(&txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_counter_is_zero_until_it_is_set),
        TEST(the_name_of_a_counter_has_a_limit),
        TEST(what_is_put_aside_is_listed_newest_first),
        TEST(evidence_is_cut_to_its_limit),
    };

    return RUN(tests);
}
