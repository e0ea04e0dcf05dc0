/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "policy_caveats.h"

#include <string.h>

static struct arena *arena;
static struct policy_world world;
static struct policy_group group;

static int set_up(void **state)
{
    static const char *const states[] = {"XMA", "XNH", "XOR"};

    (void)state;
    arena = big_arena();
    memset(&world, 0, sizeof world);
    memset(&group, 0, sizeof group);
    for (size_t i = 0; i < COUNT(states); i++) {
        struct policy_member *member = &world.members[world.member_count++];
        member->node = digest(HASH_NODE, view_of_text(states[i]));
        member->verified = true;
        (void)snprintf(member->state, sizeof member->state, "%s", states[i]);
    }
    (void)snprintf(group.name, sizeof group.name, "NORTH");
    group.group = digest(HASH_GROUP, view_of_text("NORTH"));
    world.groups = &group;
    world.group_count = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct caveats caveats_of(const char *handling)
{
    struct caveats caveats = {0};

    MUST(policy_caveats(json(arena, handling), &world, arena, &caveats) == OK);
    return caveats;
}

/* W-84: nothing said means the narrowest. */
static void a_handling_that_says_nothing_gives_the_narrowest(void **state)
{
    struct caveats caveats = caveats_of("{}");

    (void)state;
    assert_true(caveats.tlp == TLP_RED && caveats.onward == ONWARD_NONE);
    assert_true(caveats.purposes == PURPOSE_LICENSING && caveats.export_mode == EXPORT_NONE);
    assert_true(caveats.ack == ACK_STORED && caveats.leave == LEAVE_KEEP);
    assert_true(caveats.slots == 0 && caveats.depth == 0 && caveats.present == 0);
    assert_int_equal(caveats.onward_to.count + caveats.notes.count, 0);
}

static void every_word_has_its_number(void **state)
{
    struct caveats caveats = caveats_of(
        "{\"tlp\":\"TLP:GREEN\",\"onward\":\"consent\",\"purpose\":[\"judicial\",\"tracing\"],"
        "\"export\":\"file\",\"ack\":\"applied\",\"leave\":\"purge\"}");

    (void)state;
    assert_true(caveats.tlp == TLP_GREEN && caveats.onward == ONWARD_CONSENT);
    assert_true(caveats.purposes == (PURPOSE_JUDICIAL | PURPOSE_TRACING));
    assert_true(caveats.export_mode == EXPORT_FILE && caveats.ack == ACK_APPLIED);
    assert_true(caveats.leave == LEAVE_PURGE);
}

/* A word that is not known never widens. */
static void unknown_words_give_the_narrowest(void **state)
{
    struct caveats caveats = caveats_of(
        "{\"tlp\":\"TLP:WHITE\",\"onward\":\"all\",\"purpose\":[\"any\"],\"export\":\"all\"}");

    (void)state;
    assert_true(caveats.tlp == TLP_RED && caveats.onward == ONWARD_NONE);
    assert_true(caveats.purposes == PURPOSE_LICENSING && caveats.export_mode == EXPORT_NONE);
}

static void an_onward_audience_is_resolved_to_ids(void **state)
{
    struct caveats listed = caveats_of("{\"onward\":\"listed\",\"onward_to\":[\"state:XOR\","
                                       "\"state:XNH\",\"state:XOR\"]}");
    struct caveats to_group = caveats_of("{\"onward\":\"group\",\"onward_to\":[\"group:NORTH\"]}");
    struct caveats readers =
        caveats_of("{\"onward\":\"group\",\"read\":{\"*\":[\"state:XNH\",\"group:NORTH\"]}}");

    (void)state;
    assert_int_equal(listed.onward_to.count, 2);
    assert_true(view_compare(listed.onward_to.items[0], listed.onward_to.items[1]) < 0);
    assert_true(views_hold(&listed.onward_to, id_view(&world.members[1].node)));
    assert_int_equal(to_group.onward_to.count, 1);
    assert_views_equal(to_group.onward_to.items[0], id_view(&group.group));
    assert_views_equal(readers.onward_to.items[0], id_view(&group.group));
}

static void an_onward_term_that_names_nobody_is_left_out(void **state)
{
    static const char *const bad[] = {"state:XTO", "group:SOUTH", "house:XNH", "XNH", ""};
    struct caveats caveats;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char handling[100];
        (void)snprintf(handling, sizeof handling, "{\"onward\":\"listed\",\"onward_to\":[\"%s\"]}",
                       bad[i]);
        assert_ok(policy_caveats(json(arena, handling), &world, arena, &caveats));
        assert_int_equal(caveats.onward_to.count, 0);
        assert_int_equal(caveats.onward, ONWARD_NONE);
    }
    assert_ok(policy_caveats(json(arena, "{\"onward\":\"listed\",\"onward_to\":[\"state:XTO\","
                                         "\"state:XNH\"]}"),
                             &world, arena, &caveats));
    assert_int_equal(caveats.onward_to.count, 1);
    assert_int_equal(caveats.onward, ONWARD_LISTED);
}

/* A date includes its whole day; the bound is the first moment after it. */
static void dates_include_their_whole_day(void **state)
{
    struct caveats caveats =
        caveats_of("{\"not_before\":\"2026-04-01\",\"use_until\":\"2026-04-02\","
                   "\"purge_by\":\"2026-04-03\",\"review_by\":\"2026-04-04\"}");
    struct instant first = {0};

    (void)state;
    assert_ok(date_parse(view_of_text("2026-04-01"), &first));
    assert_true(caveats.not_before.ms == first.ms);
    assert_true(caveats.use_until.ms == first.ms + 2 * DAY_MS);
    assert_true(caveats.purge_by.ms == first.ms + 3 * DAY_MS);
    assert_true(caveats.review_by.ms == first.ms + 4 * DAY_MS);
    assert_true(caveats.present == 0x1e0);
}

static void notes_are_sorted_and_limited(void **state)
{
    struct caveats caveats = caveats_of("{\"caveats\":[\"b\",\"a\",\"b\"]}");
    struct value *handling = value_map(arena);
    struct value *notes = value_list(arena);

    (void)state;
    assert_int_equal(caveats.notes.count, 2);
    assert_view(caveats.notes.items[0], "a");
    for (size_t i = 0; i <= CAVEAT_NOTES_MAX; i++) {
        assert_ok(value_append(arena, notes, value_string(arena, arena_printf(arena, "%zu", i))));
        assert_ok(value_put(arena, handling, "caveats", notes));
        assert_error(i < CAVEAT_NOTES_MAX ? OK : ERR_TOO_LARGE,
                     policy_caveats(handling, &world, arena, &caveats));
    }
}

static void more_onward_terms_than_fit_are_too_large(void **state)
{
    struct value *handling = json(arena, "{\"onward\":\"listed\"}");
    struct value *to = value_list(arena);
    struct caveats caveats;

    (void)state;
    assert_ok(value_put(arena, handling, "onward_to", to));
    for (size_t i = 0; i <= CAVEAT_AUDIENCE_MAX; i++) {
        assert_ok(value_append(arena, to, value_string(arena, "state:XNH")));
        if (i >= CAVEAT_AUDIENCE_MAX - 2) {
            assert_error(i < CAVEAT_AUDIENCE_MAX ? OK : ERR_TOO_LARGE,
                         policy_caveats(handling, &world, arena, &caveats));
        }
    }
}

/* Treaty Article 12 (4) asks for ten years at least. */
static void records_are_kept_ten_to_a_hundred_years(void **state)
{
    static const struct {
        const char *handling;
        int64_t years;
    } rows[] = {{"{}", 10},
                {"{\"retain\":\"1d\"}", 10},
                {"{\"retain\":\"10y\"}", 10},
                {"{\"retain\":\"11y\"}", 11},
                {"{\"retain\":\"121m\"}", 11},
                {"{\"retain\":\"9999d\"}", 28},
                {"{\"retain\":\"100y\"}", 100},
                {"{\"retain\":\"9999y\"}", 100},
                {"{\"retain\":\"9999m\"}", 100}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t years = policy_retention_years(json(arena, rows[i].handling));
        if (years != rows[i].years) {
            fail_msg("%s gave %lld", rows[i].handling, (long long)years);
        }
    }
}

/* What a receiver is shown says the same again. */
static void described_caveats_give_the_same_caveats(void **state)
{
    static const char *const handlings[] = {
        "{}",
        "{\"tlp\":\"TLP:AMBER+STRICT\",\"onward\":\"listed\",\"onward_to\":[\"state:XNH\"],"
        "\"purpose\":[\"enforcement\",\"licensing\"],\"not_before\":\"2026-04-01\","
        "\"use_until\":\"2026-12-31\",\"purge_by\":\"2027-01-01\",\"review_by\":\"2026-06-30\","
        "\"export\":\"print\",\"ack\":\"applied\",\"leave\":\"retract\",\"caveats\":[\"x\",\"y\"]}",
        "{\"tlp\":\"TLP:GREEN\",\"onward\":\"group\",\"onward_to\":[\"group:NORTH\"]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(handlings); i++) {
        struct caveats caveats = caveats_of(handlings[i]);
        struct caveats again = {0};
        struct value *described = NULL;
        assert_ok(policy_describe(&caveats, &world, arena, &described));
        assert_ok(policy_caveats(described, &world, arena, &again));
        assert_true(caveats_within(&caveats, &again) && caveats_within(&again, &caveats));
        assert_true(caveats.present == again.present);
    }
}

static void an_id_that_nobody_here_knows_stays_an_id(void **state)
{
    struct id stranger = digest(HASH_NODE, view_of_text("stranger"));
    struct view to = id_view(&stranger);
    struct caveats caveats = sample_caveats();
    struct value *described = NULL;
    char text[ID_TEXT_BYTES];
    char wanted[80];

    (void)state;
    caveats.onward = ONWARD_LISTED;
    caveats.onward_to = (struct views){1, &to};
    assert_ok(policy_describe(&caveats, &world, arena, &described));
    (void)snprintf(wanted, sizeof wanted, "id:%s", id_format(&stranger, text));
    assert_view(value_get(described, "onward_to")->items[0]->bytes, wanted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_handling_that_says_nothing_gives_the_narrowest),
        TEST(every_word_has_its_number),
        TEST(unknown_words_give_the_narrowest),
        TEST(an_onward_audience_is_resolved_to_ids),
        TEST(an_onward_term_that_names_nobody_is_left_out),
        TEST(dates_include_their_whole_day),
        TEST(notes_are_sorted_and_limited),
        TEST(more_onward_terms_than_fit_are_too_large),
        TEST(records_are_kept_ten_to_a_hundred_years),
        TEST(described_caveats_give_the_same_caveats),
        TEST(an_id_that_nobody_here_knows_stays_an_id),
    };

    return RUN(tests);
}
