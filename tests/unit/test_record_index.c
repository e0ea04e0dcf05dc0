/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include "names.h"
#include "record_index.h"

#include <string.h>

/* Everything a record is found by: a list of values for each field. */
struct found {
    struct value *values[INDEX_FIELD_COUNT];
    size_t left; /* visits before the visitor fails, or SIZE_MAX */
};

static enum error visit(void *context, enum index_field field, struct view value)
{
    struct found *found = context;

    if (found->left-- == 0) {
        return ERR_STORE_FULL;
    }
    assert_true(value.size > 0 && field > INDEX_NONE && field < INDEX_FIELD_COUNT);
    if (found->values[field] == NULL) {
        found->values[field] = value_list(arena);
    }
    return value_append(arena, found->values[field], value_text(arena, value));
}

static struct found index_of(const struct value *record)
{
    struct found found = {{NULL}, SIZE_MAX};

    MUST(record_index(record, visit, &found) == OK);
    return found;
}

static bool holds(const struct found *found, enum index_field field, const char *value)
{
    const struct value *list = found->values[field];

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (view_is(list->items[i]->bytes, value)) {
            return true;
        }
    }
    return false;
}

static size_t how_many(const struct found *found, enum index_field field)
{
    return found->values[field] == NULL ? 0 : found->values[field]->count;
}

/** A value that a record is, or is not, found by. */
struct expectation {
    enum index_field field;
    const char *value;
    bool wanted;
};

static void assert_found(const char *reference, const struct expectation *rows, size_t count)
{
    struct found found = index_of(sample_record(arena, reference));

    for (size_t i = 0; i < count; i++) {
        if (holds(&found, rows[i].field, rows[i].value) != rows[i].wanted) {
            fail_msg("%s in field %d of %s", rows[i].value, (int)rows[i].field, reference);
        }
    }
}

/* --- what is indexed ----------------------------------------------------------------------- */

static void a_denial_is_found_by_its_facts(void **state)
{
    static const struct expectation rows[] = {
        {INDEX_KIND, "denial", true},
        {INDEX_REFERENCE, "DN-XMA-2026-0014", true},
        {INDEX_ORIGINATOR, "XMA", true},
        {INDEX_STATE, "XMA", true},
        {INDEX_DESTINATION, "XPE", true},
        {INDEX_STATE, "XPE", true},
        {INDEX_STATE, "XTO", true},
        {INDEX_CODE, "ML1.A", true},
        {INDEX_CODE, "ML1", true},
        {INDEX_CODE, "ATT-2.1.H", true},
        {INDEX_CODE, "ATT-2.1", true},
        {INDEX_CODE, "ATT-2", true},
        {INDEX_CODE, "ATT-5", false},
        {INDEX_CODE, "930190", true},
        {INDEX_CODE, "9301", true},
        {INDEX_CODE, "93", true},
        {INDEX_CODE, "9302", false},
        {INDEX_CODE, "ATT-11.2", true},
        {INDEX_CODE, "EU-7", true},
        {INDEX_CODE, "C05", true},
        {INDEX_CODE, "EXPORT", true},
        {INDEX_MONTH, "202603", true},
        {INDEX_MONTH, "2026", true},
        {INDEX_IDENTIFIER, "ZZZZ00STELLAMAR00182", true},
        {INDEX_NAME, "dessaloui karim", true},
        {INDEX_WORD, "karim", true},
        {INDEX_WORD, "stellamar", true},
        {INDEX_NAME, "كريم دسلوي", true},
        {INDEX_WORD, "دسلوي", true},
    };

    (void)state;
    assert_found("DN-XMA-2026-0014", rows, COUNT(rows));
}

static void an_alert_and_a_case_are_found_by_theirs(void **state)
{
    static const struct expectation of_alert[] = {
        {INDEX_KIND, "broker", true},
        {INDEX_REFERS_TO, "DN-XMA-2026-0014", true},
        {INDEX_REFERS_TO, "DN-XNH-2026-0003", true},
        {INDEX_REFERENCE, "DN-XMA-2026-0014", false},
        {INDEX_IDENTIFIER, "PFICT004417", true},
        {INDEX_STATUS, "active", true},
        {INDEX_NAME, "карим дессалуи", true},
    };
    static const struct expectation of_case[] = {
        {INDEX_KIND, "case", true},
        {INDEX_STATE, "XRI", true},
        {INDEX_CODE, "D7", true},
        {INDEX_SERIAL, "KP1900441*", true},
        {INDEX_SERIAL, "KP1900443*", true},
        {INDEX_SERIAL, "KP1900440*", false},
        {INDEX_SERIAL, "KP1900444*", false},
        {INDEX_SERIAL, "KP19004440", true},
        {INDEX_SERIAL, "KP19004447", true},
        {INDEX_SERIAL, "KP19004448", false},
        {INDEX_SERIAL, "KP19004409", false},
        {INDEX_MONTH, "202604", true},
        {INDEX_STATUS, "open", true},
    };

    (void)state;
    assert_found("BA-XMA-2026-0005", of_alert, COUNT(of_alert));
    assert_found("DC-XPE-2026-0002", of_case, COUNT(of_case));
}

/* Who may read is nobody else's business, not even as a token. */
static void handling_is_not_indexed(void **state)
{
    static const struct expectation rows[] = {
        {INDEX_STATE, "XNH", false},
        {INDEX_STATE, "XOR", false},
        {INDEX_CODE, "TLP:AMBER", false},
        {INDEX_CODE, "licensing", false},
    };

    (void)state;
    assert_found("DN-XMA-2026-0014", rows, COUNT(rows));
}

static void a_part_of_a_record_is_found_by_what_it_holds(void **state)
{
    struct found found = index_of(json(arena, "{\"schema\":\"valise/denial/1\",\"reference\":"
                                              "\"DN-XMA-2026-0014\"}"));

    (void)state;
    assert_int_equal(how_many(&found, INDEX_KIND), 1);
    assert_int_equal(how_many(&found, INDEX_REFERENCE), 1);
    assert_int_equal(how_many(&found, INDEX_DESTINATION), 0);
    found = index_of(json(arena, "{\"schema\":\"valise/nothing/1\"}"));
    assert_int_equal(how_many(&found, INDEX_KIND), 0);
}

static void what_is_no_text_is_passed_over(void **state)
{
    struct found found = index_of(
        json(arena, "{\"schema\":\"valise/denial/1\",\"reference\":7,\"body\":{\"items\":"
                    "[7,null,{\"cml\":7,\"hs\":[\"93\"]}],\"parties\":7,\"transit\":[[]]}}"));

    (void)state;
    assert_int_equal(how_many(&found, INDEX_REFERENCE), 0);
    assert_int_equal(how_many(&found, INDEX_CODE), 1);
}

/* --- serial ranges and months -------------------------------------------------------------- */

static size_t serials_of(const char *range)
{
    const char *text = arena_printf(
        arena, "{\"schema\":\"valise/denial/1\",\"body\":{\"items\":[{\"serials\":[\"%s\"]}]}}",
        range);
    struct found found = index_of(json(arena, text));

    return how_many(&found, INDEX_SERIAL);
}

/* Whether a serial number is found, as a search looks for it: itself, or a block it is in. */
static bool finds(const struct found *found, const char *typed)
{
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);
    bool hit = false;

    assert_ok(record_index_fold(INDEX_SERIAL, view_of_text(typed), &folded));
    size_t digits = record_index_digits(view_of_buffer(&folded));
    hit = holds(found, INDEX_SERIAL, buffer_text(&folded));
    for (size_t any = 1; any <= digits && !hit; any++) {
        record_index_any_digits((char *)folded.data, folded.size, any);
        hit = holds(found, INDEX_SERIAL, buffer_text(&folded));
    }
    buffer_free(&folded);
    return hit;
}

static void ranges_are_indexed_by_few_blocks(void **state)
{
    (void)state;
    assert_int_equal(serials_of("A001"), 1);
    assert_int_equal(serials_of("A001..A002"), 2);
    assert_int_equal(serials_of("A001..A009"), 9);
    assert_int_equal(serials_of("A000..A009"), 1);
    assert_int_equal(serials_of("A000..A999"), 1);
    assert_int_equal(serials_of("A001..A001"), 1);
    assert_int_equal(serials_of("AB..AC"), 2);
    assert_int_equal(serials_of("000000000000001..999999999999998"), 260);
    assert_int_equal(serials_of("000000000000000001..999999999999999998"), 314);
    assert_int_equal(serials_of("000000000000000..999999999999999"), 1);
}

/* Every number of a range is found, and none beside it. */
static void every_number_of_a_range_is_found(void **state)
{
    static const struct {
        int first;
        int last;
    } ranges[] = {{0, 0},      {0, 9},       {0, 9999},    {1, 9998}, {98, 121},   {7, 12},
                  {990, 1010}, {1000, 1999}, {3141, 5926}, {9, 10},   {9999, 9999}};

    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        const char *text =
            arena_printf(arena,
                         "{\"schema\":\"valise/denial/"
                         "1\",\"body\":{\"items\":[{\"serials\":[\"k-%04d..K%04d\"]}]}}",
                         ranges[i].first, ranges[i].last);
        struct found found = index_of(json(arena, text));
        for (int number = 0; number <= 9999; number++) {
            char typed[16];
            (void)snprintf(typed, sizeof typed, "k %04d", number);
            assert_int_equal(finds(&found, typed),
                             number >= ranges[i].first && number <= ranges[i].last);
        }
        assert_false(finds(&found, "K12"));
    }
}

static void serials_keep_their_zeros_and_mix_what_looks_alike(void **state)
{
    struct found found =
        index_of(json(arena, "{\"schema\":\"valise/denial/1\",\"body\":{\"items\":[{\"serials\":"
                             "[\"k-0098..k-0102\",\"QI-O7l\"]}]}}"));

    (void)state;
    assert_true(finds(&found, "K0099"));
    assert_true(finds(&found, "KO1OI"));
    assert_false(finds(&found, "K99"));
    assert_true(finds(&found, "q1 07L"));
    assert_false(finds(&found, "q1 071"));
}

/* --- codes --------------------------------------------------------------------------------- */

static void a_code_that_no_list_has_is_not_known(void **state)
{
    static const struct {
        const char *typed;
        bool known;
        const char *meant;
    } rows[] = {
        {"ML1.a", true, NULL},    {"ml 1", true, NULL},
        {"ML22", true, NULL},     {"ML23", false, NULL},
        {"ML99", false, NULL},    {"att-7.1", true, NULL},
        {"ATT-7", true, NULL},    {"ATT-11.2", true, NULL},
        {"EU-7", true, NULL},     {"EU-77", false, "EU-7"},
        {"export", true, NULL},   {"exprot", false, "export"},
        {"9301", true, NULL},     {"9301.90", true, NULL},
        {"9", false, NULL},       {"12345678901", false, NULL},
        {"XAPRT", true, NULL},    {"frobnicate", false, NULL},
        {"DE9B0", true, NULL},    {"xa prt", true, NULL},
        {"ML23.a", false, NULL},  {"ML23a", false, NULL},
        {"ML99.b", false, NULL},  {"ATT-99", false, NULL},
        {"ATT-7.9", false, NULL}, {"EU-777", false, NULL},
        {"exprt", false, NULL},   {"", false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *meant = NULL;
        bool known = record_code_is_known(view_of_text(rows[i].typed), &meant);
        if (known != rows[i].known) {
            fail_msg("%s is %s", rows[i].typed, known ? "known" : "not known");
        }
        if (rows[i].meant != NULL) {
            assert_string_equal(meant, rows[i].meant);
        }
    }
}

static size_t months_of(const char *date, const char *month, const char *year)
{
    const char *text = arena_printf(
        arena, "{\"schema\":\"valise/diversion-case/1\",\"body\":{\"detected_on\":\"%s\"}}", date);
    struct found found = index_of(json(arena, text));

    assert_true(month == NULL || holds(&found, INDEX_MONTH, month));
    assert_true(year == NULL || holds(&found, INDEX_MONTH, year));
    return how_many(&found, INDEX_MONTH);
}

static void a_date_without_a_month_is_found_by_its_year_only(void **state)
{
    (void)state;
    assert_int_equal(months_of("2026-04-11", "202604", "2026"), 2);
    assert_int_equal(months_of("2026-04", "202604", "2026"), 2);
    assert_int_equal(months_of("2026", NULL, "2026"), 1);
    assert_int_equal(months_of("2026~", NULL, "2026"), 1);
    assert_int_equal(months_of("2024/2026", NULL, "2024"), 1);
    assert_int_equal(months_of("2024-05/2026-07", "202405", "2024"), 2);
}

/* --- errors -------------------------------------------------------------------------------- */

static void the_visitor_can_end_the_walk(void **state)
{
    struct value *record = sample_record(arena, "DN-XMA-2026-0014");

    (void)state;
    for (size_t n = 0; n < 20; n++) {
        struct found found = {{NULL}, n};
        assert_error(ERR_STORE_FULL, record_index(record, visit, &found));
        assert_true(found.left == SIZE_MAX); /* and is not called again */
    }
}

/* A name of 300 characters that each stand for a phrase is indexed like any other. */
static void the_longest_name_is_found(void **state)
{
    struct value *record = sample_record(arena, "DN-XMA-2026-0014");
    struct buffer folded = buffer_init(NAME_FOLDED_MAX_BYTES);
    char name[3 * 300 + 1];

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        memcpy(name + 3 * i, "ﷺ", 4);
    }
    set_at(arena, record, "/body/parties/0/names/0/name", value_string(arena, name));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
    struct found found = index_of(record);
    assert_ok(names_fold(view_of_text(name), &folded));
    assert_true(holds(&found, INDEX_NAME, buffer_text(&folded)));
    buffer_free(&folded);
}

/* --- what people type ---------------------------------------------------------------------- */

static void what_is_typed_comes_to_the_form_that_is_compared(void **state)
{
    static const struct {
        enum index_field field;
        const char *typed;
        const char *folded;
    } rows[] = {
        {INDEX_REFERENCE, "dnxma20260014", "DN-XMA-2026-0014"},
        {INDEX_REFERENCE, "nothing", ""},
        {INDEX_REFERS_TO, "dn-xma-2026-0014", "DN-XMA-2026-0014"},
        {INDEX_STATE, "norway", "NOR"},
        {INDEX_DESTINATION, "na", "NAM"},
        {INDEX_ORIGINATOR, "nowhere", ""},
        {INDEX_NAME, "DESSALOUI, Karim", "dessaloui karim"},
        {INDEX_WORD, "Ünï", "uni"},
        {INDEX_CODE, "ml1a", "ML1.A"},
        {INDEX_CODE, "att-7.1.b.ii", "ATT-7.1.B.II"},
        {INDEX_CODE, "9301.90", "930190"},
        {INDEX_CODE, "xa prt", "XAPRT"},
        {INDEX_CODE, "ATT-11.2", "ATT-11.2"},
        {INDEX_IDENTIFIER, "imo 907-4729", "9074729"},
        {INDEX_SERIAL, "kp19-oo441O", "KP19004410"},
        {INDEX_MONTH, "2026-03", "202603"},
        {INDEX_MONTH, "2026-03-11", "202603"},
        {INDEX_MONTH, "2026", "2026"},
        {INDEX_STATUS, "active", "active"},
        {INDEX_KIND, "denial", "denial"},
    };
    struct buffer to = buffer_init(NAME_FOLDED_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_ok(record_index_fold(rows[i].field, view_of_text(rows[i].typed), &to));
        assert_view(view_of_buffer(&to), rows[i].folded);
    }
    buffer_free(&to);
}

/* Whatever a record is found by is found when it is typed as it stands in the record. */
static void every_value_of_a_record_folds_to_itself(void **state)
{
    struct value *records = sample_records(arena);
    struct buffer to = buffer_init(NAME_FOLDED_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < records->count; i++) {
        assert_ok(record_check(records->items[i], RECORD_OWN, arena, NULL, NULL));
        struct found found = index_of(records->items[i]);
        for (int field = 1; field < INDEX_FIELD_COUNT; field++) {
            for (size_t v = 0; v < how_many(&found, (enum index_field)field); v++) {
                struct view value = found.values[field]->items[v]->bytes;
                /* Nobody types a block of serial numbers. */
                bool block = memchr(value.data, '*', value.size) != NULL;
                assert_ok(record_index_fold((enum index_field)field, value, &to));
                assert_true(block || view_equal(view_of_buffer(&to), value));
            }
        }
    }
    buffer_free(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_denial_is_found_by_its_facts),
        TEST(an_alert_and_a_case_are_found_by_theirs),
        TEST(handling_is_not_indexed),
        TEST(a_part_of_a_record_is_found_by_what_it_holds),
        TEST(what_is_no_text_is_passed_over),
        TEST(ranges_are_indexed_by_few_blocks),
        TEST(every_number_of_a_range_is_found),
        TEST(a_code_that_no_list_has_is_not_known),
        TEST(serials_keep_their_zeros_and_mix_what_looks_alike),
        TEST(a_date_without_a_month_is_found_by_its_year_only),
        TEST(the_visitor_can_end_the_walk),
        TEST(the_longest_name_is_found),
        TEST(what_is_typed_comes_to_the_form_that_is_compared),
        TEST(every_value_of_a_record_folds_to_itself),
    };

    return RUN(tests);
}
