/* SPDX-License-Identifier: Apache-2.0 */
#include "describe.h"

#include "codes.h"
#include "record.h"

#include <string.h>

/* Kinds, fields and code lists of records. */

enum { OBJECTS_MAX = 64 };

void describe_kinds(const char *name, struct buffer *to)
{
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)name;
    buffer_append_text(
        to, "| schema | prefix | body | kind in commands | main date |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        buffer_printf(to, "| `%s` | %s | object %s | %s | `%s` |\n", kinds[i].schema,
                      kinds[i].prefix, kinds[i].body->name, kinds[i].kind, kinds[i].main_date);
    }
}

/* --- fields -------------------------------------------------------------------------------- */

static void print_limits(const struct record_field *field, const char *unit, struct buffer *to)
{
    buffer_printf(to, ", %lld..%lld%s", (long long)field->min, (long long)field->max, unit);
}

static void print_form(const struct record_field *field, struct buffer *to)
{
    static const char *const forms[] = {
        [FIELD_TEXT] = "one line",
        [FIELD_LINES] = "lines",
        [FIELD_NAME] = "name",
        [FIELD_CODE] = "code of",
        [FIELD_STATE] = "State, alpha-3",
        [FIELD_CML] = "military list entry",
        [FIELD_HS] = "2, 4, 6, 8 or 10 digits",
        [FIELD_GRADE] = "grade, A1..F6",
        [FIELD_HASH] = "64 hexadecimal digits",
        [FIELD_IDENTIFIER] = "identifier",
        [FIELD_IMO] = "IMO ship number",
        [FIELD_MMSI] = "MMSI",
        [FIELD_CONTAINER] = "container, ISO 6346",
        [FIELD_LOCODE] = "UN/LOCODE",
        [FIELD_SERIALS] = "serial, or A..B",
        [FIELD_REFERENCE] = "reference",
        [FIELD_VERSIONED] = "reference#version",
        [FIELD_DATE] = "date",
        [FIELD_PARTIAL_DATE] = "partial date",
        [FIELD_TIME] = "time",
        [FIELD_INTEGER] = "integer",
        [FIELD_QUANTITY] = "integer, or decimal as text",
        [FIELD_MONEY] = "decimal as text",
        [FIELD_COORDINATE] = "decimal as text",
        [FIELD_FLAG] = "flag",
        [FIELD_OBJECT] = "object",
        [FIELD_AUDIENCE] = "map of section or * to terms",
        [FIELD_SECTIONS] = "map of JSON pointer to section",
        [FIELD_TERM] = "term",
        [FIELD_DURATION] = "duration",
    };

    if ((field->flags & FIELD_IS_LIST) != 0) {
        buffer_append_text(to, (field->flags & FIELD_AT_LEAST_ONE) != 0 ? "list, not empty, of "
                                                                        : "list of ");
    }
    buffer_append_text(to, forms[field->type]);
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LINES:
    case FIELD_NAME:
    case FIELD_IDENTIFIER:
        print_limits(field, " characters", to);
        break;
    case FIELD_INTEGER:
    case FIELD_COORDINATE:
        print_limits(field, "", to);
        break;
    case FIELD_CODE:
        buffer_printf(to, " %s", code_list_info(field->codes)->name);
        break;
    case FIELD_OBJECT:
        buffer_printf(to, " %s", field->object == NULL ? "of the kind" : field->object->name);
        break;
    default:
        break;
    }
}

static void print_fields(const struct record_object *object, struct buffer *to)
{
    buffer_printf(to,
                  "**object %s**\n\n| field | form | required | section | meaning |\n"
                  "|---|---|---|---|---|\n",
                  object->name);
    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];

        buffer_printf(to, "| `%s` | ", field->name);
        print_form(field, to);
        buffer_printf(
            to, " | %s | %s | %s |\n", (field->flags & FIELD_REQUIRED) != 0 ? "yes" : "no",
            field->section == SECTION_INHERIT ? "" : section_name(field->section), field->help);
    }
    buffer_append_text(to, "\n");
}

/** Objects that were printed already or wait for it. */
struct objects {
    size_t count;
    const struct record_object *items[OBJECTS_MAX];
};

static void add(struct objects *objects, const struct record_object *object)
{
    for (size_t i = 0; i < objects->count; i++) {
        if (objects->items[i] == object) {
            return;
        }
    }
    if (object != NULL && objects->count < OBJECTS_MAX) {
        objects->items[objects->count++] = object;
    }
}

void describe_fields(const char *name, struct buffer *to)
{
    struct objects objects = {0, {NULL}};
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);

    (void)name;
    add(&objects, record_envelope());
    for (size_t i = 0; i < count; i++) {
        add(&objects, kinds[i].body);
    }
    for (size_t i = 0; i < objects.count; i++) {
        const struct record_object *object = objects.items[i];
        print_fields(object, to);
        for (size_t f = 0; f < object->count; f++) {
            add(&objects, object->fields[f].object);
        }
    }
}

/* --- codes --------------------------------------------------------------------------------- */

void describe_codes(const char *name, struct buffer *to)
{
    (void)name;
    buffer_append_text(to, "| list | codes |\n|---|---|\n");
    for (int list = CODES_NONE + 1; list < CODES_LIST_COUNT; list++) {
        const struct code_list_info *info = code_list_info((enum code_list)list);

        if (info->items == NULL || info->items[0].code == NULL) {
            continue;
        }
        buffer_printf(to, "| %s |", info->name);
        for (const struct code *code = info->items; code->code != NULL; code++) {
            buffer_printf(to, " `%s`", code->code);
        }
        buffer_append_text(to, " |\n");
    }
}
