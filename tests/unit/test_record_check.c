/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include <string.h>

static const char *const denial = "DN-XMA-2026-0014";
static const char *const transported = "DN-XUR-2026-0002";
static const char *const alert = "BA-XMA-2026-0005";
static const char *const found = "DC-XPE-2026-0002";

static void the_examples_are_good(void **state)
{
    struct value *records = sample_records(arena);

    (void)state;
    assert_int_equal(records->count, 15);
    for (size_t i = 0; i < records->count; i++) {
        struct problems problems = {0};
        enum error err = record_check(records->items[i], RECORD_OWN, arena, &problems, NULL);
        if (err != OK) {
            fail_msg("%.*s: %s %s", 16,
                     (const char *)value_get_text(records->items[i], "reference").data,
                     problems.items[0].where, problems.items[0].what);
        }
    }
}

/* --- types --------------------------------------------------------------------------------- */

static const char *const other_kinds[] = {"null", "true", "7", "1.5", "\"\"", "[]", "{}"};

/* Put a value of each JSON kind in place of each value of each example. */
static void try_kinds(struct value *record, const char *pointer, unsigned *refused)
{
    for (size_t k = 0; k < COUNT(other_kinds); k++) {
        struct value *copy = NULL;
        struct problems problems = {0};
        assert_ok(value_copy(arena, record, &copy));
        set_at(arena, copy, pointer, json_value(arena, other_kinds[k]));
        enum error err = record_check(copy, RECORD_OWN, arena, &problems, NULL);
        *refused += err != OK;
        assert_int_equal(err != OK, problems.count > 0);
        /* Nothing has nil for a value. */
        assert_true(k != 0 || err != OK);
    }
}

static void walk(struct value *record, struct value *at, char *pointer, unsigned *refused)
{
    size_t length = strlen(pointer);

    for (size_t i = 0; i < at->count; i++) {
        struct value *child = at->kind == PACK_LIST ? at->items[i] : at->members[i].value;
        if (at->kind == PACK_LIST) {
            (void)snprintf(pointer + length, 256 - length, "/%zu", i);
        } else {
            (void)snprintf(pointer + length, 256 - length, "/%.*s", (int)at->members[i].key.size,
                           (const char *)at->members[i].key.data);
        }
        /* Names of handling.fields hold slashes and would need escapes. */
        if (strstr(pointer, "/handling/fields/") == NULL) {
            try_kinds(record, pointer, refused);
            walk(record, child, pointer, refused);
        }
        pointer[length] = '\0';
    }
}

static void a_value_of_another_kind_is_refused_everywhere(void **state)
{
    static const char *const references[] = {"DN-XOR-2025-0031", "BA-XPE-2026-0003",
                                             "DC-XPE-2026-0002"};
    unsigned refused = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(references); i++) {
        char pointer[256] = "";
        arena_clear(arena);
        struct value *record = sample_record(arena, references[i]);
        walk(record, record, pointer, &refused);
    }
    assert_true(refused > 1000);
}

/* --- texts, R20 ---------------------------------------------------------------------------- */

static void R20_texts_of_one_line_hold_no_hidden_characters(void **state)
{
    static const struct change rows[] = {
        {"/body/national_ref", "\"BLD/26\"", OK},
        {"/body/national_ref", "\"كريم\"", OK},
        {"/body/national_ref", "\"\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\nb\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\tb\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\u001bb\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\u202eb\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\u200bb\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\ue000b\"", ERR_FIELD_VALUE},
        {"/body/national_ref", "\"a\\u2028b\"", ERR_FIELD_VALUE},
        {"/body/parties/0/names/0/name", "\"a\\u202eb\"", ERR_FIELD_VALUE},
        {"/body/parties/0/names/0/name", "\"a\\u200db\"", OK},
        {"/body/parties/0/names/0/name", "\"a\\nb\"", ERR_FIELD_VALUE},
        {"/body/explanation", "\"two\\nlines\\tand\"", OK},
        {"/body/explanation", "\"a\\rb\"", ERR_FIELD_VALUE},
        {"/body/explanation", "\"a\\u001bb\"", ERR_FIELD_VALUE},
        {"/body/explanation", "\"a\\u0085b\"", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

static void texts_have_lengths_in_characters(void **state)
{
    static const struct {
        const char *pointer;
        size_t min;
        size_t max;
    } rows[] = {{"/body/national_ref", 1, 100},        {"/body/explanation", 1, 4000},
                {"/body/items/0/description", 3, 500}, {"/body/parties/0/names/0/name", 1, 300},
                {"/body/grounds/0/threshold", 1, 200}, {"/originator/authority", 1, 200},
                {"/body/contact/role", 1, 200}};
    struct problems problems;
    struct problems warnings;
    char *text = malloc(2 * 4001 + 3);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t length = rows[i].max - 1; length <= rows[i].max + 1; length++) {
            text[0] = '"';
            for (size_t c = 0; c < length; c++) {
                memcpy(text + 1 + 2 * c, "é", 2);
            }
            memcpy(text + 1 + 2 * length, "\"", 2);
            assert_error(length <= rows[i].max ? OK : ERR_FIELD_VALUE,
                         check_change(arena, denial, rows[i].pointer, text, &problems, &warnings));
        }
        (void)snprintf(text, 20, "\"%.*s\"", (int)rows[i].min - 1, "xxxx");
        assert_error(ERR_FIELD_VALUE,
                     check_change(arena, denial, rows[i].pointer, text, &problems, &warnings));
        (void)snprintf(text, 20, "\"%.*s\"", (int)rows[i].min, "xxxx");
        assert_error(OK, check_change(arena, denial, rows[i].pointer, text, &problems, &warnings));
    }
    free(text);
}

/* --- codes --------------------------------------------------------------------------------- */

static void codes_states_and_entries_come_to_their_stored_form(void **state)
{
    static const struct {
        const char *pointer;
        const char *json;
        const char *stored;
    } rows[] = {{"/body/destination", "\"xpe\"", "XPE"},
                {"/body/destination", "\"NA\"", "NAM"},
                {"/body/destination", "\"Norway\"", "NOR"},
                {"/body/transit/0", "\"no\"", "NOR"},
                {"/body/items/0/cml", "\"ML1b1\"", "ML1.b.1"},
                {"/originator/state", "\"xma\"", "XMA"},
                {"/handling/deny/0", "\"state:xto\"", "state:XTO"},
                {"/handling/read/restricted/0", "\"state:Norway\"", "state:NOR"},
                {"/reference", "\"dnxma20260014\"", "DN-XMA-2026-0014"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        arena_clear(arena);
        struct value *record = sample_record(arena, denial);
        set_at(arena, record, rows[i].pointer, json_value(arena, rows[i].json));
        assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
        assert_view(value_at(record, view_of_text(rows[i].pointer))->bytes, rows[i].stored);
        /* From a peer only the stored form passes. */
        set_at(arena, record, rows[i].pointer, json_value(arena, rows[i].json));
        assert_error(ERR_FIELD_VALUE, record_check(record, RECORD_RECEIVED, arena, NULL, NULL));
    }
}

static void an_unknown_code_is_refused_with_what_was_meant(void **state)
{
    static const struct {
        const char *pointer;
        const char *json;
        const char *mend;
    } rows[] = {{"/handling/tlp", "\"tlp:amber\"", "TLP:AMBER"},
                {"/handling/tlp", "\"TLP:WHITE\"", "TLP:CLEAR"},
                {"/body/activity", "\"exprt\"", "export"},
                {"/body/activity", "\"gardening\"", "valise explain activity"},
                {"/body/grounds/1/code", "\"EU-77\"", "EU-7"},
                {"/body/destination", "\"ZZ\"", "ISO 3166-1"}};
    struct problems problems;
    struct problems warnings;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_error(ERR_FIELD_VALUE, check_change(arena, denial, rows[i].pointer, rows[i].json,
                                                   &problems, &warnings));
        assert_string_equal(problems.items[0].where, rows[i].pointer);
        assert_non_null(strstr(problems.items[0].mend, rows[i].mend));
    }
}

/* --- numbers and identifiers --------------------------------------------------------------- */

static void numbers_and_decimals_have_forms_and_limits(void **state)
{
    static const struct change rows[] = {
        {"/body/items/0/line", "0", ERR_FIELD_VALUE},
        {"/body/items/0/line", "1", OK},
        {"/body/items/0/line", "10000", OK},
        {"/body/items/0/line", "10001", ERR_FIELD_VALUE},
        {"/body/items/0/line", "\"1\"", ERR_FIELD_TYPE},
        {"/body/items/0/line", "1.5", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "0", OK},
        {"/body/items/0/quantity", "-1", ERR_FIELD_VALUE},
        {"/body/items/0/quantity", "2.5", OK},
        {"/body/items/0/quantity", "\"2.5\"", OK},
        {"/body/items/0/quantity", "\"2,5\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"-2.5\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"2.\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\".5\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"02\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"1e5\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "1e300", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"0.123456\"", OK},
        {"/body/items/0/quantity", "\"0.1234567\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"123456789012345\"", OK},
        {"/body/items/0/quantity", "\"1234567890123456\"", ERR_FIELD_TYPE},
        {"/body/items/0/quantity", "\"\"", ERR_FIELD_TYPE},
        {"/body/items/0/value", "\"3120000.00\"", OK},
        {"/body/items/0/value", "3120000", ERR_FIELD_TYPE},
        {"/body/items/0/hs", "\"93\"", OK},
        {"/body/items/0/hs", "\"9301901234\"", OK},
        {"/body/items/0/hs", "\"9\"", ERR_FIELD_VALUE},
        {"/body/items/0/hs", "\"930\"", ERR_FIELD_VALUE},
        {"/body/items/0/hs", "\"930190123456\"", ERR_FIELD_VALUE},
        {"/body/items/0/hs", "\"93O1\"", ERR_FIELD_VALUE},
        {"/body/items/0/catch_all", "true", OK},
        {"/body/items/0/catch_all", "\"true\"", ERR_FIELD_TYPE},
        {"/version", "0", ERR_FIELD_VALUE},
        {"/version", "9999", OK},
        {"/version", "10000", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

static void coordinates_lie_on_the_globe(void **state)
{
    static const struct change rows[] = {
        {"/body/recovery/location/lat", "90", OK},
        {"/body/recovery/location/lat", "-90", OK},
        {"/body/recovery/location/lat", "91", ERR_FIELD_VALUE},
        {"/body/recovery/location/lat", "90.000001", ERR_FIELD_VALUE},
        {"/body/recovery/location/lat", "-90.5", ERR_FIELD_VALUE},
        {"/body/recovery/location/lon", "180", OK},
        {"/body/recovery/location/lon", "-180.0", OK},
        {"/body/recovery/location/lon", "\"-179.999999\"", OK},
        {"/body/recovery/location/lon", "181", ERR_FIELD_VALUE},
        {"/body/recovery/location/lon", "9999", ERR_FIELD_TYPE},
        {"/body/recovery/location/lon", "9223372036854775807", ERR_FIELD_TYPE},
        {"/body/recovery/location/lon", "\"east\"", ERR_FIELD_TYPE},
        {"/body/recovery/location/precision_km", "1000", OK},
        {"/body/recovery/location/precision_km", "1001", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, found, rows, COUNT(rows));
}

static void a_whole_coordinate_is_kept_as_text(void **state)
{
    struct value *record = sample_record(arena, found);

    (void)state;
    set_at(arena, record, "/body/recovery/location/lat", json_value(arena, "-9"));
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
    struct value *lat = value_at(record, view_of_text("/body/recovery/location/lat"));
    assert_int_equal(lat->kind, PACK_TEXT);
    assert_view(lat->bytes, "-9");
}

static void identifiers_of_bad_form_are_refused(void **state)
{
    static const struct change rows[] = {
        {"/body/transport/vessel/imo", "\"IMO 9074729\"", OK},
        {"/body/transport/vessel/imo", "\"907472\"", ERR_FIELD_VALUE},
        {"/body/transport/vessel/mmsi", "\"201000000\"", OK},
        {"/body/transport/vessel/mmsi", "\"20100000\"", ERR_FIELD_VALUE},
        {"/body/transport/container", "\"CSQU3054383\"", OK},
        {"/body/transport/container", "\"CSQX3054383\"", ERR_FIELD_VALUE},
        {"/body/transport/load", "\"DE9B0\"", OK},
        {"/body/transport/load", "\"DE9B\"", ERR_FIELD_VALUE},
        {"/body/documents",
         "[{\"kind\":\"EUC\",\"sha256\":\"0123456789abcdef0123456789abcdef"
         "0123456789abcdef0123456789abcdef\"}]",
         OK},
        {"/body/documents",
         "[{\"kind\":\"EUC\",\"sha256\":\"0123456789ABCDEF0123456789abcdef"
         "0123456789abcdef0123456789abcdef\"}]",
         ERR_FIELD_VALUE},
        {"/body/documents", "[{\"kind\":\"EUC\",\"sha256\":\"0123\"}]", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, transported, rows, COUNT(rows));
}

/* Records.md section 4: a wrong digit may itself be the evidence. */
static void a_wrong_check_digit_only_warns(void **state)
{
    static const struct {
        const char *reference;
        const char *pointer;
        const char *good;
        const char *bad;
    } rows[] = {
        {transported, "/body/transport/vessel/imo", "\"9074729\"", "\"9074728\""},
        {transported, "/body/transport/vessel/mmsi", "\"211234560\"", "\"999999999\""},
        {transported, "/body/transport/container", "\"CSQU3054383\"", "\"CSQU3054384\""},
        {denial, "/body/parties/1/ids/0/value", "\"5493001KJTIIGC8Y1R12\"",
         "\"5493001KJTIIGC8Y1R13\""},
    };
    struct problems problems;
    struct problems good;
    struct problems bad;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_ok(check_change(arena, rows[i].reference, rows[i].pointer, rows[i].good, &problems,
                               &good));
        assert_ok(
            check_change(arena, rows[i].reference, rows[i].pointer, rows[i].bad, &problems, &bad));
        assert_int_equal(bad.count, good.count + 1);
    }
}

static void serial_numbers_may_be_ranges_of_one_width(void **state)
{
    static const struct change rows[] = {
        {"/body/materiel/0/serials/0", "\"KP19-004410\"", OK},
        {"/body/materiel/0/serials/0", "\"KP19-004410..KP19-004447\"", OK},
        {"/body/materiel/0/serials/0", "\"A1..A1\"", OK},
        {"/body/materiel/0/serials/0", "\"A9..A1\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"A1..A10\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"AA001..BB010\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"A01..AA1\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"AB..AC\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"..A1\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"A1..\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"..\"", ERR_FIELD_VALUE},
        {"/body/materiel/0/serials/0", "\"\"", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, found, rows, COUNT(rows));
}

/* --- dates, references, grades ------------------------------------------------------------- */

static void dates_and_references_have_forms(void **state)
{
    static const struct change rows[] = {
        {"/body/denied_on", "\"2026-03-02\"", OK},
        {"/body/denied_on", "\"2026-03\"", ERR_FIELD_VALUE},
        {"/body/denied_on", "\"02.03.2026\"", ERR_FIELD_VALUE},
        {"/body/denied_on", "\"2026-02-30\"", ERR_FIELD_VALUE},
        {"/issued_at", "\"2026-03-11T09:42:00Z\"", OK},
        {"/issued_at", "\"2026-03-11\"", ERR_FIELD_VALUE},
        {"/issued_at", "\"2026-03-11T09:42:00+01:00\"", ERR_FIELD_VALUE},
        {"/body/parties/3/birth/date", "\"1971-06~\"", OK},
        {"/body/parties/3/birth/date", "\"circa 1971\"", ERR_FIELD_VALUE},
        {"/refs", "[\"dnxnh20260003\"]", OK},
        {"/refs", "[\"DN-XNH-2026-0003#1\"]", ERR_FIELD_VALUE},
        {"/refs", "[\"nothing\"]", ERR_FIELD_VALUE},
        {"/supersedes", "\"DN-XMA-2026-0014#1\"", OK},
        {"/supersedes", "\"DN-XMA-2026-0014\"", ERR_FIELD_VALUE},
        {"/supersedes", "\"DN-XMA-2026-0014#\"", ERR_FIELD_VALUE},
        {"/supersedes", "\"DN-XMA-2026-0014#x\"", ERR_FIELD_VALUE},
        {"/supersedes", "\"DN-XMA-2026-0014#12345\"", ERR_FIELD_VALUE},
        {"/reference", "\"BA-XMA-2026-0014\"", ERR_RECORD_CONFLICT},
    };
    static const struct change graded[] = {
        {"/body/source_grade", "\"A1\"", OK},
        {"/body/source_grade", "\"F6\"", OK},
        {"/body/source_grade", "\"G1\"", ERR_FIELD_VALUE},
        {"/body/source_grade", "\"A7\"", ERR_FIELD_VALUE},
        {"/body/source_grade", "\"A0\"", ERR_FIELD_VALUE},
        {"/body/source_grade", "\"a1\"", ERR_FIELD_VALUE},
        {"/body/source_grade", "\"A\"", ERR_FIELD_VALUE},
        {"/body/source_grade", "\"A11\"", ERR_FIELD_VALUE},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
    check_changes(arena, alert, graded, COUNT(graded));
}

/* --- handling ------------------------------------------------------------------------------ */

static void handling_names_known_sections_and_terms_only(void **state)
{
    static const struct change rows[] = {
        {"/handling/read", "{}", ERR_AUDIENCE_EMPTY},
        {"/handling/read", "{\"*\":[]}", ERR_AUDIENCE_EMPTY},
        {"/handling/read", "{\"*\":[],\"parties\":[\"state:XNH\"]}", OK},
        {"/handling/read", "{\"summary\":[\"state:XNH\"],\"attachments\":[\"group:NORTH\"]}", OK},
        {"/handling/read", "{\"sumary\":[]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"internal\":[\"state:XNH\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"manifest\":[\"state:XNH\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":\"state:XNH\"}", ERR_FIELD_TYPE},
        {"/handling/read", "{\"*\":[\"XNH\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"*\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"state:\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"state:XX\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"house:XNH\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"group:\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"group:NO RTH\"]}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[\"group:0123456789012345678901234567890123456789\"]}", OK},
        {"/handling/read", "{\"*\":[\"group:01234567890123456789012345678901234567890\"]}",
         ERR_POLICY_UNKNOWN_TERM},
        {"/handling/read", "{\"*\":[7]}", ERR_FIELD_TYPE},
        {"/handling/read", NULL, ERR_FIELD_MISSING},
        {"/handling/tlp", NULL, ERR_FIELD_MISSING},
        {"/handling", NULL, ERR_FIELD_MISSING},
        {"/handling/retain", "\"10y\"", OK},
        {"/handling/retain", "\"9999d\"", OK},
        {"/handling/retain", "\"10000d\"", ERR_FIELD_VALUE},
        {"/handling/retain", "\"0y\"", ERR_FIELD_VALUE},
        {"/handling/retain", "\"y\"", ERR_FIELD_VALUE},
        {"/handling/retain", "\"10\"", ERR_FIELD_VALUE},
        {"/handling/retain", "\"10w\"", ERR_FIELD_VALUE},
        {"/handling/override", "true", ERR_FIELD_UNKNOWN},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

/* A field may only be moved to a stricter section, and only where it exists. */
static void fields_are_only_moved_to_stricter_sections(void **state)
{
    static const struct change rows[] = {
        {"/handling/fields", "{\"/explanation\":\"restricted\"}", OK},
        {"/handling/fields", "{\"/explanation\":\"internal\"}", OK},
        {"/handling/fields", "{\"/explanation\":\"details\"}", ERR_POLICY_INVALID},
        {"/handling/fields", "{\"/destination\":\"restricted\"}", OK},
        {"/handling/fields", "{\"/destination\":\"manifest\"}", ERR_POLICY_INVALID},
        {"/handling/fields", "{\"/destination\":\"attachments\"}", ERR_POLICY_INVALID},
        {"/handling/fields", "{\"/destination\":\"nowhere\"}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/fields", "{\"/destination\":7}", ERR_POLICY_UNKNOWN_TERM},
        {"/handling/fields", "{\"/parties/3\":\"restricted\"}", OK},
        {"/handling/fields", "{\"/parties/0/names\":\"restricted\"}", OK},
        {"/handling/fields", "{\"/parties/x\":\"restricted\"}", ERR_FIELD_UNKNOWN},
        {"/handling/fields", "{\"/nothing\":\"restricted\"}", ERR_FIELD_UNKNOWN},
        {"/handling/fields", "{\"destination\":\"restricted\"}", ERR_FIELD_UNKNOWN},
        {"/handling/fields", "{\"\":\"restricted\"}", ERR_FIELD_UNKNOWN},
        {"/handling/fields", "{\"/items/0/serials/0\":\"restricted\"}", ERR_FIELD_UNKNOWN},
    };

    (void)state;
    check_changes(arena, denial, rows, COUNT(rows));
}

/* --- structure ----------------------------------------------------------------------------- */

static void lists_have_limits(void **state)
{
    struct value *record = sample_record(arena, denial);
    struct value *list = value_list(arena);

    (void)state;
    set_at(arena, record, "/body/transit", list);
    assert_ok(record_check(record, RECORD_OWN, arena, NULL, NULL));
    for (size_t i = 1; i <= RECORD_LIST_MAX + 1; i++) {
        assert_ok(value_append(arena, list, value_string(arena, "XTO")));
        if (i >= RECORD_LIST_MAX - 1) {
            assert_error(i <= RECORD_LIST_MAX ? OK : ERR_FIELD_VALUE,
                         record_check(record, RECORD_OWN, arena, NULL, NULL));
        }
    }
    static const struct change rows[] = {
        {"/body/items", "[]", ERR_FIELD_VALUE},
        {"/body/items", "{}", ERR_FIELD_TYPE},
        {"/body/items/0", "[]", ERR_FIELD_TYPE},
        {"/body/transit", "\"XTO\"", ERR_FIELD_TYPE},
    };
    check_changes(arena, denial, rows, COUNT(rows));
}

static void a_required_field_that_is_missing_is_named(void **state)
{
    static const char *const required[] = {
        "/reference",
        "/originator",
        "/originator/state",
        "/originator/authority",
        "/issued_at",
        "/lang",
        "/body",
        "/body/denial_type",
        "/body/activity",
        "/body/denied_on",
        "/body/destination",
        "/body/items",
        "/body/items/0/description",
        "/body/items/0/att",
        "/body/items/1/form",
        "/body/parties",
        "/body/parties/0/role",
        "/body/parties/0/names",
        "/body/parties/2/names/0/script",
        "/body/grounds",
        "/body/grounds/0/threshold",
    };
    struct problems problems;
    struct problems warnings;

    (void)state;
    for (size_t i = 0; i < COUNT(required); i++) {
        assert_error(ERR_FIELD_MISSING,
                     check_change(arena, denial, required[i], NULL, &problems, &warnings));
        assert_string_equal(problems.items[0].where, required[i]);
    }
}

static void a_draft_may_lack_what_is_required(void **state)
{
    struct value *record = sample_record(arena, denial);

    (void)state;
    set_at(arena, record, "/body/destination", NULL);
    set_at(arena, record, "/reference", NULL);
    assert_ok(record_check(record, RECORD_DRAFT, arena, NULL, NULL));
    assert_error(ERR_FIELD_MISSING, record_check(record, RECORD_OWN, arena, NULL, NULL));
    set_at(arena, record, "/body/activity", json_value(arena, "\"gardening\""));
    assert_error(ERR_FIELD_VALUE, record_check(record, RECORD_DRAFT, arena, NULL, NULL));
}

/* R21 */
static void R21_an_unknown_field_is_refused_and_understood(void **state)
{
    static const struct {
        const char *pointer;
        const char *mend;
    } rows[] = {{"/body/destinaton", "destination"},
                {"/isued_at", "issued_at"},
                {"/body/items/0/quantty", "quantity"},
                {"/body/gardening", ""}};
    struct problems problems;
    struct problems warnings;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_error(ERR_FIELD_UNKNOWN,
                     check_change(arena, denial, rows[i].pointer, "\"x\"", &problems, &warnings));
        assert_string_equal(problems.items[0].where, rows[i].pointer);
        assert_non_null(strstr(problems.items[0].mend, rows[i].mend));
    }
    struct value *record = sample_record(arena, denial);
    set_at(arena, record, "/body/gardening", json_value(arena, "1"));
    assert_error(ERR_CODE_NOT_KNOWN_HERE, record_check(record, RECORD_RECEIVED, arena, NULL, NULL));
}

static void a_part_of_a_record_passes_when_received(void **state)
{
    struct value *record = json(arena, "{\"schema\":\"valise/denial/1\",\"body\":{}}");

    (void)state;
    assert_ok(record_check(record, RECORD_RECEIVED, arena, NULL, NULL));
    assert_error(ERR_FIELD_MISSING, record_check(record, RECORD_OWN, arena, NULL, NULL));
    record = json(arena, "{\"schema\":\"valise/denial/1\",\"body\":{\"activity\":\"new\"}}");
    assert_error(ERR_CODE_NOT_KNOWN_HERE, record_check(record, RECORD_RECEIVED, arena, NULL, NULL));
}

static void a_schema_must_be_known(void **state)
{
    struct problems problems;
    struct problems warnings;
    struct value *record = NULL;

    (void)state;
    assert_error(ERR_FIELD_MISSING,
                 check_change(arena, denial, "/schema", NULL, &problems, &warnings));
    assert_error(ERR_FIELD_VALUE, check_change(arena, denial, "/schema", "\"valise/denial/2\"",
                                               &problems, &warnings));
    assert_error(ERR_FIELD_VALUE,
                 check_change(arena, denial, "/schema", "\"denial\"", &problems, &warnings));
    assert_error(ERR_FIELD_VALUE,
                 check_change(arena, denial, "/schema", "\"DN\"", &problems, &warnings));
    assert_error(ERR_FIELD_VALUE,
                 check_change(arena, denial, "/schema", "7", &problems, &warnings));
    record = json(arena, "{\"schema\":\"valise/denial/2\"}");
    assert_error(ERR_CODE_NOT_KNOWN_HERE, record_check(record, RECORD_RECEIVED, arena, NULL, NULL));
    assert_error(ERR_FIELD_TYPE, record_check(json(arena, "[]"), RECORD_OWN, arena, NULL, NULL));
}

static void every_problem_is_found_not_only_the_first(void **state)
{
    struct value *record = sample_record(arena, denial);
    struct problems problems = {0};

    (void)state;
    set_at(arena, record, "/body/activity", json_value(arena, "\"x\""));
    set_at(arena, record, "/body/destination", json_value(arena, "\"x\""));
    set_at(arena, record, "/body/items/1/line", json_value(arena, "0"));
    set_at(arena, record, "/lang", json_value(arena, "\"x\""));
    assert_error(ERR_FIELD_VALUE, record_check(record, RECORD_OWN, arena, &problems, NULL));
    assert_int_equal(problems.count, 4);
}

/* A pointer longer than the room for it is cut, and the walk goes on. */
static void very_long_names_are_survived(void **state)
{
    struct value *record = sample_record(arena, denial);
    struct value *at = value_get(record, "body");
    char name[2000];

    (void)state;
    memset(name, 'n', sizeof name);
    for (int i = 0; i < 6; i++) {
        struct value *child = value_map(arena);
        assert_ok(value_set(arena, at, view_of(name, sizeof name), child));
        at = child;
    }
    struct problems problems = {0};
    assert_error(ERR_FIELD_UNKNOWN, record_check(record, RECORD_OWN, arena, &problems, NULL));
    assert_int_equal(problems.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_examples_are_good),
        TEST(a_value_of_another_kind_is_refused_everywhere),
        TEST(R20_texts_of_one_line_hold_no_hidden_characters),
        TEST(texts_have_lengths_in_characters),
        TEST(codes_states_and_entries_come_to_their_stored_form),
        TEST(an_unknown_code_is_refused_with_what_was_meant),
        TEST(numbers_and_decimals_have_forms_and_limits),
        TEST(coordinates_lie_on_the_globe),
        TEST(a_whole_coordinate_is_kept_as_text),
        TEST(identifiers_of_bad_form_are_refused),
        TEST(a_wrong_check_digit_only_warns),
        TEST(serial_numbers_may_be_ranges_of_one_width),
        TEST(dates_and_references_have_forms),
        TEST(handling_names_known_sections_and_terms_only),
        TEST(fields_are_only_moved_to_stricter_sections),
        TEST(lists_have_limits),
        TEST(a_required_field_that_is_missing_is_named),
        TEST(a_draft_may_lack_what_is_required),
        TEST(R21_an_unknown_field_is_refused_and_understood),
        TEST(a_part_of_a_record_passes_when_received),
        TEST(a_schema_must_be_known),
        TEST(every_problem_is_found_not_only_the_first),
        TEST(very_long_names_are_survived),
    };

    return RUN(tests);
}
