/* SPDX-License-Identifier: Apache-2.0 */
#include "record_schema.h"

#include <stdio.h>
#include <string.h>

/** How one type of field looks in JSON Schema. */
struct schema_rule {
    const char *type;    /* JSON type, or NULL for the special ones */
    const char *pattern; /* for texts, or NULL */
    const char *example; /* for record_template, or NULL */
};

static const char digits_and_point[] = "^-?[0-9]{1,15}(\\.[0-9]{1,6})?$";
static const char reference_pattern[] = "^[A-Z]{2}-[A-Z]{3}-[0-9]{4}-[0-9]{4}$";

static const struct schema_rule schema_rules[] = {
    [FIELD_TEXT] = {"string", NULL, "………"}, /* a description has at least three characters */
    [FIELD_LINES] = {"string", NULL, "…"},
    [FIELD_NAME] = {"string", NULL, "…"},
    [FIELD_CODE] = {"string", NULL, NULL},
    [FIELD_STATE] = {"string", "^[A-Z]{3}$", "XXX"},
    [FIELD_CML] = {"string", "^ML[0-9]{1,2}(\\.[a-z](\\.[0-9]{1,2}(\\.[a-z])?)?)?$", "ML1.a"},
    [FIELD_HS] = {"string", "^([0-9]{2}){1,5}$", "9301"},
    [FIELD_GRADE] = {"string", "^[A-F][1-6]$", "B2"},
    [FIELD_HASH] = {"string", "^[0-9a-f]{64}$", NULL},
    [FIELD_IDENTIFIER] = {"string", NULL, "…"},
    [FIELD_IMO] = {"string", "^(IMO ?)?[0-9]{7}$", NULL},
    [FIELD_MMSI] = {"string", "^[0-9]{9}$", NULL},
    [FIELD_CONTAINER] = {"string", "^[A-Z]{3}[UJZ][ -]?[0-9]{6}[ -]?[0-9]$", NULL},
    [FIELD_LOCODE] = {"string", "^[A-Z]{2} ?[A-Z0-9]{3}$", NULL},
    [FIELD_SERIALS] = {"string", NULL, "A0001..A0010"},
    [FIELD_REFERENCE] = {"string", reference_pattern, NULL},
    [FIELD_VERSIONED] = {"string", "^[A-Z]{2}-[A-Z]{3}-[0-9]{4}-[0-9]{4}#[0-9]{1,4}$", NULL},
    [FIELD_DATE] = {"string", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2026-01-31"},
    [FIELD_PARTIAL_DATE] = {"string", "^[0-9]{4}(-[0-9]{2}){0,2}~?(/[0-9]{4}(-[0-9]{2}){0,2}~?)?$",
                            "2026-01"},
    [FIELD_TIME] = {"string",
                    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?Z$",
                    NULL},
    [FIELD_INTEGER] = {"integer", NULL, NULL},
    [FIELD_QUANTITY] = {NULL, digits_and_point, NULL},
    [FIELD_MONEY] = {"string", digits_and_point, NULL},
    [FIELD_COORDINATE] = {NULL, digits_and_point, NULL},
    [FIELD_FLAG] = {"boolean", NULL, NULL},
    [FIELD_OBJECT] = {"object", NULL, NULL},
    [FIELD_AUDIENCE] = {NULL, NULL, NULL},
    [FIELD_SECTIONS] = {NULL, NULL, NULL},
    [FIELD_TERM] = {"string", "^(state:[A-Z]{3}|group:[A-Za-z0-9_-]{1,40}|id:[0-9a-f]{64})$",
                    "state:XXX"},
    [FIELD_DURATION] = {"string", "^[1-9][0-9]{0,3}[dmy]$", "10y"},
};

static enum error object_schema(const struct record_object *object, const struct record_kind *kind,
                                bool may_be_sealed, struct arena *arena, struct value **schema);

static enum error put_type(struct value *schema, const char *type, struct arena *arena)
{
    return value_put_string(arena, schema, "type", type);
}

static enum error put_enum(struct value *schema, enum code_list list, struct arena *arena)
{
    struct value *codes = value_list(arena);
    enum error err = OK;

    for (const struct code *item = code_list_info(list)->items; item != NULL && item->code != NULL;
         item++) {
        TRY(value_append(arena, codes, value_string(arena, item->code)));
    }
    TRY(value_put(arena, schema, "enum", codes));
out:
    return err;
}

static enum error put_types(struct value *schema, const char *first, const char *second,
                            struct arena *arena)
{
    struct value *types = value_list(arena);
    enum error err = OK;

    TRY(value_append(arena, types, value_string(arena, first)));
    TRY(value_append(arena, types, value_string(arena, second)));
    TRY(value_put(arena, schema, "type", types));
out:
    return err;
}

/* A map from names to `items`: handling.read and handling.fields. */
static enum error put_map_of(struct value *schema, struct value *items, struct arena *arena)
{
    enum error err = OK;

    TRY(put_type(schema, "object", arena));
    TRY(value_put(arena, schema, "additionalProperties", items));
out:
    return err;
}

static enum error put_limits(const struct record_field *field, struct value *schema,
                             struct arena *arena)
{
    enum error err = OK;

    if (field->type == FIELD_INTEGER) {
        TRY(value_put_integer(arena, schema, "minimum", field->min));
        TRY(value_put_integer(arena, schema, "maximum", field->max));
    } else if (field->type == FIELD_TEXT || field->type == FIELD_LINES ||
               field->type == FIELD_NAME) {
        TRY(value_put_integer(arena, schema, "minLength", field->min));
        TRY(value_put_integer(arena, schema, "maxLength", field->max));
    }
out:
    return err;
}

static enum error scalar_schema(const struct record_field *field, const struct record_kind *kind,
                                struct arena *arena, struct value **schema)
{
    const struct schema_rule *rule = &schema_rules[field->type];
    struct value *made = value_map(arena);
    struct value *items = value_map(arena);
    struct value *list = value_map(arena);
    enum error err = OK;

    switch (field->type) {
    case FIELD_OBJECT:
        return object_schema(field->object == NULL ? kind->body : field->object, kind, true, arena,
                             schema);
    case FIELD_QUANTITY:
        TRY(put_types(made, "integer", "string", arena));
        break;
    case FIELD_COORDINATE:
        TRY(put_types(made, "number", "string", arena));
        break;
    case FIELD_AUDIENCE:
        TRY(put_type(items, "string", arena));
        TRY(put_type(list, "array", arena));
        TRY(value_put(arena, list, "items", items));
        TRY(put_map_of(made, list, arena));
        break;
    case FIELD_SECTIONS:
        TRY(put_type(items, "string", arena));
        TRY(put_map_of(made, items, arena));
        break;
    case FIELD_CODE:
        TRY(put_enum(made, field->codes, arena));
        break;
    default:
        TRY(put_type(made, rule->type, arena));
        break;
    }
    if (rule->pattern != NULL) {
        TRY(value_put_string(arena, made, "pattern", rule->pattern));
    }
    TRY(put_limits(field, made, arena));
    *schema = made;
out:
    return err;
}

static enum error sealed_reference(struct arena *arena, struct value **reference)
{
    struct value *made = value_map(arena);
    enum error err = value_put_string(arena, made, "$ref", "#/$defs/sealed");

    *reference = made;
    return err;
}

static enum error field_schema(const struct record_field *field, const struct record_kind *kind,
                               bool may_be_sealed, struct arena *arena, struct value **schema)
{
    struct value *inner = NULL;
    struct value *made = NULL;
    enum error err = OK;

    TRY(scalar_schema(field, kind, arena, &inner));
    made = inner;
    if ((field->flags & FIELD_IS_LIST) != 0) {
        made = value_map(arena);
        TRY(put_type(made, "array", arena));
        TRY(value_put(arena, made, "items", inner));
        TRY(value_put_integer(arena, made, "maxItems", RECORD_LIST_MAX));
    }
    if (may_be_sealed) {
        struct value *either = value_list(arena);
        struct value *sealed = NULL;
        TRY(sealed_reference(arena, &sealed));
        TRY(value_append(arena, either, made));
        TRY(value_append(arena, either, sealed));
        made = value_map(arena);
        TRY(value_put(arena, made, "anyOf", either));
    }
    TRY(value_put_string(arena, made, "description", field->help));
    *schema = made;
out:
    return err;
}

static enum error object_schema(const struct record_object *object, const struct record_kind *kind,
                                bool may_be_sealed, struct arena *arena, struct value **schema)
{
    struct value *made = value_map(arena);
    struct value *properties = value_map(arena);
    struct value *required = value_list(arena);
    enum error err = OK;

    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        struct value *property = NULL;
        TRY(field_schema(field, kind, may_be_sealed, arena, &property));
        TRY(value_put(arena, properties, field->name, property));
        /* A receiver's record has no audience: nobody learns who else got it. */
        if ((field->flags & FIELD_REQUIRED) != 0 && field->type != FIELD_AUDIENCE) {
            TRY(value_append(arena, required, value_string(arena, field->name)));
        }
    }
    TRY(put_type(made, "object", arena));
    TRY(value_put(arena, made, "properties", properties));
    TRY(value_put(arena, made, "required", required));
    TRY(value_put_bool(arena, made, "additionalProperties", false));
    *schema = made;
out:
    return err;
}

/* $defs/sealed, and `node`: what the showing node adds. */
static enum error add_shown(struct value *schema, struct arena *arena)
{
    struct value *defs = value_map(arena);
    struct value *sealed = value_map(arena);
    struct value *flag = value_map(arena);
    struct value *properties = value_map(arena);
    struct value *required = value_list(arena);
    struct value *node = value_map(arena);
    enum error err = OK;

    TRY(value_put_bool(arena, flag, "const", true));
    TRY(value_put(arena, properties, "sealed", flag));
    TRY(value_append(arena, required, value_string(arena, "sealed")));
    TRY(put_type(sealed, "object", arena));
    TRY(value_put(arena, sealed, "properties", properties));
    TRY(value_put(arena, sealed, "required", required));
    TRY(value_put_bool(arena, sealed, "additionalProperties", false));
    TRY(value_put(arena, defs, "sealed", sealed));
    TRY(value_put(arena, schema, "$defs", defs));
    TRY(put_type(node, "object", arena));
    TRY(value_put_string(arena, node, "description", "what the showing node knows of the record"));
    TRY(value_put(arena, value_get(schema, "properties"), "node", node));
out:
    return err;
}

enum error record_schema(const struct record_kind *kind, struct arena *arena, struct value **schema)
{
    struct value *made = NULL;
    struct value *name = value_map(arena);
    enum error err = OK;

    TRY(object_schema(record_envelope(), kind, false, arena, &made));
    /* Inside the body anything may be sealed, so its properties are made anew with that. */
    TRY(add_shown(made, arena));
    TRY(value_put_string(arena, name, "const", kind->schema));
    TRY(value_put(arena, value_get(made, "properties"), "schema", name));
    TRY(value_put_string(arena, made, "$schema", "https://json-schema.org/draft/2020-12/schema"));
    TRY(value_put(arena, made, "$id",
                  value_string(arena, arena_printf(arena, "urn:%s", kind->schema))));
    TRY(value_put_string(arena, made, "title", kind->title));
    *schema = made;
out:
    return err;
}

/* --- an example to start from -------------------------------------------------------------- */

static enum error template_object(const struct record_object *object,
                                  const struct record_kind *kind, struct arena *arena,
                                  struct value **value);

static enum error template_field(const struct record_field *field, const struct record_kind *kind,
                                 struct arena *arena, struct value **value)
{
    const struct schema_rule *rule = &schema_rules[field->type];
    struct value *made = NULL;
    enum error err = OK;

    if (field->type == FIELD_OBJECT) {
        TRY(template_object(field->object == NULL ? kind->body : field->object, kind, arena,
                            &made));
    } else if (field->type == FIELD_CODE) {
        made = value_string(arena, code_list_info(field->codes)->items[0].code);
    } else if (field->type == FIELD_INTEGER) {
        made = value_integer(arena, field->min);
    } else if (field->type == FIELD_FLAG) {
        made = value_bool(arena, false);
    } else {
        made = value_string(arena, rule->example != NULL ? rule->example : "");
    }
    TRY(made == NULL ? arena_error(arena) : OK);
    if ((field->flags & FIELD_IS_LIST) != 0) {
        struct value *list = value_list(arena);
        TRY(value_append(arena, list, made));
        made = list;
    }
    *value = made;
out:
    return err;
}

static enum error template_object(const struct record_object *object,
                                  const struct record_kind *kind, struct arena *arena,
                                  struct value **value)
{
    struct value *made = value_map(arena);
    enum error err = OK;

    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        struct value *child = NULL;
        if ((field->flags & FIELD_REQUIRED) == 0 || field->type == FIELD_AUDIENCE) {
            continue;
        }
        TRY(template_field(field, kind, arena, &child));
        TRY(value_put(arena, made, field->name, child));
    }
    *value = made;
out:
    return err;
}

enum error record_template(const struct record_kind *kind, const char *state, struct instant now,
                           struct arena *arena, struct value **record)
{
    struct value *made = NULL;
    struct value *read = value_map(arena);
    char text[INSTANT_TEXT_BYTES];
    enum error err = OK;

    TRY(template_object(record_envelope(), kind, arena, &made));
    TRY(value_put_string(arena, made, "schema", kind->schema));
    value_remove(made, view_of_text("reference")); /* the node gives the next free one */
    now.ms -= now.ms % SECOND_MS;
    TRY(value_put_string(arena, made, "issued_at", instant_format(now, text)));
    TRY(value_put_string(arena, made, "lang", "en"));
    TRY(value_put_string(arena, value_get(made, "originator"), "state", state));
    TRY(value_put(arena, read, "*", value_list(arena)));
    TRY(value_put(arena, value_get(made, "handling"), "read", read));
    TRY(value_put_string(arena, value_get(made, "handling"), "tlp", "TLP:AMBER"));
    *record = made;
out:
    return err;
}
