/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

/* --- peers --------------------------------------------------------------------------------- */

static void peers_come_in_the_order_of_their_numbers(void **state)
{
    static const uint32_t numbers[] = {STORE_PEERS_MAX, 1, 7};
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_peer row = {.bundle = view_of_text("bundle")};
    uint32_t peer = 0;

    assert_error(ERR_NOT_FOUND, store_peer_next(txn, 0, shelf->arena, &peer, &row));
    for (size_t i = 0; i < COUNT(numbers); i++) {
        assert_ok(store_peer_put(txn, numbers[i], &row));
    }
    assert_ok(store_peer_next(txn, 0, shelf->arena, &peer, &row));
    assert_int_equal(peer, 1);
    assert_ok(store_peer_next(txn, 1, shelf->arena, &peer, &row));
    assert_int_equal(peer, 1);
    assert_ok(store_peer_next(txn, 2, shelf->arena, &peer, &row));
    assert_int_equal(peer, 7);
    assert_ok(store_peer_next(txn, 8, shelf->arena, &peer, &row));
    assert_int_equal(peer, STORE_PEERS_MAX);
    assert_error(ERR_NOT_FOUND,
                 store_peer_next(txn, STORE_PEERS_MAX + 1, shelf->arena, &peer, &row));
    store_abort(&txn);
}

static void a_peer_comes_back_as_it_was_put(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_peer row = {.bundle = view_of_text("bundle"),
                             .standing = PEER_PAUSED,
                             .address = view_of_text("tcp://a:1"),
                             .verified_who = view_of_text("A. with B."),
                             .verified_how = view_of_text("in person"),
                             .verified_at = sample_now,
                             .frozen = view_of_text("fork")};
    struct store_peer again;
    uint32_t peer = 0;

    assert_ok(store_peer_put(txn, 3, &row));
    shelf_commit(&txn);
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_peer_next(txn, 3, shelf->arena, &peer, &again));
    assert_view(again.bundle, "bundle");
    assert_view(again.address, "tcp://a:1");
    assert_view(again.verified_who, "A. with B.");
    assert_view(again.verified_how, "in person");
    assert_view(again.frozen, "fork");
    assert_true(again.standing == PEER_PAUSED && again.verified_at.ms == sample_now.ms);
    store_abort(&txn);
}

static void texts_of_a_peer_have_limits(void **state)
{
    static const struct {
        size_t offset;
        size_t max;
    } rows[] = {{offsetof(struct store_peer, address), 255},
                {offsetof(struct store_peer, verified_who), 200},
                {offsetof(struct store_peer, verified_how), 40},
                {offsetof(struct store_peer, frozen), 100}};
    struct shelf *shelf = *state;
    char text[257];

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t size = rows[i].max - 1; size <= rows[i].max + 1; size++) {
            struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
            struct store_peer row = {.bundle = view_of_text("bundle")};
            struct view view = view_of(text, size);
            memcpy((uint8_t *)&row + rows[i].offset, &view, sizeof view);
            assert_error(size <= rows[i].max ? OK : ERR_BUG, store_peer_put(txn, 1, &row));
            store_abort(&txn);
        }
    }
}

/* --- groups and users ---------------------------------------------------------------------- */

static size_t count_groups(struct shelf *shelf, struct store_txn *txn, const char *wanted)
{
    struct store_group group;
    size_t count = 0;
    bool found = wanted == NULL;

    while (store_group_at(txn, count, shelf->arena, &group) == OK) {
        found = found || view_is(group.name, wanted);
        count++;
    }
    assert_true(found);
    return count;
}

static void groups_are_kept_by_name(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct view states[] = {view_of_text("XMA"), view_of_text("XNH")};
    struct store_group group = {.name = view_of_text("NORTH"), .states = {2, states}};

    assert_int_equal(count_groups(shelf, txn, NULL), 0);
    assert_ok(store_group_put(txn, &group));
    group.states.count = 1;
    assert_ok(store_group_put(txn, &group)); /* defined again */
    group.name = view_of_text("SOUTH");
    assert_ok(store_group_put(txn, &group));
    assert_int_equal(count_groups(shelf, txn, "NORTH"), 2);
    assert_int_equal(count_groups(shelf, txn, "SOUTH"), 2);
    assert_ok(store_group_at(txn, 0, shelf->arena, &group));
    assert_int_equal(group.states.count, 1);
    assert_error(ERR_NOT_FOUND, store_group_at(txn, 2, shelf->arena, &group));
    store_abort(&txn);
}

static size_t count_users(struct shelf *shelf, struct store_txn *txn)
{
    struct store_user user;
    size_t count = 0;

    while (store_user_at(txn, count, shelf->arena, &user) == OK) {
        count++;
    }
    return count;
}

static void a_user_without_roles_is_removed(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_user user = {.name = view_of_text("alice"), .roles = 3};

    assert_ok(store_user_put(txn, &user));
    user.name = view_of_text("@staff");
    assert_ok(store_user_put(txn, &user));
    assert_int_equal(count_users(shelf, txn), 2);
    user.roles = 0;
    assert_ok(store_user_put(txn, &user));
    assert_int_equal(count_users(shelf, txn), 1);
    assert_error(ERR_NOT_FOUND, store_user_put(txn, &user)); /* was not there */
    assert_ok(store_error(txn));
    assert_ok(store_user_at(txn, 0, shelf->arena, &user));
    assert_view(user.name, "alice");
    assert_true(user.roles == 3);
    store_abort(&txn);
}

static void many_users_are_each_listed_once(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct value *names = value_map(shelf->arena);

    for (int i = 0; i < 50; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "user%d", i);
        struct store_user user = {.name = view_of_text(name), .roles = 1};
        assert_ok(store_user_put(txn, &user));
    }
    for (size_t i = 0; i < 50; i++) {
        struct store_user user;
        assert_ok(store_user_at(txn, i, shelf->arena, &user));
        assert_null(value_get_view(names, user.name));
        assert_ok(value_set(shelf->arena, names, user.name, value_nil(shelf->arena)));
    }
    assert_int_equal(count_users(shelf, txn), 50);
    store_abort(&txn);
}

/* --- drafts -------------------------------------------------------------------------------- */

static void drafts_are_kept_by_reference(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    struct store_draft draft = {.reference = view_of_text("DN-XMA-2026-0014"),
                                .author = view_of_text("alice"),
                                .changed_at = sample_now,
                                .record = view_of_text("tree")};
    struct store_draft again;

    assert_error(ERR_NOT_FOUND, store_draft_get(txn, draft.reference, shelf->arena, &again));
    assert_ok(store_draft_put(txn, &draft));
    draft.record = view_of_text("another tree");
    assert_ok(store_draft_put(txn, &draft));
    assert_ok(store_draft_get(txn, draft.reference, shelf->arena, &again));
    assert_view(again.record, "another tree");
    assert_view(again.author, "alice");
    assert_ok(store_draft_at(txn, 0, shelf->arena, &again));
    assert_error(ERR_NOT_FOUND, store_draft_at(txn, 1, shelf->arena, &again));
    assert_ok(store_draft_remove(txn, draft.reference));
    assert_error(ERR_NOT_FOUND, store_draft_get(txn, draft.reference, shelf->arena, &again));
    assert_error(ERR_NOT_FOUND, store_draft_remove(txn, draft.reference));
    store_abort(&txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(peers_come_in_the_order_of_their_numbers),
        TEST(a_peer_comes_back_as_it_was_put),
        TEST(texts_of_a_peer_have_limits),
        TEST(groups_are_kept_by_name),
        TEST(a_user_without_roles_is_removed),
        TEST(many_users_are_each_listed_once),
        TEST(drafts_are_kept_by_reference),
    };

    return RUN(tests);
}
