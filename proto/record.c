/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "record_tables.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct record_kind kinds[] = {
    {"denial", "valise/denial/1", "DN", "Denial", "/body/denied_on", &record_denial_body,
     record_check_denial},
    {"broker", "valise/broker-alert/1", "BA", "Broker alert", "/issued_at", &record_alert_body,
     record_check_alert},
    {"case", "valise/diversion-case/1", "DC", "Diversion case", "/body/detected_on",
     &record_case_body, record_check_case},
};

static const char *const section_names[SECTION_COUNT] = {
    [SECTION_MANIFEST] = "manifest",     [SECTION_SUMMARY] = "summary",
    [SECTION_PARTIES] = "parties",       [SECTION_DETAILS] = "details",
    [SECTION_RESTRICTED] = "restricted", [SECTION_ATTACHMENTS] = "attachments",
    [SECTION_INTERNAL] = "internal",
};

const struct record_kind *record_kinds(size_t *count)
{
    *count = sizeof kinds / sizeof kinds[0];
    return kinds;
}

const struct record_kind *record_kind_find(struct view name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (view_is(name, kinds[i].kind) || view_is(name, kinds[i].schema) ||
            view_is(name, kinds[i].prefix)) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct record_kind *record_kind_of(const struct value *record)
{
    return record_kind_find(value_get_text(record, "schema"));
}

const struct record_object *record_envelope(void)
{
    return &record_envelope_object;
}

const struct record_object *record_handling(void)
{
    return &record_handling_object;
}

const struct record_field *record_field_find(const struct record_object *object, struct view name)
{
    for (size_t i = 0; i < object->count; i++) {
        if (view_is(name, object->fields[i].name)) {
            return &object->fields[i];
        }
    }
    return NULL;
}

const char *section_name(enum section_id section)
{
    return (unsigned)section < SECTION_COUNT ? section_names[section] : "?";
}

bool section_find(struct view name, enum section_id *section)
{
    for (int i = 0; i < SECTION_COUNT; i++) {
        if (view_is(name, section_names[i])) {
            *section = (enum section_id)i;
            return true;
        }
    }
    return false;
}

/* Copy letters and digits in capitals, leaving hyphens out; false for anything else. */
static bool compact(struct view text, char out[static REFERENCE_TEXT_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '-') {
            continue;
        }
        if (c >= 0x80 || !isalnum(c) || n == REFERENCE_TEXT_BYTES - 1) {
            return false;
        }
        out[n++] = (char)toupper(c);
    }
    out[n] = '\0';
    return true;
}

enum error reference_parse(struct view text, struct reference *reference)
{
    enum { PREFIX = 2, STATE = 3, YEAR = 4, NUMBER = 4, LENGTH = PREFIX + STATE + YEAR + NUMBER };
    char letters[REFERENCE_TEXT_BYTES];
    struct reference found = {0};

    if (!compact(text, letters) || strlen(letters) != LENGTH ||
        strspn(letters + PREFIX + STATE, "0123456789") != YEAR + NUMBER) {
        return ERR_FIELD_VALUE;
    }
    found.kind = record_kind_find(view_of(letters, PREFIX));
    (void)snprintf(found.state, sizeof found.state, "%.3s", letters + PREFIX);
    for (size_t i = 0; i < YEAR; i++) {
        found.year = found.year * 10 + (letters[PREFIX + STATE + i] - '0');
        found.number = found.number * 10 + (letters[PREFIX + STATE + YEAR + i] - '0');
    }
    if (found.kind == NULL || !state_is_valid(view_of_text(found.state)) || found.year < 1900 ||
        found.number < 1) {
        return ERR_FIELD_VALUE;
    }
    *reference = found;
    return OK;
}

const char *reference_format(const struct reference *reference,
                             char text[static REFERENCE_TEXT_BYTES])
{
    (void)snprintf(text, REFERENCE_TEXT_BYTES, "%s-%s-%04d-%04d", reference->kind->prefix,
                   reference->state, reference->year % 10000, reference->number % 10000);
    return text;
}

/* Set a text under body or handling unless it is there already. */
static enum error fill(struct value *map, const char *name, const char *text, struct arena *arena)
{
    if (map == NULL || value_get(map, name) != NULL) {
        return OK;
    }
    return value_put_string(arena, map, name, text);
}

static enum error fill_denial(struct value *body, struct arena *arena)
{
    enum { MONTHS_IN_FORCE = 36 }; /* EU Common Position Article 4 (1): three years */
    struct instant denied = {0};
    char text[DATE_TEXT_BYTES];
    enum error err = OK;

    TRY(fill(body, "status", "active", arena));
    if (date_parse(value_get_text(body, "denied_on"), &denied) == OK) {
        TRY(fill(body, "active_until",
                 instant_format_date(instant_add_months(denied, MONTHS_IN_FORCE), text), arena));
    }
out:
    return err;
}

static enum error fill_alert(struct value *record, struct value *body, struct arena *arena)
{
    enum { REVIEW_MONTHS = 12 };
    struct value *handling = value_get(record, "handling");
    struct instant issued = {0};
    struct instant until = {0};
    char text[DATE_TEXT_BYTES];
    enum error err = OK;

    TRY(fill(body, "status", "active", arena));
    TRY(fill(body, "legal_notice", "No finding of guilt; licensing information only.", arena));
    if (instant_parse(value_get_text(record, "issued_at"), &issued) == OK &&
        date_parse(value_get_text(handling, "use_until"), &until) == OK) {
        struct instant review = instant_add_months(issued, REVIEW_MONTHS);
        review = review.ms < until.ms ? review : until;
        TRY(fill(handling, "review_by", instant_format_date(review, text), arena));
    }
out:
    return err;
}

enum error record_fill_defaults(struct value *record, struct arena *arena)
{
    const struct record_kind *kind = record_kind_of(record);
    struct value *body = value_get(record, "body");
    enum error err = OK;

    if (value_get(record, "version") == NULL) {
        TRY(value_put_integer(arena, record, "version", 1));
    }
    if (kind == NULL || body == NULL) {
        return OK;
    }
    if (kind->body == &record_denial_body) {
        TRY(fill_denial(body, arena));
    } else if (kind->body == &record_alert_body) {
        TRY(fill_alert(record, body, arena));
    } else {
        TRY(fill(body, "status", "open", arena));
    }
out:
    return err;
}
