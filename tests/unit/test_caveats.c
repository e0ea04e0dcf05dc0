/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "caveats.h"

#include <string.h>

/* --- reading ------------------------------------------------------------------------------- */

/* Encode, then read as a receiver would. */
static enum error read_back(const struct caveats *caveats)
{
    struct buffer bytes = buffer_init(CAVEATS_MAX_BYTES);
    struct arena *arena = big_arena();
    struct caveats again;

    MUST(object_encode(&caveats_info, caveats, &bytes) == OK);
    enum error err = caveats_read(view_of_buffer(&bytes), arena, &again);
    buffer_free(&bytes);
    arena_free(&arena);
    return err;
}

static struct id ids[4];
static struct view id_views[4];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        memset(ids[i].bytes, (int)i + 1, ID_BYTES);
        id_views[i] = id_view(&ids[i]);
    }
    return 0;
}

/* W-50 */
static void plain_caveats_are_read(void **state)
{
    struct caveats caveats = sample_caveats();

    (void)state;
    assert_ok(read_back(&caveats));
    caveats.onward = ONWARD_LISTED;
    caveats.onward_to = (struct views){4, id_views};
    assert_ok(read_back(&caveats));
}

static void an_audience_without_its_mode_contradicts(void **state)
{
    struct caveats caveats = sample_caveats();

    (void)state;
    for (int mode = ONWARD_NONE; mode < ONWARD_COUNT; mode++) {
        caveats.onward = mode;
        caveats.onward_to = (struct views){0, NULL};
        assert_error(mode >= ONWARD_LISTED ? ERR_POLICY_INVALID : OK, read_back(&caveats));
        caveats.onward_to = (struct views){1, id_views};
        assert_error(mode >= ONWARD_LISTED ? OK : ERR_POLICY_INVALID, read_back(&caveats));
    }
}

static void lists_must_ascend(void **state)
{
    struct view twice[2] = {id_views[0], id_views[0]};
    struct view descending[2] = {id_views[1], id_views[0]};
    struct view notes[2] = {view_of_text("b"), view_of_text("a")};
    struct caveats caveats = sample_caveats();

    (void)state;
    caveats.onward = ONWARD_GROUP;
    caveats.onward_to = (struct views){2, twice};
    assert_error(ERR_NOT_CANONICAL, read_back(&caveats));
    caveats.onward_to = (struct views){2, descending};
    assert_error(ERR_NOT_CANONICAL, read_back(&caveats));
    caveats = sample_caveats();
    caveats.notes = (struct views){2, notes};
    assert_error(ERR_NOT_CANONICAL, read_back(&caveats));
    views_sort(&caveats.notes);
    assert_ok(read_back(&caveats));
}

static void a_note_must_be_text(void **state)
{
    struct view note = BYTES("\xff");
    struct caveats caveats = sample_caveats();

    (void)state;
    caveats.notes = (struct views){1, &note};
    assert_error(ERR_NOT_CANONICAL, read_back(&caveats));
    note = BYTES("a\0b");
    assert_error(ERR_NOT_CANONICAL, read_back(&caveats));
}

static void use_must_end_after_it_begins(void **state)
{
    struct caveats caveats = sample_caveats();

    (void)state;
    OBJECT_SET(&caveats, CAVEAT_NOT_BEFORE);
    OBJECT_SET(&caveats, CAVEAT_USE_UNTIL);
    for (int64_t until = 99; until <= 101; until++) {
        caveats.not_before.ms = 100;
        caveats.use_until.ms = until;
        assert_error(until <= 100 ? ERR_POLICY_INVALID : OK, read_back(&caveats));
    }
}

/* protocol.md section 8: contradictory markings cannot be received. */
static void clear_with_a_closed_audience_contradicts(void **state)
{
    struct caveats caveats = sample_caveats();

    (void)state;
    caveats.tlp = TLP_CLEAR;
    assert_error(ERR_POLICY_INVALID, read_back(&caveats));
    caveats.onward = ONWARD_CONSENT;
    assert_ok(read_back(&caveats));
}

static void red_with_onward_sharing_contradicts(void **state)
{
    struct caveats caveats = sample_caveats();

    (void)state;
    caveats.tlp = TLP_RED;
    for (int mode = ONWARD_NONE; mode < ONWARD_COUNT; mode++) {
        caveats.onward = mode;
        caveats.onward_to = (struct views){mode >= ONWARD_LISTED ? 1 : 0, id_views};
        assert_error(mode == ONWARD_NONE ? OK : ERR_POLICY_INVALID, read_back(&caveats));
    }
}

static void what_is_used_must_not_be_purged_before(void **state)
{
    struct caveats caveats = sample_caveats();

    (void)state;
    OBJECT_SET(&caveats, CAVEAT_PURGE_BY);
    OBJECT_SET(&caveats, CAVEAT_USE_UNTIL);
    for (int64_t purge = 99; purge <= 101; purge++) {
        caveats.use_until.ms = 100;
        caveats.purge_by.ms = purge;
        assert_error(purge < 100 ? ERR_POLICY_INVALID : OK, read_back(&caveats));
    }
}

/* Each number: below, at, above its limits; no purpose at all is refused. */
static void numbers_have_limits(void **state)
{
    static const struct {
        size_t offset;
        int64_t min;
        int64_t max;
    } rows[] = {
        {offsetof(struct caveats, tlp), TLP_GREEN, TLP_RED},
        {offsetof(struct caveats, depth), 0, CAVEAT_DEPTH_MAX},
        {offsetof(struct caveats, slots), 0, 0xffff},
        {offsetof(struct caveats, purposes), 1, PURPOSE_ALL},
        {offsetof(struct caveats, export_mode), EXPORT_NONE, EXPORT_FILE},
        {offsetof(struct caveats, ack), ACK_STORED, ACK_APPLIED},
        {offsetof(struct caveats, leave), LEAVE_KEEP, LEAVE_PURGE},
    };
    struct buffer bytes = buffer_init(CAVEATS_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int64_t number = rows[i].min; number <= rows[i].max + 1; number++) {
            struct caveats caveats = sample_caveats();
            memcpy((uint8_t *)&caveats + rows[i].offset, &number, sizeof number);
            if (number <= rows[i].max) {
                assert_ok(read_back(&caveats));
            } else {
                assert_error(ERR_BUG, object_encode(&caveats_info, &caveats, &bytes));
            }
            number = number == rows[i].min + 3 && rows[i].max > 100 ? rows[i].max - 2 : number;
        }
    }
    struct caveats none = sample_caveats();
    none.purposes = 0;
    assert_error(ERR_BUG, object_encode(&caveats_info, &none, &bytes));
    buffer_free(&bytes);
}

static void lists_have_limits(void **state)
{
    struct id many[CAVEAT_AUDIENCE_MAX + 1];
    struct view views[CAVEAT_AUDIENCE_MAX + 1];
    struct buffer bytes = buffer_init(CAVEATS_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++) {
        memset(many[i].bytes, (int)i, ID_BYTES);
        views[i] = id_view(&many[i]);
    }
    for (size_t count = CAVEAT_AUDIENCE_MAX - 1; count <= CAVEAT_AUDIENCE_MAX + 1; count++) {
        struct caveats caveats = sample_caveats();
        caveats.onward = ONWARD_LISTED;
        caveats.onward_to = (struct views){count, views};
        if (count <= CAVEAT_AUDIENCE_MAX) {
            assert_ok(read_back(&caveats));
        } else {
            assert_error(ERR_BUG, object_encode(&caveats_info, &caveats, &bytes));
        }
    }
    buffer_free(&bytes);
}

static void bytes_that_are_no_caveats_are_refused(void **state)
{
    struct arena *arena = big_arena();
    struct caveats caveats;
    uint8_t large[CAVEATS_MAX_BYTES + 1] = {0};

    (void)state;
    assert_error(ERR_NOT_CANONICAL, caveats_read(view_of(NULL, 0), arena, &caveats));
    assert_error(ERR_NOT_CANONICAL, caveats_read(BYTES("\x80"), arena, &caveats));
    assert_error(ERR_TOO_LARGE, caveats_read(view_of(large, sizeof large), arena, &caveats));
    arena_free(&arena);
}

/* --- sorting ------------------------------------------------------------------------------- */

static void sorting_orders_and_drops_repeated_items(void **state)
{
    struct view items[] = {view_of_text("b"), view_of_text("a"), view_of_text("b"),
                           view_of_text("aa"), view_of_text("")};
    struct views views = {COUNT(items), items};

    (void)state;
    views_sort(&views);
    assert_int_equal(views.count, 4);
    assert_view(items[0], "");
    assert_view(items[1], "a");
    assert_view(items[2], "aa");
    assert_view(items[3], "b");
    assert_true(views_hold(&views, view_of_text("aa")));
    assert_false(views_hold(&views, view_of_text("c")));
    views.count = 0;
    assert_false(views_hold(&views, view_of_text("a")));
    views_sort(&views);
}

/* --- the algebra --------------------------------------------------------------------------- */

static const char *const note_texts[] = {"a", "b", "c", "d"};

/* Few values of each component, so that equal and comparable ones come up often. */
static struct caveats random_caveats(struct dice *dice, struct arena *arena)
{
    struct caveats made = {.tlp = 1 + (int64_t)dice_roll(dice, 4),
                           .onward = (int64_t)dice_roll(dice, ONWARD_COUNT),
                           .depth = (int64_t)dice_roll(dice, 3),
                           .slots = (int64_t)dice_roll(dice, 8),
                           .purposes = 1 + (int64_t)dice_roll(dice, PURPOSE_ALL),
                           .export_mode = (int64_t)dice_roll(dice, 3),
                           .ack = (int64_t)dice_roll(dice, 2),
                           .leave = (int64_t)dice_roll(dice, 3)};
    struct instant *times[] = {&made.not_before, &made.use_until, &made.purge_by, &made.review_by};

    for (size_t i = 0; i < COUNT(times); i++) {
        if (dice_roll(dice, 2) == 0) {
            OBJECT_SET(&made, CAVEAT_NOT_BEFORE + i);
            times[i]->ms = (int64_t)dice_roll(dice, 3) + (i == 0 ? 0 : 10);
        }
    }
    made.onward_to.items = arena_alloc_many(arena, 4, sizeof(struct view));
    made.notes.items = arena_alloc_many(arena, 4, sizeof(struct view));
    for (size_t i = 0; i < 4; i++) {
        if (made.onward >= ONWARD_LISTED && dice_roll(dice, 2) == 0) {
            made.onward_to.items[made.onward_to.count++] = id_views[i];
        }
        if (dice_roll(dice, 3) == 0) {
            made.notes.items[made.notes.count++] = view_of_text(note_texts[i]);
        }
    }
    if (made.onward >= ONWARD_LISTED && made.onward_to.count == 0) {
        made.onward_to.items[made.onward_to.count++] = id_views[0];
    }
    return made;
}

static bool views_equal(const struct views *a, const struct views *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        if (!view_equal(a->items[i], b->items[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

static bool equal(const struct caveats *a, const struct caveats *b)
{
    return a->present == b->present && a->tlp == b->tlp && a->onward == b->onward &&
           views_equal(&a->onward_to, &b->onward_to) && a->depth == b->depth &&
           a->slots == b->slots && a->not_before.ms == b->not_before.ms &&
           a->use_until.ms == b->use_until.ms && a->purge_by.ms == b->purge_by.ms &&
           a->review_by.ms == b->review_by.ms && a->purposes == b->purposes &&
           a->export_mode == b->export_mode && a->ack == b->ack && a->leave == b->leave &&
           views_equal(&a->notes, &b->notes);
}

static struct caveats meet(const struct caveats *a, const struct caveats *b, struct arena *arena)
{
    struct caveats made = {0};

    MUST(caveats_meet(a, b, arena, &made) == OK);
    return made;
}

/* The same but for one component, drawn anew: so that order is often decided by one alone. */
static struct caveats neighbour(const struct caveats *of, struct dice *dice, struct arena *arena)
{
    struct caveats near = *of;
    struct caveats other = random_caveats(dice, arena);

    switch (dice_roll(dice, 8)) {
    case 0:
        near.tlp = other.tlp;
        break;
    case 1:
        near.onward = other.onward;
        near.onward_to = other.onward_to;
        break;
    case 2:
        near.depth = other.depth;
        near.slots = other.slots;
        break;
    case 3:
        near.present = other.present;
        near.not_before = other.not_before;
        near.use_until = other.use_until;
        near.purge_by = other.purge_by;
        near.review_by = other.review_by;
        break;
    case 4:
        near.purposes = other.purposes;
        break;
    case 5:
        near.export_mode = other.export_mode;
        break;
    case 6:
        near.ack = other.ack;
        near.leave = other.leave;
        break;
    default:
        near.notes = other.notes;
        break;
    }
    return near;
}

enum { TRIES = 20000 };

/* W-52 A12: combining two narrow grants never makes a wide one. */
static void A12_the_meet_never_widens(void **state)
{
    struct dice dice = dice_new("meet never widens");
    struct arena *arena = big_arena();

    (void)state;
    for (int i = 0; i < TRIES; i++) {
        arena_clear(arena);
        struct caveats a = random_caveats(&dice, arena);
        struct caveats b =
            dice_roll(&dice, 2) == 0 ? random_caveats(&dice, arena) : neighbour(&a, &dice, arena);
        struct caveats both = meet(&a, &b, arena);
        assert_true(caveats_within(&both, &a));
        assert_true(caveats_within(&both, &b));
    }
    arena_free(&arena);
}

/* W-52 */
static void the_meet_is_associative_commutative_and_idempotent(void **state)
{
    struct dice dice = dice_new("meet laws");
    struct arena *arena = big_arena();

    (void)state;
    for (int i = 0; i < TRIES; i++) {
        arena_clear(arena);
        struct caveats a = random_caveats(&dice, arena);
        struct caveats b = random_caveats(&dice, arena);
        struct caveats c = random_caveats(&dice, arena);
        struct caveats ab = meet(&a, &b, arena);
        struct caveats ba = meet(&b, &a, arena);
        struct caveats bc = meet(&b, &c, arena);
        struct caveats ab_c = meet(&ab, &c, arena);
        struct caveats a_bc = meet(&a, &bc, arena);
        struct caveats aa = meet(&a, &a, arena);
        assert_true(equal(&ab, &ba));
        assert_true(equal(&ab_c, &a_bc));
        assert_true(equal(&aa, &a));
    }
    arena_free(&arena);
}

/* The meet is the widest of all that is within both. */
static void nothing_within_both_is_wider_than_the_meet(void **state)
{
    struct dice dice = dice_new("meet is greatest");
    struct arena *arena = big_arena();
    unsigned held = 0;

    (void)state;
    for (int i = 0; i < TRIES; i++) {
        arena_clear(arena);
        struct caveats a = random_caveats(&dice, arena);
        struct caveats b = neighbour(&a, &dice, arena);
        struct caveats both = meet(&a, &b, arena);
        struct caveats x = neighbour(&both, &dice, arena);
        if (caveats_within(&x, &a) && caveats_within(&x, &b)) {
            held++;
            assert_true(caveats_within(&x, &both));
        }
    }
    assert_true(held > 1000);
    arena_free(&arena);
}

/* W-51 */
static void within_is_a_partial_order(void **state)
{
    struct dice dice = dice_new("within");
    struct arena *arena = big_arena();
    unsigned chains = 0;

    (void)state;
    for (int i = 0; i < TRIES; i++) {
        arena_clear(arena);
        struct caveats a = random_caveats(&dice, arena);
        struct caveats b = neighbour(&a, &dice, arena);
        struct caveats c = neighbour(&b, &dice, arena);
        assert_true(caveats_within(&a, &a));
        if (caveats_within(&a, &b) && caveats_within(&b, &a)) {
            assert_true(equal(&a, &b));
        }
        if (caveats_within(&a, &b) && caveats_within(&b, &c)) {
            chains++;
            assert_true(caveats_within(&a, &c));
        }
        struct caveats both = meet(&a, &b, arena);
        assert_int_equal(caveats_within(&a, &b), equal(&both, &a));
    }
    assert_true(chains > 1000);
    arena_free(&arena);
}

/* A11: each component alone decides. */
static void A11_one_wider_component_is_not_within(void **state)
{
    struct caveats wide = {.tlp = TLP_GREEN,
                           .onward = ONWARD_LISTED,
                           .onward_to = {2, id_views},
                           .depth = 2,
                           .slots = 3,
                           .not_before = {10},
                           .use_until = {20},
                           .purge_by = {30},
                           .review_by = {15},
                           .purposes = PURPOSE_LICENSING | PURPOSE_TRACING,
                           .export_mode = EXPORT_PRINT,
                           .ack = ACK_APPLIED,
                           .leave = LEAVE_RETRACT};
    struct caveats wider[16];
    struct view note = view_of_text("conditions");

    (void)state;
    wide.present = 0x1e0; /* all four times */
    wide.notes = (struct views){1, &note};
    for (size_t i = 0; i < COUNT(wider); i++) {
        wider[i] = wide;
    }
    wider[0].tlp = TLP_CLEAR;
    wider[1].onward = ONWARD_GROUP;
    wider[2].onward_to.count = 3;
    wider[3].depth = 3;
    wider[4].slots = 7;
    wider[5].not_before.ms = 9;
    wider[6].present &= ~((uint64_t)1 << CAVEAT_NOT_BEFORE);
    wider[7].use_until.ms = 21;
    wider[8].present &= ~((uint64_t)1 << CAVEAT_USE_UNTIL);
    wider[9].purge_by.ms = 31;
    wider[10].review_by.ms = 16;
    wider[11].purposes |= PURPOSE_JUDICIAL;
    wider[12].export_mode = EXPORT_FILE;
    wider[13].ack = ACK_STORED;
    wider[14].leave = LEAVE_KEEP;
    wider[15].notes.count = 0;
    assert_true(caveats_within(&wide, &wide));
    for (size_t i = 0; i < COUNT(wider); i++) {
        if (caveats_within(&wider[i], &wide)) {
            fail_msg("case %zu is within", i);
        }
    }
}

static void notes_of_both_together_have_a_limit(void **state)
{
    struct arena *arena = big_arena();
    struct view first[CAVEAT_NOTES_MAX];
    struct view second[1] = {view_of_text("zz")};
    char texts[CAVEAT_NOTES_MAX][3];
    struct caveats a = sample_caveats();
    struct caveats b = sample_caveats();
    struct caveats both;

    (void)state;
    for (size_t i = 0; i < CAVEAT_NOTES_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%02zu", i);
        first[i] = view_of_text(texts[i]);
    }
    b.notes = (struct views){1, second};
    a.notes = (struct views){CAVEAT_NOTES_MAX - 1, first};
    assert_ok(caveats_meet(&a, &b, arena, &both));
    assert_int_equal(both.notes.count, CAVEAT_NOTES_MAX);
    a.notes.count = CAVEAT_NOTES_MAX;
    assert_error(ERR_TOO_LARGE, caveats_meet(&a, &b, arena, &both));
    second[0] = first[0];
    assert_ok(caveats_meet(&a, &b, arena, &both));
    arena_free(&arena);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_caveats_are_read),
        TEST(an_audience_without_its_mode_contradicts),
        TEST(lists_must_ascend),
        TEST(a_note_must_be_text),
        TEST(use_must_end_after_it_begins),
        TEST(clear_with_a_closed_audience_contradicts),
        TEST(red_with_onward_sharing_contradicts),
        TEST(what_is_used_must_not_be_purged_before),
        TEST(numbers_have_limits),
        TEST(lists_have_limits),
        TEST(bytes_that_are_no_caveats_are_refused),
        TEST(sorting_orders_and_drops_repeated_items),
        TEST(A12_the_meet_never_widens),
        TEST(the_meet_is_associative_commutative_and_idempotent),
        TEST(nothing_within_both_is_wider_than_the_meet),
        TEST(within_is_a_partial_order),
        TEST(A11_one_wider_component_is_not_within),
        TEST(notes_of_both_together_have_a_limit),
    };

    return RUN(tests);
}
