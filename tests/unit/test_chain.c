/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "chain.h"

#include <string.h>

enum { ENTRIES = 5 };

/* A chain of a few entries, each in a buffer of its own. */
static void make_chain(struct buffer entries[static ENTRIES])
{
    struct audit_cursor cursor = {0};

    for (size_t i = 0; i < ENTRIES; i++) {
        struct audit_entry entry = {.time = {sample_now.ms + (int64_t)i},
                                    .event = view_of_text("record.published"),
                                    .actor = view_of_text("officer"),
                                    .subject = view_of_text("DN-XMA-2026-0014"),
                                    .detail = view_of_text("")};
        entries[i] = buffer_init(AUDIT_ENTRY_MAX_BYTES);
        MUST(audit_entry_make(&entry, &cursor, &entries[i]) == OK);
    }
}

static void free_chain(struct buffer entries[static ENTRIES])
{
    for (size_t i = 0; i < ENTRIES; i++) {
        buffer_free(&entries[i]);
    }
}

/* Follow entries in a given order; gives the first error. */
static enum error follow(struct buffer *entries, const size_t *order, size_t count)
{
    struct arena *arena = big_arena();
    struct audit_cursor cursor = {0};
    enum error err = OK;

    for (size_t i = 0; i < count && err == OK; i++) {
        struct audit_entry entry = {0};
        err = audit_entry_follow(view_of_buffer(&entries[order[i]]), arena, &cursor, &entry);
    }
    arena_free(&arena);
    return err;
}

/* S-8 */
static void a_chain_follows_from_its_first_entry(void **state)
{
    struct buffer entries[ENTRIES];

    (void)state;
    make_chain(entries);
    assert_ok(follow(entries, (size_t[]){0, 1, 2, 3, 4}, 5));
    free_chain(entries);
}

static void a_removed_repeated_or_moved_entry_breaks_the_chain(void **state)
{
    struct buffer entries[ENTRIES];

    (void)state;
    make_chain(entries);
    assert_error(ERR_AUDIT_BROKEN, follow(entries, (size_t[]){0, 2}, 2));
    assert_error(ERR_AUDIT_BROKEN, follow(entries, (size_t[]){1}, 1));
    assert_error(ERR_AUDIT_BROKEN, follow(entries, (size_t[]){0, 1, 1}, 3));
    assert_error(ERR_AUDIT_BROKEN, follow(entries, (size_t[]){0, 2, 1, 3}, 4));
    free_chain(entries);
}

/* Every byte of an entry counts: it is refused, or the entry after it no longer follows. */
static void every_changed_byte_breaks_the_chain(void **state)
{
    struct buffer entries[ENTRIES];

    (void)state;
    make_chain(entries);
    for (size_t i = 0; i < entries[2].size; i++) {
        entries[2].data[i] ^= 1;
        enum error err = follow(entries, (size_t[]){0, 1, 2, 3}, 4);
        assert_true(err == ERR_AUDIT_BROKEN || err == ERR_NOT_CANONICAL);
        entries[2].data[i] ^= 1;
    }
    assert_ok(follow(entries, (size_t[]){0, 1, 2, 3}, 4));
    free_chain(entries);
}

static void the_cursor_moves_only_onto_good_entries(void **state)
{
    struct buffer entries[ENTRIES];
    struct arena *arena = big_arena();
    struct audit_cursor cursor = {0};
    struct audit_entry entry = {0};

    (void)state;
    make_chain(entries);
    assert_ok(audit_entry_follow(view_of_buffer(&entries[0]), arena, &cursor, &entry));
    assert_true(cursor.seq == 1 && entry.seq == 1);
    assert_view(entry.event, "record.published");
    struct audit_cursor before = cursor;
    assert_error(ERR_AUDIT_BROKEN,
                 audit_entry_follow(view_of_buffer(&entries[2]), arena, &cursor, &entry));
    assert_memory_equal(&cursor, &before, sizeof cursor);
    free_chain(entries);
    arena_free(&arena);
}

/* Each text of an entry: one below, at, one above its limit. */
static void texts_have_limits(void **state)
{
    static const size_t limits[] = {64, AUDIT_ACTOR_MAX_BYTES, AUDIT_SUBJECT_MAX_BYTES,
                                    AUDIT_DETAIL_MAX_BYTES};
    char text[AUDIT_DETAIL_MAX_BYTES + 1];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t field = 0; field < COUNT(limits); field++) {
        for (size_t size = limits[field] - 1; size <= limits[field] + 1; size++) {
            struct buffer to = buffer_init(AUDIT_ENTRY_MAX_BYTES);
            struct audit_cursor cursor = {0};
            struct audit_entry entry = {.event = view_of_text("e"), .actor = view_of_text("a")};
            struct view *texts[] = {&entry.event, &entry.actor, &entry.subject, &entry.detail};
            *texts[field] = view_of(text, size);
            assert_error(size <= limits[field] ? OK : ERR_BUG,
                         audit_entry_make(&entry, &cursor, &to));
            assert_true(cursor.seq == (size <= limits[field] ? 1 : 0));
            buffer_free(&to);
        }
    }
}

static void an_entry_needs_an_event_and_an_actor(void **state)
{
    struct buffer to = buffer_init(AUDIT_ENTRY_MAX_BYTES);
    struct audit_cursor cursor = {0};
    struct audit_entry no_event = {.actor = view_of_text("a")};
    struct audit_entry no_actor = {.event = view_of_text("e")};

    (void)state;
    assert_error(ERR_BUG, audit_entry_make(&no_event, &cursor, &to));
    assert_error(ERR_BUG, audit_entry_make(&no_actor, &cursor, &to));
    buffer_free(&to);
}

static void a_full_buffer_is_too_small(void **state)
{
    struct buffer to = buffer_init(10);
    struct audit_cursor cursor = {0};
    struct audit_entry entry = {.event = view_of_text("e"), .actor = view_of_text("a")};
    struct arena *arena = big_arena();
    uint8_t large[AUDIT_ENTRY_MAX_BYTES + 1] = {0};

    (void)state;
    assert_error(ERR_TOO_LARGE, audit_entry_make(&entry, &cursor, &to));
    assert_true(cursor.seq == 0);
    assert_error(ERR_TOO_LARGE,
                 audit_entry_follow(view_of(large, sizeof large), arena, &cursor, &entry));
    buffer_free(&to);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_follows_from_its_first_entry),
        cmocka_unit_test(a_removed_repeated_or_moved_entry_breaks_the_chain),
        cmocka_unit_test(every_changed_byte_breaks_the_chain),
        cmocka_unit_test(the_cursor_moves_only_onto_good_entries),
        cmocka_unit_test(texts_have_limits),
        cmocka_unit_test(an_entry_needs_an_event_and_an_actor),
        cmocka_unit_test(a_full_buffer_is_too_small),
    };

    return RUN(tests);
}
