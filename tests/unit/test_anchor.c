/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>
#include <sys/stat.h>

enum { HALF_BYTES = 512 };

/* Commit events one by one. */
static void happen(struct shelf *shelf, int times)
{
    for (int i = 0; i < times; i++) {
        struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
        shelf_commit(&txn);
    }
}

/* Keep a copy of the data environment, or put it back. The store is closed meanwhile. */
static void keep(struct shelf *shelf)
{
    store_close(&shelf->store);
    file_copy(shelf_file(shelf, "data.mdb"), shelf_file(shelf, "kept"));
    MUST(store_open(&shelf->options, &shelf->store) == OK);
}

static void put_back(struct shelf *shelf)
{
    store_close(&shelf->store);
    file_copy(shelf_file(shelf, "kept"), shelf_file(shelf, "data.mdb"));
}

/* Change one byte of a file. */
static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");

    MUST(file != NULL && fseek(file, at, SEEK_SET) == 0);
    int byte = fgetc(file);
    MUST(byte != EOF && fseek(file, at, SEEK_SET) == 0 && fputc(byte ^ 1, file) != EOF);
    MUST(fclose(file) == 0);
}

/* S-9 S04 S02: LMDB itself would open the older file without a word. */
static void S04_an_older_copy_is_seen(void **state)
{
    struct shelf *shelf = *state;

    happen(shelf, 3);
    keep(shelf);
    happen(shelf, 1);
    put_back(shelf);
    assert_error(ERR_STORE_ROLLED_BACK, store_open(&shelf->options, &shelf->store));
}

static void the_same_copy_is_no_rollback(void **state)
{
    struct shelf *shelf = *state;

    happen(shelf, 3);
    keep(shelf);
    put_back(shelf);
    assert_ok(store_open(&shelf->options, &shelf->store));
}

/* As long as the other, but with another history. */
static void another_history_of_the_same_length_is_seen(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;
    const struct store_event other = {sample_now, "something.else", "tester", "", ""};

    happen(shelf, 2);
    keep(shelf);
    happen(shelf, 1);
    store_close(&shelf->store);
    file_copy(shelf_file(shelf, "anchor"), shelf_file(shelf, "kept-anchor"));
    put_back(shelf);
    shelf->options.accept_older = true;
    assert_ok(store_open(&shelf->options, &shelf->store));
    txn = shelf_begin(shelf, STORE_WRITE);
    assert_ok(store_audit_add(txn, &other));
    assert_ok(store_commit(&txn));
    store_close(&shelf->store);
    file_copy(shelf_file(shelf, "kept-anchor"), shelf_file(shelf, "anchor"));
    shelf->options.accept_older = false;
    assert_error(ERR_STORE_ROLLED_BACK, store_open(&shelf->options, &shelf->store));
}

/* Who restores a backup says so once; from then on the store stands by what it has. */
static void an_older_copy_that_was_accepted_is_no_rollback_any_more(void **state)
{
    struct shelf *shelf = *state;

    for (int after = 0; after <= 3; after++) {
        happen(shelf, 3);
        keep(shelf);
        happen(shelf, 5);
        put_back(shelf);
        assert_error(ERR_STORE_ROLLED_BACK, store_open(&shelf->options, &shelf->store));
        shelf->options.accept_older = true;
        assert_ok(store_open(&shelf->options, &shelf->store));
        assert_true(store_is_older(shelf->store));
        happen(shelf, after);
        store_accept_older(shelf->store);
        assert_false(store_is_older(shelf->store));
        shelf->options.accept_older = false;
        assert_ok(shelf_reopen(shelf));
        assert_false(store_is_older(shelf->store));
    }
}

/* A start that ended before the loss was dealt with must not hide it from the next one. */
static void an_older_copy_asks_again_until_it_was_accepted(void **state)
{
    struct shelf *shelf = *state;

    happen(shelf, 3);
    keep(shelf);
    happen(shelf, 5);
    put_back(shelf);
    shelf->options.accept_older = true;
    assert_ok(store_open(&shelf->options, &shelf->store));
    happen(shelf, 1);
    store_close(&shelf->store);
    shelf->options.accept_older = false;
    assert_error(ERR_STORE_ROLLED_BACK, store_open(&shelf->options, &shelf->store));
    shelf->options.accept_older = true;
    assert_ok(store_open(&shelf->options, &shelf->store));
    assert_true(store_is_older(shelf->store));
}

static void a_lost_anchor_is_seen_unless_nothing_was_committed(void **state)
{
    struct shelf *shelf = *state;

    store_close(&shelf->store);
    MUST(remove(shelf_file(shelf, "anchor")) == 0);
    assert_ok(store_open(&shelf->options, &shelf->store));
    happen(shelf, 1);
    store_close(&shelf->store);
    MUST(remove(shelf_file(shelf, "anchor")) == 0);
    assert_error(ERR_STORE_ROLLED_BACK, store_open(&shelf->options, &shelf->store));
    shelf->options.accept_older = true;
    assert_ok(store_open(&shelf->options, &shelf->store));
}

/* Either half may be torn by a crash while it is written: the other still holds. */
static void one_damaged_half_is_survived(void **state)
{
    struct shelf *shelf = *state;

    happen(shelf, 4);
    for (long half = 0; half < 2; half++) {
        store_close(&shelf->store);
        flip(shelf_file(shelf, "anchor"), half * HALF_BYTES + 40);
        assert_ok(store_open(&shelf->options, &shelf->store));
        store_close(&shelf->store);
        flip(shelf_file(shelf, "anchor"), half * HALF_BYTES + 40);
        assert_ok(store_open(&shelf->options, &shelf->store));
        happen(shelf, 2);
    }
}

static void two_damaged_halves_are_corrupt(void **state)
{
    struct shelf *shelf = *state;

    happen(shelf, 4);
    store_close(&shelf->store);
    flip(shelf_file(shelf, "anchor"), 40);
    flip(shelf_file(shelf, "anchor"), HALF_BYTES + 40);
    assert_error(ERR_STORE_CORRUPT, store_open(&shelf->options, &shelf->store));
    shelf->options.accept_older = true;
    assert_ok(store_open(&shelf->options, &shelf->store));
}

/* Every byte of a half counts: with any of them changed, the other half is what holds. */
static void a_changed_half_is_never_believed(void **state)
{
    struct shelf *shelf = *state;
    struct anchor anchor = {0};
    int newest = 0;

    happen(shelf, 1); /* the making of the store stands in the other half */
    for (long half = 0; half < 2; half++) {
        int fell_back = 0;
        for (long at = 0; at < 24 + 48 + 16; at++) {
            flip(shelf_file(shelf, "anchor"), half * HALF_BYTES + at);
            assert_ok(anchor_read(shelf->store, &anchor));
            assert_in_range(anchor.audit_seq, 0, 1);
            fell_back += anchor.audit_seq == 0;
            flip(shelf_file(shelf, "anchor"), half * HALF_BYTES + at);
        }
        assert_true(fell_back == 0 || fell_back == 24 + 48 + 16);
        newest += fell_back != 0;
    }
    assert_int_equal(newest, 1);
    assert_ok(anchor_read(shelf->store, &anchor));
    assert_true(anchor.audit_seq == 1);
}

static void the_halves_are_written_in_turn(void **state)
{
    struct shelf *shelf = *state;
    struct anchor anchor = {0};

    for (int i = 1; i <= 5; i++) {
        happen(shelf, 1);
        assert_ok(anchor_read(shelf->store, &anchor));
        assert_true(anchor.audit_seq == i);
        assert_ok(shelf_reopen(shelf));
    }
}

/* An anchor that is behind is what a power cut leaves; the store is ahead, never behind it. */
/* A power cut after the first commit must not leave a history without an anchor. */
static void the_first_write_and_an_acceptance_are_synced(void **state)
{
    struct shelf *shelf = *state;

    /* Opening wrote whose store it is. */
    assert_false(shelf->store->anchor_sync);
    shelf->store->anchor_sync = true;
    happen(shelf, 1);
    assert_false(shelf->store->anchor_sync);
    keep(shelf);
    assert_false(shelf->store->anchor_sync);
    happen(shelf, 1);
    put_back(shelf);
    shelf->options.accept_older = true;
    assert_ok(store_open(&shelf->options, &shelf->store));
    store_accept_older(shelf->store);
    assert_false(shelf->store->anchor_sync);
}

static void an_anchor_that_is_behind_is_believed(void **state)
{
    struct shelf *shelf = *state;

    happen(shelf, 3);
    store_close(&shelf->store);
    file_copy(shelf_file(shelf, "anchor"), shelf_file(shelf, "kept-anchor"));
    MUST(store_open(&shelf->options, &shelf->store) == OK);
    happen(shelf, 3);
    store_close(&shelf->store);
    file_copy(shelf_file(shelf, "kept-anchor"), shelf_file(shelf, "anchor"));
    assert_ok(store_open(&shelf->options, &shelf->store));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(S04_an_older_copy_is_seen),
        TEST(the_same_copy_is_no_rollback),
        TEST(another_history_of_the_same_length_is_seen),
        TEST(an_older_copy_that_was_accepted_is_no_rollback_any_more),
        TEST(an_older_copy_asks_again_until_it_was_accepted),
        TEST(a_lost_anchor_is_seen_unless_nothing_was_committed),
        TEST(one_damaged_half_is_survived),
        TEST(two_damaged_halves_are_corrupt),
        TEST(a_changed_half_is_never_believed),
        TEST(the_halves_are_written_in_turn),
        TEST(the_first_write_and_an_acceptance_are_synced),
        TEST(an_anchor_that_is_behind_is_believed),
    };

    return RUN(tests);
}
