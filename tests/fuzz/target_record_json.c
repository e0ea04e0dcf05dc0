/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "record_index.h"
#include "record_json.h"
#include "record_sections.h"

/* Fractions come as flagged text and are written as text: the flag is not part of the JSON. */
static void forget_flags(struct value *tree)
{
    if (tree->kind == PACK_TEXT) {
        tree->flag = false;
    }
    for (size_t i = 0; i < tree->count; i++) {
        forget_flags(tree->kind == PACK_LIST ? tree->items[i] : tree->members[i].value);
    }
}

static void check_text(const struct value *tree, struct arena *arena)
{
    struct buffer text = buffer_init(16 * RECORD_JSON_MAX_BYTES);
    struct value *copy = NULL;
    struct value *again = NULL;

    CHECK(value_copy(arena, tree, &copy) == OK);
    forget_flags(copy);
    CHECK(json_write(copy, 0, &text) == OK);
    CHECK(json_parse(view_of_buffer(&text), text.limit, arena, NULL, &again) == OK);
    CHECK(value_equal(copy, again));
    buffer_free(&text);
}

static enum error visit(void *context, enum index_field field, struct view value)
{
    size_t *visits = context;

    CHECK(field > INDEX_NONE && field < INDEX_FIELD_COUNT && value.size > 0);
    (*visits)++;
    return OK;
}

/* A record that passed the check is split, packed, merged and indexed. */
static void use_record(struct value *record, struct arena *arena)
{
    struct record_parts parts;
    struct value *merged = NULL;
    size_t visits = 0;

    CHECK(record_fill_defaults(record, arena) == OK);
    CHECK(record_split(record, arena, &parts) == OK);
    for (int s = 0; s < SECTION_COUNT; s++) {
        struct buffer packed = buffer_init(16 * RECORD_JSON_MAX_BYTES);
        if (parts.section[s] != NULL) {
            value_pack(&packed, parts.section[s]);
            enum error err = pack_check(view_of_buffer(&packed), PACK_SECTION_MAX_BYTES);
            CHECK(err == OK || err == ERR_TOO_LARGE);
        }
        buffer_free(&packed);
    }
    CHECK(record_merge(&parts, arena, &merged) == OK);
    CHECK(record_check(merged, RECORD_RECEIVED, arena, NULL, NULL) == OK);
    CHECK(record_index(merged, visit, &visits) == OK && visits > 0);
}

int target_record_json(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct problems problems = {0};
    struct problems warnings = {0};
    struct value *tree = NULL;

    enum error err =
        json_parse(view_of(data, size), RECORD_JSON_MAX_BYTES, arena, &problems, &tree);
    CHECK((err == OK) == (tree != NULL) && (err == OK) == (problems.count == 0));
    if (err == OK) {
        check_text(tree, arena);
        err = record_check(tree, RECORD_OWN, arena, &problems, &warnings);
        CHECK((err == OK) == (problems.count == 0) || err == ERR_TOO_LARGE);
        if (err == OK) {
            use_record(tree, arena);
        }
    }
    arena_free(&arena);
    return 0;
}
