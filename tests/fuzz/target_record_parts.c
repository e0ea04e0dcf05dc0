/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "record_index.h"
#include "record_json.h"
#include "record_sections.h"

/* Sections that a peer sent: packed maps, each behind its length (2 bytes). */

static enum error visit(void *context, enum index_field field, struct view value)
{
    (void)context;
    CHECK(field > INDEX_NONE && field < INDEX_FIELD_COUNT && value.size > 0);
    return OK;
}

/* What a receiver does with the parts it could open. */
static void receive(const struct record_parts *parts, struct arena *arena)
{
    struct buffer text = buffer_init(64 * RECORD_JSON_MAX_BYTES);
    struct problems problems = {0};
    struct value *record = NULL;

    if (record_merge(parts, arena, &record) == OK) {
        enum error err = record_check(record, RECORD_RECEIVED, arena, &problems, NULL);
        CHECK((err == OK) == (problems.count == 0) || err == ERR_TOO_LARGE);
        if (err == OK) {
            CHECK(record_index(record, visit, NULL) == OK);
        }
        err = json_write(record, 2, &text);
        CHECK(err == OK || err == ERR_TOO_LARGE);
    }
    buffer_free(&text);
}

int target_record_parts(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct record_parts parts = {{NULL}};
    struct view rest = view_of(data, size);

    for (int s = 0; s < SECTION_COUNT && rest.size >= 2; s++) {
        size_t claimed = get_u16(rest.data);
        size_t length = claimed < rest.size - 2 ? claimed : rest.size - 2;
        struct view packed = view_of(rest.data + 2, length);
        if (pack_check(packed, PACK_SECTION_MAX_BYTES) == OK) {
            (void)(value_unpack(arena, packed, &parts.section[s]) == OK);
        }
        rest = view_of(rest.data + 2 + length, rest.size - 2 - length);
    }
    receive(&parts, arena);
    arena_free(&arena);
    return 0;
}
