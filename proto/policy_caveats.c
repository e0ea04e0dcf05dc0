/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_caveats.h"

#include "envelope.h"

#include <stdio.h>
#include <string.h>

static bool read_date(const struct value *handling, const char *name, struct instant *found)
{
    return date_parse(value_get_text(handling, name), found) == OK;
}

/** One word of handling and what it is in caveats. */
struct word {
    const char *name;
    const char *text;
    int64_t number;
};

static const struct word words[] = {
    {"tlp", "TLP:CLEAR", TLP_CLEAR},
    {"tlp", "TLP:GREEN", TLP_GREEN},
    {"tlp", "TLP:AMBER", TLP_AMBER},
    {"tlp", "TLP:AMBER+STRICT", TLP_AMBER_STRICT},
    {"tlp", "TLP:RED", TLP_RED},
    {"onward", "none", ONWARD_NONE},
    {"onward", "consent", ONWARD_CONSENT},
    {"onward", "listed", ONWARD_LISTED},
    {"onward", "group", ONWARD_GROUP},
    {"purpose", "licensing", PURPOSE_LICENSING},
    {"purpose", "enforcement", PURPOSE_ENFORCEMENT},
    {"purpose", "tracing", PURPOSE_TRACING},
    {"purpose", "judicial", PURPOSE_JUDICIAL},
    {"export", "none", EXPORT_NONE},
    {"export", "print", EXPORT_PRINT},
    {"export", "file", EXPORT_FILE},
    {"ack", "stored", ACK_STORED},
    {"ack", "applied", ACK_APPLIED},
    {"leave", "keep", LEAVE_KEEP},
    {"leave", "retract", LEAVE_RETRACT},
    {"leave", "purge", LEAVE_PURGE},
};

static const size_t word_count = sizeof words / sizeof words[0];

/* What a word of handling means; `otherwise` if it is not given. */
static int64_t word_number(const struct value *handling, const char *name, int64_t otherwise)
{
    struct view text = value_get_text(handling, name);

    for (size_t i = 0; i < word_count; i++) {
        if (strcmp(words[i].name, name) == 0 && view_is(text, words[i].text)) {
            return words[i].number;
        }
    }
    return otherwise;
}

static int64_t purposes_of(const struct value *handling)
{
    const struct value *list = value_get(handling, "purpose");
    int64_t purposes = 0;

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        for (size_t w = 0; w < word_count; w++) {
            if (strcmp(words[w].name, "purpose") == 0 &&
                view_is(list->items[i]->bytes, words[w].text)) {
                purposes |= words[w].number;
            }
        }
    }
    /* Nothing said: the narrowest use that the exchange exists for. */
    return purposes == 0 ? PURPOSE_LICENSING : purposes;
}

static enum error onward_ids(const struct value *handling, const struct policy_world *world,
                             struct arena *arena, struct views *ids)
{
    struct view term = {0};

    ids->items = arena_alloc_many(arena, CAVEAT_AUDIENCE_MAX, sizeof *ids->items);
    if (ids->items == NULL) {
        return arena_error(arena);
    }
    for (size_t i = 0; policy_onward_term(handling, i, &term); i++) {
        const struct policy_group *group = policy_group_find(world, policy_term_name(term));
        const struct policy_member *member = policy_member_find(world, policy_term_name(term));
        const struct id *id = policy_term_is_group(term) ? (group == NULL ? NULL : &group->group)
                                                         : (member == NULL ? NULL : &member->node);
        if (id == NULL) {
            continue; /* gone since it was checked: leaving it out only narrows */
        }
        if (ids->count == CAVEAT_AUDIENCE_MAX) {
            return ERR_TOO_LARGE;
        }
        ids->items[ids->count++] = id_view(id);
    }
    views_sort(ids);
    return OK;
}

/* Dates in handling include their whole day; a bound in caveats is the first moment after it. */
static void caveat_time(const struct value *handling, const char *name, unsigned key,
                        struct caveats *caveats, struct instant *place)
{
    if (read_date(handling, name, place)) {
        OBJECT_SET(caveats, key);
        if (key != CAVEAT_NOT_BEFORE) {
            *place = instant_add(*place, DAY_MS);
        }
    }
}

enum error policy_caveats(const struct value *handling, const struct policy_world *world,
                          struct arena *arena, struct caveats *caveats)
{
    const struct value *notes = value_get(handling, "caveats");
    struct caveats made = {.tlp = word_number(handling, "tlp", TLP_RED),
                           .onward = word_number(handling, "onward", ONWARD_NONE),
                           .purposes = purposes_of(handling),
                           .export_mode = word_number(handling, "export", EXPORT_NONE),
                           .ack = word_number(handling, "ack", ACK_STORED),
                           .leave = word_number(handling, "leave", LEAVE_KEEP)};
    enum error err = OK;

    TRY(onward_ids(handling, world, arena, &made.onward_to));
    if (made.onward_to.count == 0 &&
        (made.onward == ONWARD_LISTED || made.onward == ONWARD_GROUP)) {
        made.onward = ONWARD_NONE;
    }
    caveat_time(handling, "not_before", CAVEAT_NOT_BEFORE, &made, &made.not_before);
    caveat_time(handling, "use_until", CAVEAT_USE_UNTIL, &made, &made.use_until);
    caveat_time(handling, "purge_by", CAVEAT_PURGE_BY, &made, &made.purge_by);
    caveat_time(handling, "review_by", CAVEAT_REVIEW_BY, &made, &made.review_by);
    size_t count = notes == NULL ? 0 : notes->count;
    TRY(count <= CAVEAT_NOTES_MAX ? OK : ERR_TOO_LARGE);
    made.notes.items = arena_alloc_many(arena, count, sizeof *made.notes.items);
    TRY(made.notes.items == NULL ? arena_error(arena) : OK);
    for (size_t i = 0; i < count; i++) {
        made.notes.items[made.notes.count++] = notes->items[i]->bytes;
    }
    views_sort(&made.notes);
    *caveats = made;
out:
    return err;
}

int64_t policy_retention_years(const struct value *handling)
{
    static const struct instant start = {0};
    int64_t until = policy_retain_until(handling, start).ms;
    int years = RETENTION_YEARS_MIN;

    /* The first whole number of calendar years that is long enough; leap days count. */
    while (value_get(handling, "retain") != NULL && years < RETENTION_YEARS_MAX &&
           instant_add_months(start, years * 12).ms < until) {
        years++;
    }
    return years;
}

static enum error describe_word(struct value *handling, const char *name, int64_t number,
                                struct arena *arena)
{
    for (size_t i = 0; i < word_count; i++) {
        if (strcmp(words[i].name, name) == 0 && words[i].number == number) {
            return value_put_string(arena, handling, name, words[i].text);
        }
    }
    return OK;
}

static enum error describe_time(const struct caveats *caveats, unsigned key, const char *name,
                                struct instant time, struct value *handling, struct arena *arena)
{
    char text[DATE_TEXT_BYTES];

    if (!OBJECT_HAS(caveats, key)) {
        return OK;
    }
    if (key != CAVEAT_NOT_BEFORE) {
        time = instant_add(time, -DAY_MS);
    }
    return value_put_string(arena, handling, name, instant_format_date(time, text));
}

/* Node and group ids in the words of this node; ids nobody here knows stay hexadecimal. */
static enum error describe_audience(const struct caveats *caveats, const struct policy_world *world,
                                    struct value *handling, struct arena *arena)
{
    struct value *list = value_list(arena);
    enum error err = OK;

    for (size_t i = 0; i < caveats->onward_to.count; i++) {
        char text[ID_TEXT_BYTES + sizeof "state:"];
        char hex[ID_TEXT_BYTES];
        struct id id = {{0}};

        (void)id_from_view(caveats->onward_to.items[i], &id);
        (void)snprintf(text, sizeof text, "id:%s", id_format(&id, hex));
        for (size_t m = 0; m < world->member_count; m++) {
            if (id_equal(&world->members[m].node, &id)) {
                (void)snprintf(text, sizeof text, "state:%s", world->members[m].state);
            }
        }
        for (size_t g = 0; g < world->group_count; g++) {
            if (id_equal(&world->groups[g].group, &id)) {
                (void)snprintf(text, sizeof text, "group:%s", world->groups[g].name);
            }
        }
        TRY(value_append(arena, list, value_string(arena, text)));
    }
    if (caveats->onward_to.count > 0) {
        TRY(value_put(arena, handling, "onward_to", list));
    }
out:
    return err;
}

static enum error describe_lists(const struct caveats *caveats, struct value *handling,
                                 struct arena *arena)
{
    struct value *purposes = value_list(arena);
    struct value *notes = value_list(arena);
    enum error err = OK;

    for (size_t i = 0; i < word_count; i++) {
        if (strcmp(words[i].name, "purpose") == 0 && (caveats->purposes & words[i].number) != 0) {
            TRY(value_append(arena, purposes, value_string(arena, words[i].text)));
        }
    }
    TRY(value_put(arena, handling, "purpose", purposes));
    for (size_t i = 0; i < caveats->notes.count; i++) {
        TRY(value_append(arena, notes, value_text(arena, caveats->notes.items[i])));
    }
    if (caveats->notes.count > 0) {
        TRY(value_put(arena, handling, "caveats", notes));
    }
out:
    return err;
}

enum error policy_describe(const struct caveats *caveats, const struct policy_world *world,
                           struct arena *arena, struct value **handling)
{
    struct value *made = value_map(arena);
    enum error err = OK;

    TRY(made == NULL ? arena_error(arena) : OK);
    TRY(describe_word(made, "tlp", caveats->tlp, arena));
    TRY(describe_word(made, "onward", caveats->onward, arena));
    TRY(describe_word(made, "export", caveats->export_mode, arena));
    TRY(describe_word(made, "ack", caveats->ack, arena));
    TRY(describe_word(made, "leave", caveats->leave, arena));
    TRY(describe_audience(caveats, world, made, arena));
    TRY(describe_lists(caveats, made, arena));
    TRY(describe_time(caveats, CAVEAT_NOT_BEFORE, "not_before", caveats->not_before, made, arena));
    TRY(describe_time(caveats, CAVEAT_USE_UNTIL, "use_until", caveats->use_until, made, arena));
    TRY(describe_time(caveats, CAVEAT_PURGE_BY, "purge_by", caveats->purge_by, made, arena));
    TRY(describe_time(caveats, CAVEAT_REVIEW_BY, "review_by", caveats->review_by, made, arena));
    *handling = made;
out:
    return err;
}
