/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <inttypes.h>
#include <string.h>

static bool within(const struct object_field *field, size_t size)
{
    return (int64_t)size >= field->min && (int64_t)size <= field->max;
}

static enum error decode_list(const struct object_field *field, struct pack_reader *reader,
                              struct arena *arena, struct views *list)
{
    size_t count = pack_read_list(reader);

    if (reader->error != OK || count > field->count) {
        return ERR_NOT_CANONICAL;
    }
    list->items = arena_alloc_many(arena, count, sizeof *list->items);
    if (list->items == NULL) {
        return arena_error(arena);
    }
    for (size_t i = 0; i < count; i++) {
        list->items[i] = pack_read_bytes(reader);
        if (reader->error != OK || !within(field, list->items[i].size)) {
            return ERR_NOT_CANONICAL;
        }
    }
    list->count = count;
    return OK;
}

static enum error decode_field(const struct object_field *field, struct pack_reader *reader,
                               struct arena *arena, uint8_t *place)
{
    struct view bytes = {0};
    int64_t number = 0;

    switch (field->type) {
    case OBJECT_INTEGER:
    case OBJECT_INSTANT:
        number = pack_read_integer(reader);
        if (number < field->min || number > field->max) {
            return ERR_NOT_CANONICAL;
        }
        memcpy(place, &number, sizeof number); /* struct instant is one int64_t */
        break;
    case OBJECT_FLAG:
        *(bool *)place = pack_read_bool(reader);
        break;
    case OBJECT_FIXED:
        bytes = pack_read_bytes(reader);
        if (bytes.size != (size_t)field->max) {
            return ERR_NOT_CANONICAL;
        }
        memcpy(place, bytes.data, bytes.size);
        break;
    case OBJECT_BYTES:
    case OBJECT_TEXT:
        bytes = field->type == OBJECT_BYTES ? pack_read_bytes(reader) : pack_read_text(reader);
        if (!within(field, bytes.size)) {
            return ERR_NOT_CANONICAL;
        }
        memcpy(place, &bytes, sizeof bytes);
        break;
    case OBJECT_LIST:
        return decode_list(field, reader, arena, (struct views *)(void *)place);
    }
    return reader->error;
}

/* Keys from OBJECT_KEY_FREE on belong to later versions: step over them. */
static enum error skip_later_keys(struct pack_reader *reader, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pack_read_integer(reader) < OBJECT_KEY_FREE) {
            return ERR_NOT_CANONICAL;
        }
        (void)pack_read_raw(reader);
    }
    return reader->error;
}

enum error object_decode(const struct object_info *info, struct view bytes, struct arena *arena,
                         void *object)
{
    struct pack_reader reader = pack_reader_init(bytes);
    uint8_t *base = object;
    uint64_t present = 0;
    size_t pairs = 0;
    enum error err = OK;

    TRY(pack_check(bytes, info->max_bytes));
    memset(object, 0, info->struct_bytes);
    pairs = pack_read_map(&reader);
    if (reader.error != OK || pairs < info->field_count) {
        return ERR_NOT_CANONICAL;
    }
    for (size_t i = 0; i < info->field_count; i++) {
        const struct object_field *field = &info->fields[i];

        if (pack_peek(&reader) != PACK_INTEGER || pack_read_integer(&reader) != field->key) {
            return ERR_NOT_CANONICAL;
        }
        if (field->optional && pack_peek(&reader) == PACK_NIL) {
            pack_read_nil(&reader);
            continue;
        }
        TRY(decode_field(field, &reader, arena, base + field->offset));
        present |= (uint64_t)1 << field->key;
    }
    TRY(skip_later_keys(&reader, pairs - info->field_count));
    memcpy(object, &present, sizeof present);
out:
    return err;
}

static enum error encode_list(const struct object_field *field, const uint8_t *place,
                              struct buffer *to)
{
    struct views list = {0};

    memcpy(&list, place, sizeof list);
    if (list.count > field->count) {
        return ERR_BUG;
    }
    pack_write_list(to, list.count);
    for (size_t i = 0; i < list.count; i++) {
        if (!within(field, list.items[i].size)) {
            return ERR_BUG;
        }
        pack_write_bytes(to, list.items[i]);
    }
    return OK;
}

static enum error encode_field(const struct object_field *field, const uint8_t *place,
                               struct buffer *to)
{
    struct view bytes = {0};
    int64_t number = 0;

    switch (field->type) {
    case OBJECT_INTEGER:
    case OBJECT_INSTANT:
        memcpy(&number, place, sizeof number);
        if (number < field->min || number > field->max) {
            return ERR_BUG;
        }
        pack_write_integer(to, number);
        break;
    case OBJECT_FLAG:
        pack_write_bool(to, *(const bool *)place);
        break;
    case OBJECT_FIXED:
        pack_write_bytes(to, view_of(place, (size_t)field->max));
        break;
    case OBJECT_BYTES:
    case OBJECT_TEXT:
        memcpy(&bytes, place, sizeof bytes);
        if (!within(field, bytes.size)) {
            return ERR_BUG;
        }
        if (field->type == OBJECT_BYTES) {
            pack_write_bytes(to, bytes);
        } else {
            pack_write_text(to, bytes);
        }
        break;
    case OBJECT_LIST:
        return encode_list(field, place, to);
    }
    return OK;
}

enum error object_encode(const struct object_info *info, const void *object, struct buffer *to)
{
    const uint8_t *base = object;
    uint64_t present = 0;
    size_t start = to->size;
    enum error err = OK;

    memcpy(&present, object, sizeof present);
    pack_write_map(to, info->field_count);
    for (size_t i = 0; i < info->field_count; i++) {
        const struct object_field *field = &info->fields[i];

        pack_write_integer(to, field->key);
        if (field->optional && ((present >> field->key) & 1U) == 0) {
            pack_write_nil(to);
            continue;
        }
        TRY(encode_field(field, base + field->offset, to));
    }
    TRY(to->error);
    if (to->size - start > info->max_bytes) {
        err = ERR_TOO_LARGE;
    }
out:
    return err;
}

static void describe_type(const struct object_field *field, struct buffer *to)
{
    switch (field->type) {
    case OBJECT_INTEGER:
        buffer_printf(to, "integer, %" PRId64 "..%" PRId64, field->min, field->max);
        break;
    case OBJECT_INSTANT:
        buffer_append_text(to, "time, UTC ms");
        break;
    case OBJECT_FLAG:
        buffer_append_text(to, "flag");
        break;
    case OBJECT_FIXED:
        buffer_printf(to, "%" PRId64 " bytes", field->max);
        break;
    case OBJECT_BYTES:
        buffer_printf(to, "%" PRId64 "..%" PRId64 " bytes", field->min, field->max);
        break;
    case OBJECT_TEXT:
        buffer_printf(to, "text, %" PRId64 "..%" PRId64 " bytes", field->min, field->max);
        break;
    case OBJECT_LIST:
        buffer_printf(to, "list of at most %zu × %" PRId64 "..%" PRId64 " bytes", field->count,
                      field->min, field->max);
        break;
    }
}

void object_describe(const struct object_info *info, struct buffer *to)
{
    buffer_printf(to,
                  "**%s**, at most %zu bytes\n\n| key | field | form | meaning |\n"
                  "|---|---|---|---|\n",
                  info->name, info->max_bytes);
    for (size_t i = 0; i < info->field_count; i++) {
        const struct object_field *field = &info->fields[i];

        buffer_printf(to, "| %u | %s | ", (unsigned)field->key, field->name);
        describe_type(field, to);
        buffer_printf(to, "%s | %s |\n", field->optional ? ", or nil" : "", field->help);
    }
    buffer_append_text(to, "\n");
}
