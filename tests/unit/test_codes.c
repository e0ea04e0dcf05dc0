/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "codes.h"

#include <string.h>

static void every_list_has_a_name_and_distinct_codes(void **state)
{
    (void)state;
    for (int list = CODES_STATE; list < CODES_LIST_COUNT; list++) {
        const struct code_list_info *info = code_list_info((enum code_list)list);
        assert_true(info->name != NULL && info->name[0] != '\0');
        if (list == CODES_STATE) {
            continue;
        }
        assert_non_null(info->items);
        for (const struct code *a = info->items; a->code != NULL; a++) {
            assert_true(a->label != NULL && a->label[0] != '\0');
            assert_ptr_equal(code_find((enum code_list)list, view_of_text(a->code)), a);
        }
    }
    for (int a = 0; a < CODES_LIST_COUNT; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(code_list_info((enum code_list)a)->name,
                                    code_list_info((enum code_list)b)->name);
        }
    }
}

static void a_list_beyond_the_table_is_empty(void **state)
{
    (void)state;
    assert_null(code_find(CODES_LIST_COUNT, view_of_text("TLP:RED")));
    assert_null(code_find((enum code_list) - 1, view_of_text("TLP:RED")));
    assert_null(code_find(CODES_NONE, view_of_text("TLP:RED")));
    assert_null(code_suggest(CODES_NONE, view_of_text("TLP:RED")));
}

static void codes_are_found_in_their_exact_case(void **state)
{
    (void)state;
    assert_non_null(code_find(CODES_TLP, view_of_text("TLP:AMBER+STRICT")));
    assert_null(code_find(CODES_TLP, view_of_text("tlp:amber")));
    assert_null(code_find(CODES_TLP, view_of_text("TLP:AMBE")));
    assert_null(code_find(CODES_TLP, view_of_text("TLP:WHITE")));
    assert_null(code_find(CODES_TLP, BYTES("TLP:RED\0")));
    assert_null(code_find(CODES_TLP, view_of(NULL, 0)));
}

static void a_mistyped_code_is_understood(void **state)
{
    (void)state;
    assert_string_equal(code_suggest(CODES_TLP, view_of_text("tlp:red")), "TLP:RED");
    assert_string_equal(code_suggest(CODES_ACTIVITY, view_of_text("exprt")), "export");
    assert_null(code_suggest(CODES_ACTIVITY, view_of_text("gardening")));
}

static void every_conduct_code_has_its_class(void **state)
{
    (void)state;
    for (const struct code *item = code_list_info(CODES_CONDUCT)->items; item->code != NULL;
         item++) {
        assert_non_null(item->group); /* the rule on core acts compares it */
    }
    assert_string_equal(code_find(CODES_CONDUCT, view_of_text("C01"))->group, "core");
    assert_string_not_equal(code_find(CODES_CONDUCT, view_of_text("C06"))->group, "core");
}

/* --- States -------------------------------------------------------------------------------- */

static void countries_are_complete_and_ordered(void **state)
{
    size_t count = 0;
    const struct country *list = country_list(&count);

    (void)state;
    assert_in_range(count, 240, 260);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(list[i].alpha2), 2);
        assert_int_equal(strlen(list[i].alpha3), 3);
        assert_true(i == 0 || strcmp(list[i - 1].alpha2, list[i].alpha2) < 0);
        assert_ptr_equal(country_find(view_of_text(list[i].alpha2)), &list[i]);
        assert_ptr_equal(country_find(view_of_text(list[i].alpha3)), &list[i]);
        assert_ptr_equal(country_find(view_of_text(list[i].name)), &list[i]);
        assert_string_equal(state_name(view_of_text(list[i].alpha3)), list[i].name);
    }
}

static void states_are_brought_to_three_capitals(void **state)
{
    static const char *const rows[][2] = {
        {"NA", "NAM"},  {"no", "NOR"},  {"NAM", "NAM"}, {"nam", "NAM"}, {"norway", "NOR"},
        {"XMA", "XMA"}, {"xma", "XMA"}, {"AAA", "AAA"}, {"AAZ", "AAZ"}, {"QMA", "QMA"},
        {"QZZ", "QZZ"}, {"XAA", "XAA"}, {"XZZ", "XZZ"}, {"ZZA", "ZZA"}, {"ZZZ", "ZZZ"}};
    static const char *const bad[] = {"",    "X",    "XK",      "XX",  "QLZ", "ZYZ", "ABB",
                                      "X1A", "XMAA", "Nowhere", "X-A", "XÄ",  "X A"};
    char alpha3[4] = "?";

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(state_canonical(view_of_text(rows[i][0]), alpha3));
        assert_string_equal(alpha3, rows[i][1]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (state_canonical(view_of_text(bad[i]), alpha3)) {
            fail_msg("accepted %s", bad[i]);
        }
    }
}

static void only_three_capitals_are_the_stored_form(void **state)
{
    (void)state;
    assert_true(state_is_valid(view_of_text("XMA")));
    assert_true(state_is_valid(view_of_text("NAM")));
    assert_false(state_is_valid(view_of_text("nam")));
    assert_false(state_is_valid(view_of_text("NA")));
    assert_false(state_is_valid(view_of_text("NAMX")));
    assert_false(state_is_valid(view_of(NULL, 0)));
    assert_null(state_name(view_of_text("XMA")));
    assert_null(state_name(view_of_text("Norway")));
}

/* --- lists and identifiers ----------------------------------------------------------------- */

static void military_list_entries_have_one_form(void **state)
{
    static const char *const rows[][2] = {
        {"ML1", "ML1"},
        {"ML22", "ML22"},
        {"ML1a", "ML1.a"},
        {"ML1.a", "ML1.a"},
        {"ml 1.B.1", "ML1.b.1"},
        {"ML1b1", "ML1.b.1"},
        {"ML 1.b.1", "ML1.b.1"},
        {"ML21b12c", "ML21.b.12.c"},
        {"ML4.b.1.a", "ML4.b.1.a"},
    };
    static const char *const bad[] = {"",        "ML",        "ML0",         "ML23",  "ML01",
                                      "ML1.",    "ML1..a",    "ML1.1",       "ML.1",  "ML1.a.b",
                                      "MLa",     "ML1.a.123", "ML1.a.1.a.1", "ML1 a", "XL1",
                                      "ML1;ML2", "ML100",     "ML1.a "};
    char form[CML_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(cml_canonical(view_of_text(rows[i][0]), form));
        assert_string_equal(form, rows[i][1]);
        assert_true(cml_canonical(view_of_text(rows[i][1]), form));
        assert_string_equal(form, rows[i][1]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (cml_canonical(view_of_text(bad[i]), form)) {
            fail_msg("accepted %s", bad[i]);
        }
    }
}

static void check_digits_are_judged_by_scheme(void **state)
{
    static const struct {
        const char *scheme;
        const char *value;
        enum identifier_verdict verdict;
    } rows[] = {
        {"IMO", "9074729", IDENTIFIER_GOOD},
        {"IMO", "IMO 9074729", IDENTIFIER_GOOD},
        {"IMO", "imo9074729", IDENTIFIER_GOOD},
        {"IMO", "9074728", IDENTIFIER_BAD_DIGIT},
        {"IMO", "907472", IDENTIFIER_BAD_FORM},
        {"IMO", "90747290", IDENTIFIER_BAD_FORM},
        {"IMO", "907472A", IDENTIFIER_BAD_FORM},
        {"IMO_COMPANY", "1234565", IDENTIFIER_GOOD},
        {"IMO_COMPANY", "9074729", IDENTIFIER_BAD_DIGIT},
        {"IMO", "1234565", IDENTIFIER_BAD_DIGIT},
        {"IMO_COMPANY", "123456", IDENTIFIER_BAD_FORM},
        {"MMSI", "201000000", IDENTIFIER_GOOD},
        {"MMSI", "200999999", IDENTIFIER_BAD_DIGIT},
        {"MMSI", "775999999", IDENTIFIER_GOOD},
        {"MMSI", "776000000", IDENTIFIER_BAD_DIGIT},
        {"MMSI", "20100000", IDENTIFIER_BAD_FORM},
        {"LEI", "5493001KJTIIGC8Y1R12", IDENTIFIER_GOOD},
        {"LEI", "5493001kjtiigc8y1r12", IDENTIFIER_GOOD},
        {"LEI", "5493001KJTIIGC8Y1R13", IDENTIFIER_BAD_DIGIT},
        {"LEI", "5493001KJTIIGC8Y1R1", IDENTIFIER_BAD_FORM},
        {"CONTAINER", "CSQU3054383", IDENTIFIER_GOOD},
        {"CONTAINER", "CSQU 305438-3", IDENTIFIER_GOOD},
        {"CONTAINER", "CSQU3054384", IDENTIFIER_BAD_DIGIT},
        {"CONTAINER", "CSQA3054383", IDENTIFIER_BAD_FORM},
        {"CONTAINER", "CSQU305438", IDENTIFIER_BAD_FORM},
        {"LOCODE", "DE9B0", IDENTIFIER_GOOD},
        {"LOCODE", "DEHAM", IDENTIFIER_GOOD},
        {"LOCODE", "de ham", IDENTIFIER_GOOD},
        {"LOCODE", "D1HAM", IDENTIFIER_BAD_FORM},
        {"LOCODE", "DEHA", IDENTIFIER_BAD_FORM},
        {"LOCODE", "DEHAMX", IDENTIFIER_BAD_FORM},
        {"PASSPORT", "anything", IDENTIFIER_GOOD},
        {"", "anything", IDENTIFIER_GOOD},
        {"LEI", "", IDENTIFIER_BAD_FORM},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum identifier_verdict got =
            identifier_check(view_of_text(rows[i].scheme), view_of_text(rows[i].value));
        if (got != rows[i].verdict) {
            fail_msg("%s %s gave %d", rows[i].scheme, rows[i].value, (int)got);
        }
    }
}

static void an_endless_identifier_has_no_form(void **state)
{
    char digits[100];

    (void)state;
    memset(digits, '1', sizeof digits);
    assert_int_equal(identifier_check(view_of_text("LEI"), view_of(digits, sizeof digits)),
                     IDENTIFIER_BAD_FORM);
}

static void identifiers_are_folded_to_capitals_and_digits(void **state)
{
    static const char *const rows[][3] = {
        {"IMO", "IMO 9074729", "9074729"},
        {"IMO", "imo-9074729", "9074729"},
        {"IMO", "IMO", "IMO"},
        {"REG", "IMO 1234", "IMO1234"},
        {"REG", "ab-12 / c", "AB12C"},
        {"REG", "рег-12", "рег12"},
        {"REG", "", ""},
    };
    struct buffer folded = buffer_init(100);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        buffer_clear(&folded);
        identifier_fold(view_of_text(rows[i][0]), view_of_text(rows[i][1]), &folded);
        assert_view(view_of_buffer(&folded), rows[i][2]);
    }
    buffer_free(&folded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_list_has_a_name_and_distinct_codes),
        cmocka_unit_test(a_list_beyond_the_table_is_empty),
        cmocka_unit_test(codes_are_found_in_their_exact_case),
        cmocka_unit_test(a_mistyped_code_is_understood),
        cmocka_unit_test(every_conduct_code_has_its_class),
        cmocka_unit_test(countries_are_complete_and_ordered),
        cmocka_unit_test(states_are_brought_to_three_capitals),
        cmocka_unit_test(only_three_capitals_are_the_stored_form),
        cmocka_unit_test(military_list_entries_have_one_form),
        cmocka_unit_test(check_digits_are_judged_by_scheme),
        cmocka_unit_test(an_endless_identifier_has_no_form),
        cmocka_unit_test(identifiers_are_folded_to_capitals_and_digits),
    };

    return RUN(tests);
}
