/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include <string.h>

static const char *const denial = "DN-XMA-2026-0014";
static const char *const alert = "BA-XMA-2026-0005";
static const char *const found = "DC-XPE-2026-0002";

/* --- denials ------------------------------------------------------------------------------- */

static void a_denial_is_dated_before_it_is_issued_and_ends_after(void **state)
{
    static const struct change rows[] = {
        {"/body/denied_on", "\"2026-03-11\"", OK},
        {"/body/denied_on", "\"2026-03-12\"", ERR_RECORD_CONFLICT},
        {"/body/active_until", "\"2026-03-03\"", OK},
        {"/body/active_until", "\"2026-03-02\"", ERR_RECORD_CONFLICT},
        {"/body/active_until", "\"2025-01-01\"", ERR_RECORD_CONFLICT},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

static void a_denial_names_a_consignee_or_an_end_user(void **state)
{
    struct value *record = sample_record(arena, denial);

    (void)state;
    set_at(arena, record, "/body/parties/1/role", json_value(arena, "\"broker\""));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
    set_at(arena, record, "/body/parties/2/role", json_value(arena, "\"supplier\""));
    assert_error(ERR_FIELD_MISSING, record_check(record, RECORD_OWN, arena, NULL, NULL));
    set_at(arena, record, "/body/denial_type",
           json_value(arena, "\"broker_registration_refused\""));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
}

static void grounds_belong_to_their_scheme(void **state)
{
    static const struct change rows[] = {
        {"/body/grounds/0/code", "\"ATT-7.1.a\"", OK},
        {"/body/grounds/0/code", "\"EU-7\"", ERR_FIELD_VALUE},
        {"/body/grounds/0/code", "\"ATT-99\"", ERR_FIELD_VALUE},
        {"/body/grounds/1/code", "\"EU-2a\"", OK},
        {"/body/grounds/1/code", "\"ATT-11.2\"", ERR_FIELD_VALUE},
        {"/body/grounds/0", "{\"scheme\":\"NATIONAL\",\"code\":\"anything\",\"threshold\":\"t\"}",
         OK},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

static void an_embargo_that_is_a_ground_is_named(void **state)
{
    struct value *record = sample_record(arena, denial);
    struct problems problems = {0};

    (void)state;
    set_at(arena, record, "/body/grounds/0/code", json_value(arena, "\"ATT-6.1\""));
    assert_error(ERR_FIELD_MISSING, record_check(record, RECORD_OWN, arena, &problems, NULL));
    assert_string_equal(problems.items[0].where, "/body/embargo_ref");
    set_at(arena, record, "/body/embargo_ref", json_value(arena, "\"UNSCR 9999\""));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
}

/* R-37 of records.md: mitigation is weighed before the overriding risk is found. */
static void steps_of_an_assessment_stand_in_their_order(void **state)
{
    static const struct change rows[] = {
        {"/body/assessment",
         "{\"steps\":[{\"n\":1,\"finding\":\"a\"},{\"n\":2,\"finding\":\"b\"}]}", OK},
        {"/body/assessment",
         "{\"steps\":[{\"n\":2,\"finding\":\"a\"},{\"n\":1,\"finding\":\"b\"}]}",
         ERR_RECORD_CONFLICT},
        {"/body/assessment",
         "{\"steps\":[{\"n\":2,\"finding\":\"a\"},{\"n\":2,\"finding\":\"b\"}]}",
         ERR_RECORD_CONFLICT},
        {"/body/assessment", "{\"steps\":[{\"n\":7,\"finding\":\"a\"}]}", ERR_FIELD_VALUE},
    };
    struct problems problems;
    struct problems with;
    struct problems without;

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
    assert_ok(check_change(arena, denial, "/body/assessment",
                           "{\"overriding_risk\":true,\"steps\":[{\"n\":5,\"finding\":\"a\"}]}",
                           &problems, &with));
    assert_ok(check_change(arena, denial, "/body/assessment",
                           "{\"overriding_risk\":true,\"steps\":[{\"n\":4,\"finding\":\"a\"}]}",
                           &problems, &without));
    assert_int_equal(without.count, with.count + 1);
}

/* Records.md section 3.5: Articles 10 and 11 cover arms of Article 2 (1) only. */
static void a_scope_that_no_item_has_is_warned_of(void **state)
{
    struct value *record = sample_record(arena, denial);
    struct problems good = {0};
    struct problems bad = {0};

    (void)state;
    set_at(arena, record, "/body/legal_basis", json_value(arena, "[\"ATT-11.4\"]"));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, &good));
    set_at(arena, record, "/body/items/0/att", json_value(arena, "\"ATT-3\""));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, &bad));
    assert_int_equal(bad.count, good.count + 1);
    set_at(arena, record, "/body/legal_basis", json_value(arena, "[\"VOLUNTARY\"]"));
    memset(&bad, 0, sizeof bad);
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, &bad));
    assert_int_equal(bad.count, good.count);
}

/* --- alerts -------------------------------------------------------------------------------- */

static void an_alert_alleges_a_core_act_or_says_that_it_does_not(void **state)
{
    static const struct change rows[] = {
        {"/body/conduct", "[{\"subject\":\"S1\",\"code\":\"C01\"}]", OK},
        {"/body/conduct", "[{\"subject\":\"S1\",\"code\":\"C06\"}]", ERR_RECORD_CONFLICT},
        {"/body/conduct", "[{\"subject\":\"S9\",\"code\":\"C01\"}]", ERR_RECORD_CONFLICT},
        {"/body/conduct", "[]", ERR_FIELD_VALUE},
        {"/body/conduct", NULL, ERR_FIELD_MISSING},
    };
    struct value *record = sample_record(arena, alert);

    (void)state;
    set_at(arena, record, "/body/conduct",
           json_value(arena, "[{\"subject\":\"S1\",\"code\":\"C06\"}]"));
    set_at(arena, record, "/body/indicator_only", json_value(arena, "true"));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
    check_changes(arena, alert, rows, COUNT(rows));
}

static void an_alert_ends_within_24_months(void **state)
{
    static const struct change rows[] = {
        {"/handling/use_until", "\"2028-03-12\"", OK},
        {"/handling/use_until", "\"2028-03-13\"", ERR_RECORD_CONFLICT},
        {"/handling/use_until", NULL, ERR_FIELD_MISSING},
    };

    (void)state;
    check_changes(arena, alert, rows, COUNT(rows));
}

static void a_withdrawn_alert_says_why(void **state)
{
    struct value *record = sample_record(arena, alert);

    (void)state;
    set_at(arena, record, "/body/status", json_value(arena, "\"withdrawn\""));
    assert_error(ERR_FIELD_MISSING, record_check(record, RECORD_OWN, arena, NULL, NULL));
    set_at(arena, record, "/body/withdrawal",
           json_value(arena, "{\"reason\":\"homonym\",\"effective\":\"2026-04-01\"}"));
    set_at(arena, record, "/body/conduct", NULL);
    set_at(arena, record, "/handling/use_until", NULL);
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
}

/* --- cases --------------------------------------------------------------------------------- */

static void a_closed_case_says_how_it_ended(void **state)
{
    struct value *record = sample_record(arena, found);

    (void)state;
    set_at(arena, record, "/body/status", json_value(arena, "\"closed\""));
    assert_error(ERR_FIELD_MISSING, record_check(record, RECORD_OWN, arena, NULL, NULL));
    set_at(arena, record, "/body/outcome", json_value(arena, "{\"closed_on\":\"2026-05-01\"}"));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
}

static void a_case_is_noticed_before_it_is_issued(void **state)
{
    static const struct change rows[] = {
        {"/body/detected_on", "\"2026-04-14\"", OK},
        {"/body/detected_on", "\"2026-04-15\"", ERR_RECORD_CONFLICT},
        {"/body/detected_on", "\"2026-04\"", OK}, /* may lie before */
    };

    (void)state;
    check_changes(arena, found, rows, COUNT(rows));
}

static void links_of_custody_stand_in_order_of_number_and_year(void **state)
{
    static const struct change rows[] = {
        {"/body/custody_chain/1/seq", "1", ERR_RECORD_CONFLICT},
        {"/body/custody_chain/1/seq", "3", ERR_RECORD_CONFLICT},
        {"/body/custody_chain/2/seq", "9", OK},
        {"/body/custody_chain/1/on", "\"2018\"", ERR_RECORD_CONFLICT},
        {"/body/custody_chain/1/on", "\"2019\"", OK},
        {"/body/custody_chain/0/on", "\"2019-12\"", OK}, /* a year alone may lie later in it */
        {"/body/custody_chain/0/on", NULL, OK},
        {"/body/custody_chain", "[]", OK},
    };

    (void)state;
    check_changes(arena, found, rows, COUNT(rows));
}

/* Rules between fields say nothing when a field is missing or of another kind. */
/* --- of every kind ------------------------------------------------------------------------- */

static void a_form_that_was_not_filled_in_is_refused(void **state)
{
    static const struct change rows[] = {
        {"/body/national_ref", "\"…\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"………\"", ERR_FIELD_VALUE},
        {"/body/parties/0/names/0/name", "\"……\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"… and more\"", OK},
        {"/body/national_ref", "\"...\"", OK},
    };
    struct problems problems = {0};
    struct value *record = sample_record(arena, denial);

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
    set_at(arena, record, "/body/parties/0/names/0/name", json_value(arena, "\"…\""));
    assert_error(ERR_FIELD_VALUE, record_check(record, RECORD_OWN, arena, &problems, NULL));
    assert_string_equal(problems.items[0].where, "/body/parties/0/names/0/name");
}

static void a_record_names_somebody_who_may_read_it(void **state)
{
    static const struct change rows[] = {
        {"/handling/read", "{}", ERR_AUDIENCE_EMPTY},
        {"/handling/read", "{\"*\":[],\"restricted\":[]}", ERR_AUDIENCE_EMPTY},
        {"/handling/read", "{\"*\":[],\"parties\":[\"state:XNH\"]}", OK},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

static void a_field_that_is_moved_stands_there(void **state)
{
    static const struct change rows[] = {
        {"/handling/fields", "{\"/parties/3\":\"restricted\"}", OK},
        {"/handling/fields", "{\"/parties/4\":\"restricted\"}", ERR_FIELD_VALUE},
        {"/handling/fields", "{\"/embargo_ref\":\"restricted\"}", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

static void rules_survive_records_without_their_fields(void **state)
{
    static const char *const schemas[] = {"valise/denial/1", "valise/broker-alert/1",
                                          "valise/diversion-case/1"};
    static const char *const bodies[] = {"null",
                                         "7",
                                         "[]",
                                         "{}",
                                         "{\"parties\":7,\"grounds\":{}}",
                                         "{\"subjects\":[7],\"conduct\":[null]}",
                                         "{\"conduct\":[{}],\"subjects\":[{}],\"status\":7}",
                                         "{\"custody_chain\":[[],7,{}],\"materiel\":[7]}",
                                         "{\"assessment\":{\"steps\":[7]},\"items\":[null]}"};

    (void)state;
    for (size_t s = 0; s < COUNT(schemas); s++) {
        for (size_t b = 0; b < COUNT(bodies); b++) {
            const char *text = arena_printf(arena, "{\"schema\":\"%s\",\"handling\":7,\"body\":%s}",
                                            schemas[s], bodies[b]);
            struct problems problems = {0};
            struct problems warnings = {0};
            enum error err =
                record_check(json(arena, text), RECORD_OWN, arena, &problems, &warnings);
            assert_true(err != OK && problems.count > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_denial_is_dated_before_it_is_issued_and_ends_after),
        TEST(a_denial_names_a_consignee_or_an_end_user),
        TEST(grounds_belong_to_their_scheme),
        TEST(an_embargo_that_is_a_ground_is_named),
        TEST(steps_of_an_assessment_stand_in_their_order),
        TEST(a_scope_that_no_item_has_is_warned_of),
        TEST(an_alert_alleges_a_core_act_or_says_that_it_does_not),
        TEST(an_alert_ends_within_24_months),
        TEST(a_withdrawn_alert_says_why),
        TEST(a_closed_case_says_how_it_ended),
        TEST(a_case_is_noticed_before_it_is_issued),
        TEST(links_of_custody_stand_in_order_of_number_and_year),
        TEST(a_form_that_was_not_filled_in_is_refused),
        TEST(a_record_names_somebody_who_may_read_it),
        TEST(a_field_that_is_moved_stands_there),
        TEST(rules_survive_records_without_their_fields),
    };

    return RUN(tests);
}
