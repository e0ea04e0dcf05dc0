/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "value.h"

/* Read one checked value and write it again. */
static void rewrite(struct pack_reader *reader, struct buffer *to)
{
    enum pack_kind kind = pack_peek(reader);
    size_t count = 0;

    switch (kind) {
    case PACK_NIL:
        pack_read_nil(reader);
        pack_write_nil(to);
        break;
    case PACK_BOOL:
        pack_write_bool(to, pack_read_bool(reader));
        break;
    case PACK_INTEGER:
        pack_write_integer(to, pack_read_integer(reader));
        break;
    case PACK_TEXT:
        pack_write_text(to, pack_read_text(reader));
        break;
    case PACK_BYTES:
        pack_write_bytes(to, pack_read_bytes(reader));
        break;
    case PACK_LIST:
        count = pack_read_list(reader);
        pack_write_list(to, count);
        break;
    case PACK_MAP:
        count = pack_read_map(reader);
        pack_write_map(to, count);
        count *= 2;
        break;
    default:
        CHECK(kind != PACK_NOTHING);
    }
    for (size_t i = 0; i < count; i++) {
        rewrite(reader, to);
    }
}

/* What passes the check is written again to the same bytes: W-1 to W-6. */
static void check_form(struct view bytes)
{
    struct pack_reader reader = pack_reader_init(bytes);
    struct buffer again = buffer_init(bytes.size);
    struct arena *arena = fuzz_arena();
    struct value *tree = NULL;

    rewrite(&reader, &again);
    CHECK(reader.error == OK && reader.rest.size == 0);
    CHECK(view_equal(view_of_buffer(&again), bytes));
    if (value_unpack(arena, bytes, &tree) == OK) {
        buffer_clear(&again);
        value_pack(&again, tree);
        CHECK(view_equal(view_of_buffer(&again), bytes));
        CHECK(value_equal(tree, tree));
    }
    arena_free(&arena);
    buffer_free(&again);
}

int target_pack(const uint8_t *data, size_t size)
{
    struct view bytes = view_of(data, size);
    struct pack_reader reader = pack_reader_init(bytes);

    if (pack_check(bytes, PACK_SECTION_MAX_BYTES) == OK) {
        check_form(bytes);
    }
    /* Reading what was never checked is safe too. */
    while (reader.error == OK && reader.rest.size > 0) {
        struct view value = pack_read_raw(&reader);
        CHECK(value.size <= size);
    }
    return 0;
}
