/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <string.h>

static struct value *value_new(struct arena *arena, enum pack_kind kind)
{
    struct value *value = arena_alloc(arena, sizeof *value);

    if (value != NULL) {
        value->kind = kind;
    }
    return value;
}

struct value *value_nil(struct arena *arena)
{
    return value_new(arena, PACK_NIL);
}

struct value *value_bool(struct arena *arena, bool flag)
{
    struct value *value = value_new(arena, PACK_BOOL);

    if (value != NULL) {
        value->flag = flag;
    }
    return value;
}

struct value *value_integer(struct arena *arena, int64_t number)
{
    struct value *value = value_new(arena, PACK_INTEGER);

    if (value != NULL) {
        value->number = number;
    }
    return value;
}

static struct value *value_of_bytes(struct arena *arena, enum pack_kind kind, struct view bytes)
{
    struct value *value = value_new(arena, kind);

    if (value == NULL || arena_copy(arena, bytes, &value->bytes) != OK) {
        return NULL;
    }
    return value;
}

struct value *value_text(struct arena *arena, struct view text)
{
    return value_of_bytes(arena, PACK_TEXT, text);
}

struct value *value_string(struct arena *arena, const char *text)
{
    return value_text(arena, view_of_text(text));
}

struct value *value_bytes(struct arena *arena, struct view bytes)
{
    return value_of_bytes(arena, PACK_BYTES, bytes);
}

struct value *value_list(struct arena *arena)
{
    return value_new(arena, PACK_LIST);
}

struct value *value_map(struct arena *arena)
{
    return value_new(arena, PACK_MAP);
}

/* Where the key is, or where it would have to be put. */
static size_t member_place(const struct value *map, struct view key, bool *present)
{
    size_t low = 0;
    size_t high = map->count;

    *present = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = view_compare(map->members[middle].key, key);
        if (order == 0) {
            *present = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Double the room of an array in the arena; the old one stays behind until the arena ends. */
static void *more_room(struct arena *arena, const void *old, size_t count, size_t *capacity,
                       size_t item_bytes)
{
    size_t room = *capacity == 0 ? 4 : *capacity * 2;
    void *array = arena_alloc_many(arena, room, item_bytes);

    if (array != NULL) {
        if (count > 0) {
            memcpy(array, old, count * item_bytes);
        }
        *capacity = room;
    }
    return array;
}

enum error value_set(struct arena *arena, struct value *map, struct view key, struct value *value)
{
    bool present = false;
    size_t place = 0;
    struct view copy = {0};
    enum error err = OK;

    if (map == NULL || value == NULL) {
        return arena_error(arena) != OK ? arena_error(arena) : ERR_BUG;
    }
    place = member_place(map, key, &present);
    if (present) {
        map->members[place].value = value;
        return OK;
    }
    err = arena_copy(arena, key, &copy);
    if (err != OK) {
        return err;
    }
    if (map->count == map->capacity) {
        struct member *members =
            more_room(arena, map->members, map->count, &map->capacity, sizeof *members);
        if (members == NULL) {
            return arena_error(arena);
        }
        map->members = members;
    }
    memmove(&map->members[place + 1], &map->members[place],
            (map->count - place) * sizeof *map->members);
    map->members[place] = (struct member){copy, value};
    map->count++;
    return OK;
}

enum error value_put(struct arena *arena, struct value *map, const char *key, struct value *value)
{
    return value_set(arena, map, view_of_text(key), value);
}

enum error value_put_text(struct arena *arena, struct value *map, const char *key, struct view text)
{
    return text.size == 0 ? OK : value_put(arena, map, key, value_text(arena, text));
}

enum error value_put_string(struct arena *arena, struct value *map, const char *key,
                            const char *text)
{
    return value_put_text(arena, map, key, view_of_text(text));
}

enum error value_put_integer(struct arena *arena, struct value *map, const char *key,
                             int64_t number)
{
    return value_put(arena, map, key, value_integer(arena, number));
}

enum error value_put_bool(struct arena *arena, struct value *map, const char *key, bool flag)
{
    return value_put(arena, map, key, value_bool(arena, flag));
}

enum error value_append(struct arena *arena, struct value *list, struct value *value)
{
    if (list == NULL || value == NULL) {
        return arena_error(arena) != OK ? arena_error(arena) : ERR_BUG;
    }
    if (list->count == list->capacity) {
        struct value **items =
            more_room(arena, list->items, list->count, &list->capacity, sizeof(struct value *));
        if (items == NULL) {
            return arena_error(arena);
        }
        list->items = items;
    }
    list->items[list->count++] = value;
    return OK;
}

void value_remove(struct value *map, struct view key)
{
    bool present = false;
    size_t place = member_place(map, key, &present);

    if (present) {
        map->count--;
        memmove(&map->members[place], &map->members[place + 1],
                (map->count - place) * sizeof *map->members);
    }
}

struct value *value_get_view(const struct value *map, struct view key)
{
    bool present = false;
    size_t place = 0;

    if (map == NULL || map->kind != PACK_MAP) {
        return NULL;
    }
    place = member_place(map, key, &present);
    return present ? map->members[place].value : NULL;
}

struct value *value_get(const struct value *map, const char *key)
{
    return value_get_view(map, view_of_text(key));
}

struct view value_get_text(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, key);

    return value != NULL && value->kind == PACK_TEXT ? value->bytes : view_of(NULL, 0);
}

int64_t value_get_integer(const struct value *map, const char *key, int64_t otherwise)
{
    const struct value *value = value_get(map, key);

    return value != NULL && value->kind == PACK_INTEGER ? value->number : otherwise;
}

bool value_get_bool(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, key);

    return value != NULL && value->kind == PACK_BOOL && value->flag;
}

static bool values_equal(const struct value *a, const struct value *b, unsigned depth)
{
    if (a == NULL || b == NULL || a->kind != b->kind || depth > VALUE_DEPTH_MAX) {
        return a == b;
    }
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        bool same = a->kind == PACK_LIST
                        ? values_equal(a->items[i], b->items[i], depth + 1)
                        : view_equal(a->members[i].key, b->members[i].key) &&
                              values_equal(a->members[i].value, b->members[i].value, depth + 1);
        if (!same) {
            return false;
        }
    }
    return a->flag == b->flag && a->number == b->number && view_equal(a->bytes, b->bytes);
}

bool value_equal(const struct value *a, const struct value *b)
{
    return values_equal(a, b, 0);
}

/* Take the next step off a pointer, with ~1 and ~0 replaced (RFC 6901 section 4). */
static bool next_step(struct view *pointer, char step[static 256])
{
    size_t i = 1;
    size_t n = 0;

    if (pointer->size == 0 || pointer->data[0] != '/') {
        return false;
    }
    while (i < pointer->size && pointer->data[i] != '/') {
        uint8_t c = pointer->data[i++];
        if (c == '~' && i < pointer->size && (pointer->data[i] == '0' || pointer->data[i] == '1')) {
            c = pointer->data[i++] == '0' ? '~' : '/';
        }
        if (n == 255 || c == 0) {
            return false;
        }
        step[n++] = (char)c;
    }
    step[n] = '\0';
    *pointer = view_of(pointer->data + i, pointer->size - i);
    return true;
}

static struct value *list_item(const struct value *list, const char *step)
{
    size_t index = 0;

    if (step[0] == '\0' || strlen(step) > 6 || (step[0] == '0' && step[1] != '\0')) {
        return NULL;
    }
    for (const char *c = step; *c != '\0'; c++) {
        if (*c < '0' || *c > '9') {
            return NULL;
        }
        index = index * 10 + (size_t)(*c - '0');
    }
    return index < list->count ? list->items[index] : NULL;
}

struct value *value_at(const struct value *root, struct view pointer)
{
    const struct value *value = root;
    char step[256];

    while (value != NULL && pointer.size > 0) {
        if (!next_step(&pointer, step)) {
            return NULL;
        }
        value = value->kind == PACK_LIST ? list_item(value, step) : value_get(value, step);
    }
    return (struct value *)(uintptr_t)value;
}

void value_pack(struct buffer *to, const struct value *value)
{
    switch (value->kind) {
    case PACK_BOOL:
        pack_write_bool(to, value->flag);
        break;
    case PACK_INTEGER:
        pack_write_integer(to, value->number);
        break;
    case PACK_TEXT:
        pack_write_text(to, value->bytes);
        break;
    case PACK_BYTES:
        pack_write_bytes(to, value->bytes);
        break;
    case PACK_LIST:
        pack_write_list(to, value->count);
        for (size_t i = 0; i < value->count; i++) {
            value_pack(to, value->items[i]);
        }
        break;
    case PACK_MAP:
        pack_write_map(to, value->count);
        for (size_t i = 0; i < value->count; i++) {
            pack_write_text(to, value->members[i].key);
            value_pack(to, value->members[i].value);
        }
        break;
    default:
        pack_write_nil(to);
        break;
    }
}

static enum error unpack(struct arena *arena, struct pack_reader *reader, unsigned depth,
                         struct value **found);

static enum error unpack_list(struct arena *arena, struct pack_reader *reader, unsigned depth,
                              struct value *list)
{
    size_t count = pack_read_list(reader);
    enum error err = OK;

    list->items = arena_alloc_many(arena, count, sizeof(struct value *));
    if (list->items == NULL) {
        return arena_error(arena);
    }
    list->capacity = count;
    for (size_t i = 0; i < count; i++) {
        TRY(unpack(arena, reader, depth + 1, &list->items[i]));
        list->count++;
    }
out:
    return err;
}

static enum error unpack_map(struct arena *arena, struct pack_reader *reader, unsigned depth,
                             struct value *map)
{
    size_t count = pack_read_map(reader);
    enum error err = OK;

    map->members = arena_alloc_many(arena, count, sizeof *map->members);
    if (map->members == NULL) {
        return arena_error(arena);
    }
    map->capacity = count;
    for (size_t i = 0; i < count; i++) {
        map->members[i].key = pack_read_text(reader);
        TRY(reader->error);
        TRY(unpack(arena, reader, depth + 1, &map->members[i].value));
        map->count++;
    }
out:
    return err;
}

static enum error unpack(struct arena *arena, struct pack_reader *reader, unsigned depth,
                         struct value **found)
{
    struct value *value = value_new(arena, pack_peek(reader));
    enum error err = OK;

    if (value == NULL) {
        return arena_error(arena);
    }
    if (depth > VALUE_DEPTH_MAX) {
        return ERR_NOT_CANONICAL;
    }
    switch (value->kind) {
    case PACK_NIL:
        pack_read_nil(reader);
        break;
    case PACK_BOOL:
        value->flag = pack_read_bool(reader);
        break;
    case PACK_INTEGER:
        value->number = pack_read_integer(reader);
        break;
    case PACK_TEXT:
        value->bytes = pack_read_text(reader);
        break;
    case PACK_BYTES:
        value->bytes = pack_read_bytes(reader);
        break;
    case PACK_LIST:
        err = unpack_list(arena, reader, depth, value);
        break;
    case PACK_MAP:
        err = unpack_map(arena, reader, depth, value);
        break;
    case PACK_NOTHING:
        return ERR_NOT_CANONICAL;
    }
    if (err == OK) {
        err = reader->error;
    }
    if (err == OK) {
        *found = value;
    }
    return err;
}

enum error value_unpack(struct arena *arena, struct view packed, struct value **found)
{
    struct pack_reader reader = pack_reader_init(packed);
    enum error err = unpack(arena, &reader, 0, found);

    if (err == OK && reader.rest.size != 0) {
        err = ERR_NOT_CANONICAL;
    }
    return err;
}

enum error value_copy(struct arena *arena, const struct value *value, struct value **copy)
{
    struct value *made = value_new(arena, value->kind);
    enum error err = OK;

    if (made == NULL) {
        return arena_error(arena);
    }
    made->flag = value->flag;
    made->number = value->number;
    if (value->kind == PACK_TEXT || value->kind == PACK_BYTES) {
        TRY(arena_copy(arena, value->bytes, &made->bytes));
    }
    for (size_t i = 0; i < value->count; i++) {
        struct value *child = NULL;
        if (value->kind == PACK_LIST) {
            TRY(value_copy(arena, value->items[i], &child));
            TRY(value_append(arena, made, child));
        } else {
            TRY(value_copy(arena, value->members[i].value, &child));
            TRY(value_set(arena, made, value->members[i].key, child));
        }
    }
    *copy = made;
out:
    return err;
}
