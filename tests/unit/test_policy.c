/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "policy.h"

#include <string.h>

static struct arena *arena;
static struct policy_world world;
static struct policy_group groups[3];

static void add_member(const char *state, bool verified, bool self)
{
    struct policy_member *member = &world.members[world.member_count++];

    *member = (struct policy_member){.verified = verified, .self = self};
    member->node = digest(HASH_NODE, view_of_text(state));
    (void)snprintf(member->state, sizeof member->state, "%s", state);
}

static void add_group(const char *name, const char *const *states, size_t count)
{
    struct policy_group *group = &groups[world.group_count++];
    struct id nodes[8];

    memset(group, 0, sizeof *group);
    (void)snprintf(group->name, sizeof group->name, "%s", name);
    group->count = count;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(group->states[i], sizeof group->states[i], "%s", states[i]);
        nodes[i] = digest(HASH_NODE, view_of_text(states[i]));
    }
    group->group = policy_group_id(view_of_text(name), nodes, count);
}

/* We are XMA; XNH, XOR and XTO are verified peers, XPE is not; two groups and an empty one. */
static int set_up(void **state)
{
    static const char *const north[] = {"XMA", "XNH", "XOR"};
    static const char *const mixed[] = {"XNH", "XPE"};

    (void)state;
    arena = big_arena();
    memset(&world, 0, sizeof world);
    world.groups = groups;
    add_member("XTO", true, false);
    add_member("XMA", true, true);
    add_member("XNH", true, false);
    add_member("XPE", false, false);
    add_member("XOR", true, false);
    add_group("NORTH", north, 3);
    add_group("MIXED", mixed, 2);
    add_group("EMPTY", NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

enum { ALL_SECTIONS = (1 << SECTION_SHARED_COUNT) - 1 };

static struct policy_decision decide(const char *handling, const char *who, enum section_id section)
{
    struct policy_request request = {policy_member_find(&world, view_of_text(who)), section,
                                     ALL_SECTIONS};
    struct policy_decision decision;

    memset(&decision, 0x55, sizeof decision);
    policy_decide(json(arena, handling), &world, &request, &decision);
    assert_true(strlen(decision.reason) > 0 && strlen(decision.reason) < POLICY_REASON_BYTES);
    return decision;
}

#define assert_decision(handling, who, section, wanted_permit, wanted_rule)                        \
    do {                                                                                           \
        struct policy_decision got = decide(handling, who, section);                               \
        assert_int_equal(got.permit, wanted_permit);                                               \
        assert_string_equal(policy_rule_name(got.rule), policy_rule_name(wanted_rule));            \
    } while (0)

/* --- decisions, W-80 to W-82 --------------------------------------------------------------- */

static void a_state_reads_what_names_it(void **state)
{
    static const char handling[] =
        "{\"read\":{\"*\":[\"group:NORTH\"],\"restricted\":[\"state:XTO\"]}}";

    (void)state;
    assert_decision(handling, "XNH", SECTION_SUMMARY, true, RULE_GROUP);
    assert_decision(handling, "XNH", SECTION_RESTRICTED, false, RULE_NOT_NAMED);
    assert_decision(handling, "XTO", SECTION_RESTRICTED, true, RULE_STATE);
    assert_decision(handling, "XTO", SECTION_SUMMARY, false, RULE_NOT_NAMED);
}

static void our_own_record_is_ours(void **state)
{
    (void)state;
    assert_decision("{\"read\":{}}", "XMA", SECTION_RESTRICTED, true, RULE_OWN);
    assert_decision("{\"read\":{},\"deny\":[\"state:XMA\"]}", "XMA", SECTION_SUMMARY, true,
                    RULE_OWN);
}

static void deny_always_wins(void **state)
{
    static const char *const handlings[] = {
        "{\"read\":{\"*\":[\"state:XNH\"]},\"deny\":[\"state:XNH\"]}",
        "{\"read\":{\"*\":[\"group:NORTH\"]},\"deny\":[\"state:XNH\"]}",
        "{\"read\":{\"*\":[\"state:XNH\"]},\"deny\":[\"group:NORTH\"]}",
        "{\"read\":{\"*\":[\"group:NORTH\"]},\"deny\":[\"group:NORTH\",\"state:XTO\"]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(handlings); i++) {
        for (int section = 0; section < SECTION_SHARED_COUNT; section++) {
            assert_decision(handlings[i], "XNH", (enum section_id)section, false, RULE_DENIED);
        }
    }
}

static void an_empty_audience_is_nobody(void **state)
{
    (void)state;
    assert_decision("{\"read\":{\"*\":[]}}", "XNH", SECTION_SUMMARY, false, RULE_NOT_NAMED);
    assert_decision("{\"read\":{\"*\":[\"state:XNH\"],\"summary\":[]}}", "XNH", SECTION_SUMMARY,
                    false, RULE_NOT_NAMED);
    assert_decision("{\"read\":{\"*\":[\"group:EMPTY\"]}}", "XNH", SECTION_SUMMARY, false,
                    RULE_NOT_NAMED);
}

/* A03: a policy field omitted, null or of another type denies. */
static void A03_a_missing_or_broken_audience_is_nobody(void **state)
{
    static const char *const handlings[] = {
        "{}",
        "{\"read\":{}}",
        "{\"read\":null}",
        "{\"read\":\"*\"}",
        "{\"read\":[\"state:XNH\"]}",
        "{\"read\":{\"*\":null}}",
        "{\"read\":{\"*\":\"state:XNH\"}}",
        "{\"read\":{\"*\":{}}}",
        "{\"read\":{\"*\":[null,true,7,[],{}]}}",
        "{\"read\":{\"details\":[\"state:XNH\"]}}",
        "{\"READ\":{\"*\":[\"state:XNH\"]}}",
        "{\"read\":{\"**\":[\"state:XNH\"]}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(handlings); i++) {
        struct policy_decision got = decide(handlings[i], "XNH", SECTION_SUMMARY);
        assert_false(got.permit);
    }
}

static void an_unknown_term_never_permits(void **state)
{
    static const char *const terms[] = {"XNH",       "state:XN",    "state:XNHX",   "state:xnh",
                                        "state:",    "state: XNH",  "STATE:XNH",    "house:XNH",
                                        "group:XNH", "group:north", "group:NORTH ", "group:NOWHERE",
                                        "group:",    "Group:NORTH", "gruop:NORTH",  "*",
                                        "",          "state:*",     "group:*",      ":XNH",
                                        "statexXNH", "agency:XNH",  "123456XNH"};

    (void)state;
    for (size_t i = 0; i < COUNT(terms); i++) {
        char handling[100];
        (void)snprintf(handling, sizeof handling, "{\"read\":{\"*\":[\"%s\"]}}", terms[i]);
        for (int section = 0; section < SECTION_SHARED_COUNT; section++) {
            if (decide(handling, "XNH", (enum section_id)section).permit) {
                fail_msg("\"%s\" permits", terms[i]);
            }
        }
    }
}

static void nobody_reads_before_its_number_was_compared(void **state)
{
    (void)state;
    assert_decision("{\"read\":{\"*\":[\"state:XPE\"]}}", "XPE", SECTION_SUMMARY, false,
                    RULE_UNVERIFIED);
    assert_decision("{\"read\":{\"*\":[\"group:MIXED\"]}}", "XPE", SECTION_SUMMARY, false,
                    RULE_UNVERIFIED);
}

static void a_section_without_a_list_is_closed(void **state)
{
    static const char handling[] = "{\"read\":{\"summary\":[\"state:XNH\"]}}";

    (void)state;
    assert_decision(handling, "XNH", SECTION_SUMMARY, true, RULE_STATE);
    assert_decision(handling, "XNH", SECTION_DETAILS, false, RULE_NO_LIST);
}

static void internal_sections_leave_for_nobody(void **state)
{
    (void)state;
    assert_decision("{\"read\":{\"*\":[\"state:XNH\"],\"internal\":[\"state:XNH\"]}}", "XNH",
                    SECTION_INTERNAL, false, RULE_INTERNAL);
    assert_decision("{\"read\":{\"*\":[\"state:XNH\"]}}", "XNH", (enum section_id)99, false,
                    RULE_INTERNAL);
}

static void the_manifest_goes_with_any_other_section(void **state)
{
    static const char handling[] = "{\"read\":{\"restricted\":[\"state:XNH\"]}}";
    struct policy_request request = {policy_member_find(&world, view_of_text("XNH")),
                                     SECTION_MANIFEST, ALL_SECTIONS};
    struct policy_decision decision;

    (void)state;
    assert_decision(handling, "XNH", SECTION_MANIFEST, true, RULE_MANIFEST);
    assert_decision(handling, "XOR", SECTION_MANIFEST, false, RULE_NOT_NAMED);
    /* A section that holds nothing gives nothing to read, so no manifest either. */
    request.present = 1U << SECTION_SUMMARY;
    policy_decide(json(arena, handling), &world, &request, &decision);
    assert_false(decision.permit);
    /* The manifest has no list of its own. */
    assert_decision("{\"read\":{\"manifest\":[\"state:XNH\"]}}", "XNH", SECTION_MANIFEST, false,
                    RULE_NOT_NAMED);
}

static void every_rule_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < RULE_COUNT; i++) {
        assert_true(strlen(policy_rule_name((enum policy_rule)i)) > 2);
    }
    assert_string_equal(policy_rule_name(RULE_COUNT), "?");
}

/* --- refusing handlings, W-83 -------------------------------------------------------------- */

static enum error check(const char *handling)
{
    struct problems problems = {0};
    enum error err = policy_check(json(arena, handling), &world, sample_now, &problems);

    assert_int_equal(problems.count > 0, err != OK);
    assert_error(err, policy_check(json(arena, handling), &world, sample_now, NULL));
    return err;
}

static void whoever_is_named_must_be_known_and_verified(void **state)
{
    static const struct {
        const char *handling;
        enum error wanted;
    } rows[] = {
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"group:NORTH\",\"state:XTO\"]}}", OK},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"state:XMA\"]}}", OK},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"state:NOR\"]}}", ERR_STATE_UNKNOWN},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"state:XPE\"]}}", ERR_PEER_UNVERIFIED},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"group:SOUTH\"]}}", ERR_GROUP_UNKNOWN},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"group:MIXED\"]}}", ERR_PEER_UNVERIFIED},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[],\"details\":[\"state:NOR\"]}}",
         ERR_STATE_UNKNOWN},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{},\"deny\":[\"state:NOR\",\"state:XPE\"]}", OK},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{},\"deny\":[\"group:MIXED\"]}", OK},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{},\"deny\":[\"group:SOUTH\"]}", ERR_GROUP_UNKNOWN},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{},\"onward\":\"listed\",\"onward_to\":[\"state:NOR\"]}",
         ERR_STATE_UNKNOWN},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{\"*\":[\"house:XNH\"]}}", ERR_POLICY_UNKNOWN_TERM},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{},\"deny\":[\"house:XNH\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"{\"tlp\":\"TLP:AMBER\",\"read\":{},\"policy\":\"north\"}", ERR_FIELD_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_error(rows[i].wanted, check(rows[i].handling));
    }
}

static void contradictory_markings_are_refused(void **state)
{
    static const char *const good[] = {
        "{\"tlp\":\"TLP:RED\",\"read\":{\"*\":[\"state:XNH\"]}}",
        "{\"tlp\":\"TLP:RED\",\"read\":{\"*\":[\"state:XNH\"]},\"onward\":\"none\"}",
        "{\"tlp\":\"TLP:CLEAR\",\"read\":{\"*\":[\"group:NORTH\"]},\"onward\":\"consent\"}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{\"*\":[\"group:NORTH\"]},\"onward\":\"group\"}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"listed\",\"onward_to\":[\"state:XTO\"]}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"group\",\"onward_to\":[\"group:NORTH\"]}",
    };
    static const char *const bad[] = {
        "{\"tlp\":\"TLP:RED\",\"read\":{\"*\":[\"group:NORTH\"]}}",
        "{\"tlp\":\"TLP:RED\",\"read\":{\"*\":[],\"details\":[\"group:NORTH\"]}}",
        "{\"tlp\":\"TLP:RED\",\"read\":{\"*\":[\"state:XNH\"]},\"onward\":\"consent\"}",
        "{\"tlp\":\"TLP:CLEAR\",\"read\":{\"*\":[\"group:NORTH\"]}}",
        "{\"tlp\":\"TLP:CLEAR\",\"read\":{\"*\":[\"group:NORTH\"]},\"onward\":\"none\"}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"listed\"}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"listed\",\"onward_to\":[]}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{\"*\":[\"state:XNH\"]},\"onward\":\"group\"}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"consent\",\"onward_to\":[\"state:XNH\"]}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward_to\":[\"state:XNH\"]}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"listed\",\"onward_to\":[\"group:NORTH\"]}",
        "{\"tlp\":\"TLP:GREEN\",\"read\":{},\"onward\":\"group\",\"onward_to\":[\"state:XNH\"]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_ok(check(good[i]));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_error(ERR_POLICY_INVALID, check(bad[i]));
    }
}

/* Issued 2026-03-11. */
static void contradictory_dates_are_refused(void **state)
{
    static const struct {
        const char *dates;
        enum error wanted;
    } rows[] = {
        {"\"not_before\":\"2026-04-01\",\"use_until\":\"2026-04-02\"", OK},
        {"\"not_before\":\"2026-04-01\",\"use_until\":\"2026-04-01\"", ERR_POLICY_INVALID},
        {"\"not_before\":\"2026-04-01\",\"use_until\":\"2026-03-31\"", ERR_POLICY_INVALID},
        {"\"use_until\":\"2026-04-01\",\"purge_by\":\"2026-04-01\"", OK},
        {"\"use_until\":\"2026-04-01\",\"purge_by\":\"2026-03-31\"", ERR_POLICY_INVALID},
        {"\"use_until\":\"2036-03-11\",\"retain\":\"10y\"", OK},
        {"\"use_until\":\"2036-03-12\",\"retain\":\"10y\"", ERR_POLICY_INVALID},
        {"\"use_until\":\"2026-04-10\",\"retain\":\"30d\"", OK},
        {"\"use_until\":\"2026-04-11\",\"retain\":\"30d\"", ERR_POLICY_INVALID},
        {"\"use_until\":\"2027-09-11\",\"retain\":\"18m\"", OK},
        {"\"use_until\":\"2027-09-12\",\"retain\":\"18m\"", ERR_POLICY_INVALID},
        {"\"use_until\":\"2026-04-01\"", OK},
        {"\"purge_by\":\"2026-04-01\"", OK},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char handling[200];
        (void)snprintf(handling, sizeof handling, "{\"tlp\":\"TLP:AMBER\",\"read\":{},%s}",
                       rows[i].dates);
        assert_error(rows[i].wanted, check(handling));
    }
}

/* --- preview ------------------------------------------------------------------------------- */

static struct policy_preview preview_of(const struct value *handling, uint16_t present)
{
    struct policy_preview preview = {0};

    MUST(policy_preview(handling, &world, present, arena, &preview) == OK);
    return preview;
}

static void a_preview_has_a_row_for_each_state_our_own_first(void **state)
{
    static const char *const order[] = {"XMA", "XNH", "XOR", "XPE", "XTO"};
    struct value *handling =
        json(arena, "{\"read\":{\"*\":[\"group:NORTH\"],\"restricted\":[\"state:XNH\"]}}");
    struct policy_preview preview = preview_of(
        handling, 1U << SECTION_MANIFEST | 1U << SECTION_SUMMARY | 1U << SECTION_RESTRICTED);

    (void)state;
    assert_int_equal(preview.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(preview.rows[i].member->state, order[i]);
    }
    assert_int_equal(preview.rows[1].sections,
                     1U << SECTION_MANIFEST | 1U << SECTION_SUMMARY | 1U << SECTION_RESTRICTED);
    assert_int_equal(preview.rows[2].sections, 1U << SECTION_MANIFEST | 1U << SECTION_SUMMARY);
    assert_int_equal(preview.rows[4].sections, 0);
    assert_int_equal(policy_readers(&preview), 2);
}

/* W-86: what was seen is bound to what is sent. */
static void the_hash_of_a_preview_changes_with_any_cell(void **state)
{
    struct value *one = json(arena, "{\"read\":{\"*\":[\"group:NORTH\"]}}");
    struct value *same = json(arena, "{\"read\":{\"*\":[\"state:XOR\",\"state:XNH\"]}}");
    struct value *less =
        json(arena, "{\"read\":{\"*\":[\"group:NORTH\"],\"details\":[\"state:XNH\"]}}");
    struct policy_preview a = preview_of(one, ALL_SECTIONS);
    struct policy_preview b = preview_of(same, ALL_SECTIONS);
    struct policy_preview c = preview_of(less, ALL_SECTIONS);
    struct policy_preview d = preview_of(one, ALL_SECTIONS & ~(1U << SECTION_DETAILS));

    (void)state;
    assert_true(id_equal(&a.hash, &b.hash)); /* the same readers, said otherwise */
    assert_false(id_equal(&a.hash, &c.hash));
    assert_false(id_equal(&a.hash, &d.hash));
    world.members[2].node.bytes[0] ^= 1; /* another node behind the same name */
    struct policy_preview e = preview_of(one, ALL_SECTIONS);
    assert_false(id_equal(&a.hash, &e.hash));
}

static void the_order_of_the_peers_does_not_matter(void **state)
{
    struct value *handling = json(arena, "{\"read\":{\"*\":[\"group:NORTH\"]}}");
    struct policy_preview a = preview_of(handling, ALL_SECTIONS);
    struct id hash = a.hash;
    struct policy_member kept = world.members[0];

    (void)state;
    world.members[0] = world.members[4];
    world.members[4] = kept;
    struct policy_preview b = preview_of(handling, ALL_SECTIONS);
    assert_true(id_equal(&hash, &b.hash));
}

/* --- random policies ----------------------------------------------------------------------- */

static const char *const state_names[] = {"XMA", "XNH", "XOR", "XTO", "XPE"};
static const char *const group_names[] = {"NORTH", "MIXED", "EMPTY"};
/* Terms that can be typed, and some that name nobody. */
static const char *const term_names[] = {
    "state:XNH", "state:XOR",   "state:XTO",   "state:XPE",   "state:XMA",
    "state:NOR", "group:NORTH", "group:MIXED", "group:EMPTY", "group:SOUTH",
    "",          "XNH",         "house:XNH"};

/* New members and verifications: who is where changes, the names stay. */
static void shuffle_world(struct dice *dice)
{
    for (size_t i = 0; i < world.member_count; i++) {
        world.members[i].verified = dice_roll(dice, 4) != 0;
    }
    world.group_count = 0;
    for (size_t g = 0; g < COUNT(group_names); g++) {
        const char *states[5];
        size_t count = 0;
        for (size_t i = 0; i < COUNT(state_names); i++) {
            if (g != 2 && dice_roll(dice, 2) == 0) {
                states[count++] = state_names[i];
            }
        }
        add_group(group_names[g], states, count);
    }
}

static struct value *random_list(struct dice *dice)
{
    struct value *list = value_list(arena);
    uint64_t count = dice_roll(dice, 4);

    for (uint64_t i = 0; i < count; i++) {
        MUST(value_append(arena, list,
                          value_string(arena, term_names[dice_roll(dice, COUNT(term_names))])) ==
             OK);
    }
    return list;
}

static struct value *random_handling(struct dice *dice)
{
    struct value *handling = value_map(arena);
    struct value *read = value_map(arena);

    if (dice_roll(dice, 4) != 0) {
        MUST(value_put(arena, read, "*", random_list(dice)) == OK);
    }
    for (int s = SECTION_SUMMARY; s < SECTION_SHARED_COUNT; s++) {
        if (dice_roll(dice, 3) == 0) {
            MUST(value_put(arena, read, section_name((enum section_id)s), random_list(dice)) == OK);
        }
    }
    MUST(value_put(arena, handling, "read", read) == OK);
    if (dice_roll(dice, 2) == 0) {
        MUST(value_put(arena, handling, "deny", random_list(dice)) == OK);
    }
    return handling;
}

/* The rules of protocol.md section 8, written again without looking at policy.c. */
static bool group_term_names(size_t g, struct view term, const struct policy_member *member)
{
    char name[64];
    bool member_of = false;

    (void)snprintf(name, sizeof name, "group:%.40s", groups[g].name);
    for (size_t k = 0; k < groups[g].count; k++) {
        member_of = member_of || strcmp(groups[g].states[k], member->state) == 0;
    }
    return view_is(term, name) && member_of;
}

static bool list_names(const struct value *list, const struct policy_member *member)
{
    char wanted[16];
    bool named = false;

    (void)snprintf(wanted, sizeof wanted, "state:%s", member->state);
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        named = named || view_is(list->items[i]->bytes, wanted);
        for (size_t g = 0; g < world.group_count; g++) {
            named = named || group_term_names(g, list->items[i]->bytes, member);
        }
    }
    return named;
}

static bool oracle(const struct value *handling, const struct policy_member *member, int section,
                   unsigned present)
{
    const struct value *read = value_get(handling, "read");
    const struct value *own = value_get(read, section_name((enum section_id)section));

    if (member->self) {
        return true;
    }
    if (!member->verified || list_names(value_get(handling, "deny"), member)) {
        return false;
    }
    if (section == SECTION_MANIFEST) {
        for (int s = SECTION_SUMMARY; s < SECTION_SHARED_COUNT; s++) {
            if ((present >> s & 1U) != 0 && oracle(handling, member, s, present)) {
                return true;
            }
        }
        return false;
    }
    return list_names(own != NULL ? own : value_get(read, "*"), member);
}

/* 1,000 random policies and memberships: the table, the decision and the rules agree. */
static void a_preview_is_the_decision_in_each_cell(void **state)
{
    struct dice dice = dice_new("policy");
    unsigned permitted = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        arena_clear(arena);
        shuffle_world(&dice);
        struct value *handling = random_handling(&dice);
        uint16_t present = (uint16_t)(dice_roll(&dice, ALL_SECTIONS + 1) | 1U);
        struct policy_preview preview = preview_of(handling, present);
        for (size_t r = 0; r < preview.count; r++) {
            const struct policy_row *row = &preview.rows[r];
            for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
                struct policy_request request = {row->member, (enum section_id)s, present};
                struct policy_decision decision;
                policy_decide(handling, &world, &request, &decision);
                bool wanted = oracle(handling, row->member, s, present);
                assert_int_equal(decision.permit, wanted);
                assert_int_equal(row->why[s].permit, wanted);
                assert_int_equal(row->why[s].rule, decision.rule);
                assert_int_equal(row->sections >> s & 1U, wanted && (present >> s & 1U) != 0);
                permitted += wanted && !row->member->self;
            }
        }
    }
    assert_true(permitted > 1000);
}

/* --- groups -------------------------------------------------------------------------------- */

/* W-85 */
static void a_group_is_its_name_and_its_members(void **state)
{
    struct id nodes[3] = {{{3}}, {{1}}, {{2}}};
    struct id again[3] = {{{1}}, {{2}}, {{3}}};
    struct id a = policy_group_id(view_of_text("NORTH"), nodes, 3);
    struct id b = policy_group_id(view_of_text("NORTH"), again, 3);
    struct id c = policy_group_id(view_of_text("NORT"), again, 3);
    struct id d = policy_group_id(view_of_text("NORTH"), again, 2);

    (void)state;
    assert_true(id_equal(&a, &b));
    assert_false(id_equal(&a, &c));
    assert_false(id_equal(&a, &d));
}

static void members_and_groups_are_found_by_name(void **state)
{
    (void)state;
    assert_string_equal(policy_member_find(&world, view_of_text("XTO"))->state, "XTO");
    assert_null(policy_member_find(&world, view_of_text("xto")));
    assert_null(policy_member_find(&world, view_of_text("")));
    assert_string_equal(policy_group_find(&world, view_of_text("NORTH"))->name, "NORTH");
    assert_null(policy_group_find(&world, view_of_text("NORT")));
    assert_true(policy_term_is_group(view_of_text("group:NORTH")));
    assert_false(policy_term_is_group(view_of_text("group:")));
    assert_view(policy_term_name(view_of_text("state:XTO")), "XTO");
    assert_int_equal(policy_term_name(view_of_text("state:")).size, 0);
    assert_int_equal(policy_term_name(view_of_text("house:XTO")).size, 0);
}

static void a_preview_needs_room(void **state)
{
    struct arena *small = arena_new(1000);
    struct policy_preview preview = {0};

    (void)state;
    assert_error(ERR_TOO_LARGE,
                 policy_preview(json(arena, "{\"read\":{}}"), &world, 1, small, &preview));
    arena_free(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_state_reads_what_names_it),
        TEST(our_own_record_is_ours),
        TEST(deny_always_wins),
        TEST(an_empty_audience_is_nobody),
        TEST(A03_a_missing_or_broken_audience_is_nobody),
        TEST(an_unknown_term_never_permits),
        TEST(nobody_reads_before_its_number_was_compared),
        TEST(a_section_without_a_list_is_closed),
        TEST(internal_sections_leave_for_nobody),
        TEST(the_manifest_goes_with_any_other_section),
        TEST(every_rule_has_a_name),
        TEST(whoever_is_named_must_be_known_and_verified),
        TEST(contradictory_markings_are_refused),
        TEST(contradictory_dates_are_refused),
        TEST(a_preview_has_a_row_for_each_state_our_own_first),
        TEST(the_hash_of_a_preview_changes_with_any_cell),
        TEST(the_order_of_the_peers_does_not_matter),
        TEST(a_preview_is_the_decision_in_each_cell),
        TEST(a_group_is_its_name_and_its_members),
        TEST(members_and_groups_are_found_by_name),
        TEST(a_preview_needs_room),
    };

    return RUN(tests);
}
