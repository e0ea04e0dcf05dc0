/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "finder.h"

#include <string.h>

/*
 * Walks over the index in pages, against a table that is simply looked through.
 * A walk leaves nothing out and gives nothing twice, wherever its pages end. W-94
 */

enum { NUMBERS = 2500, VALUES = 6, WALKS = 100 };

static const char *const value_names[VALUES] = {"everywhere", "often", "half",
                                                "rare",       "late",  "never"};

/** Which numbers hold which values. */
static bool holds[VALUES][NUMBERS + 1];

static void fill(struct shelf *shelf, struct dice *dice)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    memset(holds, 0, sizeof holds);
    for (uint64_t number = 1; number <= NUMBERS; number++) {
        holds[0][number] = true;
        holds[1][number] = dice_roll(dice, 10) != 0;
        holds[2][number] = dice_roll(dice, 2) == 0;
        holds[3][number] = dice_roll(dice, 900) == 0;
        holds[4][number] = number < 20; /* behind all others, as walks begin at the newest */
        for (int v = 0; v < VALUES; v++) {
            if (holds[v][number]) {
                MUST(store_index_add(txn, INDEX_WORD, view_of_text(value_names[v]), number) == OK);
            }
        }
    }
    shelf_commit(&txn);
}

static struct finder_condition condition(int value)
{
    return (struct finder_condition){INDEX_WORD, view_of_text(value_names[value])};
}

/** What a walk asks for: any of its sources, of each all values, and all its conditions. */
struct wish {
    size_t sources;
    size_t counts[3];
    int values[3][2];
    size_t conditions;
    int extra;
};

static struct wish random_wish(struct dice *dice)
{
    struct wish wish = {.sources = 1 + dice_roll(dice, 3), .conditions = dice_roll(dice, 2)};

    for (size_t s = 0; s < wish.sources; s++) {
        wish.counts[s] = 1 + dice_roll(dice, 2);
        wish.values[s][0] = (int)dice_roll(dice, VALUES);
        wish.values[s][1] = (int)dice_roll(dice, VALUES);
    }
    wish.extra = (int)dice_roll(dice, VALUES);
    return wish;
}

static bool is_wanted(const struct wish *wish, uint64_t number)
{
    bool found = false;

    for (size_t s = 0; s < wish->sources; s++) {
        bool all = true;
        for (size_t i = 0; i < wish->counts[s]; i++) {
            all = all && holds[wish->values[s][i]][number];
        }
        found = found || all;
    }
    return found && (wish->conditions == 0 || holds[wish->extra][number]);
}

static void begin_call(struct finder *finder, const struct wish *wish, struct store_txn *txn,
                       uint64_t below)
{
    memset(finder, 0, sizeof *finder);
    finder->txn = txn;
    finder->below = below;
    finder->source_count = wish->sources;
    for (size_t s = 0; s < wish->sources; s++) {
        finder->sources[s].count = wish->counts[s];
        for (size_t i = 0; i < wish->counts[s]; i++) {
            finder->sources[s].all[i] = condition(wish->values[s][i]);
        }
    }
    finder->condition_count = wish->conditions;
    finder->conditions[0] = condition(wish->extra);
}

/* Walk in pages of `page` and compare with the table; give how many calls it took. */
static size_t walk(struct store_txn *txn, const struct wish *wish, size_t page)
{
    static struct finder finder;
    uint64_t expected = NUMBERS + 1;
    uint64_t below = 0;
    size_t calls = 0;
    enum error err = OK;

    do {
        begin_call(&finder, wish, txn, below);
        calls++;
        assert_true(calls <= NUMBERS + 1);
        for (size_t n = 0; n < page; n++) {
            uint64_t number = 0;
            err = finder_next(&finder, &number);
            if (err != OK) {
                break;
            }
            do {
                expected--;
            } while (expected > 0 && !is_wanted(wish, expected));
            assert_int_equal(number, expected);
        }
        for (size_t s = 0; s < wish->sources; s++) {
            assert_true(finder.sources[s].looked <= FINDER_LOOKED_MAX);
        }
        assert_true(err == ERR_NOT_FOUND || below == 0 || finder.below < below);
        below = finder.below;
    } while (err == OK || err == ERR_LANE_WAITS);
    assert_error(ERR_NOT_FOUND, err);
    while (--expected > 0) {
        assert_false(is_wanted(wish, expected));
    }
    return calls;
}

static void nothing_is_left_out_wherever_a_page_ends(void **state)
{
    struct shelf *shelf = *state;
    struct dice dice = dice_new("finder");

    fill(shelf, &dice);
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    for (int n = 0; n < WALKS; n++) {
        const struct wish wish = random_wish(&dice);
        (void)walk(txn, &wish, 1 + dice_roll(&dice, 300));
    }
    store_abort(&txn);
}

static void a_rare_record_behind_many_rows_takes_more_calls_and_is_found(void **state)
{
    struct shelf *shelf = *state;
    struct dice dice = dice_new("finder");
    /* Along what nearly all hold, for what only the oldest do. */
    const struct wish along = {.sources = 1, .counts = {2}, .values = {{0, 4}}};
    const struct wish apart = {.sources = 2, .counts = {1, 2}, .values = {{3}, {1, 4}}};
    const struct wish none = {.sources = 1, .counts = {2}, .values = {{0, 5}}};

    fill(shelf, &dice);
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    assert_in_range(walk(txn, &along, NUMBERS), 3, 4);
    assert_true(walk(txn, &apart, NUMBERS) >= 3);
    assert_in_range(walk(txn, &none, NUMBERS), 3, 4);
    store_abort(&txn);
}

/* One source that finds nothing must not end each call after one record of another. */
static void a_source_that_finds_nothing_does_not_hold_up_the_others(void **state)
{
    struct shelf *shelf = *state;
    struct dice dice = dice_new("finder");
    const struct wish wish = {.sources = 2, .counts = {1, 2}, .values = {{2}, {0, 5}}};

    fill(shelf, &dice);
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    assert_in_range(walk(txn, &wish, NUMBERS), 3, 4);
    store_abort(&txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left_out_wherever_a_page_ends, shelf_new,
                                        shelf_free),
        cmocka_unit_test_setup_teardown(
            a_rare_record_behind_many_rows_takes_more_calls_and_is_found, shelf_new, shelf_free),
        cmocka_unit_test_setup_teardown(a_source_that_finds_nothing_does_not_hold_up_the_others,
                                        shelf_new, shelf_free),
    };

    return RUN(tests);
}
