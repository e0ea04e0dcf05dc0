/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "lane.h"

#include <string.h>

enum { ENTRIES = 4 };

/* A lane of four entries from one State to another. */
struct fixture {
    struct lane_ends ends;
    struct secret *sign_key;
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct lane_signer signer;
    struct lane_cursor cursor; /* behind the last entry */
    struct buffer entries[ENTRIES];
    struct arena *arena;
};

static const char *const payloads[ENTRIES] = {"first", "second", "third", "fourth"};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->ends.originator = digest(HASH_NODE, view_of_text("XMA"));
    f->ends.recipient = digest(HASH_NODE, view_of_text("XNH"));
    f->sign_key = sign_new(f->public_key);
    f->signer = (struct lane_signer){1, f->sign_key};
    f->cursor = lane_start();
    for (size_t i = 0; i < ENTRIES; i++) {
        f->entries[i] = buffer_init(LANE_ENTRY_MAX_BYTES);
        MUST(lane_entry_make(&f->ends, LANE_GRANT, view_of_text(payloads[i]), sample_now,
                             &f->cursor, &f->entries[i]) == OK);
    }
    f->arena = big_arena();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ENTRIES; i++) {
        buffer_free(&f->entries[i]);
    }
    secret_free(&f->sign_key);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static enum error follow(struct fixture *f, struct lane_cursor *cursor, size_t entry,
                         const char *payload)
{
    struct lane_entry decoded;

    return lane_entry_follow(view_of_buffer(&f->entries[entry]), view_of_text(payload), &f->ends,
                             f->arena, cursor, &decoded);
}

/* --- entries ------------------------------------------------------------------------------- */

/* W-70 */
static void entries_chain_from_the_empty_lane(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();

    assert_true(cursor.incarnation == LANE_INCARNATION_FIRST && cursor.seq == 0);
    assert_true(id_is_none(&cursor.hash));
    for (size_t i = 0; i < ENTRIES; i++) {
        assert_ok(follow(f, &cursor, i, payloads[i]));
        struct id hash = lane_entry_hash(view_of_buffer(&f->entries[i]));
        assert_true(cursor.seq == (int64_t)i + 1 && id_equal(&cursor.hash, &hash));
    }
    assert_true(lane_cursor_equal(&cursor, &f->cursor));
}

static void an_entry_gives_its_fields(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();
    struct lane_entry entry;

    assert_ok(lane_entry_follow(view_of_buffer(&f->entries[0]), view_of_text("first"), &f->ends,
                                f->arena, &cursor, &entry));
    assert_true(entry.seq == 1 && entry.type == LANE_GRANT && entry.payload_bytes == 5);
    assert_true(entry.time.ms == sample_now.ms && entry.incarnation == 1);
    struct id payload = digest(HASH_PAYLOAD, view_of_text("first"));
    assert_true(id_equal(&entry.payload, &payload));
}

static void a_gap_or_a_repetition_is_a_gap(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();

    assert_error(ERR_LANE_GAP, follow(f, &cursor, 1, payloads[1]));
    assert_ok(follow(f, &cursor, 0, payloads[0]));
    assert_error(ERR_LANE_GAP, follow(f, &cursor, 0, payloads[0]));
    assert_error(ERR_LANE_GAP, follow(f, &cursor, 2, payloads[2]));
    cursor.incarnation = 2;
    assert_error(ERR_LANE_GAP, follow(f, &cursor, 1, payloads[1]));
}

/* W-70 R10 */
static void an_entry_on_another_chain_is_a_fork(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();

    assert_ok(follow(f, &cursor, 0, payloads[0]));
    cursor.hash.bytes[0] ^= 1;
    struct lane_cursor before = cursor;
    assert_error(ERR_LANE_FORK, follow(f, &cursor, 1, payloads[1]));
    assert_true(lane_cursor_equal(&cursor, &before));
}

/* R12 */
static void R12_another_payload_is_refused(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();

    assert_error(ERR_BAD_HASH, follow(f, &cursor, 0, "First"));
    assert_error(ERR_BAD_HASH, follow(f, &cursor, 0, "firs"));
    assert_error(ERR_BAD_HASH, follow(f, &cursor, 0, "first "));
    assert_error(ERR_BAD_HASH, follow(f, &cursor, 0, ""));
    assert_true(cursor.seq == 0);
}

static void an_entry_of_another_lane_is_refused(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();
    struct lane_entry entry;
    struct lane_ends reversed = {f->ends.recipient, f->ends.originator};
    struct lane_ends other = f->ends;

    assert_error(ERR_WRONG_SENDER,
                 lane_entry_follow(view_of_buffer(&f->entries[0]), view_of_text("first"), &reversed,
                                   f->arena, &cursor, &entry));
    other.recipient.bytes[0] ^= 1;
    assert_error(ERR_NOT_FOR_US,
                 lane_entry_follow(view_of_buffer(&f->entries[0]), view_of_text("first"), &other,
                                   f->arena, &cursor, &entry));
}

/* R02: an entry has no signature of its own; the chain to the signed head makes every byte count.
 */
static void R02_every_changed_byte_of_an_entry_breaks_the_chain(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->entries[1].size; i++) {
        struct lane_cursor cursor = lane_start();
        f->entries[1].data[i] ^= 1;
        arena_clear(f->arena);
        assert_ok(follow(f, &cursor, 0, payloads[0]));
        enum error err = follow(f, &cursor, 1, payloads[1]);
        if (err == OK) {
            assert_error(ERR_LANE_FORK, follow(f, &cursor, 2, payloads[2]));
        }
        f->entries[1].data[i] ^= 1;
    }
}

/* W-79 */
static void types_and_payloads_have_limits(void **state)
{
    struct fixture *f = *state;
    uint8_t *payload = calloc(1, LANE_PAYLOAD_MAX_BYTES + 1);
    struct buffer to = buffer_init(LANE_ENTRY_MAX_BYTES);
    struct lane_cursor cursor = lane_start();

    for (int type = LANE_GRANT - 1; type <= LANE_FLOOR + 1; type++) {
        buffer_clear(&to);
        assert_error(type >= LANE_GRANT && type <= LANE_FLOOR ? OK : ERR_BUG,
                     lane_entry_make(&f->ends, (enum lane_entry_type)type, view_of_text("p"),
                                     sample_now, &cursor, &to));
    }
    for (size_t size = LANE_PAYLOAD_MAX_BYTES - 1; size <= LANE_PAYLOAD_MAX_BYTES + 1; size++) {
        struct lane_cursor before = cursor;
        buffer_clear(&to);
        enum error err =
            lane_entry_make(&f->ends, LANE_GRANT, view_of(payload, size), sample_now, &cursor, &to);
        assert_error(size <= LANE_PAYLOAD_MAX_BYTES ? OK : ERR_BUG, err);
        assert_int_equal(lane_cursor_equal(&before, &cursor), err != OK);
    }
    assert_error(ERR_BUG,
                 lane_entry_make(&f->ends, LANE_GRANT, view_of(NULL, 0), sample_now, &cursor, &to));
    free(payload);
    buffer_free(&to);
}

static void an_entry_that_is_cut_or_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    struct lane_cursor cursor = lane_start();
    struct lane_entry entry;
    uint8_t large[LANE_ENTRY_MAX_BYTES + 1] = {0};

    for (size_t size = 0; size < f->entries[0].size; size++) {
        assert_error(ERR_NOT_CANONICAL,
                     lane_entry_follow(view_of(f->entries[0].data, size), view_of_text("first"),
                                       &f->ends, f->arena, &cursor, &entry));
    }
    assert_error(ERR_TOO_LARGE,
                 lane_entry_follow(view_of(large, sizeof large), view_of_text("first"), &f->ends,
                                   f->arena, &cursor, &entry));
}

static void a_full_buffer_does_not_move_the_cursor(void **state)
{
    struct fixture *f = *state;
    struct buffer to = buffer_init(20);
    struct lane_cursor before = f->cursor;

    assert_error(ERR_TOO_LARGE, lane_entry_make(&f->ends, LANE_GRANT, view_of_text("p"), sample_now,
                                                &f->cursor, &to));
    assert_true(lane_cursor_equal(&before, &f->cursor));
    buffer_free(&to);
}

/* Sequence numbers end before they wrap. */
static void the_last_number_of_a_lane_is_the_last(void **state)
{
    struct fixture *f = *state;
    struct buffer to = buffer_init(LANE_ENTRY_MAX_BYTES);

    f->cursor.seq = INT64_MAX - 1;
    assert_ok(
        lane_entry_make(&f->ends, LANE_GRANT, view_of_text("p"), sample_now, &f->cursor, &to));
    assert_true(f->cursor.seq == INT64_MAX);
    assert_error(ERR_LANE_GAP, follow(f, &f->cursor, 0, payloads[0]));
    assert_error(ERR_BUG, lane_entry_make(&f->ends, LANE_GRANT, view_of_text("p"), sample_now,
                                          &f->cursor, &to));
    buffer_free(&to);
}

static void cursors_are_equal_in_all_parts(void **state)
{
    struct lane_cursor a = {1, 2, {{3}}};
    struct lane_cursor b = a;

    (void)state;
    assert_true(lane_cursor_equal(&a, &b));
    b.incarnation = 2;
    assert_false(lane_cursor_equal(&a, &b));
    b = a;
    b.seq = 3;
    assert_false(lane_cursor_equal(&a, &b));
    b = a;
    b.hash.bytes[31] = 1;
    assert_false(lane_cursor_equal(&a, &b));
}

/* --- heads and acknowledgements ------------------------------------------------------------ */

static void make_head(struct fixture *f, struct buffer *to)
{
    MUST(lane_head_make(&f->ends, &f->cursor, sample_now, &f->signer, to) == OK);
}

static void make_ack(struct fixture *f, struct buffer *to)
{
    MUST(lane_ack_make(&f->ends, &f->cursor, LANE_APPLIED, sample_now, &f->signer, to) == OK);
}

/* W-72 */
static void a_head_says_where_the_lane_ends(void **state)
{
    struct fixture *f = *state;
    struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);
    struct lane_head head;

    make_head(f, &bytes);
    assert_ok(lane_head_read(view_of_buffer(&bytes), f->arena, &head));
    assert_ok(lane_head_verify(view_of_buffer(&bytes), f->arena, f->public_key));
    assert_true(head.seq == ENTRIES && head.card_seq == 1 && head.incarnation == 1);
    assert_true(id_equal(&head.hash, &f->cursor.hash));
    assert_true(id_equal(&head.originator, &f->ends.originator));
    assert_true(id_equal(&head.recipient, &f->ends.recipient));
    buffer_free(&bytes);
}

/* W-73 P16 */
static void an_acknowledgement_says_how_far_and_what(void **state)
{
    struct fixture *f = *state;
    struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);
    struct lane_ack ack;

    make_ack(f, &bytes);
    assert_ok(lane_ack_read(view_of_buffer(&bytes), f->arena, &ack));
    assert_ok(lane_ack_verify(view_of_buffer(&bytes), f->arena, f->public_key));
    assert_true(ack.seq == ENTRIES && ack.state == LANE_APPLIED && ack.card_seq == 1);
    buffer_free(&bytes);
}

/* R02 R01 */
static void R02_every_changed_byte_of_a_head_or_acknowledgement_is_refused(void **state)
{
    struct fixture *f = *state;

    for (int which = 0; which < 2; which++) {
        struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);
        if (which == 0) {
            make_head(f, &bytes);
        } else {
            make_ack(f, &bytes);
        }
        for (size_t i = 0; i < bytes.size; i++) {
            struct view changed = view_of_buffer(&bytes);
            bytes.data[i] ^= 1;
            arena_clear(f->arena);
            enum error err = which == 0 ? lane_head_verify(changed, f->arena, f->public_key)
                                        : lane_ack_verify(changed, f->arena, f->public_key);
            assert_true(err == ERR_BAD_SIGNATURE || err == ERR_NOT_CANONICAL);
            bytes.data[i] ^= 1;
        }
        buffer_free(&bytes);
    }
}

/* R05: a head is no acknowledgement, though both are signed by the same key. */
static void R05_a_head_is_no_acknowledgement(void **state)
{
    struct fixture *f = *state;
    struct buffer head = buffer_init(LANE_HEAD_MAX_BYTES);
    struct buffer ack = buffer_init(LANE_HEAD_MAX_BYTES);
    struct lane_head head_read;
    struct lane_ack ack_read;

    make_head(f, &head);
    make_ack(f, &ack);
    assert_error(ERR_BAD_SIGNATURE,
                 lane_ack_verify(view_of_buffer(&head), f->arena, f->public_key));
    assert_error(ERR_BAD_SIGNATURE,
                 lane_head_verify(view_of_buffer(&ack), f->arena, f->public_key));
    assert_error(ERR_NOT_CANONICAL, lane_ack_read(view_of_buffer(&head), f->arena, &ack_read));
    assert_error(ERR_NOT_CANONICAL, lane_head_read(view_of_buffer(&ack), f->arena, &head_read));
    buffer_free(&head);
    buffer_free(&ack);
}

static void a_head_by_another_key_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t other[SIGN_PUBLIC_BYTES];
    struct secret *key = sign_new(other);
    struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);

    make_head(f, &bytes);
    assert_error(ERR_BAD_SIGNATURE, lane_head_verify(view_of_buffer(&bytes), f->arena, other));
    secret_free(&key);
    buffer_free(&bytes);
}

static void an_empty_lane_has_no_head(void **state)
{
    struct fixture *f = *state;
    struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);
    struct lane_cursor empty = lane_start();

    assert_error(ERR_BUG, lane_head_make(&f->ends, &empty, sample_now, &f->signer, &bytes));
    assert_error(ERR_BUG,
                 lane_ack_make(&f->ends, &empty, LANE_STORED, sample_now, &f->signer, &bytes));
    assert_error(ERR_BUG, lane_ack_make(&f->ends, &f->cursor, (enum lane_ack_state)3, sample_now,
                                        &f->signer, &bytes));
    assert_int_equal(bytes.size, 0);
    buffer_free(&bytes);
}

static void heads_that_are_cut_or_too_large_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buffer bytes = buffer_init(LANE_HEAD_MAX_BYTES);
    struct lane_head head;
    struct lane_ack ack;
    uint8_t large[LANE_HEAD_MAX_BYTES + 1] = {0};

    make_head(f, &bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_error(ERR_NOT_CANONICAL, lane_head_read(view_of(bytes.data, size), f->arena, &head));
        assert_error(ERR_NOT_CANONICAL,
                     lane_head_verify(view_of(bytes.data, size), f->arena, f->public_key));
    }
    assert_error(ERR_TOO_LARGE, lane_head_read(view_of(large, sizeof large), f->arena, &head));
    assert_error(ERR_TOO_LARGE, lane_ack_read(view_of(large, sizeof large), f->arena, &ack));
    assert_error(ERR_TOO_LARGE,
                 lane_ack_verify(view_of(large, sizeof large), f->arena, f->public_key));
    buffer_free(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_chain_from_the_empty_lane),
        TEST(an_entry_gives_its_fields),
        TEST(a_gap_or_a_repetition_is_a_gap),
        TEST(an_entry_on_another_chain_is_a_fork),
        TEST(R12_another_payload_is_refused),
        TEST(an_entry_of_another_lane_is_refused),
        TEST(R02_every_changed_byte_of_an_entry_breaks_the_chain),
        TEST(types_and_payloads_have_limits),
        TEST(an_entry_that_is_cut_or_too_large_is_refused),
        TEST(a_full_buffer_does_not_move_the_cursor),
        TEST(the_last_number_of_a_lane_is_the_last),
        TEST(cursors_are_equal_in_all_parts),
        TEST(a_head_says_where_the_lane_ends),
        TEST(an_acknowledgement_says_how_far_and_what),
        TEST(R02_every_changed_byte_of_a_head_or_acknowledgement_is_refused),
        TEST(R05_a_head_is_no_acknowledgement),
        TEST(a_head_by_another_key_is_refused),
        TEST(an_empty_lane_has_no_head),
        TEST(heads_that_are_cut_or_too_large_are_refused),
    };

    return RUN(tests);
}
