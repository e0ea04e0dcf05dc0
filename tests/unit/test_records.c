/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>

static struct id id_of(const char *text)
{
    return digest(HASH_RECORD, view_of_text(text));
}

static struct store_record record_of(const char *name)
{
    return (struct store_record){.record = id_of(name),
                                 .originator = digest(HASH_NODE, view_of_text("XMA")),
                                 .peer = 3,
                                 .seq = 9,
                                 .header = view_of_text("header"),
                                 .reference = view_of_text("DN-XMA-2026-0014"),
                                 .version = 2,
                                 .schema = view_of_text("valise/denial/1"),
                                 .caveats = view_of_text("caveats"),
                                 .stored_at = sample_now,
                                 .standing = RECORD_SUPERSEDED,
                                 .supersedes = view_of_text("DN-XMA-2026-0014#1")};
}

static uint64_t add(struct shelf *shelf, const char *name)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_record record = record_of(name);
    uint64_t number = 0;

    MUST(store_record_add(txn, &record, &number) == OK);
    shelf_commit(&txn);
    return number;
}

static void records_are_numbered_from_one(void **state)
{
    struct shelf *shelf = *state;

    assert_int_equal(add(shelf, "a"), 1);
    assert_int_equal(add(shelf, "b"), 2);
    assert_ok(shelf_reopen(shelf));
    assert_int_equal(add(shelf, "c"), 3);
}

static void a_record_comes_back_as_it_was_put(void **state)
{
    struct shelf *shelf = *state;
    uint8_t part[STORE_PART_BYTES] = {1, 2, 3};
    struct view part_view = view_of(part, sizeof part);
    struct store_record record = record_of("a");
    struct store_record again;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    uint64_t number = 0;

    record.parts = (struct views){1, &part_view};
    memset(record.signature, 5, sizeof record.signature);
    record.internal_leaf = id_of("leaf");
    assert_ok(store_record_add(txn, &record, &number));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_record_get(txn, number, shelf->arena, &again));
    store_abort(&txn);
    assert_true(id_equal(&again.record, &record.record) && again.peer == 3 && again.seq == 9);
    assert_view(again.header, "header");
    assert_view(again.reference, "DN-XMA-2026-0014");
    assert_view(again.supersedes, "DN-XMA-2026-0014#1");
    assert_true(again.version == 2 && again.standing == RECORD_SUPERSEDED);
    assert_true(again.stored_at.ms == sample_now.ms);
    assert_memory_equal(again.signature, record.signature, sizeof record.signature);
    assert_true(id_equal(&again.internal_leaf, &record.internal_leaf));
    assert_views_equal(again.parts.items[0], part_view);
}

/* R08 */
static void R08_a_record_is_held_once(void **state)
{
    struct shelf *shelf = *state;
    struct store_record record = record_of("a");
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    uint64_t count = 0;

    (void)add(shelf, "a");
    txn = shelf_begin(shelf, STORE_WRITE);
    assert_error(ERR_EXISTS, store_record_add(txn, &record, &number));
    assert_int_equal(number, 1);
    assert_ok(store_error(txn)); /* known already is no failure of the transaction */
    assert_ok(store_record_count(txn, &count));
    assert_int_equal(count, 1);
    store_abort(&txn);
}

static void a_record_is_found_by_its_id(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;
    struct id id = id_of("b");
    struct id other = id_of("x");
    uint64_t number = 7;

    (void)add(shelf, "a");
    (void)add(shelf, "b");
    txn = shelf_begin(shelf, STORE_READ);
    assert_error(ERR_NOT_FOUND, store_record_find(txn, &other, &number));
    assert_int_equal(number, 7);
    assert_ok(store_record_find(txn, &id, &number));
    assert_int_equal(number, 2);
    store_abort(&txn);
}

static void records_are_walked_newest_first(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    uint64_t number = 0;

    assert_error(ERR_NOT_FOUND, store_record_before(txn, 0, &number));
    store_abort(&txn);
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        (void)add(shelf, name);
    }
    txn = shelf_begin(shelf, STORE_READ);
    for (uint64_t wanted = 3; wanted >= 1; wanted--) {
        assert_ok(store_record_before(txn, number, &number));
        assert_int_equal(number, wanted);
    }
    assert_error(ERR_NOT_FOUND, store_record_before(txn, number, &number));
    assert_ok(store_record_before(txn, 1000, &number));
    assert_int_equal(number, 3);
    store_abort(&txn);
}

static void a_record_can_be_written_again(void **state)
{
    struct shelf *shelf = *state;
    struct store_record record = record_of("a");
    struct store_txn *txn = NULL;
    uint64_t number = add(shelf, "a");
    uint64_t count = 0;

    txn = shelf_begin(shelf, STORE_WRITE);
    record.standing = RECORD_CONTESTED;
    assert_ok(store_record_put(txn, number, &record));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_record_get(txn, number, shelf->arena, &record));
    assert_true(record.standing == RECORD_CONTESTED);
    assert_ok(store_record_count(txn, &count));
    assert_int_equal(count, 1);
    assert_error(ERR_NOT_FOUND, store_record_get(txn, 99, shelf->arena, &record));
    store_abort(&txn);
}

static void rows_outside_their_limits_are_a_bug(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;
    uint64_t number = 0;

    for (int64_t peer = STORE_PEERS_MAX; peer <= STORE_PEERS_MAX + 1; peer++) {
        struct store_record record = record_of("a");
        record.peer = peer;
        txn = shelf_begin(shelf, STORE_WRITE);
        assert_error(peer <= STORE_PEERS_MAX ? OK : ERR_BUG,
                     store_record_add(txn, &record, &number));
        store_abort(&txn);
    }
}

/* --- ciphertexts --------------------------------------------------------------------------- */

static void a_ciphertext_is_kept_under_its_hash(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id id = id_of("cipher");
    struct id other = id_of("other");
    struct view bytes = {0};

    assert_false(store_blob_has(txn, &id));
    assert_error(ERR_NOT_FOUND, store_blob_get(txn, &id, shelf->arena, &bytes));
    assert_ok(store_blob_put(txn, &id, view_of_text("bytes")));
    assert_ok(store_blob_put(txn, &id, view_of_text("bytes")));
    assert_true(store_blob_has(txn, &id));
    assert_false(store_blob_has(txn, &other));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_blob_get(txn, &id, shelf->arena, &bytes));
    assert_view(bytes, "bytes");
    store_abort(&txn);
}

static void the_largest_ciphertext_fits(void **state)
{
    struct shelf *shelf = *state;
    uint8_t *bytes = malloc(SECTION_CIPHERTEXT_MAX_BYTES);
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct id id = id_of("cipher");
    struct view back = {0};

    memset(bytes, 7, SECTION_CIPHERTEXT_MAX_BYTES);
    assert_ok(store_blob_put(txn, &id, view_of(bytes, SECTION_CIPHERTEXT_MAX_BYTES)));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_blob_get(txn, &id, shelf->arena, &back));
    assert_views_equal(back, view_of(bytes, SECTION_CIPHERTEXT_MAX_BYTES));
    struct arena *small = arena_new(1000);
    assert_error(ERR_TOO_LARGE, store_blob_get(txn, &id, small, &back));
    arena_free(&small);
    store_abort(&txn);
    free(bytes);
}

/* --- holders ------------------------------------------------------------------------------- */

static void holders_are_kept_by_record_and_peer(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_holder holder = {.sections = 3, .slots = 5, .granted_at = sample_now, .seq = 8};
    struct store_holder again = {0};

    assert_ok(store_holder_put(txn, 1, 2, &holder));
    assert_error(ERR_NOT_FOUND, store_holder_get(txn, 2, 1, &again));
    assert_error(ERR_NOT_FOUND, store_holder_get(txn, 1, 3, &again));
    assert_ok(store_holder_get(txn, 1, 2, &again));
    assert_true(again.sections == 3 && again.slots == 5 && again.seq == 8);
    store_abort(&txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_numbered_from_one),       TEST(a_record_comes_back_as_it_was_put),
        TEST(R08_a_record_is_held_once),           TEST(a_record_is_found_by_its_id),
        TEST(records_are_walked_newest_first),     TEST(a_record_can_be_written_again),
        TEST(rows_outside_their_limits_are_a_bug), TEST(a_ciphertext_is_kept_under_its_hash),
        TEST(the_largest_ciphertext_fits),         TEST(holders_are_kept_by_record_and_peer),
    };

    return RUN(tests);
}
