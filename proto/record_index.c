/* SPDX-License-Identifier: Apache-2.0 */
#include "record_index.h"

#include "names.h"
#include "record_tables.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDED_MAX_BYTES = NAME_FOLDED_MAX_BYTES, SERIAL_RANGE_MAX = 256, SERIAL_DIGITS_MAX = 15 };

/* The walk over one record. */
struct walk {
    record_index_visit visit;
    void *context;
    struct buffer folded; /* of the value looked at */
};

static enum error emit(struct walk *walk, enum index_field field, struct view value)
{
    return value.size == 0 ? OK : walk->visit(walk->context, field, value);
}

/* Capitals and digits only: what is left of identifiers and serial numbers when compared. */
static void fold_plain(struct view text, struct buffer *to)
{
    identifier_fold(view_of_text("IMO"), text, to);
}

static enum error index_name(struct walk *walk, struct view name)
{
    struct view words[NAME_WORDS_MAX];
    enum error err = OK;

    TRY(names_fold(name, &walk->folded));
    TRY(emit(walk, INDEX_NAME, view_of_buffer(&walk->folded)));
    size_t count = names_words(view_of_buffer(&walk->folded), words);
    for (size_t i = 0; i < count; i++) {
        TRY(emit(walk, INDEX_WORD, words[i]));
    }
out:
    return err;
}

/* A code and the headings above it, for lists whose entries nest with points. */
static enum error index_code(struct walk *walk, struct view code)
{
    bool nests = code.size > 2 && memcmp(code.data, "ML", 2) == 0;
    enum error err = OK;

    TRY(emit(walk, INDEX_CODE, code));
    for (size_t i = code.size; nests && i > 0; i--) {
        if (code.data[i - 1] == '.') {
            TRY(emit(walk, INDEX_CODE, view_of(code.data, i - 1)));
        }
    }
out:
    return err;
}

static enum error index_folded(struct walk *walk, enum index_field field, struct view text)
{
    buffer_clear(&walk->folded);
    fold_plain(text, &walk->folded);
    return walk->folded.error != OK ? walk->folded.error
                                    : emit(walk, field, view_of_buffer(&walk->folded));
}

/* Trailing digits of a folded serial number. */
static size_t digit_tail(struct view serial)
{
    size_t digits = 0;

    while (digits < serial.size && digits < SERIAL_DIGITS_MAX &&
           isdigit(serial.data[serial.size - 1 - digits])) {
        digits++;
    }
    return digits;
}

/* Every number of a range A..B that is short enough; its ends in any case. */
static enum error index_range(struct walk *walk, struct view first, struct view last)
{
    struct buffer end = buffer_init(FOLDED_MAX_BYTES);
    char text[128];
    enum error err = OK;

    TRY(index_folded(walk, INDEX_SERIAL, last));
    buffer_append(&end, view_of_buffer(&walk->folded));
    TRY(index_folded(walk, INDEX_SERIAL, first));
    struct view start = view_of_buffer(&walk->folded);
    size_t digits = digit_tail(start);
    size_t prefix = start.size - digits;
    if (digits == 0 || digit_tail(view_of_buffer(&end)) != digits || start.size >= sizeof text ||
        end.size >= sizeof text) {
        goto out;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)start.size, (const char *)start.data);
    uint64_t number = strtoull(text + prefix, NULL, 10);
    char last_text[128];
    (void)snprintf(last_text, sizeof last_text, "%.*s", (int)end.size, (const char *)end.data);
    uint64_t until = strtoull(last_text + (end.size - digits), NULL, 10);
    if (until < number || until - number > SERIAL_RANGE_MAX) {
        goto out;
    }
    while (++number < until) {
        (void)snprintf(text + prefix, sizeof text - prefix, "%0*" PRIu64, (int)digits, number);
        TRY(emit(walk, INDEX_SERIAL, view_of_text(text)));
    }
out:
    buffer_free(&end);
    return err;
}

static enum error index_serials(struct walk *walk, struct view text)
{
    const uint8_t *dots = text.size == 0 ? NULL : memmem(text.data, text.size, "..", 2);

    if (dots == NULL) {
        return index_folded(walk, INDEX_SERIAL, text);
    }
    size_t first = (size_t)(dots - text.data);
    return index_range(walk, view_of(text.data, first), view_of(dots + 2, text.size - first - 2));
}

static enum error index_scalar(struct walk *walk, enum index_field field, struct view text)
{
    enum error err = OK;

    switch (field) {
    case INDEX_NONE:
        return OK;
    case INDEX_NAME:
        return index_name(walk, text);
    case INDEX_CODE:
        return index_code(walk, text);
    case INDEX_IDENTIFIER:
        return index_folded(walk, field, text);
    case INDEX_SERIAL:
        return index_serials(walk, text);
    case INDEX_DESTINATION:
    case INDEX_ORIGINATOR:
        TRY(emit(walk, field, text));
        return emit(walk, INDEX_STATE, text);
    default:
        return emit(walk, field, text);
    }
out:
    return err;
}

static enum error index_object(struct walk *walk, const struct record_object *object,
                               const struct value *map);

static enum error index_value(struct walk *walk, const struct record_field *field,
                              const struct value *value)
{
    if (value->kind == PACK_TEXT) {
        return index_scalar(walk, field->index, value->bytes);
    }
    if (value->kind == PACK_MAP && field->type == FIELD_OBJECT && field->object != NULL) {
        return index_object(walk, field->object, value);
    }
    return OK;
}

static enum error index_object(struct walk *walk, const struct record_object *object,
                               const struct value *map)
{
    enum error err = OK;

    for (size_t i = 0; i < map->count; i++) {
        const struct record_field *field = record_field_find(object, map->members[i].key);
        const struct value *value = map->members[i].value;

        if (field == NULL) {
            continue;
        }
        if (value->kind != PACK_LIST) {
            TRY(index_value(walk, field, value));
            continue;
        }
        for (size_t j = 0; j < value->count; j++) {
            TRY(index_value(walk, field, value->items[j]));
        }
    }
out:
    return err;
}

static enum error index_month(struct walk *walk, const struct record_kind *kind,
                              const struct value *record)
{
    const struct value *date = value_at(record, view_of_text(kind->main_date));
    char text[16];
    int month = date != NULL && date->kind == PACK_TEXT ? date_month_number(date->bytes) : 0;
    enum error err = OK;

    if (month < 100 * 1000) {
        return OK;
    }
    (void)snprintf(text, sizeof text, "%06d", month);
    if (month % 100 != 0) {
        TRY(emit(walk, INDEX_MONTH, view_of(text, 6)));
    }
    TRY(emit(walk, INDEX_MONTH, view_of(text, 4)));
out:
    return err;
}

enum error record_index(const struct value *record, record_index_visit visit, void *context)
{
    const struct record_kind *kind = record_kind_of(record);
    const struct value *body = value_get(record, "body");
    struct walk walk = {visit, context, buffer_init(FOLDED_MAX_BYTES)};
    enum error err = OK;

    if (kind == NULL) {
        return OK;
    }
    TRY(emit(&walk, INDEX_KIND, view_of_text(kind->kind)));
    TRY(index_object(&walk, record_envelope(), record));
    if (body != NULL && body->kind == PACK_MAP) {
        TRY(index_object(&walk, kind->body, body));
    }
    TRY(index_month(&walk, kind, record));
out:
    buffer_free(&walk.folded);
    return err;
}

enum error record_index_fold(enum index_field field, struct view typed, struct buffer *to)
{
    struct reference reference = {0};
    char reference_text[REFERENCE_TEXT_BYTES];
    char state[4];
    char cml[CML_TEXT_BYTES];

    buffer_clear(to);
    switch (field) {
    case INDEX_REFERENCE:
    case INDEX_REFERS_TO:
        if (reference_parse(typed, &reference) == OK) {
            buffer_append_text(to, reference_format(&reference, reference_text));
        }
        break;
    case INDEX_ORIGINATOR:
    case INDEX_STATE:
    case INDEX_DESTINATION:
        if (state_canonical(typed, state)) {
            buffer_append_text(to, state);
        }
        break;
    case INDEX_NAME:
    case INDEX_WORD:
        return names_fold(typed, to);
    case INDEX_CODE:
        buffer_append(to, cml_canonical(typed, cml) ? view_of_text(cml) : typed);
        break;
    case INDEX_IDENTIFIER:
    case INDEX_SERIAL:
        fold_plain(typed, to);
        break;
    case INDEX_MONTH:
        for (size_t i = 0; i < typed.size && to->size < 6; i++) {
            if (isdigit(typed.data[i])) {
                buffer_append_byte(to, typed.data[i]);
            }
        }
        break;
    default:
        buffer_append(to, typed);
        break;
    }
    return to->error;
}
