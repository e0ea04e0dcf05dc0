/* SPDX-License-Identifier: Apache-2.0 */
#include "record_sections.h"

#include "record_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTER_MAX = 512, INDEX_TEXT = 24 };

/* --- where a pointer leads in the table ---------------------------------------------------- */

static enum section_id of_field(const struct record_field *field, enum section_id around)
{
    return field->section == SECTION_INHERIT ? around : field->section;
}

/* The loosest section of anything inside an object. */
static enum section_id loosest(const struct record_object *object, enum section_id around)
{
    enum section_id found = SECTION_INTERNAL;

    for (size_t i = 0; i < object->count; i++) {
        const struct record_field *field = &object->fields[i];
        enum section_id section = of_field(field, around);
        if (field->type == FIELD_OBJECT) {
            section = loosest(field->object, section);
        }
        found = section < found ? section : found;
    }
    return found;
}

static bool is_index(struct view step)
{
    if (step.size == 0 || step.size > 4) {
        return false;
    }
    for (size_t i = 0; i < step.size; i++) {
        if (step.data[i] < '0' || step.data[i] > '9') {
            return false;
        }
    }
    return step.size == 1 || step.data[0] != '0';
}

/* The number that an index is. */
static size_t number_of(struct view index)
{
    size_t number = 0;

    for (size_t i = 0; i < index.size; i++) {
        number = number * 10 + (size_t)(index.data[i] - '0');
    }
    return number;
}

static struct view take_step(struct view *pointer)
{
    size_t length = 1;

    if (pointer->size == 0 || pointer->data[0] != '/') {
        return view_of(NULL, 0);
    }
    while (length < pointer->size && pointer->data[length] != '/') {
        length++;
    }
    struct view step = view_of(pointer->data + 1, length - 1);
    *pointer = view_of(pointer->data + length, pointer->size - length);
    return step;
}

bool record_pointer_section(const struct record_kind *kind, struct view pointer,
                            enum section_id *section)
{
    const struct record_object *object = kind->body;
    const struct record_field *field = NULL;
    enum section_id around = SECTION_SUMMARY;

    while (pointer.size > 0) {
        struct view step = take_step(&pointer);
        if (object == NULL) {
            return false;
        }
        field = record_field_find(object, step);
        if (field == NULL) {
            return false;
        }
        around = of_field(field, around);
        object = field->type == FIELD_OBJECT ? field->object : NULL;
        if (object != NULL && (field->flags & FIELD_IS_LIST) != 0 && pointer.size > 0) {
            if (!is_index(take_step(&pointer))) {
                return false;
            }
        }
    }
    if (field == NULL) {
        return false;
    }
    *section = object != NULL ? loosest(object, around) : around;
    return true;
}

/* --- splitting ----------------------------------------------------------------------------- */

struct split {
    struct arena *arena;
    const struct value *moved; /* handling.fields, or NULL */
    char pointer[POINTER_MAX]; /* of the value looked at, within the body */
};

static size_t enter(struct split *split, const char *step, size_t size)
{
    size_t length = strlen(split->pointer);

    (void)snprintf(split->pointer + length, sizeof split->pointer - length, "/%.*s", (int)size,
                   step);
    return length;
}

/* The section that handling.fields asks for at a place, or the loosest. */
static enum section_id section_at(const struct value *moved, const char *pointer)
{
    enum section_id section = SECTION_MANIFEST;
    struct view name = value_get_text(moved, pointer);

    return name.size > 0 && section_find(name, &section) ? section : SECTION_MANIFEST;
}

static enum section_id moved_to(const struct split *split)
{
    return section_at(split->moved, split->pointer);
}

static enum section_id stricter(enum section_id a, enum section_id b)
{
    return a > b ? a : b;
}

static enum error split_object(struct split *split, const struct record_object *object,
                               const struct value *map, enum section_id around,
                               enum section_id at_least, struct record_parts *parts);

/* Records.md: address and identifiers of a person are T3, of others T1 and T2. */
static enum section_id for_person(const struct value *map, const struct record_field *field)
{
    bool person = view_is(value_get_text(map, "type"), "person");
    bool sensitive = strcmp(field->name, "ids") == 0 || strcmp(field->name, "address") == 0;

    return person && sensitive ? SECTION_RESTRICTED : SECTION_MANIFEST;
}

/* Put each part of a child under a name into the parts of its parent. */
static enum error adopt(struct arena *arena, struct record_parts *parent, struct view name,
                        const struct record_parts *child)
{
    enum error err = OK;

    for (int s = 0; s < SECTION_COUNT; s++) {
        if (child->section[s] == NULL) {
            continue;
        }
        if (parent->section[s] == NULL) {
            parent->section[s] = value_map(arena);
        }
        TRY(value_set(arena, parent->section[s], name, child->section[s]));
    }
out:
    return err;
}

/*
 * The order in which entries of a list get their places: entries moved as a
 * whole to a stricter section after the others, stable otherwise.
 */
static enum error list_order(struct split *split, const struct value *list, size_t **order)
{
    size_t *places = arena_alloc_many(split->arena, list->count, sizeof *places);
    size_t count = 0;

    if (places == NULL) {
        return arena_error(split->arena);
    }
    for (int s = SECTION_MANIFEST; s < SECTION_COUNT; s++) {
        for (size_t i = 0; i < list->count; i++) {
            char text[INDEX_TEXT];
            int size = snprintf(text, sizeof text, "%zu", i);
            size_t length = enter(split, text, (size_t)size);
            if (moved_to(split) == (enum section_id)s) {
                places[count++] = i;
            }
            split->pointer[length] = '\0';
        }
    }
    *order = places;
    return OK;
}

static enum error split_list(struct split *split, const struct record_field *field,
                             const struct value *list, enum section_id around,
                             enum section_id at_least, struct record_parts *parts)
{
    size_t *order = NULL;
    enum error err = OK;

    TRY(list_order(split, list, &order));
    for (size_t place = 0; place < list->count; place++) {
        struct record_parts item = {{NULL}};
        char from[INDEX_TEXT];
        char to[INDEX_TEXT];
        int from_size = snprintf(from, sizeof from, "%zu", order[place]);
        int to_size = snprintf(to, sizeof to, "%zu", place);
        size_t length = enter(split, from, (size_t)from_size);

        TRY(split_object(split, field->object, list->items[order[place]], around,
                         stricter(at_least, moved_to(split)), &item));
        split->pointer[length] = '\0';
        TRY(adopt(split->arena, parts, view_of(to, (size_t)to_size), &item));
    }
out:
    return err;
}

static enum error split_object(struct split *split, const struct record_object *object,
                               const struct value *map, enum section_id around,
                               enum section_id at_least, struct record_parts *parts)
{
    enum error err = OK;

    for (size_t i = 0; i < map->count; i++) {
        const struct member *member = &map->members[i];
        const struct record_field *field = record_field_find(object, member->key);
        struct record_parts child = {{NULL}};

        if (field == NULL) {
            return ERR_FIELD_UNKNOWN; /* record_check lets none pass */
        }
        size_t length = enter(split, field->name, strlen(field->name));
        enum section_id section = of_field(field, around);
        enum section_id floor =
            stricter(stricter(at_least, moved_to(split)), for_person(map, field));
        if (field->type != FIELD_OBJECT) {
            child.section[stricter(section, floor)] = member->value;
        } else if ((field->flags & FIELD_IS_LIST) != 0) {
            TRY(split_list(split, field, member->value, section, floor, &child));
        } else {
            TRY(split_object(split, field->object, member->value, section, floor, &child));
        }
        split->pointer[length] = '\0';
        TRY(adopt(split->arena, parts, member->key, &child));
    }
out:
    return err;
}

/* --- handling.fields after splitting -------------------------------------------------------- */

/* Where an entry of a list comes to stand: as list_order puts it. */
static size_t place_of(const struct value *moved, const char *list, size_t count, size_t index)
{
    enum section_id section[2];
    size_t place = 0;

    for (size_t i = 0; i < count; i++) {
        char pointer[POINTER_MAX + INDEX_TEXT];

        (void)snprintf(pointer, sizeof pointer, "%s/%zu", list, index);
        section[0] = section_at(moved, pointer);
        (void)snprintf(pointer, sizeof pointer, "%s/%zu", list, i);
        section[1] = section_at(moved, pointer);
        place += section[1] < section[0] || (section[1] == section[0] && i < index) ? 1 : 0;
    }
    return place;
}

/* The same pointer into the record as its readers, and we ourselves, put it together again. */
static void settle_pointer(const struct value *body, const struct value *moved, struct view pointer,
                           char settled[static POINTER_MAX])
{
    char before[POINTER_MAX] = "";
    const struct value *value = body;

    settled[0] = '\0';
    while (pointer.size > 0) {
        struct view step = take_step(&pointer);
        size_t at = strlen(settled);
        size_t length = strlen(before);

        if (value != NULL && value->kind == PACK_LIST && is_index(step)) {
            size_t index = number_of(step);
            bool there = index < value->count;

            (void)snprintf(settled + at, POINTER_MAX - at, "/%zu",
                           there ? place_of(moved, before, value->count, index) : index);
            value = there ? value->items[index] : NULL;
        } else {
            (void)snprintf(settled + at, POINTER_MAX - at, "/%.*s", (int)step.size,
                           (const char *)step.data);
            value = value_get_view(value, step);
        }
        (void)snprintf(before + length, sizeof before - length, "/%.*s", (int)step.size,
                       (const char *)step.data);
    }
}

/*
 * Entries of lists change places (split_list). Were the pointers of handling.fields
 * left as they were, the next version made from the record would move other entries.
 */
static enum error settle_fields(const struct value *record, struct arena *arena,
                                struct value **handling)
{
    const struct value *old = value_get(record, "handling");
    const struct value *moved = value_get(old, "fields");
    struct value *fields = value_map(arena);
    struct value *made = value_map(arena);
    enum error err = OK;

    TRY(fields == NULL || made == NULL ? arena_error(arena) : OK);
    for (size_t i = 0; moved != NULL && i < moved->count; i++) {
        char settled[POINTER_MAX];

        settle_pointer(value_get(record, "body"), moved, moved->members[i].key, settled);
        TRY(value_put(arena, fields, settled, moved->members[i].value));
    }
    for (size_t i = 0; i < old->count; i++) {
        TRY(value_set(arena, made, old->members[i].key, old->members[i].value));
    }
    if (moved != NULL) {
        TRY(value_put(arena, made, "fields", fields));
    }
    *handling = made;
out:
    return err;
}

enum error record_split(const struct value *record, struct arena *arena, struct record_parts *parts)
{
    const struct record_kind *kind = record_kind_of(record);
    struct split split = {.arena = arena,
                          .moved = value_get(value_get(record, "handling"), "fields")};
    struct record_parts made = {{NULL}};
    struct record_parts body = {{NULL}};
    enum error err = OK;

    for (size_t i = 0; i < record->count; i++) {
        const struct member *member = &record->members[i];
        struct record_parts child = {{NULL}};

        if (view_is(member->key, "body")) {
            TRY(split_object(&split, kind->body, member->value, SECTION_SUMMARY, SECTION_MANIFEST,
                             &body));
            TRY(adopt(arena, &made, member->key, &body));
            continue;
        }
        const struct record_field *field = record_field_find(record_envelope(), member->key);
        if (field == NULL) {
            return ERR_FIELD_UNKNOWN;
        }
        child.section[field->section] = member->value;
        if (view_is(member->key, "handling")) {
            TRY(settle_fields(record, arena, &child.section[field->section]));
        }
        TRY(adopt(arena, &made, member->key, &child));
    }
    *parts = made;
out:
    return err;
}

/* --- merging ------------------------------------------------------------------------------- */

static enum error merge_object(const struct record_object *object, struct value *const *maps,
                               size_t count, struct arena *arena, struct value **merged);

/* Gather the values that the maps hold under a key. */
static size_t gather(struct value *const *maps, size_t count, struct view key,
                     struct value *found[static SECTION_COUNT])
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        struct value *value = value_get_view(maps[i], key);
        if (value != NULL) {
            found[n++] = value;
        }
    }
    return n;
}

/** One entry of a list of objects, as one section holds it. */
struct placed {
    unsigned place;
    struct value *item;
};

static int compare_placed(const void *a, const void *b)
{
    unsigned first = ((const struct placed *)a)->place;
    unsigned second = ((const struct placed *)b)->place;

    return (first > second) - (first < second);
}

/* Collect the entries of all maps with their places. */
static enum error collect(struct value *const *maps, size_t count, struct arena *arena,
                          struct placed **entries, size_t *total)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (maps[i]->kind != PACK_MAP) {
            return ERR_FIELD_TYPE;
        }
        n += maps[i]->count;
    }
    *entries = arena_alloc_many(arena, n, sizeof **entries);
    if (*entries == NULL) {
        return arena_error(arena);
    }
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < maps[i]->count; j++) {
            struct view key = maps[i]->members[j].key;
            if (!is_index(key)) {
                return ERR_FIELD_TYPE;
            }
            (*entries)[(*total)++] =
                (struct placed){(unsigned)number_of(key), maps[i]->members[j].value};
        }
    }
    qsort(*entries, *total, sizeof **entries, compare_placed);
    return OK;
}

/* Merge the entries of a list of objects, in the order of their places. */
static enum error merge_list(const struct record_field *field, struct value *const *maps,
                             size_t count, struct arena *arena, struct value **merged)
{
    struct value *list = value_list(arena);
    struct placed *entries = NULL;
    size_t total = 0;
    enum error err = OK;

    TRY(list == NULL ? arena_error(arena) : OK);
    TRY(collect(maps, count, arena, &entries, &total));
    for (size_t i = 0; i < total;) {
        struct value *items[SECTION_COUNT];
        struct value *item = NULL;
        unsigned place = entries[i].place;
        size_t n = 0;

        for (; i < total && entries[i].place == place; i++) {
            items[n++] = entries[i].item; /* at most one from each map, so at most SECTION_COUNT */
        }
        TRY(merge_object(field->object, items, n, arena, &item));
        TRY(value_append(arena, list, item));
    }
    *merged = list;
out:
    return err;
}

static enum error merge_member(const struct record_object *object, struct view key,
                               struct value *const *maps, size_t count, struct arena *arena,
                               struct value **merged)
{
    const struct record_field *field = record_field_find(object, key);
    struct value *found[SECTION_COUNT];
    size_t n = gather(maps, count, key, found);

    if (field != NULL && field->type == FIELD_OBJECT && field->object != NULL) {
        return (field->flags & FIELD_IS_LIST) != 0
                   ? merge_list(field, found, n, arena, merged)
                   : merge_object(field->object, found, n, arena, merged);
    }
    if (n != 1) {
        return ERR_RECORD_CONFLICT;
    }
    *merged = found[0];
    return OK;
}

static enum error merge_object(const struct record_object *object, struct value *const *maps,
                               size_t count, struct arena *arena, struct value **merged)
{
    struct value *result = value_map(arena);
    enum error err = OK;

    TRY(result == NULL ? arena_error(arena) : OK);
    for (size_t i = 0; i < count; i++) {
        TRY(maps[i]->kind == PACK_MAP ? OK : ERR_FIELD_TYPE);
        for (size_t j = 0; j < maps[i]->count; j++) {
            struct view key = maps[i]->members[j].key;
            struct value *value = NULL;
            if (value_get_view(result, key) != NULL) {
                continue; /* merged when first met */
            }
            TRY(merge_member(object, key, maps, count, arena, &value));
            TRY(value_set(arena, result, key, value));
        }
    }
    *merged = result;
out:
    return err;
}

/* Leaves keep their section as a tag, by which record_places finds them again. */
static void tag_leaves(struct value *value, uint8_t tag)
{
    value->tag = tag;
    for (size_t i = 0; value->kind == PACK_LIST && i < value->count; i++) {
        tag_leaves(value->items[i], tag);
    }
    for (size_t i = 0; value->kind == PACK_MAP && i < value->count; i++) {
        tag_leaves(value->members[i].value, tag);
    }
}

enum error record_merge(const struct record_parts *parts, struct arena *arena,
                        struct value **record)
{
    struct value *maps[SECTION_COUNT];
    struct value *bodies[SECTION_COUNT];
    struct value *result = NULL;
    struct value *body = NULL;
    size_t count = 0;
    enum error err = OK;

    if (parts->section[SECTION_MANIFEST] == NULL) {
        return ERR_FIELD_MISSING;
    }
    for (int s = 0; s < SECTION_COUNT; s++) {
        if (parts->section[s] != NULL) {
            tag_leaves(parts->section[s], (uint8_t)(s + 1));
            maps[count++] = parts->section[s];
        }
    }
    result = value_map(arena);
    TRY(result == NULL ? arena_error(arena) : OK);
    const struct record_kind *kind = record_kind_of(parts->section[SECTION_MANIFEST]);
    TRY(kind == NULL ? ERR_CODE_NOT_KNOWN_HERE : OK);
    for (size_t i = 0; i < count; i++) {
        TRY(maps[i]->kind == PACK_MAP ? OK : ERR_FIELD_TYPE);
        for (size_t j = 0; j < maps[i]->count; j++) {
            const struct member *member = &maps[i]->members[j];
            if (view_is(member->key, "body")) {
                continue;
            }
            TRY(value_get_view(result, member->key) == NULL ? OK : ERR_RECORD_CONFLICT);
            TRY(value_set(arena, result, member->key, member->value));
        }
    }
    size_t n = gather(maps, count, view_of_text("body"), bodies);
    if (n > 0) {
        TRY(merge_object(kind->body, bodies, n, arena, &body));
        TRY(value_put(arena, result, "body", body));
    }
    *record = result;
out:
    return err;
}

/* --- places -------------------------------------------------------------------------------- */

/** The loosest and the strictest section of what stands below a value. */
struct span {
    int least;
    int most;
};

static void widen(struct span *span, const struct value *value)
{
    if (value->tag != 0) {
        int section = value->tag - 1;
        span->least = section < span->least ? section : span->least;
        span->most = section > span->most ? section : span->most;
        return;
    }
    for (size_t i = 0; value->kind == PACK_LIST && i < value->count; i++) {
        widen(span, value->items[i]);
    }
    for (size_t i = 0; value->kind == PACK_MAP && i < value->count; i++) {
        widen(span, value->members[i].value);
    }
}

static enum error put_places(struct split *split, const struct value *value, int expected,
                             struct value *places)
{
    struct span span = {SECTION_COUNT, -1};
    char index[INDEX_TEXT];
    enum error err = OK;

    widen(&span, value);
    if (span.most < 0) {
        return OK;
    }
    if (span.least != expected) {
        TRY(value_put_string(split->arena, places, split->pointer,
                             section_name((enum section_id)span.least)));
    }
    for (size_t i = 0; span.least != span.most && i < value->count; i++) {
        const bool list = value->kind == PACK_LIST;
        struct view step = list ? view_of_text(index) : value->members[i].key;
        if (list) {
            step.size = (size_t)snprintf(index, sizeof index, "%zu", i);
        }
        size_t length = enter(split, (const char *)step.data, step.size);
        TRY(put_places(split, list ? value->items[i] : value->members[i].value, span.least,
                       places));
        split->pointer[length] = '\0';
    }
out:
    return err;
}

enum error record_places(const struct value *record, struct arena *arena, struct value **places)
{
    const struct record_kind *kind = record_kind_of(record);
    const struct value *body = value_get(record, "body");
    struct split split = {.arena = arena};
    struct value *made = value_map(arena);
    enum error err = OK;

    TRY(kind == NULL ? ERR_CODE_NOT_KNOWN_HERE : OK);
    TRY(made == NULL ? arena_error(arena) : OK);
    for (size_t i = 0; body != NULL && i < body->count; i++) {
        const struct member *member = &body->members[i];
        const struct record_field *field = record_field_find(kind->body, member->key);
        TRY(field == NULL ? ERR_CODE_NOT_KNOWN_HERE : OK);
        split.pointer[0] = '\0';
        (void)enter(&split, (const char *)member->key.data, member->key.size);
        TRY(put_places(&split, member->value, field->section, made));
    }
    *places = made;
out:
    return err;
}
