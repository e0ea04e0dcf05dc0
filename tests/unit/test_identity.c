/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "identity.h"

#include <string.h>

enum { KEYS = 6 };

/* Some keys, and an arena for what is decoded. */
struct fixture {
    struct arena *arena;
    struct secret *keys[KEYS];
    uint8_t public_keys[KEYS][SIGN_PUBLIC_BYTES];
    struct view views[KEYS];
    struct id hashes[KEYS];
    struct view commitments[KEYS];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->arena = big_arena();
    for (size_t i = 0; i < KEYS; i++) {
        f->keys[i] = sign_new(f->public_keys[i]);
        f->views[i] = view_of(f->public_keys[i], SIGN_PUBLIC_BYTES);
        f->hashes[i] = digest(HASH_EVENT, f->views[i]);
        f->commitments[i] = id_view(&f->hashes[i]);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < KEYS; i++) {
        secret_free(&f->keys[i]);
    }
    arena_free(&f->arena);
    free(f);
    return 0;
}

/* Which keys sign, and which places they claim; ended by -1. */
struct signers {
    int keys[4];
    int places[4];
};

static void sign_body(struct fixture *f, struct view body, enum sign_label label,
                      const struct signers *by, struct buffer *to)
{
    uint8_t signatures[4][1 + SIGNATURE_BYTES];
    struct view views[4];
    struct signed_object object = {.body = body};
    size_t count = 0;

    for (; count < 4 && by->keys[count] >= 0; count++) {
        signatures[count][0] = (uint8_t)by->places[count];
        MUST(sign(f->keys[by->keys[count]], label, body, signatures[count] + 1) == OK);
        views[count] = view_of(signatures[count], 1 + SIGNATURE_BYTES);
    }
    object.signatures = (struct views){count, views};
    buffer_clear(to);
    MUST(object_encode(&signed_object_info, &object, to) == OK);
}

/* An inception of keys 0, 1, 2 that commits to 3, 4, 5. */
static struct inception inception_of(struct fixture *f, int64_t threshold, size_t count)
{
    return (struct inception){.version = 1,
                              .threshold = threshold,
                              .keys = {count, f->views},
                              .next_threshold = threshold,
                              .next = {count, f->commitments + 3},
                              .time = sample_now,
                              .state = view_of_text("XMA"),
                              .name = view_of_text("Marentia")};
}

static enum error begin(struct fixture *f, const struct inception *body, enum sign_label label,
                        const struct signers *by, struct identity *identity)
{
    struct buffer bytes = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);

    MUST(object_encode(&inception_info, body, &bytes) == OK);
    sign_body(f, view_of_buffer(&bytes), label, by, &event);
    enum error err = identity_begin(view_of_buffer(&event), f->arena, identity);
    buffer_free(&event);
    buffer_free(&bytes);
    return err;
}

static const struct signers first = {{0, -1}, {0}};

/* A 1-of-1 identity of key 0 that commits to key 3. */
static struct identity simple(struct fixture *f)
{
    struct inception body = inception_of(f, 1, 1);
    struct identity identity = {0};

    MUST(begin(f, &body, SIGN_INCEPTION, &first, &identity) == OK);
    return identity;
}

/* --- inception ----------------------------------------------------------------------------- */

/* W-20 W-21 */
static void an_inception_names_its_state_and_keys(void **state)
{
    struct fixture *f = *state;
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct signed_object object;
    struct identity identity = {0};

    assert_ok(inception_make(f->keys[0], f->keys[3], view_of_text("XMA"), view_of_text("Marentia"),
                             sample_now, &event));
    assert_ok(identity_begin(view_of_buffer(&event), f->arena, &identity));
    assert_ok(object_decode(&signed_object_info, view_of_buffer(&event), f->arena, &object));
    struct id node = digest(HASH_NODE, object.body);
    assert_true(id_equal(&identity.node, &node));
    assert_string_equal(identity.state, "XMA");
    assert_string_equal(identity.name, "Marentia");
    assert_true(identity.event_seq == 0 && identity.key_count == 1 && identity.threshold == 1);
    assert_memory_equal(identity.keys[0], f->public_keys[0], SIGN_PUBLIC_BYTES);
    assert_true(id_equal(&identity.next[0], &f->hashes[3]));
    buffer_free(&event);
}

static void making_refuses_a_bad_state_or_name(void **state)
{
    static const char *const states[] = {"", "XM", "xma", "XMAA", "QAA"};
    static const char *const names[] = {"", "a\nb", "a\033b", "a\xff", "\xe2\x80\xae."};
    struct fixture *f = *state;
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);
    char name[IDENTITY_NAME_MAX_BYTES + 1];

    for (size_t i = 0; i < COUNT(states); i++) {
        assert_error(ERR_FIELD_VALUE,
                     inception_make(f->keys[0], f->keys[3], view_of_text(states[i]),
                                    view_of_text("M"), sample_now, &event));
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_error(ERR_FIELD_VALUE, inception_make(f->keys[0], f->keys[3], view_of_text("XMA"),
                                                     view_of_text(names[i]), sample_now, &event));
    }
    memset(name, 'n', sizeof name);
    for (size_t size = IDENTITY_NAME_MAX_BYTES - 1; size <= sizeof name; size++) {
        assert_error(size <= IDENTITY_NAME_MAX_BYTES ? OK : ERR_FIELD_VALUE,
                     inception_make(f->keys[0], f->keys[3], view_of_text("XMA"),
                                    view_of(name, size), sample_now, &event));
    }
    buffer_free(&event);
}

static void verifying_refuses_a_bad_state_or_name(void **state)
{
    struct fixture *f = *state;
    struct identity identity = {0};
    struct inception body = inception_of(f, 1, 1);

    body.state = view_of_text("xma");
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &first, &identity));
    body.state = view_of_text("XMA");
    body.name = view_of_text("a\nb");
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &first, &identity));
    assert_true(id_is_none(&identity.node));
}

/* W-21: as many distinct keys as the threshold says, each by its own place. */
static void a_threshold_counts_distinct_keys(void **state)
{
    static const struct {
        struct signers by;
        enum error wanted;
    } rows[] = {
        {{{0, 1, -1}, {0, 1}}, OK},
        {{{2, 0, -1}, {2, 0}}, OK},
        {{{0, 1, 2, -1}, {0, 1, 2}}, OK},
        {{{0, -1}, {0}}, ERR_IDENTITY},
        {{{0, 0, -1}, {0, 0}}, ERR_IDENTITY},
        {{{0, 0, -1}, {0, 1}}, ERR_IDENTITY},
        {{{0, 3, -1}, {0, 1}}, ERR_IDENTITY},
        {{{0, 1, -1}, {1, 0}}, ERR_IDENTITY},
        {{{0, 1, -1}, {0, 3}}, ERR_IDENTITY},
        {{{0, 1, -1}, {0, 255}}, ERR_IDENTITY},
        {{{-1}, {0}}, ERR_IDENTITY},
        {{{3, 0, 1, -1}, {0, 0, 1}}, OK}, /* a bad signature beside two good ones */
    };
    struct fixture *f = *state;
    struct inception body = inception_of(f, 2, 3);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct identity identity = {0};
        assert_error(rows[i].wanted, begin(f, &body, SIGN_INCEPTION, &rows[i].by, &identity));
    }
}

static void thresholds_and_keys_must_make_sense(void **state)
{
    struct fixture *f = *state;
    struct signers three = {{0, 1, 2, -1}, {0, 1, 2}};
    struct identity identity = {0};
    struct inception body = inception_of(f, 3, 3);
    struct view twice[2] = {f->views[0], f->views[0]};

    assert_ok(begin(f, &body, SIGN_INCEPTION, &three, &identity));
    body.threshold = 4;
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &three, &identity));
    body.threshold = 3;
    body.next_threshold = 4;
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &three, &identity));
    body.next_threshold = 1;
    body.next.count = 0;
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &three, &identity));
    body = inception_of(f, 1, 1);
    body.keys.count = 0;
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &three, &identity));
    body.keys = (struct views){2, twice};
    assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &three, &identity));
}

/* R04 R05 */
static void R05_an_inception_signed_as_something_else_is_refused(void **state)
{
    struct fixture *f = *state;
    struct inception body = inception_of(f, 1, 1);

    for (int label = 0; label < SIGN_LABEL_COUNT; label++) {
        struct identity identity = {0};
        assert_error(label == SIGN_INCEPTION ? OK : ERR_IDENTITY,
                     begin(f, &body, (enum sign_label)label, &first, &identity));
    }
}

/* R07: a point of small order, one outside the prime group, one not canonical, none at all. */
static void R07_keys_that_are_no_good_points_are_refused_at_enrolment(void **state)
{
    static const char *const bad[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    struct fixture *f = *state;
    struct inception body = inception_of(f, 1, 2);

    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t key[SIGN_PUBLIC_BYTES];
        struct view keys[2] = {f->views[0], view_of(key, sizeof key)};
        struct identity identity = {0};
        (void)hex_read(bad[i], key, sizeof key);
        body.keys = (struct views){2, keys};
        assert_error(ERR_IDENTITY, begin(f, &body, SIGN_INCEPTION, &first, &identity));
    }
}

/* R02: every byte of a signed event. */
static void R02_every_changed_byte_of_an_inception_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);

    assert_ok(inception_make(f->keys[0], f->keys[3], view_of_text("XMA"), view_of_text("Marentia"),
                             sample_now, &event));
    for (size_t i = 0; i < event.size; i++) {
        struct identity identity = {0};
        event.data[i] ^= 1;
        arena_clear(f->arena);
        enum error err = identity_begin(view_of_buffer(&event), f->arena, &identity);
        assert_true(err == ERR_IDENTITY || err == ERR_NOT_CANONICAL);
        event.data[i] ^= 1;
    }
    buffer_free(&event);
}

static void an_event_that_is_cut_or_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct identity identity = {0};
    uint8_t large[SIGNED_EVENT_MAX_BYTES + 1] = {0};

    assert_ok(inception_make(f->keys[0], f->keys[3], view_of_text("XMA"), view_of_text("Marentia"),
                             sample_now, &event));
    for (size_t size = 0; size < event.size; size++) {
        assert_error(ERR_NOT_CANONICAL,
                     identity_begin(view_of(event.data, size), f->arena, &identity));
    }
    assert_error(ERR_TOO_LARGE, identity_begin(view_of(large, sizeof large), f->arena, &identity));
    buffer_free(&event);
}

/* --- rotation ------------------------------------------------------------------------------ */

static struct rotation rotation_of(struct fixture *f, const struct identity *identity, size_t to,
                                   size_t after)
{
    return (struct rotation){.version = 1,
                             .type = 1,
                             .node = identity->node,
                             .seq = identity->event_seq + 1,
                             .previous = identity->last_event,
                             .threshold = 1,
                             .keys = {1, f->views + to},
                             .next_threshold = 1,
                             .next = {1, f->commitments + after},
                             .time = sample_now};
}

static enum error rotate(struct fixture *f, struct identity *identity, const struct rotation *body,
                         const struct signers *by)
{
    struct buffer bytes = buffer_init(SIGNED_EVENT_MAX_BYTES);
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);

    MUST(object_encode(&rotation_info, body, &bytes) == OK);
    sign_body(f, view_of_buffer(&bytes), SIGN_ROTATION, by, &event);
    enum error err = identity_rotate(identity, view_of_buffer(&event), f->arena);
    buffer_free(&event);
    buffer_free(&bytes);
    return err;
}

/* The new key signs by its place, the old one from IDENTITY_KEYS_MAX on. */
static const struct signers new_3_old_0 = {{3, 0, -1}, {0, IDENTITY_KEYS_MAX}};

/* W-22 */
static void a_rotation_brings_in_the_committed_key(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct id node = identity.node;
    struct buffer event = buffer_init(SIGNED_EVENT_MAX_BYTES);

    assert_ok(rotation_make(&identity, f->keys[0], f->keys[3], f->keys[4], sample_now, &event));
    assert_ok(identity_rotate(&identity, view_of_buffer(&event), f->arena));
    assert_true(identity.event_seq == 1);
    assert_true(id_equal(&identity.node, &node));
    assert_memory_equal(identity.keys[0], f->public_keys[3], SIGN_PUBLIC_BYTES);
    assert_true(id_equal(&identity.next[0], &f->hashes[4]));
    assert_error(ERR_EXISTS, identity_rotate(&identity, view_of_buffer(&event), f->arena));
    buffer_free(&event);
}

/* Pre-rotation: who stole the key in force cannot take the identity over. */
static void a_stolen_key_cannot_rotate(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct signers thief = {{5, 0, -1}, {0, IDENTITY_KEYS_MAX}};
    struct rotation body = rotation_of(f, &identity, 5, 4);

    assert_error(ERR_IDENTITY, rotate(f, &identity, &body, &thief));
    assert_true(identity.event_seq == 0);
}

static void a_rotation_needs_the_old_and_the_new_signature(void **state)
{
    static const struct signers bad[] = {
        {{3, -1}, {0}},                           /* old missing */
        {{0, -1}, {IDENTITY_KEYS_MAX}},           /* new missing */
        {{0, 0, -1}, {0, IDENTITY_KEYS_MAX}},     /* old signs for new */
        {{3, 3, -1}, {0, IDENTITY_KEYS_MAX}},     /* new signs for old */
        {{3, 0, -1}, {0, 0}},                     /* old by the place of new */
        {{3, 0, -1}, {0, IDENTITY_KEYS_MAX + 1}}, /* old by another place */
        {{-1}, {0}},
    };
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct rotation body = rotation_of(f, &identity, 3, 4);

    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_error(ERR_IDENTITY, rotate(f, &identity, &body, &bad[i]));
    }
    assert_ok(rotate(f, &identity, &body, &new_3_old_0));
}

static void a_rotation_follows_its_own_identity_only(void **state)
{
    struct fixture *f = *state;
    struct identity identity = simple(f);
    struct rotation body = rotation_of(f, &identity, 3, 4);

    body.previous.bytes[0] ^= 1;
    assert_error(ERR_IDENTITY, rotate(f, &identity, &body, &new_3_old_0));
    body = rotation_of(f, &identity, 3, 4);
    body.node.bytes[0] ^= 1;
    assert_error(ERR_IDENTITY, rotate(f, &identity, &body, &new_3_old_0));
    body = rotation_of(f, &identity, 3, 4);
    body.seq = 2;
    assert_error(ERR_LANE_GAP, rotate(f, &identity, &body, &new_3_old_0));
    body = rotation_of(f, &identity, 3, 4);
    body.threshold = 2;
    assert_error(ERR_IDENTITY, rotate(f, &identity, &body, &new_3_old_0));
}

/* W-22: two events with one number, signed by the same keys, are duplicity. */
static void two_rotations_with_one_number_are_a_fork(void **state)
{
    struct fixture *f = *state;
    struct identity before = simple(f);
    struct identity identity = before;
    struct rotation one = rotation_of(f, &before, 3, 4);
    struct rotation other = rotation_of(f, &before, 3, 5);

    assert_ok(rotate(f, &identity, &one, &new_3_old_0));
    assert_error(ERR_IDENTITY_FORK, rotate(f, &identity, &other, &new_3_old_0));
    assert_true(id_equal(&identity.next[0], &f->hashes[4]));
}

static void nobody_else_can_frame_a_state(void **state)
{
    struct fixture *f = *state;
    struct identity before = simple(f);
    struct identity identity = before;
    struct rotation one = rotation_of(f, &before, 3, 4);
    struct rotation forged = rotation_of(f, &before, 5, 4);
    struct rotation unsigned_one = rotation_of(f, &before, 3, 5);
    struct signers thief = {{5, 0, -1}, {0, IDENTITY_KEYS_MAX}};

    assert_ok(rotate(f, &identity, &one, &new_3_old_0));
    assert_error(ERR_IDENTITY, rotate(f, &identity, &forged, &thief));
    assert_error(ERR_IDENTITY, rotate(f, &identity, &unsigned_one, &thief));
    assert_error(ERR_IDENTITY, rotate(f, &identity, &unsigned_one, &first));
}

static void an_older_number_is_refused(void **state)
{
    struct fixture *f = *state;
    struct identity before = simple(f);
    struct identity identity = before;
    struct rotation one = rotation_of(f, &before, 3, 4);
    struct signers new_4_old_3 = {{4, 3, -1}, {0, IDENTITY_KEYS_MAX}};

    assert_ok(rotate(f, &identity, &one, &new_3_old_0));
    struct rotation two = rotation_of(f, &identity, 4, 5);
    assert_ok(rotate(f, &identity, &two, &new_4_old_3));
    assert_error(ERR_IDENTITY, rotate(f, &identity, &one, &new_3_old_0));
    assert_true(identity.event_seq == 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_inception_names_its_state_and_keys),
        TEST(making_refuses_a_bad_state_or_name),
        TEST(verifying_refuses_a_bad_state_or_name),
        TEST(a_threshold_counts_distinct_keys),
        TEST(thresholds_and_keys_must_make_sense),
        TEST(R05_an_inception_signed_as_something_else_is_refused),
        TEST(R07_keys_that_are_no_good_points_are_refused_at_enrolment),
        TEST(R02_every_changed_byte_of_an_inception_is_refused),
        TEST(an_event_that_is_cut_or_too_large_is_refused),
        TEST(a_rotation_brings_in_the_committed_key),
        TEST(a_stolen_key_cannot_rotate),
        TEST(a_rotation_needs_the_old_and_the_new_signature),
        TEST(a_rotation_follows_its_own_identity_only),
        TEST(two_rotations_with_one_number_are_a_fork),
        TEST(nobody_else_can_frame_a_state),
        TEST(an_older_number_is_refused),
    };

    return RUN(tests);
}
