/* SPDX-License-Identifier: Apache-2.0 */
#include "record_json.h"

#include "text.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

enum { FIRST_DOUBTFUL = 0x7f }; /* jansson writes the controls below as escapes itself */

/* jansson copes with 2048 levels; a record has fewer than VALUE_DEPTH_MAX. */
static enum error convert(const json_t *json, struct arena *arena, unsigned depth,
                          struct value **value);

/* jansson has made a double of it: up to 15 digits come back as they were typed, more do not. */
static enum error convert_real(const json_t *json, struct arena *arena, struct value **value)
{
    char text[40];

    (void)snprintf(text, sizeof text, "%.15g", json_real_value(json));
    if (strtod(text, NULL) != json_real_value(json)) {
        return ERR_JSON;
    }
    *value = value_string(arena, text);
    if (*value == NULL) {
        return arena_error(arena);
    }
    (*value)->flag = true;
    return OK;
}

static enum error convert_list(const json_t *json, struct arena *arena, unsigned depth,
                               struct value **value)
{
    size_t i = 0;
    const json_t *item = NULL;
    enum error err = OK;

    *value = value_list(arena);
    TRY(*value == NULL ? arena_error(arena) : OK);
    json_array_foreach(json, i, item)
    {
        struct value *child = NULL;
        TRY(convert(item, arena, depth + 1, &child));
        TRY(value_append(arena, *value, child));
    }
out:
    return err;
}

static enum error convert_map(const json_t *json, struct arena *arena, unsigned depth,
                              struct value **value)
{
    const char *key = NULL;
    const json_t *item = NULL;
    enum error err = OK;

    *value = value_map(arena);
    TRY(*value == NULL ? arena_error(arena) : OK);
    json_object_foreach((json_t *)(uintptr_t)json, key, item)
    {
        struct value *child = NULL;
        TRY(convert(item, arena, depth + 1, &child));
        TRY(value_put(arena, *value, key, child));
    }
out:
    return err;
}

static enum error convert(const json_t *json, struct arena *arena, unsigned depth,
                          struct value **value)
{
    if (depth > VALUE_DEPTH_MAX) {
        return ERR_TOO_LARGE;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return convert_map(json, arena, depth, value);
    case JSON_ARRAY:
        return convert_list(json, arena, depth, value);
    case JSON_STRING:
        *value = value_text(arena, view_of(json_string_value(json), json_string_length(json)));
        break;
    case JSON_INTEGER:
        *value = value_integer(arena, json_integer_value(json));
        break;
    case JSON_REAL:
        return convert_real(json, arena, value);
    case JSON_TRUE:
    case JSON_FALSE:
        *value = value_bool(arena, json_is_true(json));
        break;
    default:
        *value = value_nil(arena);
        break;
    }
    return *value == NULL ? arena_error(arena) : OK;
}

enum error json_parse(struct view text, size_t max_bytes, struct arena *arena,
                      struct problems *problems, struct value **tree)
{
    json_error_t error = {0};
    json_t *json = NULL;
    enum error err = OK;

    *tree = NULL;
    if (text.size > max_bytes) {
        return problem_add(problems, ERR_TOO_LARGE, "", "it has %zu bytes; at most %zu are read",
                           text.size, max_bytes);
    }
    /* jansson does not look at an empty text's pointer, but wants one. */
    json = json_loadb(text.size == 0 ? "" : (const char *)text.data, text.size,
                      JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        char where[PROBLEM_WHERE_BYTES];
        enum json_error_code code = json_error_code(&error);

        /* jansson does not say everywhere that memory was lacking; then it says nothing at all. */
        if (code == json_error_out_of_memory || code == json_error_unknown) {
            return ERR_NO_MEMORY;
        }
        (void)snprintf(where, sizeof where, "line %d, column %d", error.line, error.column);
        if (code == json_error_duplicate_key) {
            return problem_add(problems, ERR_FIELD_REPEATED, where, "a name is given twice");
        }
        /* The message may quote the input: only its kind is told, for it may hold names. */
        return problem_add(problems, ERR_JSON, where, "%s",
                           code == json_error_premature_end_of_input ? "the text ends too early"
                           : code == json_error_invalid_utf8         ? "it is not UTF-8"
                           : code == json_error_stack_overflow       ? "it is nested too deeply"
                           : code == json_error_numeric_overflow     ? "a number is too large"
                           : code == json_error_end_of_input_expected
                               ? "something follows after the end"
                               : "it is not JSON here");
    }
    err = convert(json, arena, 0, tree);
    json_decref(json);
    if (err == ERR_TOO_LARGE) {
        (void)problem_add(problems, err, "", "it is nested too deeply or holds too many values");
    } else if (err == ERR_JSON) {
        (void)problem_add(problems, err, "", "a number has too many digits");
        problem_mend(problems, "write it in quotes");
    }
    if (err != OK) {
        *tree = NULL;
    }
    return err;
}

static json_t *to_json(const struct value *value);

static json_t *bytes_to_json(struct view bytes)
{
    struct buffer text = buffer_init(2 * bytes.size + 1);
    json_t *json = NULL;
    uint8_t *place = buffer_extend(&text, 2 * bytes.size + 1);

    if (place != NULL) {
        sodium_bin2hex((char *)place, 2 * bytes.size + 1, bytes.data, bytes.size);
        json = json_string((const char *)place);
    }
    buffer_free(&text);
    return json;
}

static json_t *list_to_json(const struct value *value)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < value->count; i++) {
        if (json_array_append_new(list, to_json(value->items[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *map_to_json(const struct value *value)
{
    json_t *map = json_object();

    for (size_t i = 0; map != NULL && i < value->count; i++) {
        struct view key = value->members[i].key;
        struct buffer name = buffer_init(key.size + 1);

        buffer_append(&name, key);
        const char *text = buffer_text(&name);
        if (text == NULL || json_object_set_new(map, text, to_json(value->members[i].value)) != 0) {
            json_decref(map);
            map = NULL;
        }
        buffer_free(&name);
    }
    return map;
}

static json_t *to_json(const struct value *value)
{
    switch (value->kind) {
    case PACK_BOOL:
        return json_boolean(value->flag);
    case PACK_INTEGER:
        return json_integer(value->number);
    case PACK_TEXT:
        /* jansson wants a pointer for an empty text too. */
        return json_stringn(value->bytes.size == 0 ? "" : (const char *)value->bytes.data,
                            value->bytes.size);
    case PACK_BYTES:
        return bytes_to_json(value->bytes);
    case PACK_LIST:
        return list_to_json(value);
    case PACK_MAP:
        return map_to_json(value);
    default:
        return json_null();
    }
}

/* A character as JSON's escape, beyond U+FFFF two of them. */
static void append_escape(struct buffer *to, UChar32 c)
{
    if (c <= 0xffff) {
        buffer_printf(to, "\\u%04x", (unsigned)c);
    } else {
        buffer_printf(to, "\\u%04x\\u%04x", (unsigned)U16_LEAD(c), (unsigned)U16_TRAIL(c));
    }
}

/* JSON may be read on a terminal too: what it would obey or hide is written as an escape. */
static int dump_to_buffer(const char *text, size_t size, void *context)
{
    struct buffer *to = context;
    size_t done = 0;
    size_t i = 0;

    while (i < size) {
        size_t start = i;
        UChar32 c = 0;

        U8_NEXT((const uint8_t *)text, i, size, c);
        if (c >= FIRST_DOUBTFUL && text_traits(view_of(text + start, i - start)) != 0) {
            buffer_append(to, view_of(text + done, start - done));
            append_escape(to, c);
            done = i;
        }
    }
    buffer_append(to, view_of(text + done, size - done));
    return to->error == OK ? 0 : -1;
}

enum error json_write(const struct value *tree, unsigned indent, struct buffer *to)
{
    json_t *json = to_json(tree);
    size_t flags = JSON_ENCODE_ANY | JSON_INDENT(indent);
    int bad = 0;

    if (json == NULL) {
        return ERR_NO_MEMORY;
    }
    if (indent == 0) {
        flags |= JSON_COMPACT;
    }
    bad = json_dump_callback(json, dump_to_buffer, to, flags);
    json_decref(json);
    if (to->error != OK) {
        return to->error;
    }
    return bad == 0 ? OK : ERR_NO_MEMORY;
}
