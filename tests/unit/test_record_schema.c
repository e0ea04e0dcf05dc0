/* SPDX-License-Identifier: Apache-2.0 */
#include "with_arena.h"

#include "record_json.h"
#include "record_schema.h"

#include <string.h>

static struct value *schema_of(size_t kind)
{
    size_t count = 0;
    struct value *schema = NULL;

    MUST(record_schema(&record_kinds(&count)[kind], arena, &schema) == OK);
    return schema;
}

static void a_schema_is_of_draft_2020_12_and_names_its_kind(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct value *schema = schema_of(i);
        assert_view(value_get_text(schema, "$schema"),
                    "https://json-schema.org/draft/2020-12/schema");
        assert_view(value_get_text(schema, "title"), kinds[i].title);
        assert_view(value_at(schema, view_of_text("/properties/schema/const"))->bytes,
                    kinds[i].schema);
        assert_non_null(value_at(schema, view_of_text("/properties/node")));
        assert_non_null(value_at(schema, view_of_text("/$defs/sealed")));
        assert_false(value_get_bool(schema, "additionalProperties"));
    }
}

/* Each field of a table has its property; required ones are listed. */
static void check_object(const struct record_object *object, const struct value *schema)
{
    const struct value *properties = value_get(schema, "properties");
    const struct value *required = value_get(schema, "required");

    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        const struct value *property = value_get(properties, field->name);
        bool listed = false;
        assert_non_null(property);
        if (strcmp(field->name, "schema") != 0) { /* whose value is said instead */
            assert_view(value_get_text(property, "description"), field->help);
        }
        for (size_t r = 0; r < required->count; r++) {
            listed = listed || view_is(required->items[r]->bytes, field->name);
        }
        assert_int_equal(listed,
                         (field->flags & FIELD_REQUIRED) != 0 && field->type != FIELD_AUDIENCE);
    }
    assert_true(properties->count >= object->count);
}

static void a_schema_has_every_field_of_the_table(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct value *schema = schema_of(i);
        check_object(record_envelope(), schema);
        check_object(kinds[i].body, value_at(schema, view_of_text("/properties/body")));
        check_object(record_handling(), value_at(schema, view_of_text("/properties/handling")));
    }
}

/* Inside the body a part may be closed to the reader; outside it none is. */
static void parts_of_the_body_may_be_sealed(void **state)
{
    struct value *schema = schema_of(0);

    (void)state;
    const struct value *open = value_at(schema, view_of_text("/properties/body/properties"));
    for (size_t i = 0; i < open->count; i++) {
        assert_view(value_at(open->members[i].value, view_of_text("/anyOf/1/$ref"))->bytes,
                    "#/$defs/sealed");
    }
    assert_null(value_at(schema, view_of_text("/properties/reference/anyOf")));
}

static void a_schema_can_be_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buffer to = buffer_init(RECORD_JSON_MAX_BYTES);
        assert_ok(json_write(schema_of(i), 2, &to));
        assert_true(to.size > 10000 && to.data[0] == '{' && to.data[to.size - 1] == '}');
        buffer_free(&to);
    }
}

/* A template has every required field, and what is left to fill in is all that is missing. */
static void a_template_is_a_draft(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct value *record = NULL;
        struct problems problems = {0};
        assert_ok(record_template(&kinds[i], "XMA", sample_now, arena, &record));
        enum error err = record_check(record, RECORD_DRAFT, arena, &problems, NULL);
        for (size_t p = 0; p < problems.count; p++) {
            print_error("%s: %s %s\n", kinds[i].kind, problems.items[p].where,
                        problems.items[p].what);
        }
        assert_ok(err);
        assert_view(value_at(record, view_of_text("/originator/state"))->bytes, "XMA");
        assert_view(value_get_text(record, "issued_at"), "2026-03-11T09:42:00Z");
        assert_null(value_get(record, "reference"));
        assert_int_equal(value_at(record, view_of_text("/handling/read/*"))->count, 0);
    }
}

static void a_small_arena_is_too_small(void **state)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);
    struct value *made = NULL;

    (void)state;
    for (size_t size = 16; size < 20000; size *= 2) {
        struct arena *small = arena_new(size);
        assert_error(ERR_TOO_LARGE, record_schema(&kinds[0], small, &made));
        arena_free(&small);
        small = arena_new(size < 2000 ? size : 16);
        assert_error(ERR_TOO_LARGE, record_template(&kinds[0], "XMA", sample_now, small, &made));
        arena_free(&small);
    }
    assert_null(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_schema_is_of_draft_2020_12_and_names_its_kind),
        TEST(a_schema_has_every_field_of_the_table),
        TEST(parts_of_the_body_may_be_sealed),
        TEST(a_schema_can_be_written),
        TEST(a_template_is_a_draft),
        TEST(a_small_arena_is_too_small),
    };

    return RUN(tests);
}
