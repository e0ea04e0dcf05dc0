/* SPDX-License-Identifier: Apache-2.0 */
#include "record_index.h"

#include "names.h"
#include "record_tables.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    FOLDED_MAX_BYTES = NAME_FOLDED_MAX_BYTES,
    HS_HEADING_DIGITS = 6,
    HS_DIGITS_MAX = 10,
    SERIAL_TEXT_BYTES = 128
};

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

size_t record_index_digits(struct view text)
{
    size_t digits = 0;

    while (digits < text.size && digits < RECORD_SERIAL_DIGITS_MAX &&
           isdigit(text.data[text.size - 1 - digits])) {
        digits++;
    }
    return digits;
}

/* What is left of a code when compared: capitals without spaces, and of a number without points. */
static void fold_code(struct view code, struct buffer *to)
{
    char cml[CML_TEXT_BYTES];
    struct view text = cml_canonical(code, cml) ? view_of_text(cml) : code;
    bool number = true;

    for (size_t i = 0; i < text.size; i++) {
        number = number && (isdigit(text.data[i]) || text.data[i] == '.' || text.data[i] == ' ');
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && !(number && text.data[i] == '.')) {
            buffer_append_byte(to, (uint8_t)toupper(text.data[i]));
        }
    }
}

/*
 * A code and the headings above it: ML1.a is also found by ML1, ATT-7.1.b by ATT-7, and a number
 * of the Harmonized System by its first two, four and six digits.
 */
static enum error index_code(struct walk *walk, struct view code)
{
    enum error err = OK;

    buffer_clear(&walk->folded);
    fold_code(code, &walk->folded);
    TRY(walk->folded.error);
    const struct view folded = view_of_buffer(&walk->folded);
    TRY(emit(walk, INDEX_CODE, folded));
    for (size_t i = folded.size; i > 1; i--) {
        if (folded.data[i - 1] == '.') {
            TRY(emit(walk, INDEX_CODE, view_of(folded.data, i - 1)));
        }
    }
    for (size_t i = 2;
         i < folded.size && i <= HS_HEADING_DIGITS && record_index_digits(folded) == folded.size;
         i += 2) {
        TRY(emit(walk, INDEX_CODE, view_of(folded.data, i)));
    }
out:
    return err;
}

/* A serial number as compared: O and 0, I and 1 are told apart by no stamp and no clerk. */
static void fold_serial(struct view text, struct buffer *to)
{
    size_t start = to->size;

    fold_plain(text, to);
    for (size_t i = start; i < to->size; i++) {
        to->data[i] = to->data[i] == 'O' ? '0' : to->data[i] == 'I' ? '1' : to->data[i];
    }
}

static enum error index_serial(struct walk *walk, struct view text)
{
    buffer_clear(&walk->folded);
    fold_serial(text, &walk->folded);
    return walk->folded.error != OK ? walk->folded.error
                                    : emit(walk, INDEX_SERIAL, view_of_buffer(&walk->folded));
}

/* A folded serial number as a C string. @return false if it is too long for one of a range. */
static bool serial_text(struct walk *walk, struct view typed, char text[static SERIAL_TEXT_BYTES])
{
    buffer_clear(&walk->folded);
    fold_serial(typed, &walk->folded);
    if (walk->folded.error != OK || walk->folded.size >= SERIAL_TEXT_BYTES) {
        return false;
    }
    (void)snprintf(text, SERIAL_TEXT_BYTES, "%.*s", (int)walk->folded.size,
                   (const char *)walk->folded.data);
    return true;
}

void record_index_any_digits(char *serial, size_t size, size_t count)
{
    memset(serial + size - count, '*', count);
}

/*
 * A range as the fewest blocks of ten, hundred, … that make it up, each written with a * for every
 * digit that may be any: A098..A121 is A098, A099, A10*, A11*, A120, A121. However long it is, that
 * are at most 18 for each digit.
 */
static enum error index_blocks(struct walk *walk, char *text, size_t size, uint64_t until)
{
    size_t digits = record_index_digits(view_of_text(text));
    char *const tail = text + size - digits;
    uint64_t number = strtoull(tail, NULL, 10);
    enum error err = OK;

    while (number <= until) {
        uint64_t block = 1;
        size_t any = 0;

        while (any < digits && number % (block * 10) == 0 && number + block * 10 - 1 <= until) {
            block *= 10;
            any++;
        }
        (void)snprintf(tail, digits + 1, "%0*" PRIu64, (int)digits, number);
        record_index_any_digits(text, size, any);
        TRY(emit(walk, INDEX_SERIAL, view_of(text, size)));
        number += block;
    }
out:
    return err;
}

/*
 * Every number of a range A..B; only its ends if they are not of one form in the last 18 digits,
 * beyond which digits count as letters.
 */
static enum error index_range(struct walk *walk, struct view first, struct view last)
{
    char text[SERIAL_TEXT_BYTES];
    char end[SERIAL_TEXT_BYTES];
    enum error err = OK;

    bool short_enough = serial_text(walk, first, text) && serial_text(walk, last, end);
    TRY(walk->folded.error);
    size_t digits = short_enough ? record_index_digits(view_of_text(text)) : 0;
    size_t size = short_enough ? strlen(text) : 0;
    if (digits > 0 && size == strlen(end) && record_index_digits(view_of_text(end)) == digits &&
        memcmp(text, end, size - digits) == 0) {
        return index_blocks(walk, text, size, strtoull(end + size - digits, NULL, 10));
    }
    TRY(index_serial(walk, first));
    TRY(index_serial(walk, last));
out:
    return err;
}

static enum error index_serials(struct walk *walk, struct view text)
{
    const uint8_t *dots = text.size == 0 ? NULL : memmem(text.data, text.size, "..", 2);

    if (dots == NULL) {
        return index_serial(walk, text);
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
        buffer_clear(&walk->folded);
        fold_plain(text, &walk->folded);
        TRY(walk->folded.error);
        return emit(walk, field, view_of_buffer(&walk->folded));
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
        fold_code(typed, to);
        break;
    case INDEX_SERIAL:
        fold_serial(typed, to);
        break;
    case INDEX_IDENTIFIER:
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

/* --- codes that exist ---------------------------------------------------------------------- */

/** A code as it was typed, and as it is compared. */
struct sought {
    struct view typed;
    struct view folded;
};

/* Whether a list has the code, or codes below it, in any letter case. */
static bool list_knows(enum code_list list, struct sought sought, const char **meant)
{
    const struct code *item = code_list_info(list)->items;

    for (; item != NULL && item->code != NULL; item++) {
        if (strncasecmp(item->code, (const char *)sought.folded.data, sought.folded.size) == 0 &&
            (item->code[sought.folded.size] == '\0' || item->code[sought.folded.size] == '.')) {
            return true;
        }
    }
    if (*meant == NULL) {
        *meant = code_suggest(list, sought.typed);
    }
    return false;
}

static bool object_knows(const struct record_object *object, struct sought sought,
                         const char **meant)
{
    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];

        if ((field->index == INDEX_CODE && field->codes != CODES_NONE &&
             list_knows(field->codes, sought, meant)) ||
            (field->type == FIELD_OBJECT && field->object != NULL &&
             object_knows(field->object, sought, meant))) {
            return true;
        }
    }
    return false;
}

/* A country by its alpha-2 code, or one of those left to users: AA, QM-QZ, XA-XZ, ZZ. */
static bool is_alpha2(const uint8_t *letters)
{
    char alpha3[4];

    return state_canonical(view_of(letters, 2), alpha3) || memcmp(letters, "AA", 2) == 0 ||
           memcmp(letters, "ZZ", 2) == 0 || letters[0] == 'X' ||
           (letters[0] == 'Q' && letters[1] >= 'M');
}

/* UN/LOCODE: XAPRT, DE9B0. ML1.a is none, although ML is Mali. */
static bool is_locode(struct view folded)
{
    if (folded.size != 5 || !isalpha(folded.data[0]) || !isalpha(folded.data[1]) ||
        (memcmp(folded.data, "ML", 2) == 0 && isdigit(folded.data[2]))) {
        return false;
    }
    for (size_t i = 2; i < folded.size; i++) {
        if (!isalnum(folded.data[i])) {
            return false;
        }
    }
    return is_alpha2(folded.data);
}

bool record_code_is_known(struct view typed, const char **meant)
{
    char cml[CML_TEXT_BYTES];
    size_t count = 0;
    const struct record_kind *kinds = record_kinds(&count);
    struct buffer folded = buffer_init(FOLDED_MAX_BYTES);
    bool known = false;

    *meant = NULL;
    fold_code(typed, &folded);
    const struct view code = view_of_buffer(&folded);
    if (code.size == 0) {
        buffer_free(&folded);
        return false;
    }
    const struct sought sought = {typed, code};
    known =
        cml_canonical(typed, cml) || list_knows(CODES_GROUND_ATT, sought, meant) ||
        list_knows(CODES_GROUND_EU, sought, meant) || is_locode(code) ||
        (code.size >= 2 && code.size <= HS_DIGITS_MAX && record_index_digits(code) == code.size);
    for (size_t i = 0; i < count && !known; i++) {
        known = object_knows(kinds[i].body, sought, meant);
    }
    buffer_free(&folded);
    return known;
}
