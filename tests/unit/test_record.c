/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <string.h>

/* --- kinds and tables ---------------------------------------------------------------------- */

static void kinds_are_found_by_name_schema_and_prefix(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)state;
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(record_kind_find(view_of_text(kinds[i].kind)), &kinds[i]);
        assert_ptr_equal(record_kind_find(view_of_text(kinds[i].schema)), &kinds[i]);
        assert_ptr_equal(record_kind_find(view_of_text(kinds[i].prefix)), &kinds[i]);
    }
    assert_null(record_kind_find(view_of_text("Denial")));
    assert_null(record_kind_find(view_of_text("")));
}

/* Walk all objects; each must be sound. */
static void check_table(const struct record_object *object, unsigned depth)
{
    assert_true(depth < 8);
    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        assert_true(field->help[0] != '\0');
        assert_ptr_equal(record_field_find(object, view_of_text(field->name)), field);
        assert_true(field->index < INDEX_FIELD_COUNT && field->section <= SECTION_INHERIT);
        if (field->type == FIELD_CODE) {
            assert_non_null(code_list_info(field->codes)->items);
        }
        if (field->type == FIELD_TEXT || field->type == FIELD_LINES || field->type == FIELD_NAME) {
            assert_true(field->min >= 1 && field->max >= field->min);
        }
        if (field->type == FIELD_OBJECT && field->object != NULL) {
            check_table(field->object, depth + 1);
        }
    }
}

static void every_field_of_every_table_is_sound(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)state;
    check_table(record_envelope(), 0);
    check_table(record_handling(), 0);
    for (size_t i = 0; i < count; i++) {
        check_table(kinds[i].body, 0);
    }
}

static void what_is_internal_is_said_to_be(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(record_field_find(kinds[i].body, view_of_text("internal_notes"))->section,
                         SECTION_INTERNAL);
        assert_int_equal(record_field_find(kinds[i].body, view_of_text("officer"))->section,
                         SECTION_INTERNAL);
    }
    assert_int_equal(record_field_find(record_envelope(), view_of_text("handling"))->section,
                     SECTION_INTERNAL);
}

static void a_field_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    assert_null(record_field_find(record_envelope(), view_of_text("refer")));
    assert_null(record_field_find(record_envelope(), view_of_text("")));
}

static void sections_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < SECTION_COUNT; i++) {
        enum section_id section = SECTION_COUNT;
        assert_true(section_find(view_of_text(section_name((enum section_id)i)), &section));
        assert_int_equal(section, i);
    }
    enum section_id untouched = SECTION_DETAILS;
    assert_false(section_find(view_of_text("*"), &untouched));
    assert_false(section_find(view_of_text("Summary"), &untouched));
    assert_int_equal(untouched, SECTION_DETAILS);
    assert_string_equal(section_name(SECTION_COUNT), "?");
}

/* --- references ---------------------------------------------------------------------------- */

static void references_are_read_in_any_case_without_hyphens(void **state)
{
    static const char *const good[] = {"DN-XMA-2026-0014", "dn-xma-2026-0014",
                                       "DNXMA20260014",    "dnxma20260014",
                                       "DN-XMA20260014",   "D-N-X-M-A-2026-0014"};
    struct reference reference = {0};
    char text[REFERENCE_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_ok(reference_parse(view_of_text(good[i]), &reference));
        assert_string_equal(reference_format(&reference, text), "DN-XMA-2026-0014");
        assert_true(reference.year == 2026 && reference.number == 14);
    }
}

static void anything_else_is_no_reference(void **state)
{
    static const char *const bad[] = {
        "",
        "DN",
        "dn xma 2026 14",
        "DN-XMA-2026-14",
        "DN-XMA-2026-00144",
        "DN-XMA-26-0014",
        "XX-XMA-2026-0014",
        "DN-QAA-2026-0014",
        "DN-XM-2026-0014",
        "DN-XMA-2026-0000",
        "DN-XMA-1899-0001",
        "DN-XMA-2O26-0014",
        "DN_XMA_2026_0014",
        "DN-XMA-2026-0014#1",
        "DN-XMA-2026-0014 ",
        "../DN-XMA-2026-0014",
        "DN-XMÄ-2026-0014",
        "DN-XMA-2026-0014-DN-XMA-2026-0014",
    };
    struct reference reference = {.number = 7};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (reference_parse(view_of_text(bad[i]), &reference) != ERR_FIELD_VALUE) {
            fail_msg("accepted %s", bad[i]);
        }
    }
    assert_error(ERR_FIELD_VALUE, reference_parse(BYTES("DN-XMA-2026-0014\0"), &reference));
    assert_error(ERR_FIELD_VALUE, reference_parse(view_of(NULL, 0), &reference));
    assert_int_equal(reference.number, 7);
}

/* Property: what is written is read back the same. */
static void references_survive_writing_and_reading(void **state)
{
    struct dice dice = dice_new("reference");
    size_t kind_count = 0;
    size_t country_count = 0;
    const struct record_kind *kinds = record_kinds(&kind_count);
    const struct country *countries = country_list(&country_count);

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct reference one = {.kind = &kinds[dice_roll(&dice, kind_count)],
                                .year = 1900 + (int)dice_roll(&dice, 8100),
                                .number = 1 + (int)dice_roll(&dice, RECORD_NUMBER_MAX)};
        struct reference again = {0};
        char text[REFERENCE_TEXT_BYTES];
        (void)snprintf(one.state, sizeof one.state, "%s",
                       countries[dice_roll(&dice, country_count)].alpha3);
        assert_ok(reference_parse(view_of_text(reference_format(&one, text)), &again));
        assert_true(again.kind == one.kind && again.year == one.year);
        assert_true(again.number == one.number && strcmp(again.state, one.state) == 0);
    }
}

/* --- defaults ------------------------------------------------------------------------------ */

static void defaults_fill_only_what_is_missing(void **state)
{
    struct arena *arena = big_arena();
    struct value *denial = sample_record(arena, "DN-XMA-2026-0014");
    struct value *body = value_get(denial, "body");

    (void)state;
    value_remove(body, view_of_text("active_until"));
    assert_ok(record_fill_defaults(denial, arena));
    assert_view(value_get_text(body, "active_until"), "2029-03-02");
    assert_view(value_get_text(body, "status"), "active");
    assert_true(value_get_integer(denial, "version", 0) == 1);
    assert_ok(value_put_string(arena, body, "active_until", "2027-01-01"));
    assert_ok(value_put_string(arena, body, "status", "revoked"));
    assert_ok(value_put_integer(arena, denial, "version", 5));
    assert_ok(record_fill_defaults(denial, arena));
    assert_view(value_get_text(body, "active_until"), "2027-01-01");
    assert_view(value_get_text(body, "status"), "revoked");
    assert_true(value_get_integer(denial, "version", 0) == 5);
    arena_free(&arena);
}

static void an_alert_is_reviewed_within_a_year_and_never_after_its_end(void **state)
{
    struct arena *arena = big_arena();
    struct value *alert = sample_record(arena, "BA-XMA-2026-0005");
    struct value *handling = value_get(alert, "handling");

    (void)state;
    value_remove(handling, view_of_text("review_by"));
    value_remove(value_get(alert, "body"), view_of_text("legal_notice"));
    assert_ok(record_fill_defaults(alert, arena));
    assert_view(value_get_text(handling, "review_by"), "2027-03-12");
    assert_true(value_get_text(value_get(alert, "body"), "legal_notice").size > 0);
    value_remove(handling, view_of_text("review_by"));
    assert_ok(value_put_string(arena, handling, "use_until", "2026-06-01"));
    assert_ok(record_fill_defaults(alert, arena));
    assert_view(value_get_text(handling, "review_by"), "2026-06-01");
    arena_free(&arena);
}

static void a_case_is_open_by_default(void **state)
{
    struct arena *arena = big_arena();
    struct value *record = sample_record(arena, "DC-XMA-2026-0003");

    (void)state;
    value_remove(value_get(record, "body"), view_of_text("status"));
    assert_ok(record_fill_defaults(record, arena));
    assert_view(value_get_text(value_get(record, "body"), "status"), "open");
    arena_free(&arena);
}

static void a_filled_record_passes_the_check_again(void **state)
{
    struct arena *arena = big_arena();
    struct value *records = sample_records(arena);

    (void)state;
    for (size_t i = 0; i < records->count; i++) {
        assert_ok(record_check(records->items[i], RECORD_OWN, arena, NULL, NULL));
        assert_ok(record_fill_defaults(records->items[i], arena));
        assert_ok(record_check(records->items[i], RECORD_OWN, arena, NULL, NULL));
        assert_ok(record_check(records->items[i], RECORD_RECEIVED, arena, NULL, NULL));
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_found_by_name_schema_and_prefix),
        cmocka_unit_test(every_field_of_every_table_is_sound),
        cmocka_unit_test(what_is_internal_is_said_to_be),
        cmocka_unit_test(a_field_that_is_not_there_is_not_found),
        cmocka_unit_test(sections_have_names),
        cmocka_unit_test(references_are_read_in_any_case_without_hyphens),
        cmocka_unit_test(anything_else_is_no_reference),
        cmocka_unit_test(references_survive_writing_and_reading),
        cmocka_unit_test(defaults_fill_only_what_is_missing),
        cmocka_unit_test(an_alert_is_reviewed_within_a_year_and_never_after_its_end),
        cmocka_unit_test(a_case_is_open_by_default),
        cmocka_unit_test(a_filled_record_passes_the_check_again),
    };

    return RUN(tests);
}
