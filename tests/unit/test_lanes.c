/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

static void a_lane_never_used_is_at_its_start(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    struct store_lane lane;
    struct lane_cursor start = lane_start();

    assert_ok(store_lane_get(txn, STORE_OUT, 1, shelf->arena, &lane));
    assert_true(lane.incarnation == start.incarnation && lane.seq == 0 && lane.frozen == 0);
    assert_true(id_is_none(&lane.hash));
    assert_int_equal(lane.head.size + lane.ack.size + lane.evidence.size, 0);
    store_abort(&txn);
}

static void a_lane_comes_back_as_it_was_put(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_lane lane = {.incarnation = 2,
                              .seq = 7,
                              .hash = {{1}},
                              .head = view_of_text("head"),
                              .ack = view_of_text("ack"),
                              .acked_seq = 5,
                              .frozen = 1,
                              .evidence = view_of_text("other head")};
    struct store_lane again;

    assert_ok(store_lane_put(txn, STORE_IN, 3, &lane));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_lane_get(txn, STORE_IN, 3, shelf->arena, &again));
    assert_true(again.incarnation == 2 && again.seq == 7 && again.acked_seq == 5);
    assert_true(again.frozen == 1 && id_equal(&again.hash, &lane.hash));
    assert_view(again.head, "head");
    assert_view(again.ack, "ack");
    assert_view(again.evidence, "other head");
    store_abort(&txn);
}

/* Visibility is structural: the lane of a pair, and no other. */
static void both_directions_and_all_peers_are_apart(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_lane lane = {.incarnation = 1, .seq = 7};

    assert_ok(store_lane_put(txn, STORE_IN, 3, &lane));
    for (uint32_t peer = 2; peer <= 4; peer++) {
        for (int side = STORE_OUT; side <= STORE_IN; side++) {
            assert_ok(store_lane_get(txn, (enum store_side)side, peer, shelf->arena, &lane));
            assert_true(lane.seq == (peer == 3 && side == STORE_IN ? 7 : 0));
        }
    }
    store_abort(&txn);
}

static enum error put_entry(struct store_txn *txn, struct store_entry_name name, const char *text)
{
    struct store_entry entry = {view_of_text(text), view_of_text("payload"), view_of_text("")};

    return store_entry_put(txn, name, &entry);
}

static void an_entry_is_named_by_side_peer_incarnation_and_number(void **state)
{
    static const struct store_entry_name names[] = {
        {STORE_OUT, 1, 1, 1}, {STORE_IN, 1, 1, 1},  {STORE_OUT, 2, 1, 1},
        {STORE_OUT, 1, 2, 1}, {STORE_OUT, 1, 1, 2}, {STORE_OUT, 1, 1, INT64_MAX},
    };
    static const char *const texts[] = {"a", "b", "c", "d", "e", "f"};
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_entry entry;

    for (size_t i = 0; i < COUNT(names); i++) {
        assert_error(ERR_NOT_FOUND, store_entry_get(txn, names[i], shelf->arena, &entry));
        assert_ok(put_entry(txn, names[i], texts[i]));
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_ok(store_entry_get(txn, names[i], shelf->arena, &entry));
        assert_view(entry.entry, texts[i]);
        assert_view(entry.payload, "payload");
        assert_int_equal(entry.head.size, 0);
    }
    store_abort(&txn);
}

static void the_largest_payload_fits(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;
    uint8_t *bytes = calloc(1, LANE_PAYLOAD_MAX_BYTES + 1);
    struct store_entry_name name = {STORE_OUT, 1, 1, 1};

    for (size_t size = LANE_PAYLOAD_MAX_BYTES - 1; size <= LANE_PAYLOAD_MAX_BYTES + 1; size++) {
        struct store_entry entry = {view_of(bytes, LANE_ENTRY_MAX_BYTES), view_of(bytes, size),
                                    view_of(bytes, LANE_HEAD_MAX_BYTES)};
        txn = shelf_begin(shelf, STORE_WRITE);
        assert_error(size <= LANE_PAYLOAD_MAX_BYTES ? OK : ERR_BUG,
                     store_entry_put(txn, name, &entry));
        store_abort(&txn);
    }
    free(bytes);
}

/* --- what waits for a number --------------------------------------------------------------- */

static void wait_for(struct store_txn *txn, uint32_t peer, int64_t record)
{
    const struct store_pending pending = {.record = record};

    MUST(store_pending_add(txn, peer, &pending) == OK);
}

static int64_t take(struct shelf *shelf, struct store_txn *txn, uint32_t peer)
{
    struct store_pending pending = {0};
    enum error err = store_pending_take(txn, peer, shelf->arena, &pending);

    MUST(err == OK || err == ERR_NOT_FOUND);
    return err == OK ? pending.record : -1;
}

static uint64_t waiting(struct store_txn *txn, uint32_t peer)
{
    uint64_t count = 99;

    MUST(store_pending_count(txn, peer, &count) == OK);
    return count;
}

static void what_waits_is_taken_in_its_order(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    assert_int_equal(waiting(txn, 1), 0);
    assert_true(take(shelf, txn, 1) == -1);
    wait_for(txn, 1, 10);
    wait_for(txn, 1, 20);
    assert_int_equal(waiting(txn, 1), 2);
    assert_true(take(shelf, txn, 1) == 10);
    wait_for(txn, 1, 30);
    assert_int_equal(waiting(txn, 1), 2);
    assert_true(take(shelf, txn, 1) == 20);
    assert_true(take(shelf, txn, 1) == 30);
    assert_true(take(shelf, txn, 1) == -1);
    assert_int_equal(waiting(txn, 1), 0);
    wait_for(txn, 1, 40);
    assert_int_equal(waiting(txn, 1), 1);
    assert_true(take(shelf, txn, 1) == 40);
    store_abort(&txn);
}

static void peers_wait_apart(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    wait_for(txn, 2, 20);
    wait_for(txn, 1, 10);
    wait_for(txn, STORE_PEERS_MAX, 30);
    assert_int_equal(waiting(txn, 1), 1);
    assert_int_equal(waiting(txn, 2), 1);
    assert_int_equal(waiting(txn, 3), 0);
    assert_true(take(shelf, txn, 3) == -1);
    assert_true(take(shelf, txn, 1) == 10);
    assert_true(take(shelf, txn, 1) == -1);
    assert_true(take(shelf, txn, 2) == 20);
    assert_true(take(shelf, txn, STORE_PEERS_MAX) == 30);
    store_abort(&txn);
}

static void what_waits_survives_a_restart(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);

    wait_for(txn, 1, 10);
    wait_for(txn, 1, 20);
    shelf_commit(&txn);
    assert_ok(shelf_reopen(shelf));
    txn = shelf_begin(shelf, STORE_WRITE);
    assert_int_equal(waiting(txn, 1), 2);
    assert_true(take(shelf, txn, 1) == 10);
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_int_equal(waiting(txn, 1), 1);
    store_abort(&txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lane_never_used_is_at_its_start),
        TEST(a_lane_comes_back_as_it_was_put),
        TEST(both_directions_and_all_peers_are_apart),
        TEST(an_entry_is_named_by_side_peer_incarnation_and_number),
        TEST(the_largest_payload_fits),
        TEST(what_waits_is_taken_in_its_order),
        TEST(peers_wait_apart),
        TEST(what_waits_survives_a_restart),
    };

    return RUN(tests);
}
