/* SPDX-License-Identifier: Apache-2.0 */
#include "record_tables.h"

#include <stdio.h>
#include <string.h>

/* Rules between fields, kind by kind. A rule that lacks its fields says nothing. */

enum { DATE_CHARACTERS = 10, ELLIPSIS_BYTES = 3 };

static const struct value *body_of(const struct value *record)
{
    return value_get(record, "body");
}

static struct view text_at(const struct value *record, const char *pointer)
{
    const struct value *value = value_at(record, view_of_text(pointer));

    return value != NULL && value->kind == PACK_TEXT ? value->bytes : view_of(NULL, 0);
}

/* Full dates compare as text; the day of issue is the first ten characters. */
static bool later(struct view a, struct view b)
{
    return a.size >= DATE_CHARACTERS && b.size >= DATE_CHARACTERS &&
           view_compare(view_of(a.data, DATE_CHARACTERS), view_of(b.data, DATE_CHARACTERS)) > 0;
}

static size_t list_count(const struct value *map, const char *name)
{
    const struct value *list = value_get(map, name);

    return list != NULL && list->kind == PACK_LIST ? list->count : 0;
}

static bool list_has_text(const struct value *map, const char *name, const char *text)
{
    const struct value *list = value_get(map, name);

    for (size_t i = 0; i < list_count(map, name); i++) {
        if (list->items[i]->kind == PACK_TEXT && view_is(list->items[i]->bytes, text)) {
            return true;
        }
    }
    return false;
}

/* Whether some object of a list has this text in this field. */
static bool any_has(const struct value *map, const char *list_name, const char *field,
                    const char *text)
{
    const struct value *list = value_get(map, list_name);

    for (size_t i = 0; i < list_count(map, list_name); i++) {
        if (view_is(value_get_text(list->items[i], field), text)) {
            return true;
        }
    }
    return false;
}

/*
 * Articles 10 and 11 of the Treaty cover arms of Article 2 (1) only; ammunition
 * and parts are bound by Articles 6 and 7 (records.md section 3.5, scope trap).
 */
static void check_scope(const struct value *body, const char *goods, struct problems *warnings)
{
    static const char *const narrow[] = {"ATT-10",   "ATT-11.2", "ATT-11.3",
                                         "ATT-11.4", "ATT-11.5", "ATT-11.6"};
    const struct value *items = value_get(body, goods);

    for (size_t i = 0; i < list_count(body, goods); i++) {
        struct view att = value_get_text(items->items[i], "att");
        if (att.size > 6 && memcmp(att.data, "ATT-2.", 6) == 0) {
            return;
        }
    }
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++) {
        if (list_has_text(body, "legal_basis", narrow[i]) && items != NULL) {
            (void)problem_add(warnings, ERR_RECORD_CONFLICT, "/body/legal_basis",
                              "%s covers arms of Article 2 (1) only; no item here is one",
                              narrow[i]);
            problem_mend(warnings, "use VOLUNTARY or GFA, or correct the items");
            return;
        }
    }
}

static void check_grounds(const struct value *body, struct problems *problems)
{
    const struct value *grounds = value_get(body, "grounds");
    bool embargo = false;

    for (size_t i = 0; i < list_count(body, "grounds"); i++) {
        struct view scheme = value_get_text(grounds->items[i], "scheme");
        struct view code = value_get_text(grounds->items[i], "code");
        enum code_list list = view_is(scheme, "ATT")  ? CODES_GROUND_ATT
                              : view_is(scheme, "EU") ? CODES_GROUND_EU
                                                      : CODES_NONE;

        embargo = embargo || view_is(code, "ATT-6.1") || view_is(code, "EU-1");
        if (list != CODES_NONE && code.size > 0 && code_find(list, code) == NULL) {
            const char *meant = code_suggest(list, code);
            char where[64];
            (void)snprintf(where, sizeof where, "/body/grounds/%zu/code", i);
            (void)problem_add(
                problems, ERR_FIELD_VALUE, where, "there is no ground \"%.*s\" in scheme %.*s",
                (int)(code.size < 40 ? code.size : 40), (const char *)code.data,
                (int)(scheme.size < 20 ? scheme.size : 20), (const char *)scheme.data);
            problem_mend(problems, "%s%s", meant != NULL ? "did you mean " : "see: valise explain ",
                         meant != NULL ? meant : code_list_info(list)->name);
        }
    }
    if (embargo && value_get(body, "embargo_ref") == NULL) {
        (void)problem_add(problems, ERR_FIELD_MISSING, "/body/embargo_ref",
                          "a ground names an embargo, so the embargo must be named");
        problem_mend(problems, "add \"embargo_ref\" with the resolution or committee");
    }
}

/* the finding of an overriding risk comes after the step on mitigation. */
static void check_assessment(const struct value *body, struct problems *problems,
                             struct problems *warnings)
{
    enum { STEP_MITIGATION = 5, STEP_OVERRIDING = 6 };
    const struct value *assessment = value_get(body, "assessment");
    const struct value *steps = value_get(assessment, "steps");
    int64_t previous = 0;
    bool mitigation = false;
    bool overriding = value_get_bool(assessment, "overriding_risk");

    for (size_t i = 0; i < list_count(assessment, "steps"); i++) {
        int64_t n = value_get_integer(steps->items[i], "n", 0);
        if (n <= previous) {
            (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/assessment/steps",
                              "the steps of Article 7 (4) must stand in their order");
            return;
        }
        previous = n;
        mitigation = mitigation || n == STEP_MITIGATION;
        overriding = overriding || n == STEP_OVERRIDING;
    }
    if (overriding && !mitigation) {
        (void)problem_add(warnings, ERR_RECORD_CONFLICT, "/body/assessment",
                          "an overriding risk is found, but step 5 (mitigation) is missing");
        problem_mend(warnings, "add the finding of step 5 before step 6");
    }
}

void record_check_denial(const struct value *record, struct problems *problems,
                         struct problems *warnings)
{
    const struct value *body = body_of(record);
    struct view type = value_get_text(body, "denial_type");
    struct view denied = value_get_text(body, "denied_on");
    bool needs_end_user =
        !view_is(type, "broker_registration_refused") && !view_is(type, "transit_refused");

    if (later(denied, value_get_text(record, "issued_at"))) {
        (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/denied_on",
                          "the date of denial must be on or before the day of issue");
    }
    if (value_get(body, "active_until") != NULL && denied.size > 0 &&
        !later(value_get_text(body, "active_until"), denied)) {
        (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/active_until",
                          "it must end after the date of denial");
    }
    if (needs_end_user && list_count(body, "parties") > 0 &&
        !any_has(body, "parties", "role", "consignee") &&
        !any_has(body, "parties", "role", "stated_end_user") &&
        !any_has(body, "parties", "role", "end_user")) {
        (void)problem_add(problems, ERR_FIELD_MISSING, "/body/parties",
                          "neither a consignee nor an end-user is named");
        problem_mend(problems, "add a party with role consignee, stated_end_user or end_user");
    }
    check_grounds(body, problems);
    check_assessment(body, problems, warnings);
    check_scope(body, "items", warnings);
}

/* Records.md section 2.2: at least one core act, or the alert says that none is alleged. */
static void check_conduct(const struct value *body, struct problems *problems)
{
    const struct value *conduct = value_get(body, "conduct");
    bool core = value_get_bool(body, "indicator_only") ||
                view_is(value_get_text(body, "alert_type"), "associated_activity") ||
                view_is(value_get_text(body, "status"), "withdrawn");

    for (size_t i = 0; i < list_count(body, "conduct"); i++) {
        struct view subject = value_get_text(conduct->items[i], "subject");
        const struct code *code =
            code_find(CODES_CONDUCT, value_get_text(conduct->items[i], "code"));

        core = core || (code != NULL && strcmp(code->group, "core") == 0);
        bool known = false;
        const struct value *subjects = value_get(body, "subjects");
        for (size_t j = 0; j < list_count(body, "subjects"); j++) {
            known = known || view_equal(value_get_text(subjects->items[j], "subject_id"), subject);
        }
        if (!known && subject.size > 0 && subjects != NULL) {
            (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/conduct",
                              "\"%.*s\" is not the subject_id of a subject",
                              (int)(subject.size < 16 ? subject.size : 16),
                              (const char *)subject.data);
        }
    }
    if (value_get(body, "conduct") == NULL && value_get(body, "subjects") != NULL &&
        !view_is(value_get_text(body, "status"), "withdrawn")) {
        (void)problem_add(problems, ERR_FIELD_MISSING, "/body/conduct",
                          "it is required: what each subject did");
        return;
    }
    if (!core && list_count(body, "conduct") > 0) {
        (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/conduct",
                          "no core act of brokering (C01 to C05) is given");
        problem_mend(problems, "add one, or say \"indicator_only\": true");
    }
}

void record_check_alert(const struct value *record, struct problems *problems,
                        struct problems *warnings)
{
    enum { USE_MONTHS_MAX = 24 };
    const struct value *body = body_of(record);
    const struct value *handling = value_get(record, "handling");
    bool withdrawn = view_is(value_get_text(body, "status"), "withdrawn");
    struct instant issued = {0};
    struct instant until = {0};

    check_conduct(body, problems);
    if (withdrawn && value_get(body, "withdrawal") == NULL && body != NULL &&
        value_get(body, "subjects") != NULL) {
        (void)problem_add(problems, ERR_FIELD_MISSING, "/body/withdrawal",
                          "a withdrawn alert must say why");
    }
    if (handling != NULL) {
        if (value_get(handling, "use_until") == NULL && !withdrawn) {
            (void)problem_add(problems, ERR_FIELD_MISSING, "/handling/use_until",
                              "an alert must end: at most 24 months after it is issued");
            problem_mend(problems, "add \"use_until\"");
        }
        if (instant_parse(value_get_text(record, "issued_at"), &issued) == OK &&
            date_parse(value_get_text(handling, "use_until"), &until) == OK &&
            until.ms > instant_add_months(issued, USE_MONTHS_MAX).ms) {
            (void)problem_add(problems, ERR_RECORD_CONFLICT, "/handling/use_until",
                              "an alert may be used for at most 24 months");
        }
    }
    check_scope(body, "goods", warnings);
}

static void check_custody(const struct value *body, struct problems *problems)
{
    const struct value *chain = value_get(body, "custody_chain");
    int64_t previous = 0;
    int previous_month = 0;

    for (size_t i = 0; i < list_count(body, "custody_chain"); i++) {
        int64_t seq = value_get_integer(chain->items[i], "seq", 0);
        struct view on = value_get_text(chain->items[i], "on");
        /* A year alone may lie anywhere in that year, so only years are compared then. */
        int month = on.size >= 4 ? date_month_number(on) : 0;

        if (seq <= previous) {
            (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/custody_chain",
                              "the links must stand in the order of their seq");
            return;
        }
        if (month != 0 && month / 100 < previous_month / 100) {
            (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/custody_chain",
                              "link %lld is dated before the one it follows", (long long)seq);
        }
        previous = seq;
        previous_month = month != 0 ? month : previous_month;
    }
}

void record_check_case(const struct value *record, struct problems *problems,
                       struct problems *warnings)
{
    const struct value *body = body_of(record);

    if (view_is(value_get_text(body, "status"), "closed") && value_get(body, "outcome") == NULL &&
        value_get(body, "detection") != NULL) {
        (void)problem_add(problems, ERR_FIELD_MISSING, "/body/outcome",
                          "a closed case must say how it ended");
    }
    if (later(text_at(record, "/body/detected_on"), text_at(record, "/issued_at"))) {
        (void)problem_add(problems, ERR_RECORD_CONFLICT, "/body/detected_on",
                          "it must be on or before the day of issue");
    }
    check_custody(body, problems);
    check_scope(body, "materiel", warnings);
}

/* --- of every kind ------------------------------------------------------------------------- */

/* What record_template puts where something is to be written: nothing but "…". */
static bool is_left_open(struct view text)
{
    bool only = text.size >= ELLIPSIS_BYTES && text.size % ELLIPSIS_BYTES == 0;

    for (size_t i = 0; only && i < text.size; i += ELLIPSIS_BYTES) {
        only = memcmp(text.data + i, "…", ELLIPSIS_BYTES) == 0;
    }
    return only;
}

static void check_filled_in(const struct value *value, char where[static PROBLEM_WHERE_BYTES],
                            struct problems *problems)
{
    size_t length = strlen(where);
    char *end = where + length;
    size_t room = PROBLEM_WHERE_BYTES - length;

    if (value->kind == PACK_TEXT && is_left_open(value->bytes)) {
        (void)problem_add(problems, ERR_FIELD_VALUE, where, "the form is not filled in here");
        problem_mend(problems, "write what belongs there, or remove it");
    }
    for (size_t i = 0; value->kind == PACK_LIST && i < value->count; i++) {
        (void)snprintf(end, room, "/%zu", i);
        check_filled_in(value->items[i], where, problems);
    }
    for (size_t i = 0; value->kind == PACK_MAP && i < value->count; i++) {
        const struct view key = value->members[i].key;
        (void)snprintf(end, room, "/%.*s", (int)key.size, (const char *)key.data);
        check_filled_in(value->members[i].value, where, problems);
    }
    *end = '\0';
}

/* A record that names no reader at all reaches nobody: that is said before it is kept. */
static void check_audience(const struct value *record, struct problems *problems)
{
    const struct value *read = value_get(value_get(record, "handling"), "read");
    size_t terms = 0;

    for (size_t i = 0; read != NULL && read->kind == PACK_MAP && i < read->count; i++) {
        const struct value *list = read->members[i].value;
        terms += list->kind == PACK_LIST ? list->count : 1;
    }
    if (read != NULL && terms == 0) {
        (void)problem_add(problems, ERR_AUDIENCE_EMPTY, "/handling/read", "it names nobody");
        problem_mend(problems, "name readers, as in {\"*\": [\"group:NORTH\"]}");
    }
}

/* A pointer to nothing protects nothing: whoever wrote it meant something else. */
static void check_moved(const struct value *record, struct problems *problems)
{
    const struct value *moved = value_get(value_get(record, "handling"), "fields");
    const struct value *body = body_of(record);

    for (size_t i = 0; moved != NULL && moved->kind == PACK_MAP && i < moved->count; i++) {
        const struct view pointer = moved->members[i].key;
        if (value_at(body, pointer) == NULL) {
            (void)problem_add(
                problems, ERR_FIELD_VALUE, "/handling/fields", "nothing stands at \"%.*s\"",
                (int)(pointer.size < 60 ? pointer.size : 60), (const char *)pointer.data);
            problem_mend(problems, "entries of a list count from 0");
        }
    }
}

void record_check_rules(const struct record_kind *kind, const struct value *record,
                        struct problems *problems, struct problems *warnings)
{
    char where[PROBLEM_WHERE_BYTES] = "";

    kind->check(record, problems, warnings);
    check_filled_in(record, where, problems);
    check_audience(record, problems);
    check_moved(record, problems);
}
