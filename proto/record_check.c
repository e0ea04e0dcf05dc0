/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "names.h"
#include "record_sections.h"
#include "record_tables.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The walk over one record. */
struct check {
    enum record_check_mode mode;
    struct arena *arena;
    struct problems *problems;
    struct problems *warnings;
    const struct record_kind *kind;
    enum error first;                /* first problem, or OK */
    char where[PROBLEM_WHERE_BYTES]; /* JSON pointer of the value looked at */
};

enum { QUOTE_MAX = 60, CANDIDATES_MAX = 64 };

/* How much of a text an error message repeats. */
static int quote_size(struct view text)
{
    return text.size < QUOTE_MAX ? (int)text.size : QUOTE_MAX;
}

static enum error note(struct check *check, enum error error)
{
    if (check->first == OK) {
        check->first = error;
    }
    return OK; /* the walk goes on */
}

#define PROBLEM(check, error, ...)                                                                 \
    note(check, problem_add((check)->problems, error, (check)->where, __VA_ARGS__))

/* An unknown code in a received record is our ignorance, not the user's mistake. */
static enum error unknown(const struct check *check, enum error otherwise)
{
    return check->mode == RECORD_RECEIVED ? ERR_CODE_NOT_KNOWN_HERE : otherwise;
}

/* A code changed to its stored form; a received record must have that form already. */
static enum error canonical(struct check *check, struct value *value, const char *form)
{
    if (view_is(value->bytes, form)) {
        return OK;
    }
    if (check->mode == RECORD_RECEIVED) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it is not in its stored form");
    }
    return arena_copy(check->arena, view_of_text(form), &value->bytes);
}

static enum error check_text(struct check *check, const struct record_field *field,
                             struct value *value)
{
    size_t length = text_length(value->bytes);
    unsigned traits = text_traits(value->bytes);
    unsigned refused = TEXT_HAS_CONTROL | TEXT_HAS_BIDI | TEXT_HAS_HIDDEN |
                       (field->type == FIELD_LINES ? 0U : (unsigned)TEXT_HAS_LINE_BREAK);
    struct view composed = value->bytes;

    if (names_compose(value->bytes, check->arena, &composed) != OK) {
        return arena_error(check->arena);
    }
    if (check->mode == RECORD_RECEIVED && !view_equal(composed, value->bytes)) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it is not in composed form (NFC)");
    }
    value->bytes = composed;
    if (length < (size_t)field->min || length > (size_t)field->max) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it must have %lld to %lld characters, not %zu",
                       (long long)field->min, (long long)field->max, length);
    }
    if ((traits & refused) != 0) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it holds %s characters",
                       (traits & refused & TEXT_HAS_LINE_BREAK) != 0 ? "line-break or tab"
                       : (traits & refused & TEXT_HAS_BIDI) != 0     ? "direction-changing"
                                                                     : "control or hidden");
    }
    return OK;
}

static enum error check_code(struct check *check, const struct record_field *field,
                             struct value *value)
{
    if (code_find(field->codes, value->bytes) != NULL) {
        return OK;
    }
    const char *meant = code_suggest(field->codes, value->bytes);
    const char *list = code_list_info(field->codes)->name;
    enum error err =
        PROBLEM(check, unknown(check, ERR_FIELD_VALUE), "\"%.*s\" is not in the list %s",
                quote_size(value->bytes), (const char *)value->bytes.data, list);

    if (field->codes == CODES_TLP && view_is(value->bytes, "TLP:WHITE")) {
        meant = "TLP:CLEAR (TLP 2.0 has no WHITE)";
    }
    if (meant != NULL) {
        problem_mend(check->problems, "did you mean \"%s\"?", meant);
    } else {
        problem_mend(check->problems, "valise explain %s lists the codes", list);
    }
    return err;
}

static enum error check_state(struct check *check, const struct record_field *field,
                              struct value *value)
{
    char alpha3[4];

    (void)field;
    if (!state_canonical(value->bytes, alpha3)) {
        enum error err =
            PROBLEM(check, unknown(check, ERR_FIELD_VALUE), "\"%.*s\" is no State or country",
                    quote_size(value->bytes), (const char *)value->bytes.data);
        problem_mend(check->problems, "use an ISO 3166-1 code of three letters, such as NAM");
        return err;
    }
    return canonical(check, value, alpha3);
}

static enum error check_cml(struct check *check, const struct record_field *field,
                            struct value *value)
{
    char form[CML_TEXT_BYTES];

    (void)field;
    if (!cml_canonical(value->bytes, form)) {
        enum error err =
            PROBLEM(check, unknown(check, ERR_FIELD_VALUE), "%.*s does not exist (ML1 to ML22)",
                    quote_size(value->bytes), (const char *)value->bytes.data);
        problem_mend(check->problems, "write it as ML1.a or ML21.b.2");
        return err;
    }
    return canonical(check, value, form);
}

/* Whether a text is `min`..`max` characters of a set. */
static bool is_of(struct view text, const char *set, size_t min, size_t max)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == 0 || strchr(set, text.data[i]) == NULL) {
            return false;
        }
    }
    return text.size >= min && text.size <= max;
}

static enum error check_hs(struct check *check, const struct record_field *field,
                           struct value *value)
{
    (void)field;
    if (!is_of(value->bytes, "0123456789", 2, 10) || value->bytes.size % 2 != 0) {
        return PROBLEM(check, ERR_FIELD_VALUE,
                       "a Harmonized System code has 2, 4, 6, 8 or 10 digits");
    }
    return OK;
}

static enum error check_grade(struct check *check, const struct record_field *field,
                              struct value *value)
{
    const uint8_t *grade = value->bytes.data;

    (void)field;
    if (!is_of(value->bytes, "ABCDEF123456", 2, 2) || grade[0] < 'A' || grade[1] > '6') {
        return PROBLEM(check, ERR_FIELD_VALUE, "a grade is a letter A to F and a digit 1 to 6");
    }
    return OK;
}

static enum error check_hash(struct check *check, const struct record_field *field,
                             struct value *value)
{
    (void)field;
    if (!is_of(value->bytes, "0123456789abcdef", 64, 64)) {
        return PROBLEM(check, ERR_FIELD_VALUE, "a SHA-256 has 64 digits 0-9 and a-f");
    }
    return OK;
}

/* Structure is refused; a check digit only warns, for official lists hold real ones that fail. */
static enum error check_number(struct check *check, const char *scheme, struct value *value)
{
    switch (identifier_check(view_of_text(scheme), value->bytes)) {
    case IDENTIFIER_BAD_FORM:
        return PROBLEM(check, ERR_FIELD_VALUE, "it does not have the form of a %s number", scheme);
    case IDENTIFIER_BAD_DIGIT:
        (void)problem_add(check->warnings, ERR_FIELD_VALUE, check->where,
                          "%.*s does not add up as a %s number", quote_size(value->bytes),
                          (const char *)value->bytes.data, scheme);
        problem_mend(check->warnings, "compare it with the document; it may be a forgery");
        break;
    default:
        break;
    }
    return OK;
}

static enum error check_scheme(struct check *check, const struct record_field *field,
                               struct value *value)
{
    static const char *const schemes[] = {
        [FIELD_IMO] = "IMO",
        [FIELD_MMSI] = "MMSI",
        [FIELD_CONTAINER] = "CONTAINER",
        [FIELD_LOCODE] = "LOCODE",
    };

    return check_number(check, schemes[field->type], value);
}

/* "A..B": same letters and width at both ends, and not downwards. */
static enum error check_serials(struct check *check, const struct record_field *field,
                                struct value *value)
{
    const struct view text = value->bytes;
    const char *dots = text.size == 0 ? NULL : memmem(text.data, text.size, "..", 2);
    struct record_field single = *field;

    single.min = 1;
    single.max = 100;
    if (dots != NULL) {
        size_t first = (size_t)((const uint8_t *)dots - text.data);
        struct view a = view_of(text.data, first);
        struct view b = view_of(text.data + first + 2, text.size - first - 2);
        if (!serial_range_is_valid(a, b)) {
            enum error err = PROBLEM(
                check, ERR_FIELD_VALUE,
                "both ends of a range need the same letters and as many digits, first end first");
            problem_mend(check->problems, "write it as KP19-004410..KP19-004447");
            return err;
        }
    }
    return check_text(check, &single, value);
}

static enum error check_reference(struct check *check, const struct record_field *field,
                                  struct value *value)
{
    struct view text = value->bytes;
    struct reference reference = {0};
    char form[REFERENCE_TEXT_BYTES];
    char whole[REFERENCE_TEXT_BYTES + 8];
    struct view suffix = {0};

    if (field->type == FIELD_VERSIONED) {
        const uint8_t *hash = text.size == 0 ? NULL : memchr(text.data, '#', text.size);
        size_t at = hash == NULL ? text.size : (size_t)(hash - text.data);
        suffix = view_of(text.data + at, text.size - at);
        text.size = at;
        if (suffix.size < 2 ||
            !is_of(view_of(suffix.data + 1, suffix.size - 1), "0123456789", 1, 4)) {
            return PROBLEM(check, ERR_FIELD_VALUE, "a version is named as DN-XMA-2026-0014#1");
        }
    }
    if (reference_parse(text, &reference) != OK) {
        enum error err = PROBLEM(check, ERR_FIELD_VALUE, "\"%.*s\" is no reference",
                                 quote_size(text), (const char *)text.data);
        problem_mend(check->problems, "write it as DN-XMA-2026-0014");
        return err;
    }
    (void)snprintf(whole, sizeof whole, "%s%.*s", reference_format(&reference, form),
                   (int)suffix.size, (const char *)suffix.data);
    return canonical(check, value, whole);
}

static enum error check_date(struct check *check, const struct record_field *field,
                             struct value *value)
{
    struct instant ignored = {0};
    bool good = field->type == FIELD_DATE   ? date_parse(value->bytes, &ignored) == OK
                : field->type == FIELD_TIME ? instant_parse(value->bytes, &ignored) == OK
                                            : date_is_partial(value->bytes);

    if (good) {
        return OK;
    }
    return PROBLEM(check, ERR_FIELD_VALUE, "\"%.*s\" is no %s", quote_size(value->bytes),
                   (const char *)value->bytes.data,
                   field->type == FIELD_DATE   ? "date such as 2026-03-11"
                   : field->type == FIELD_TIME ? "UTC time such as 2026-03-11T09:42:00Z"
                                               : "date such as 1971, 1971-06 or 2024/2026");
}

/* Digits, optionally a point and more digits; optionally a minus. */
static bool is_decimal(struct view text, size_t whole_max, size_t fraction_max, bool minus)
{
    size_t i = minus && text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t start = i;
    size_t whole = 0;

    while (i < text.size && text.data[i] >= '0' && text.data[i] <= '9') {
        i++;
    }
    whole = i - start;
    if (whole == 0 || whole > whole_max || (whole > 1 && text.data[start] == '0')) {
        return false;
    }
    if (i == text.size) {
        return true;
    }
    size_t fraction = text.size - i - 1;
    return text.data[i] == '.' && fraction >= 1 && fraction <= fraction_max &&
           is_of(view_of(text.data + i + 1, fraction), "0123456789", 1, fraction_max);
}

static enum error check_decimal(struct check *check, const struct record_field *field,
                                struct value *value)
{
    enum { WHOLE_MAX = 15, FRACTION_MAX = 6, COORDINATE_WHOLE_MAX = 3 };
    bool coordinate = field->type == FIELD_COORDINATE;

    if (value->kind == PACK_INTEGER && field->type != FIELD_MONEY) {
        /* Whole coordinates are kept as text too, so that one place has one form. */
        if (coordinate) {
            const char *text = arena_printf(check->arena, "%lld", (long long)value->number);
            if (text == NULL) {
                return arena_error(check->arena);
            }
            value->kind = PACK_TEXT;
            value->bytes = view_of_text(text);
        } else {
            return value->number >= 0 ? OK : PROBLEM(check, ERR_FIELD_VALUE, "it is below zero");
        }
    }
    value->flag = false;
    if (value->kind != PACK_TEXT ||
        !is_decimal(value->bytes, coordinate ? COORDINATE_WHOLE_MAX : WHOLE_MAX, FRACTION_MAX,
                    coordinate)) {
        enum error err = PROBLEM(check, ERR_FIELD_TYPE, "it must be a decimal number");
        problem_mend(check->problems, "write it in quotes with a point, such as \"2.5\"");
        return err;
    }
    char copy[WHOLE_MAX + FRACTION_MAX + 3];
    (void)snprintf(copy, sizeof copy, "%.*s", (int)value->bytes.size,
                   (const char *)value->bytes.data);
    double degrees = coordinate ? strtod(copy, NULL) : 0;
    if (degrees < (double)field->min || degrees > (double)field->max) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it must lie between %lld and %lld",
                       (long long)field->min, (long long)field->max);
    }
    return OK;
}

static enum error check_integer(struct check *check, const struct record_field *field,
                                struct value *value)
{
    if (value->number < field->min || value->number > field->max) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it must be %lld to %lld", (long long)field->min,
                       (long long)field->max);
    }
    return OK;
}

static enum error check_term(struct check *check, const struct record_field *field,
                             struct value *value)
{
    enum { PREFIX = 6, GROUP_NAME_MAX = 40 };
    const struct view text = value->bytes;
    struct view name = view_of(text.data + PREFIX, text.size > PREFIX ? text.size - PREFIX : 0);
    char alpha3[4];

    (void)field;
    if (text.size > PREFIX && memcmp(text.data, "state:", PREFIX) == 0) {
        if (state_canonical(name, alpha3)) {
            char whole[PREFIX + 4];
            (void)snprintf(whole, sizeof whole, "state:%s", alpha3);
            return canonical(check, value, whole);
        }
    } else if (text.size > PREFIX && memcmp(text.data, "group:", PREFIX) == 0 &&
               is_of(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 1,
                     GROUP_NAME_MAX)) {
        return OK;
    }
    enum error err = PROBLEM(check, ERR_POLICY_UNKNOWN_TERM, "\"%.*s\" names nobody",
                             quote_size(text), (const char *)text.data);
    problem_mend(check->problems, "write state:XMA or group:NORTH");
    return err;
}

static enum error check_duration(struct check *check, const struct record_field *field,
                                 struct value *value)
{
    const struct view text = value->bytes;

    (void)field;
    if (text.size < 2 || strchr("dmy", text.data[text.size - 1]) == NULL ||
        !is_of(view_of(text.data, text.size - 1), "0123456789", 1, 4) || text.data[0] == '0') {
        return PROBLEM(check, ERR_FIELD_VALUE, "it must be a duration such as 10y, 18m or 90d");
    }
    return OK;
}

/* --- the walk ------------------------------------------------------------------------------ */

static enum error check_object(struct check *check, const struct record_object *object,
                               struct value *map);
static enum error check_audience(struct check *check, const struct record_field *field,
                                 struct value *value);
static enum error check_sections(struct check *check, const struct record_field *field,
                                 struct value *value);

static enum error check_nested(struct check *check, const struct record_field *field,
                               struct value *value)
{
    const struct record_object *object = field->object;

    if (object == NULL) {
        object = check->kind->body;
    }
    return check_object(check, object, value);
}

/** How values of one type are checked. */
struct type_rule {
    enum pack_kind kind;
    const char *name; /* for messages */
    enum error (*check)(struct check *check, const struct record_field *field, struct value *value);
};

static const struct type_rule type_rules[] = {
    [FIELD_TEXT] = {PACK_TEXT, "text", check_text},
    [FIELD_LINES] = {PACK_TEXT, "text", check_text},
    [FIELD_NAME] = {PACK_TEXT, "text", check_text},
    [FIELD_CODE] = {PACK_TEXT, "a code in quotes", check_code},
    [FIELD_STATE] = {PACK_TEXT, "a State code in quotes", check_state},
    [FIELD_CML] = {PACK_TEXT, "a list entry in quotes", check_cml},
    [FIELD_HS] = {PACK_TEXT, "digits in quotes", check_hs},
    [FIELD_GRADE] = {PACK_TEXT, "a grade in quotes", check_grade},
    [FIELD_HASH] = {PACK_TEXT, "a hash in quotes", check_hash},
    [FIELD_IDENTIFIER] = {PACK_TEXT, "a number in quotes", check_text},
    [FIELD_IMO] = {PACK_TEXT, "a number in quotes", check_scheme},
    [FIELD_MMSI] = {PACK_TEXT, "a number in quotes", check_scheme},
    [FIELD_CONTAINER] = {PACK_TEXT, "a number in quotes", check_scheme},
    [FIELD_LOCODE] = {PACK_TEXT, "a code in quotes", check_scheme},
    [FIELD_SERIALS] = {PACK_TEXT, "a number or range in quotes", check_serials},
    [FIELD_REFERENCE] = {PACK_TEXT, "a reference in quotes", check_reference},
    [FIELD_VERSIONED] = {PACK_TEXT, "a reference in quotes", check_reference},
    [FIELD_DATE] = {PACK_TEXT, "a date in quotes", check_date},
    [FIELD_PARTIAL_DATE] = {PACK_TEXT, "a date in quotes", check_date},
    [FIELD_TIME] = {PACK_TEXT, "a time in quotes", check_date},
    [FIELD_INTEGER] = {PACK_INTEGER, "a whole number", check_integer},
    [FIELD_QUANTITY] = {PACK_NOTHING, "a number", check_decimal},
    [FIELD_MONEY] = {PACK_NOTHING, "a decimal in quotes", check_decimal},
    [FIELD_COORDINATE] = {PACK_NOTHING, "a number", check_decimal},
    [FIELD_FLAG] = {PACK_BOOL, "true or false", NULL},
    [FIELD_OBJECT] = {PACK_MAP, "an object { }", check_nested},
    [FIELD_AUDIENCE] = {PACK_MAP, "an object { }", check_audience},
    [FIELD_SECTIONS] = {PACK_MAP, "an object { }", check_sections},
    [FIELD_TERM] = {PACK_TEXT, "a term in quotes", check_term},
    [FIELD_DURATION] = {PACK_TEXT, "a duration in quotes", check_duration},
};

/* Step into a child: append "/name" to the pointer; give the old length for stepping out. */
static size_t enter(struct check *check, struct view name)
{
    size_t length = strlen(check->where);
    size_t room = sizeof check->where - length - 1; /* without the final 0 */
    size_t size = (size_t)quote_size(name);

    if (room > 0) {
        check->where[length] = '/';
        size = size < room - 1 ? size : room - 1;
        if (size > 0) {
            memcpy(check->where + length + 1, name.data, size);
        }
        check->where[length + 1 + size] = '\0';
    }
    return length;
}

static size_t enter_index(struct check *check, size_t index)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%zu", index);
    return enter(check, view_of_text(text));
}

static void leave(struct check *check, size_t length)
{
    check->where[length] = '\0';
}

static enum error check_value(struct check *check, const struct record_field *field,
                              struct value *value)
{
    const struct type_rule *rule = &type_rules[field->type];

    /* A number with a fraction arrives as flagged text; only decimals take it. */
    bool wrong = rule->kind != PACK_NOTHING &&
                 (value->kind != rule->kind || (value->kind == PACK_TEXT && value->flag));
    if (wrong) {
        return PROBLEM(check, ERR_FIELD_TYPE, "it must be %s", rule->name);
    }
    return rule->check == NULL ? OK : rule->check(check, field, value);
}

static enum error check_list(struct check *check, const struct record_field *field,
                             struct value *list)
{
    enum error err = OK;

    if (list->kind != PACK_LIST) {
        return PROBLEM(check, ERR_FIELD_TYPE, "it must be a list [ ]");
    }
    if (list->count > RECORD_LIST_MAX) {
        return PROBLEM(check, ERR_FIELD_VALUE, "it has more than %d entries", RECORD_LIST_MAX);
    }
    if (list->count == 0 && (field->flags & FIELD_AT_LEAST_ONE) != 0) {
        return PROBLEM(check, ERR_FIELD_VALUE, "at least one entry is needed");
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t length = enter_index(check, i);
        TRY(check_value(check, field, list->items[i]));
        leave(check, length);
    }
out:
    return err;
}

static enum error check_unknown(struct check *check, const struct record_object *object,
                                struct view name)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = object->count < CANDIDATES_MAX ? object->count : CANDIDATES_MAX;

    for (size_t i = 0; i < count; i++) {
        candidates[i] = object->fields[i].name;
    }
    const char *meant = text_suggest(name, candidates, count);
    enum error err = PROBLEM(check, unknown(check, ERR_FIELD_UNKNOWN), "%s has no field \"%.*s\"",
                             object->name, quote_size(name), (const char *)name.data);
    if (meant != NULL) {
        problem_mend(check->problems, "did you mean \"%s\"?", meant);
    }
    return err;
}

static enum error check_missing(struct check *check, const struct record_object *object,
                                const struct value *map)
{
    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        if ((field->flags & FIELD_REQUIRED) != 0 && value_get(map, field->name) == NULL) {
            size_t length = enter(check, view_of_text(field->name));
            (void)PROBLEM(check, ERR_FIELD_MISSING, "it is required: %s", field->help);
            leave(check, length);
        }
    }
    return OK;
}

static enum error check_object(struct check *check, const struct record_object *object,
                               struct value *map)
{
    enum error err = OK;

    for (size_t i = 0; i < map->count; i++) {
        const struct member *member = &map->members[i];
        const struct record_field *field = record_field_find(object, member->key);
        size_t length = enter(check, member->key);

        if (field == NULL) {
            TRY(check_unknown(check, object, member->key));
        } else if ((field->flags & FIELD_IS_LIST) != 0) {
            TRY(check_list(check, field, member->value));
        } else {
            TRY(check_value(check, field, member->value));
        }
        leave(check, length);
    }
    if (object->fields == record_field_find(object, view_of_text("scheme")) &&
        value_get(map, "value") != NULL) {
        char scheme[32];
        struct view name = value_get_text(map, "scheme");
        (void)snprintf(scheme, sizeof scheme, "%.*s", quote_size(name) < 31 ? quote_size(name) : 31,
                       (const char *)name.data);
        TRY(check_number(check, scheme, value_get(map, "value")));
    }
    if (check->mode == RECORD_OWN) {
        TRY(check_missing(check, object, map));
    }
out:
    return err;
}

/* handling.read: "*" or a section, to a list of terms. Unknown names never widen. */
static enum error check_audience(struct check *check, const struct record_field *field,
                                 struct value *value)
{
    static const struct record_field terms = {.name = "read", .type = FIELD_TERM};
    enum error err = OK;

    (void)field;
    for (size_t i = 0; i < value->count; i++) {
        const struct member *member = &value->members[i];
        enum section_id section = SECTION_COUNT;
        size_t length = enter(check, member->key);
        bool star = view_is(member->key, "*");
        bool known = section_find(member->key, &section);

        if (!star && (!known || section == SECTION_INTERNAL || section == SECTION_MANIFEST)) {
            const char *meant = NULL;
            const char *names[SECTION_COUNT];
            for (int s = 0; s < SECTION_COUNT; s++) {
                names[s] = section_name((enum section_id)s);
            }
            meant = text_suggest(member->key, names, SECTION_COUNT);
            TRY(PROBLEM(check, ERR_POLICY_UNKNOWN_TERM,
                        "\"%.*s\" is no section that can be given readers", quote_size(member->key),
                        (const char *)member->key.data));
            problem_mend(check->problems,
                         meant != NULL && !known ? "did you mean \"%s\"?"
                                                 : "use *, summary, parties, details, restricted "
                                                   "or attachments%.0s",
                         meant != NULL ? meant : "");
        }
        TRY(check_list(check, &terms, member->value));
        leave(check, length);
    }
out:
    return err;
}

/* handling.fields: each pointer must name a field and may only make it stricter. */
static enum error check_sections(struct check *check, const struct record_field *field,
                                 struct value *value)
{
    enum error err = OK;

    (void)field;
    for (size_t i = 0; i < value->count; i++) {
        const struct member *member = &value->members[i];
        enum section_id wanted = SECTION_COUNT;
        enum section_id usual = SECTION_COUNT;
        size_t length = enter(check, member->key);

        if (member->value->kind != PACK_TEXT || !section_find(member->value->bytes, &wanted)) {
            TRY(PROBLEM(check, ERR_POLICY_UNKNOWN_TERM, "it must name a section"));
        } else if (!record_pointer_section(check->kind, member->key, &usual)) {
            TRY(PROBLEM(check, ERR_FIELD_UNKNOWN, "%s has no such place", check->kind->title));
            problem_mend(check->problems, "write a JSON pointer into the body, such as /parties/3");
        } else if (wanted < usual || wanted == SECTION_ATTACHMENTS) {
            TRY(PROBLEM(check, ERR_POLICY_INVALID, "it may only move to a stricter section than %s",
                        section_name(usual)));
        }
        leave(check, length);
    }
out:
    return err;
}

enum error record_check(struct value *record, enum record_check_mode mode, struct arena *arena,
                        struct problems *problems, struct problems *warnings)
{
    struct check check = {.mode = mode, .arena = arena, .problems = problems, .warnings = warnings};
    enum error err = OK;

    if (record->kind != PACK_MAP) {
        return problem_add(problems, ERR_FIELD_TYPE, "", "a record must be an object { }");
    }
    check.kind = record_kind_of(record);
    if (check.kind == NULL || !view_is(value_get_text(record, "schema"), check.kind->schema)) {
        enum error error = mode == RECORD_RECEIVED               ? ERR_CODE_NOT_KNOWN_HERE
                           : value_get(record, "schema") == NULL ? ERR_FIELD_MISSING
                                                                 : ERR_FIELD_VALUE;
        (void)problem_add(problems, error, "/schema", "the schema is missing or unknown");
        problem_mend(problems, "valise schema list shows the schemas");
        return error;
    }
    TRY(check_object(&check, record_envelope(), record));
    struct reference reference = {0};
    if (reference_parse(value_get_text(record, "reference"), &reference) == OK &&
        reference.kind != check.kind) {
        (void)problem_add(problems, ERR_RECORD_CONFLICT, "/reference", "a %s is named %s-…",
                          check.kind->title, check.kind->prefix);
        (void)note(&check, ERR_RECORD_CONFLICT);
    }
    if (mode == RECORD_OWN) {
        size_t before = problems == NULL ? 0 : problems->count;
        struct problems scratch = {0};
        struct problems *found = problems == NULL ? &scratch : problems;
        record_check_rules(check.kind, record, found, warnings);
        if (found->count > before && check.first == OK && before < PROBLEM_COUNT_MAX) {
            check.first = found->items[before].error;
        }
    }
    err = check.first;
out:
    return err;
}
