/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include "record_sections.h"

#include <string.h>

static struct record_parts split(const struct value *record)
{
    struct record_parts parts;

    MUST(record_split(record, arena, &parts) == OK);
    return parts;
}

static struct value *merge(const struct record_parts *parts)
{
    struct value *record = NULL;

    MUST(record_merge(parts, arena, &record) == OK);
    return record;
}

/* --- where a place stands ------------------------------------------------------------------ */

static void a_pointer_leads_to_the_section_of_its_place(void **state)
{
    static const struct {
        const char *kind;
        const char *pointer;
        enum section_id section;
    } rows[] = {
        {"denial", "/destination", SECTION_SUMMARY},
        {"denial", "/status", SECTION_MANIFEST},
        {"denial", "/explanation", SECTION_RESTRICTED},
        {"denial", "/officer", SECTION_INTERNAL},
        {"denial", "/parties", SECTION_PARTIES},
        {"denial", "/parties/3", SECTION_PARTIES},
        {"denial", "/parties/3/birth", SECTION_RESTRICTED},
        {"denial", "/parties/3/country", SECTION_DETAILS},
        {"denial", "/parties/3/names/0/name", SECTION_PARTIES},
        {"denial", "/items/0/value", SECTION_RESTRICTED},
        {"denial", "/items/0/model", SECTION_DETAILS},
        {"denial", "/items/0/serials", SECTION_SUMMARY},
        {"broker", "/subjects/0/birth", SECTION_RESTRICTED},
        {"broker", "/conduct/0/evidence", SECTION_RESTRICTED},
        {"case", "/recovery/location", SECTION_RESTRICTED},
        {"case", "/recovery", SECTION_DETAILS},
        {"case", "/persons", SECTION_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum section_id section = SECTION_COUNT;
        assert_true(record_pointer_section(record_kind_find(view_of_text(rows[i].kind)),
                                           view_of_text(rows[i].pointer), &section));
        assert_string_equal(section_name(section), section_name(rows[i].section));
    }
}

static void a_pointer_to_nothing_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "destination",
                                      "/nothing",
                                      "/parties/",
                                      "/parties/x",
                                      "/parties/00",
                                      "/parties/-1",
                                      "/parties/12345",
                                      "/parties/0/nothing",
                                      "/destination/0",
                                      "/items/0/serials/0",
                                      "/parties/0/names/0/name/x",
                                      "//"};
    enum section_id section = SECTION_COUNT;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (record_pointer_section(record_kind_find(view_of_text("denial")), view_of_text(bad[i]),
                                   &section)) {
            fail_msg("accepted %s", bad[i]);
        }
    }
    assert_int_equal(section, SECTION_COUNT);
}

/* --- splitting ----------------------------------------------------------------------------- */

/* W-47 */
static void each_field_goes_to_its_section(void **state)
{
    struct record_parts parts = split(sample_record(arena, "DN-XMA-2026-0014"));

    (void)state;
#define AT(which, pointer) value_at(parts.section[which], view_of_text(pointer))
    assert_non_null(AT(SECTION_MANIFEST, "/reference"));
    assert_non_null(AT(SECTION_SUMMARY, "/body/destination"));
    assert_non_null(AT(SECTION_SUMMARY, "/body/items/1/description"));
    assert_non_null(AT(SECTION_PARTIES, "/body/parties/1/names/1/name"));
    assert_non_null(AT(SECTION_DETAILS, "/body/parties/1/country"));
    assert_non_null(AT(SECTION_DETAILS, "/body/stated_end_use"));
    assert_non_null(AT(SECTION_RESTRICTED, "/body/explanation"));
    assert_non_null(AT(SECTION_RESTRICTED, "/body/items/0/value"));
    assert_non_null(AT(SECTION_INTERNAL, "/handling/read"));
    assert_null(parts.section[SECTION_ATTACHMENTS]);
    assert_null(AT(SECTION_SUMMARY, "/body/items/0/value"));
    assert_null(AT(SECTION_MANIFEST, "/handling"));
#undef AT
}

static void identifiers_and_addresses_of_persons_are_restricted(void **state)
{
    struct record_parts parts = split(sample_record(arena, "BA-XMA-2026-0005"));

    (void)state;
    assert_null(value_at(parts.section[SECTION_PARTIES], view_of_text("/body/subjects/0/ids")));
    assert_non_null(
        value_at(parts.section[SECTION_RESTRICTED], view_of_text("/body/subjects/0/ids")));
    assert_non_null(value_at(parts.section[SECTION_PARTIES], view_of_text("/body/subjects/1/ids")));
}

/* Places seen by a reader of the looser section have no gap that tells of another entry. */
static void an_entry_that_is_moved_leaves_no_gap(void **state)
{
    struct value *record = sample_record(arena, "DN-XMA-2026-0014");

    (void)state;
    for (int moved = 0; moved < 4; moved++) {
        set_at(arena, record, "/handling/fields",
               json_value(arena, arena_printf(arena, "{\"/parties/%d\":\"restricted\"}", moved)));
        struct record_parts parts = split(record);
        struct value *open =
            value_at(parts.section[SECTION_PARTIES], view_of_text("/body/parties"));
        struct value *shut =
            value_at(parts.section[SECTION_RESTRICTED], view_of_text("/body/parties"));
        assert_int_equal(open->count, 3);
        assert_view(open->members[0].key, "0");
        assert_view(open->members[2].key, "2");
        assert_non_null(value_get(shut, "3"));
        struct value *role =
            value_at(record, view_of_text(arena_printf(arena, "/body/parties/%d/role", moved)));
        assert_true(value_equal(value_get(value_get(shut, "3"), "role"), role));
    }
}

/* I2: what only stricter readers get is nowhere in the parts of others. */
static void no_text_stands_in_two_sections(void **state)
{
    static const char *const secret[] = {"establishment of the stated end-user", "3120000.00",
                                         "1971", "post-shipment visit refused"};
    struct record_parts parts = split(sample_record(arena, "DN-XMA-2026-0014"));

    (void)state;
    for (int s = 0; s < SECTION_COUNT; s++) {
        struct buffer packed = buffer_init(RECORD_ARENA_BYTES);
        if (parts.section[s] != NULL) {
            value_pack(&packed, parts.section[s]);
        }
        for (size_t i = 0; i < COUNT(secret); i++) {
            bool holds = packed.size > 0 &&
                         memmem(packed.data, packed.size, secret[i], strlen(secret[i])) != NULL;
            assert_int_equal(holds, s == SECTION_RESTRICTED);
        }
        buffer_free(&packed);
    }
}

/* --- splitting and merging ----------------------------------------------------------------- */

/* The tree with each list of objects in the order in which splitting gives places. */
static struct value *in_split_order(const struct value *value, const struct value *moved,
                                    const char *pointer)
{
    struct value *made = NULL;

    if (value->kind == PACK_MAP) {
        made = value_map(arena);
        for (size_t i = 0; i < value->count; i++) {
            const struct member *m = &value->members[i];
            const char *at = arena_printf(arena, "%s/%.*s", pointer, (int)m->key.size,
                                          (const char *)m->key.data);
            MUST(value_set(arena, made, m->key, in_split_order(m->value, moved, at)) == OK);
        }
        return made;
    }
    if (value->kind != PACK_LIST || value->count == 0 || value->items[0]->kind != PACK_MAP) {
        MUST(value_copy(arena, value, &made) == OK);
        return made;
    }
    made = value_list(arena);
    for (int s = 0; s < SECTION_COUNT; s++) {
        for (size_t i = 0; i < value->count; i++) {
            const char *at = arena_printf(arena, "%s/%zu", pointer, i);
            struct view to = value_get_text(moved, at);
            enum section_id section = SECTION_MANIFEST;
            (void)section_find(to, &section);
            if (section == (enum section_id)s) {
                MUST(value_append(arena, made, in_split_order(value->items[i], moved, at)) == OK);
            }
        }
    }
    return made;
}

static void assert_round_trip(const struct value *record)
{
    const struct value *moved = value_get(value_get(record, "handling"), "fields");
    struct record_parts parts = split(record);
    struct value *again = merge(&parts);
    struct value *wanted = NULL;

    assert_ok(value_copy(arena, record, &wanted));
    assert_ok(
        value_put(arena, wanted, "body", in_split_order(value_get(record, "body"), moved, "")));
    if (moved != NULL) {
        /* Its pointers follow the entries: what was published can be published again. */
        assert_ok(value_put(arena, value_get(wanted, "handling"), "fields",
                            value_get(value_get(again, "handling"), "fields")));
        assert_int_equal(value_get(value_get(again, "handling"), "fields")->count, moved->count);
    }
    assert_true(value_equal(again, wanted));
    struct record_parts second = split(again);
    for (int s = 0; s < SECTION_COUNT; s++) {
        assert_true((second.section[s] == NULL) == (parts.section[s] == NULL));
        assert_true(parts.section[s] == NULL || value_equal(second.section[s], parts.section[s]));
    }
}

/* W-48 */
static void every_example_survives_splitting_and_merging(void **state)
{
    struct value *records = sample_records(arena);

    (void)state;
    for (size_t i = 0; i < records->count; i++) {
        assert_ok(record_check(records->items[i], RECORD_OWN, arena, NULL, NULL));
        assert_round_trip(records->items[i]);
    }
}

/* Pointers of all places of a body, for moving. */
static void gather_pointers(const struct value *value, const char *pointer, struct value *list)
{
    for (size_t i = 0; i < value->count; i++) {
        const struct value *child =
            value->kind == PACK_LIST ? value->items[i] : value->members[i].value;
        const char *at =
            value->kind == PACK_LIST
                ? arena_printf(arena, "%s/%zu", pointer, i)
                : arena_printf(arena, "%s/%.*s", pointer, (int)value->members[i].key.size,
                               (const char *)value->members[i].key.data);
        MUST(value_append(arena, list, value_string(arena, at)) == OK);
        if (child->kind == PACK_MAP || child->kind == PACK_LIST) {
            gather_pointers(child, at, list);
        }
    }
}

/* Property: whatever handling.fields moves where, nothing is lost, and nothing gets looser. */
static void whatever_is_moved_survives_and_gets_stricter_only(void **state)
{
    struct dice dice = dice_new("sections");
    unsigned tried = 0;

    (void)state;
    for (int i = 0; i < 600; i++) {
        arena_clear(arena);
        struct value *records = sample_records(arena);
        struct value *record = records->items[dice_roll(&dice, records->count)];
        struct value *pointers = value_list(arena);
        struct value *fields = value_map(arena);
        gather_pointers(value_get(record, "body"), "", pointers);
        for (uint64_t n = 1 + dice_roll(&dice, 6); n > 0; n--) {
            struct view at = pointers->items[dice_roll(&dice, pointers->count)]->bytes;
            enum section_id to = dice_roll(&dice, 2) == 0 ? SECTION_RESTRICTED : SECTION_INTERNAL;
            assert_ok(value_set(arena, fields, at, value_string(arena, section_name(to))));
        }
        set_at(arena, record, "/handling/fields", fields);
        if (record_check(record, RECORD_OWN, arena, NULL, NULL) != OK) {
            continue; /* a place that cannot be moved */
        }
        tried++;
        assert_round_trip(record);
        struct record_parts parts = split(record);
        set_at(arena, record, "/handling/fields", value_map(arena));
        struct record_parts usual = split(record);
        for (int s = 0; s < SECTION_RESTRICTED; s++) {
            struct buffer now = buffer_init(RECORD_ARENA_BYTES);
            struct buffer before = buffer_init(RECORD_ARENA_BYTES);
            if (parts.section[s] != NULL) {
                value_pack(&now, parts.section[s]);
            }
            if (usual.section[s] != NULL) {
                value_pack(&before, usual.section[s]);
            }
            assert_true(now.size <= before.size);
            buffer_free(&now);
            buffer_free(&before);
        }
    }
    assert_true(tried > 100);
}

/* R15: what is not granted is missing as a whole, and the rest stays what it was. */
static void R15_a_record_without_a_section_is_the_rest_of_it(void **state)
{
    struct value *record = sample_record(arena, "DN-XMA-2026-0014");
    struct record_parts all = split(record);

    (void)state;
    for (int left_out = SECTION_SUMMARY; left_out < SECTION_COUNT; left_out++) {
        struct record_parts some = all;
        some.section[left_out] = NULL;
        struct value *rest = merge(&some);
        assert_ok(record_check(rest, RECORD_RECEIVED, arena, NULL, NULL));
        assert_view(value_get_text(rest, "reference"), "DN-XMA-2026-0014");
        assert_int_equal(value_at(rest, view_of_text("/body/explanation")) == NULL,
                         left_out == SECTION_RESTRICTED);
        assert_int_equal(value_at(rest, view_of_text("/body/destination")) == NULL,
                         left_out == SECTION_SUMMARY);
    }
}

/* --- merging what others made -------------------------------------------------------------- */

static enum error merge_texts(const char *manifest, const char *summary, const char *details)
{
    struct record_parts parts = {{NULL}};
    struct value *record = NULL;

    parts.section[SECTION_MANIFEST] = manifest == NULL ? NULL : json_value(arena, manifest);
    parts.section[SECTION_SUMMARY] = summary == NULL ? NULL : json_value(arena, summary);
    parts.section[SECTION_DETAILS] = details == NULL ? NULL : json_value(arena, details);
    enum error err = record_merge(&parts, arena, &record);
    assert_int_equal(err == OK, record != NULL);
    return err;
}

/* Shown under a wrong heading, a restricted name would be passed on. */
static void places_tell_what_stands_elsewhere_than_its_kind_says(void **state)
{
    struct value *record = sample_record(arena, "DN-XMA-2026-0014");
    struct record_parts parts = {{NULL}};
    struct value *merged = NULL;
    struct value *places = NULL;

    (void)state;
    set_at(arena, record, "/handling/fields",
           json_value(arena, "{\"/explanation\":\"internal\",\"/parties/3\":\"restricted\","
                             "\"/items/0/model\":\"restricted\"}"));
    assert_ok(record_split(record, arena, &parts));
    assert_ok(record_merge(&parts, arena, &merged));
    assert_ok(record_places(merged, arena, &places));
    assert_true(view_is(value_get_text(places, "/explanation"), "internal"));
    assert_true(view_is(value_get_text(places, "/parties/3"), "restricted"));
    assert_true(view_is(value_get_text(places, "/items/0/model"), "restricted"));
    assert_null(value_get(places, "/parties/3/names"));
    assert_null(value_get(places, "/parties"));
    assert_null(value_get(places, "/destination"));
    /* Nothing is told of what was not given. */
    parts.section[SECTION_RESTRICTED] = NULL;
    parts.section[SECTION_INTERNAL] = NULL;
    assert_ok(record_merge(&parts, arena, &merged));
    assert_ok(record_places(merged, arena, &places));
    for (size_t i = 0; i < places->count; i++) {
        assert_false(view_is(places->members[i].value->bytes, "restricted"));
        assert_false(view_is(places->members[i].value->bytes, "internal"));
    }
}

static void parts_that_do_not_fit_together_are_refused(void **state)
{
    static const char manifest[] = "{\"schema\":\"valise/denial/1\",\"lang\":\"en\"}";
    static const struct {
        const char *manifest;
        const char *summary;
        const char *details;
        enum error wanted;
    } rows[] = {
        {manifest, NULL, NULL, OK},
        {NULL, "{}", NULL, ERR_FIELD_MISSING},
        {"{}", NULL, NULL, ERR_CODE_NOT_KNOWN_HERE},
        {"{\"schema\":\"valise/denial/2\"}", NULL, NULL, ERR_CODE_NOT_KNOWN_HERE},
        {"[]", NULL, NULL, ERR_CODE_NOT_KNOWN_HERE},
        {manifest, "[]", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"lang\":\"fr\"}", NULL, ERR_RECORD_CONFLICT},
        {manifest, "{\"body\":7}", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"body\":{\"destination\":\"XTO\"}}", "{\"body\":{\"destination\":\"XTO\"}}",
         ERR_RECORD_CONFLICT},
        {manifest, "{\"body\":{\"destination\":\"XTO\"}}", "{\"body\":{\"origin\":\"XTO\"}}", OK},
        {manifest, "{\"body\":{\"items\":[]}}", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"body\":{\"items\":{\"x\":{}}}}", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"body\":{\"items\":{\"00\":{}}}}", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"body\":{\"items\":{\"12345\":{}}}}", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"body\":{\"items\":{\"0\":7}}}", NULL, ERR_FIELD_TYPE},
        {manifest, "{\"body\":{\"items\":{\"9999\":{}}}}", NULL, OK},
        {manifest, "{\"body\":{\"items\":{\"0\":{\"lot\":\"a\"}}}}",
         "{\"body\":{\"items\":{\"0\":{\"model\":\"b\"}}}}", OK},
        {manifest, "{\"body\":{\"items\":{\"0\":{\"lot\":\"a\"}}}}",
         "{\"body\":{\"items\":{\"0\":{\"lot\":\"a\"}}}}", ERR_RECORD_CONFLICT},
        {manifest, "{\"body\":{\"contact\":{\"role\":\"a\"}}}",
         "{\"body\":{\"contact\":{\"channel\":\"b\"}}}", OK},
        {manifest, "{\"body\":{\"contact\":{\"role\":\"a\"}}}", "{\"body\":{\"contact\":7}}",
         ERR_FIELD_TYPE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_error(rows[i].wanted,
                     merge_texts(rows[i].manifest, rows[i].summary, rows[i].details));
    }
}

/* Places order the list, whatever section they come from. */
static void entries_come_in_the_order_of_their_places(void **state)
{
    struct record_parts parts = {{NULL}};

    (void)state;
    parts.section[SECTION_MANIFEST] = json(arena, "{\"schema\":\"valise/denial/1\"}");
    parts.section[SECTION_SUMMARY] =
        json(arena, "{\"body\":{\"items\":{\"10\":{\"lot\":\"c\"},\"2\":{\"lot\":\"b\"}}}}");
    parts.section[SECTION_DETAILS] = json(arena, "{\"body\":{\"items\":{\"0\":{\"lot\":\"a\"}}}}");
    struct value *record = merge(&parts);
    assert_view(value_at(record, view_of_text("/body/items/0/lot"))->bytes, "a");
    assert_view(value_at(record, view_of_text("/body/items/1/lot"))->bytes, "b");
    assert_view(value_at(record, view_of_text("/body/items/2/lot"))->bytes, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pointer_leads_to_the_section_of_its_place),
        TEST(a_pointer_to_nothing_is_refused),
        TEST(each_field_goes_to_its_section),
        TEST(identifiers_and_addresses_of_persons_are_restricted),
        TEST(an_entry_that_is_moved_leaves_no_gap),
        TEST(no_text_stands_in_two_sections),
        TEST(every_example_survives_splitting_and_merging),
        TEST(whatever_is_moved_survives_and_gets_stricter_only),
        TEST(R15_a_record_without_a_section_is_the_rest_of_it),
        TEST(places_tell_what_stands_elsewhere_than_its_kind_says),
        TEST(parts_that_do_not_fit_together_are_refused),
        TEST(entries_come_in_the_order_of_their_places),
    };

    return RUN(tests);
}
