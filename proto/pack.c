/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include "text.h"

#include <msgpack.h>

/* The head of one value: what it is and how many bytes or values follow. */
struct head {
    enum pack_kind kind;
    size_t size;     /* bytes of the head itself */
    uint64_t number; /* length, count, or the integer's bits */
    bool negative;
    bool shortest;
};

/* One row per first byte that carries its number in the bytes after it. */
struct wide_head {
    uint8_t first;
    uint8_t extra; /* bytes of the number */
    enum pack_kind kind;
    bool is_signed;
    uint64_t smallest; /* below this a shorter head would do */
};

static const struct wide_head wide_heads[] = {
    {0xc4, 1, PACK_BYTES, false, 0},
    {0xc5, 2, PACK_BYTES, false, 0x100},
    {0xc6, 4, PACK_BYTES, false, 0x10000},
    {0xcc, 1, PACK_INTEGER, false, 0x80},
    {0xcd, 2, PACK_INTEGER, false, 0x100},
    {0xce, 4, PACK_INTEGER, false, 0x10000},
    {0xcf, 8, PACK_INTEGER, false, 0x100000000},
    {0xd0, 1, PACK_INTEGER, true, 0},
    {0xd1, 2, PACK_INTEGER, true, 0},
    {0xd2, 4, PACK_INTEGER, true, 0},
    {0xd3, 8, PACK_INTEGER, true, 0},
    {0xd9, 1, PACK_TEXT, false, 0x20},
    {0xda, 2, PACK_TEXT, false, 0x100},
    {0xdb, 4, PACK_TEXT, false, 0x10000},
    {0xdc, 2, PACK_LIST, false, 0x10},
    {0xdd, 4, PACK_LIST, false, 0x10000},
    {0xde, 2, PACK_MAP, false, 0x10},
    {0xdf, 4, PACK_MAP, false, 0x10000},
};

/* A signed form is canonical only for negative numbers that the next shorter form cannot hold. */
static bool signed_is_shortest(int64_t number, uint8_t extra)
{
    switch (extra) {
    case 1:
        return number < -32;
    case 2:
        return number < INT8_MIN;
    case 4:
        return number < INT16_MIN;
    default:
        return number < INT32_MIN;
    }
}

static bool wide_head_read(const struct wide_head *row, struct view bytes, struct head *head)
{
    uint64_t number = 0;

    if (bytes.size < 1 + (size_t)row->extra) {
        return false;
    }
    for (size_t i = 0; i < row->extra; i++) {
        number = (number << 8) | bytes.data[1 + i];
    }
    head->kind = row->kind;
    head->size = 1 + (size_t)row->extra;
    head->number = number;
    head->shortest = number >= row->smallest;
    if (row->is_signed) {
        unsigned shift = 64 - 8 * (unsigned)row->extra;
        int64_t value = (int64_t)(number << shift) >> shift;
        head->number = (uint64_t)value;
        head->negative = value < 0;
        head->shortest = signed_is_shortest(value, row->extra);
    }
    return true;
}

static bool head_read(struct view bytes, struct head *head)
{
    uint8_t first = bytes.size > 0 ? bytes.data[0] : 0xc1;

    *head = (struct head){PACK_NOTHING, 1, 0, false, true};
    if (first <= 0x7f) {
        head->kind = PACK_INTEGER;
        head->number = first;
    } else if (first <= 0x8f) {
        head->kind = PACK_MAP;
        head->number = first & 0x0f;
    } else if (first <= 0x9f) {
        head->kind = PACK_LIST;
        head->number = first & 0x0f;
    } else if (first <= 0xbf) {
        head->kind = PACK_TEXT;
        head->number = first & 0x1f;
    } else if (first >= 0xe0) {
        head->kind = PACK_INTEGER;
        head->number = (uint64_t)(int64_t)(int8_t)first;
        head->negative = true;
    } else if (first == 0xc0) {
        head->kind = PACK_NIL;
    } else if (first == 0xc2 || first == 0xc3) {
        head->kind = PACK_BOOL;
        head->number = first & 1;
    } else {
        for (size_t i = 0; i < sizeof wide_heads / sizeof wide_heads[0]; i++) {
            if (wide_heads[i].first == first) {
                return wide_head_read(&wide_heads[i], bytes, head);
            }
        }
        return false;
    }
    return true;
}

/* One open list or map of the check. */
struct level {
    uint64_t left; /* values still to come, keys included */
    bool is_map;
    bool at_key; /* the next value is a key */
    bool has_previous;
    enum pack_kind key_kind;
    uint64_t previous_number;
    struct view previous_text;
};

static bool key_ascends(struct level *level, const struct head *head, struct view text)
{
    if (head->kind != PACK_TEXT && (head->kind != PACK_INTEGER || head->negative)) {
        return false;
    }
    if (level->has_previous) {
        if (level->key_kind != head->kind) {
            return false;
        }
        if (head->kind == PACK_INTEGER ? head->number <= level->previous_number
                                       : view_compare(text, level->previous_text) <= 0) {
            return false;
        }
    }
    level->has_previous = true;
    level->key_kind = head->kind;
    level->previous_number = head->number;
    level->previous_text = text;
    return true;
}

/* Check one head and the bytes that belong to it; give how many bytes it takes in all. */
static bool head_is_canonical(const struct head *head, struct view rest, size_t *taken)
{
    *taken = head->size;
    if (!head->shortest) {
        return false;
    }
    switch (head->kind) {
    case PACK_INTEGER:
        return head->negative || head->number <= INT64_MAX;
    case PACK_TEXT:
    case PACK_BYTES:
        if (head->number > rest.size - head->size) {
            return false;
        }
        *taken += (size_t)head->number;
        return head->kind == PACK_BYTES ||
               text_is_valid(view_of(rest.data + head->size, (size_t)head->number));
    case PACK_LIST:
        return head->number <= rest.size - head->size;
    case PACK_MAP:
        return head->number <= (rest.size - head->size) / 2;
    default:
        return true;
    }
}

enum error pack_check(struct view bytes, size_t max_bytes)
{
    struct level levels[PACK_DEPTH_MAX];
    struct view rest = bytes;
    size_t depth = 0;
    size_t items = 0;

    if (bytes.size > max_bytes) {
        return ERR_TOO_LARGE;
    }
    do {
        struct head head = {0};
        size_t taken = 0;

        if (!head_read(rest, &head) || !head_is_canonical(&head, rest, &taken)) {
            return ERR_NOT_CANONICAL;
        }
        if (++items > PACK_ITEMS_MAX) {
            return ERR_TOO_LARGE;
        }
        if (depth > 0) {
            struct level *level = &levels[depth - 1];
            struct view text = view_of(rest.data + head.size, taken - head.size);
            if (level->at_key && !key_ascends(level, &head, text)) {
                return ERR_NOT_CANONICAL;
            }
            level->at_key = level->is_map && !level->at_key;
            level->left--;
        }
        rest = view_of(rest.data + taken, rest.size - taken);
        if (head.kind == PACK_LIST || head.kind == PACK_MAP) {
            if (depth == PACK_DEPTH_MAX) {
                return ERR_NOT_CANONICAL;
            }
            bool is_map = head.kind == PACK_MAP;
            levels[depth++] = (struct level){
                .left = is_map ? head.number * 2 : head.number, .is_map = is_map, .at_key = is_map};
        }
        while (depth > 0 && levels[depth - 1].left == 0) {
            depth--;
        }
    } while (depth > 0);
    return rest.size == 0 ? OK : ERR_NOT_CANONICAL;
}

struct pack_reader pack_reader_init(struct view bytes)
{
    return (struct pack_reader){bytes, OK};
}

enum pack_kind pack_peek(const struct pack_reader *reader)
{
    struct head head = {0};

    if (reader->error != OK || !head_read(reader->rest, &head)) {
        return PACK_NOTHING;
    }
    return head.kind;
}

static void advance(struct pack_reader *reader, size_t size)
{
    reader->rest = view_of(reader->rest.data + size, reader->rest.size - size);
}

/* Take the head of a value of the wanted kind, or keep the error. */
static bool take(struct pack_reader *reader, enum pack_kind kind, struct head *head)
{
    if (reader->error == OK && head_read(reader->rest, head) && head->kind == kind) {
        advance(reader, head->size);
        return true;
    }
    if (reader->error == OK) {
        reader->error = ERR_NOT_CANONICAL;
    }
    return false;
}

void pack_read_nil(struct pack_reader *reader)
{
    struct head head = {0};

    (void)take(reader, PACK_NIL, &head);
}

bool pack_read_bool(struct pack_reader *reader)
{
    struct head head = {0};

    return take(reader, PACK_BOOL, &head) && head.number != 0;
}

int64_t pack_read_integer(struct pack_reader *reader)
{
    struct head head = {0};

    return take(reader, PACK_INTEGER, &head) ? (int64_t)head.number : 0;
}

static struct view take_bytes(struct pack_reader *reader, enum pack_kind kind)
{
    struct head head = {0};
    struct view bytes = {0};

    if (!take(reader, kind, &head)) {
        return bytes;
    }
    if (head.number > reader->rest.size) {
        reader->error = ERR_NOT_CANONICAL;
        return bytes;
    }
    bytes = view_of(reader->rest.data, (size_t)head.number);
    advance(reader, (size_t)head.number);
    return bytes;
}

struct view pack_read_text(struct pack_reader *reader)
{
    return take_bytes(reader, PACK_TEXT);
}

struct view pack_read_bytes(struct pack_reader *reader)
{
    return take_bytes(reader, PACK_BYTES);
}

static size_t take_count(struct pack_reader *reader, enum pack_kind kind)
{
    struct head head = {0};

    if (!take(reader, kind, &head)) {
        return 0;
    }
    if (head.number > reader->rest.size) {
        reader->error = ERR_NOT_CANONICAL;
        return 0;
    }
    return (size_t)head.number;
}

size_t pack_read_list(struct pack_reader *reader)
{
    return take_count(reader, PACK_LIST);
}

size_t pack_read_map(struct pack_reader *reader)
{
    return take_count(reader, PACK_MAP);
}

struct view pack_read_raw(struct pack_reader *reader)
{
    struct view start = reader->rest;
    uint64_t left = 1;

    while (left > 0 && reader->error == OK) {
        struct head head = {0};
        size_t taken = 0;

        if (!head_read(reader->rest, &head) || !head_is_canonical(&head, reader->rest, &taken)) {
            reader->error = ERR_NOT_CANONICAL;
            break;
        }
        advance(reader, taken);
        left--;
        left += head.kind == PACK_LIST ? head.number : 0;
        left += head.kind == PACK_MAP ? head.number * 2 : 0;
    }
    return reader->error == OK ? view_of(start.data, start.size - reader->rest.size)
                               : view_of(NULL, 0);
}

static int write_to_buffer(void *context, const char *bytes, size_t size)
{
    struct buffer *to = context;

    buffer_append(to, view_of(bytes, size));
    return to->error == OK ? 0 : -1;
}

static msgpack_packer packer_for(struct buffer *to)
{
    return (msgpack_packer){.data = to, .callback = write_to_buffer};
}

void pack_write_nil(struct buffer *to)
{
    msgpack_packer packer = packer_for(to);

    (void)msgpack_pack_nil(&packer);
}

void pack_write_bool(struct buffer *to, bool flag)
{
    msgpack_packer packer = packer_for(to);

    (void)(flag ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void pack_write_integer(struct buffer *to, int64_t number)
{
    msgpack_packer packer = packer_for(to);

    (void)msgpack_pack_int64(&packer, number);
}

void pack_write_text(struct buffer *to, struct view text)
{
    msgpack_packer packer = packer_for(to);

    (void)msgpack_pack_str(&packer, text.size);
    buffer_append(to, text);
}

void pack_write_bytes(struct buffer *to, struct view bytes)
{
    msgpack_packer packer = packer_for(to);

    (void)msgpack_pack_bin(&packer, bytes.size);
    buffer_append(to, bytes);
}

void pack_write_list(struct buffer *to, size_t count)
{
    msgpack_packer packer = packer_for(to);

    (void)msgpack_pack_array(&packer, count);
}

void pack_write_map(struct buffer *to, size_t count)
{
    msgpack_packer packer = packer_for(to);

    (void)msgpack_pack_map(&packer, count);
}

void pack_write_raw(struct buffer *to, struct view packed)
{
    buffer_append(to, packed);
}
