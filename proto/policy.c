/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TERM_PREFIX = 6 /* "state:" and "group:" */ };

static const char *const rule_names[RULE_COUNT] = {
    [RULE_OWN] = "own-record",          [RULE_INTERNAL] = "internal",
    [RULE_DENIED] = "deny-listed",      [RULE_STATE] = "state-named",
    [RULE_GROUP] = "group-member",      [RULE_MANIFEST] = "manifest-of-reader",
    [RULE_NOT_NAMED] = "not-named",     [RULE_NO_LIST] = "no-audience",
    [RULE_UNVERIFIED] = "not-verified",
};

const char *policy_rule_name(enum policy_rule rule)
{
    return (unsigned)rule < RULE_COUNT ? rule_names[rule] : "?";
}

const struct policy_member *policy_member_find(const struct policy_world *world, struct view state)
{
    for (size_t i = 0; i < world->member_count; i++) {
        if (view_is(state, world->members[i].state)) {
            return &world->members[i];
        }
    }
    return NULL;
}

const struct policy_group *policy_group_find(const struct policy_world *world, struct view name)
{
    for (size_t i = 0; i < world->group_count; i++) {
        if (view_is(name, world->groups[i].name)) {
            return &world->groups[i];
        }
    }
    return NULL;
}

bool policy_term_is_group(struct view term)
{
    return term.size > TERM_PREFIX && memcmp(term.data, "group:", TERM_PREFIX) == 0;
}

struct view policy_term_name(struct view term)
{
    bool known = policy_term_is_group(term) ||
                 (term.size > TERM_PREFIX && memcmp(term.data, "state:", TERM_PREFIX) == 0);

    return known ? view_of(term.data + TERM_PREFIX, term.size - TERM_PREFIX) : view_of(NULL, 0);
}

static bool group_has(const struct policy_group *group, const char *state)
{
    for (size_t i = 0; group != NULL && i < group->count; i++) {
        if (strcmp(group->states[i], state) == 0) {
            return true;
        }
    }
    return false;
}

/* The term of a list that covers a State, or NULL. A term that names nobody covers nobody. */
static const struct value *covering_term(const struct value *list, const struct policy_world *world,
                                         const char *state)
{
    for (size_t i = 0; list != NULL && list->kind == PACK_LIST && i < list->count; i++) {
        struct view term = list->items[i]->bytes;
        bool covers = policy_term_is_group(term)
                          ? group_has(policy_group_find(world, policy_term_name(term)), state)
                          : view_is(policy_term_name(term), state);
        if (list->items[i]->kind == PACK_TEXT && covers) {
            return list->items[i];
        }
    }
    return NULL;
}

static void decide(struct policy_decision *decision, bool permit, enum policy_rule rule,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void decide(struct policy_decision *decision, bool permit, enum policy_rule rule,
                   const char *format, ...)
{
    va_list arguments;

    decision->permit = permit;
    decision->rule = rule;
    va_start(arguments, format);
    (void)vsnprintf(decision->reason, sizeof decision->reason, format, arguments);
    va_end(arguments);
}

/* The manifest goes to whoever reads any other section that holds something. */
static void decide_manifest(const struct value *handling, const struct policy_world *world,
                            const struct policy_request *request, struct policy_decision *decision)
{
    for (int s = SECTION_SUMMARY; s < SECTION_SHARED_COUNT; s++) {
        struct policy_request other = *request;

        other.section = (enum section_id)s;
        if (((request->present >> s) & 1U) == 0) {
            continue;
        }
        policy_decide(handling, world, &other, decision);
        if (decision->permit) {
            decide(decision, true, RULE_MANIFEST, "it reads %s, so it gets the manifest",
                   section_name(other.section));
            return;
        }
    }
    decide(decision, false, RULE_NOT_NAMED, "it reads no section that holds anything");
}

void policy_decide(const struct value *handling, const struct policy_world *world,
                   const struct policy_request *request, struct policy_decision *decision)
{
    const struct policy_member *member = request->member;
    const struct value *read = value_get(handling, "read");
    const char *section = section_name(request->section);

    if (member->self) {
        decide(decision, true, RULE_OWN, "it is our own record");
        return;
    }
    if (request->section >= SECTION_INTERNAL) {
        decide(decision, false, RULE_INTERNAL, "internal sections never leave the node");
        return;
    }
    const struct value *denied = covering_term(value_get(handling, "deny"), world, member->state);
    if (denied != NULL) {
        decide(decision, false, RULE_DENIED, "handling.deny names %.*s; deny always wins",
               (int)denied->bytes.size, (const char *)denied->bytes.data);
        return;
    }
    if (request->section == SECTION_MANIFEST) {
        decide_manifest(handling, world, request, decision);
        return;
    }
    const struct value *list = value_get(read, section);
    const char *list_name = list != NULL ? section : "*";
    list = list != NULL ? list : value_get(read, "*");
    if (list == NULL) {
        decide(decision, false, RULE_NO_LIST, "handling.read has no list for %s and no \"*\"",
               section);
        return;
    }
    const struct value *term = covering_term(list, world, member->state);
    if (term == NULL) {
        decide(decision, false, RULE_NOT_NAMED, "handling.read \"%s\" does not name it", list_name);
        return;
    }
    if (!member->verified) {
        decide(decision, false, RULE_UNVERIFIED,
               "handling.read \"%s\" names it, but its safety number was not compared", list_name);
        return;
    }
    decide(decision, true, policy_term_is_group(term->bytes) ? RULE_GROUP : RULE_STATE,
           "handling.read \"%s\" names %.*s", list_name, (int)term->bytes.size,
           (const char *)term->bytes.data);
}

/* --- checking ------------------------------------------------------------------------------ */

/* Whether a term names somebody: a known group whose members are all verified, or a peer. */
static enum error check_term(struct view term, const struct policy_world *world, bool may_be_any,
                             const char *where, struct problems *problems)
{
    struct view name = policy_term_name(term);

    if (name.size == 0) {
        return problem_add(problems, ERR_POLICY_UNKNOWN_TERM, where,
                           "a term begins with state: or group:");
    }
    if (policy_term_is_group(term)) {
        const struct policy_group *group = policy_group_find(world, name);
        if (group == NULL) {
            enum error err =
                problem_add(problems, ERR_GROUP_UNKNOWN, where, "there is no group \"%.*s\"",
                            (int)name.size, (const char *)name.data);
            problem_mend(problems, "valise group list");
            return err;
        }
        for (size_t i = 0; i < group->count && !may_be_any; i++) {
            const struct policy_member *member =
                policy_member_find(world, view_of_text(group->states[i]));
            if (member == NULL || (!member->verified && !member->self)) {
                enum error err = problem_add(problems, ERR_PEER_UNVERIFIED, where,
                                             "%s, a member of %s, is not a verified peer",
                                             group->states[i], group->name);
                problem_mend(problems, "valise peer verify %s", group->states[i]);
                return err;
            }
        }
        return OK;
    }
    const struct policy_member *member = policy_member_find(world, name);
    if (may_be_any) {
        return OK;
    }
    if (member == NULL) {
        enum error err = problem_add(problems, ERR_STATE_UNKNOWN, where, "%.*s is not a peer",
                                     (int)name.size, (const char *)name.data);
        problem_mend(problems, "valise peer list; or leave it out");
        return err;
    }
    if (!member->verified && !member->self) {
        enum error err = problem_add(problems, ERR_PEER_UNVERIFIED, where,
                                     "the safety number of %s was not compared", member->state);
        problem_mend(problems, "valise peer verify %s", member->state);
        return err;
    }
    return OK;
}

static enum error check_terms(const struct value *list, const struct policy_world *world,
                              bool may_be_any, const char *where, struct problems *problems)
{
    enum error first = OK;

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        enum error err = check_term(list->items[i]->bytes, world, may_be_any, where, problems);
        first = first == OK ? err : first;
    }
    return first;
}

static bool names_group(const struct value *read)
{
    for (size_t i = 0; read != NULL && i < read->count; i++) {
        const struct value *list = read->members[i].value;
        for (size_t j = 0; j < list->count; j++) {
            if (policy_term_is_group(list->items[j]->bytes)) {
                return true;
            }
        }
    }
    return false;
}

/* onward_to as written, or the groups that read it where onward is "group" and says no more. */
bool policy_onward_term(const struct value *handling, size_t index, struct view *term)
{
    const struct value *to = value_get(handling, "onward_to");
    const struct value *read = value_get(handling, "read");

    if (to != NULL) {
        *term = index < to->count ? to->items[index]->bytes : view_of(NULL, 0);
        return index < to->count;
    }
    if (!view_is(value_get_text(handling, "onward"), "group")) {
        return false;
    }
    for (size_t i = 0; read != NULL && i < read->count; i++) {
        const struct value *list = read->members[i].value;
        for (size_t j = 0; j < list->count; j++) {
            if (policy_term_is_group(list->items[j]->bytes) && index-- == 0) {
                *term = list->items[j]->bytes;
                return true;
            }
        }
    }
    return false;
}

static bool date_of(const struct value *handling, const char *name, struct instant *found)
{
    return date_parse(value_get_text(handling, name), found) == OK;
}

struct instant policy_retain_until(const struct value *handling, struct instant issued_at)
{
    struct view text = value_get_text(handling, "retain");
    int number = 0;

    for (size_t i = 0; i + 1 < text.size; i++) {
        number = number * 10 + (text.data[i] - '0');
    }
    switch (text.size == 0 ? 0 : text.data[text.size - 1]) {
    case 'd':
        return instant_add(issued_at, number * DAY_MS);
    case 'm':
        return instant_add_months(issued_at, number > 1200 ? 1200 : number);
    default:
        return instant_add_months(issued_at, number > 100 ? 1200 : number * 12);
    }
}

static enum error check_markings(const struct value *handling, struct problems *problems)
{
    const struct value *read = value_get(handling, "read");
    struct view tlp = value_get_text(handling, "tlp");
    struct view onward = value_get_text(handling, "onward");
    bool onward_none = onward.size == 0 || view_is(onward, "none");
    bool needs_list = view_is(onward, "listed") || view_is(onward, "group");
    struct view term = {0};

    if (view_is(tlp, "TLP:RED") && (names_group(read) || !onward_none)) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/tlp",
                           "TLP:RED is for named States only, without group and onward sharing");
    }
    if (view_is(tlp, "TLP:CLEAR") && onward_none) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/tlp",
                           "TLP:CLEAR has no limit, yet onward sharing is not allowed");
    }
    if (needs_list != policy_onward_term(handling, 0, &term)) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/onward_to",
                           needs_list ? "onward \"%.*s\" needs onward_to"
                                      : "onward \"%.*s\" has no use for onward_to",
                           (int)onward.size, (const char *)onward.data);
    }
    for (size_t i = 0; needs_list && policy_onward_term(handling, i, &term); i++) {
        if (policy_term_is_group(term) != view_is(onward, "group")) {
            return problem_add(problems, ERR_POLICY_INVALID, "/handling/onward_to",
                               "with onward \"%.*s\" it must name %s only", (int)onward.size,
                               (const char *)onward.data,
                               view_is(onward, "group") ? "groups" : "States");
        }
    }
    return OK;
}

static enum error check_dates(const struct value *handling, struct instant issued_at,
                              struct problems *problems)
{
    struct instant from = {0};
    struct instant until = {0};
    struct instant purge = {0};
    bool has_until = date_of(handling, "use_until", &until);
    static const char *const names[] = {"not_before", "use_until", "purge_by", "review_by"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct instant date = {0};
        if (date_of(handling, names[i], &date) && date.ms < 0) {
            char where[PROBLEM_WHERE_BYTES];
            (void)snprintf(where, sizeof where, "/handling/%s", names[i]);
            return problem_add(problems, ERR_POLICY_INVALID, where, "it lies before 1970");
        }
    }
    if (has_until && date_of(handling, "not_before", &from) && until.ms <= from.ms) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/use_until",
                           "it must be after not_before");
    }
    if (has_until && date_of(handling, "purge_by", &purge) && purge.ms < until.ms) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/purge_by",
                           "it must not be before use_until");
    }
    if (value_get(handling, "retain") != NULL && date_of(handling, "purge_by", &purge) &&
        purge.ms < policy_retain_until(handling, issued_at).ms) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/purge_by",
                           "it lies before the end of retain");
    }
    if (has_until && value_get(handling, "retain") != NULL &&
        policy_retain_until(handling, issued_at).ms < until.ms) {
        return problem_add(problems, ERR_POLICY_INVALID, "/handling/retain",
                           "it would be destroyed before use_until");
    }
    return OK;
}

enum error policy_check(const struct value *handling, const struct policy_world *world,
                        struct instant issued_at, struct problems *problems)
{
    const struct value *read = value_get(handling, "read");
    enum error err = OK;

    if (value_get(handling, "policy") != NULL) {
        return problem_add(problems, ERR_FIELD_UNKNOWN, "/handling/policy",
                           "there is no such policy template");
    }
    for (size_t i = 0; read != NULL && i < read->count; i++) {
        char where[PROBLEM_WHERE_BYTES];
        (void)snprintf(where, sizeof where, "/handling/read/%.*s", (int)read->members[i].key.size,
                       (const char *)read->members[i].key.data);
        TRY(check_terms(read->members[i].value, world, false, where, problems));
    }
    TRY(check_terms(value_get(handling, "deny"), world, true, "/handling/deny", problems));
    TRY(check_terms(value_get(handling, "onward_to"), world, false, "/handling/onward_to",
                    problems));
    TRY(check_markings(handling, problems));
    TRY(check_dates(handling, issued_at, problems));
out:
    return err;
}

/* --- preview ------------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const struct policy_member *first = ((const struct policy_row *)a)->member;
    const struct policy_member *second = ((const struct policy_row *)b)->member;

    if (first->self != second->self) {
        return first->self ? -1 : 1;
    }
    return strcmp(first->state, second->state);
}

uint16_t policy_sections(const struct value *handling, const struct policy_world *world,
                         const struct policy_member *member, uint16_t present)
{
    uint16_t sections = 0;

    for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
        struct policy_request request = {member, (enum section_id)s, present};
        struct policy_decision decision = {0};
        policy_decide(handling, world, &request, &decision);
        if (decision.permit && ((present >> s) & 1U) != 0) {
            sections = (uint16_t)(sections | (1U << s));
        }
    }
    return sections;
}

/* Node ids and sections in the order of the rows: who gets what, and nothing else. */
static struct id preview_hash(const struct policy_preview *preview, struct buffer *bytes)
{
    for (size_t i = 0; i < preview->count; i++) {
        uint8_t sections[2];
        put_u16(sections, preview->rows[i].sections);
        buffer_append(bytes, id_view(&preview->rows[i].member->node));
        buffer_append(bytes, view_of(sections, sizeof sections));
    }
    return digest(HASH_PREVIEW, view_of_buffer(bytes));
}

enum error policy_preview(const struct value *handling, const struct policy_world *world,
                          uint16_t present, struct arena *arena, struct policy_preview *preview)
{
    struct buffer bytes = buffer_init(POLICY_MEMBERS_MAX * (ID_BYTES + 2));
    struct policy_preview made = {.present = present};
    enum error err = OK;

    made.rows = arena_alloc_many(arena, world->member_count, sizeof *made.rows);
    TRY(made.rows == NULL ? arena_error(arena) : OK);
    made.count = world->member_count;
    for (size_t i = 0; i < made.count; i++) {
        struct policy_row *row = &made.rows[i];
        row->member = &world->members[i];
        for (int s = 0; s < SECTION_SHARED_COUNT; s++) {
            struct policy_request request = {row->member, (enum section_id)s, present};
            policy_decide(handling, world, &request, &row->why[s]);
            if (row->why[s].permit && ((present >> s) & 1U) != 0) {
                row->sections = (uint16_t)(row->sections | (1U << s));
            }
        }
    }
    qsort(made.rows, made.count, sizeof *made.rows, compare_rows);
    made.hash = preview_hash(&made, &bytes);
    TRY(bytes.error);
    *preview = made;
out:
    buffer_free(&bytes);
    return err;
}

size_t policy_readers(const struct policy_preview *preview)
{
    size_t readers = 0;

    for (size_t i = 0; i < preview->count; i++) {
        if (!preview->rows[i].member->self && preview->rows[i].sections != 0) {
            readers++;
        }
    }
    return readers;
}

/* --- groups -------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(((const struct id *)a)->bytes, ((const struct id *)b)->bytes, ID_BYTES);
}

struct id policy_group_id(struct view name, struct id *nodes, size_t count)
{
    uint8_t length[4];
    struct view parts[3];

    qsort(nodes, count, sizeof *nodes, compare_ids);
    put_u32(length, (uint32_t)name.size);
    parts[0] = view_of(length, sizeof length);
    parts[1] = name;
    parts[2] = view_of(nodes, count * sizeof *nodes);
    return digest_parts(HASH_GROUP, parts, 3);
}
