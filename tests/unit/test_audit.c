/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "database.h"

#include <string.h>

static void happen(struct shelf *shelf, const char *event)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    const struct store_event row = {sample_now, event, "officer", "DN-XMA-2026-0014", "detail"};

    MUST(store_audit_add(txn, &row) == OK);
    MUST(store_commit(&txn) == OK);
}

static enum error verify(struct shelf *shelf, int64_t *entries)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_READ);
    enum error err = store_audit_verify(txn, entries);

    store_abort(&txn);
    return err;
}

static void entries_are_numbered_from_one(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = NULL;
    struct audit_cursor cursor = {0};
    struct audit_entry entry;

    happen(shelf, "first");
    happen(shelf, "second");
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_audit_cursor(txn, &cursor));
    assert_true(cursor.seq == 2 && !id_is_none(&cursor.hash));
    assert_ok(store_audit_get(txn, 2, shelf->arena, &entry));
    assert_view(entry.event, "second");
    assert_view(entry.actor, "officer");
    assert_view(entry.subject, "DN-XMA-2026-0014");
    assert_view(entry.detail, "detail");
    assert_true(entry.seq == 2 && entry.time.ms == sample_now.ms);
    assert_error(ERR_NOT_FOUND, store_audit_get(txn, 3, shelf->arena, &entry));
    assert_error(ERR_NOT_FOUND, store_audit_get(txn, 0, shelf->arena, &entry));
    store_abort(&txn);
}

static void several_entries_fit_in_one_transaction(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    int64_t entries = 0;

    for (int i = 0; i < 100; i++) {
        shelf_note(txn);
    }
    assert_ok(store_commit(&txn));
    assert_ok(verify(shelf, &entries));
    assert_true(entries == 100);
}

/* S-8 */
static void a_chain_verifies_also_after_a_restart(void **state)
{
    struct shelf *shelf = *state;
    int64_t entries = 9;

    assert_ok(verify(shelf, &entries));
    assert_true(entries == 0);
    for (int i = 0; i < 5; i++) {
        happen(shelf, "event");
        assert_ok(shelf_reopen(shelf));
    }
    assert_ok(verify(shelf, &entries));
    assert_true(entries == 5);
}

/* Somebody who has the keys of the store, too, and writes past the audit trail. */
static void rewrite(struct shelf *shelf, uint64_t to, uint64_t from, const char *event)
{
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    const struct key target = key_number(to);
    const struct key source = key_number(from);
    struct audit_entry entry;
    struct view bytes = {0};

    if (from == 0) {
        MUST(database_delete(txn, TABLE_AUDIT, &target) == OK);
    } else if (event != NULL) {
        MUST(store_audit_get(txn, (int64_t)from, shelf->arena, &entry) == OK);
        entry.event = view_of_text(event);
        MUST(database_put_row(txn, TABLE_AUDIT, &target, &audit_entry_info, &entry) == OK);
    } else {
        MUST(database_get(txn, TABLE_AUDIT, &source, shelf->arena, &bytes) == OK);
        MUST(database_put(txn, TABLE_AUDIT, &target, bytes) == OK);
    }
    txn->audited = true;
    MUST(store_commit(&txn) == OK);
}

/* L12 G22: deleted, edited, reordered, truncated. */
static void L12_every_tampering_with_the_trail_is_seen(void **state)
{
    struct shelf *shelf = *state;
    int64_t entries = 0;

    for (uint64_t at = 1; at <= 4; at++) {
        for (int how = 0; how < 3; how++) {
            void *fresh = NULL;
            MUST(shelf_new(&fresh) == 0);
            struct shelf *other = fresh;
            for (int i = 0; i < 4; i++) {
                happen(other, "event");
            }
            if (how == 0) {
                rewrite(other, at, 0, NULL);
            } else if (how == 1) {
                rewrite(other, at, at, "another");
            } else {
                rewrite(other, at, at % 4 + 1, NULL);
            }
            assert_error(ERR_AUDIT_BROKEN, verify(other, &entries));
            assert_true(entries <= 4);
            MUST(shelf_free(&fresh) == 0);
        }
    }
    /* Truncation is seen by the anchor as well, at the next start. */
    for (int i = 0; i < 4; i++) {
        happen(shelf, "event");
    }
    rewrite(shelf, 4, 0, NULL);
    assert_error(ERR_STORE_ROLLED_BACK, shelf_reopen(shelf));
}

static void texts_are_cut_between_characters(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    char actor[2 * AUDIT_ACTOR_MAX_BYTES + 1];
    struct audit_entry entry;

    actor[0] = 'a';
    for (size_t i = 1; i + 1 < sizeof actor; i += 2) {
        memcpy(actor + i, "é", 2);
    }
    actor[sizeof actor - 2] = '\0';
    const struct store_event event = {sample_now, actor, actor, actor, actor};
    assert_ok(store_audit_add(txn, &event));
    assert_ok(store_commit(&txn));
    txn = shelf_begin(shelf, STORE_READ);
    assert_ok(store_audit_get(txn, 1, shelf->arena, &entry));
    assert_int_equal(entry.actor.size, AUDIT_ACTOR_MAX_BYTES - 1);
    assert_int_equal(entry.event.size, 63);
    assert_int_equal(entry.detail.size, strlen(actor));
    store_abort(&txn);
}

static void nothing_is_noted_after_an_error(void **state)
{
    struct shelf *shelf = *state;
    struct store_txn *txn = shelf_begin(shelf, STORE_WRITE);
    const struct store_event bad = {sample_now, "", "officer", "", ""};
    const struct store_event good = {sample_now, "event", "officer", "", ""};

    assert_error(ERR_BUG, store_audit_add(txn, &bad));
    assert_error(ERR_BUG, store_audit_add(txn, &good));
    assert_error(ERR_BUG, store_commit(&txn));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_new, shelf_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_numbered_from_one),
        TEST(several_entries_fit_in_one_transaction),
        TEST(a_chain_verifies_also_after_a_restart),
        TEST(L12_every_tampering_with_the_trail_is_seen),
        TEST(texts_are_cut_between_characters),
        TEST(nothing_is_noted_after_an_error),
    };

    return RUN(tests);
}
