/* SPDX-License-Identifier: Apache-2.0 */
#include "contents.h"

#include <string.h>

enum { ROWS_FIRST = 64 }; /* more than most records have */

/** Where the walk over the record puts what it finds. */
struct collecting {
    struct contents *contents;
    struct arena *arena;
    size_t capacity; /* of the rows; RECORD_INDEX_MAX at most */
    size_t said;     /* values that the record has, those said twice too */
};

/*
 * Most records have some dozens of rows. Room for all that one may have would be
 * cleared twice for each record, which takes longer than storing some of them.
 */
static enum error grow(struct collecting *collecting)
{
    struct contents *contents = collecting->contents;
    size_t wanted = collecting->capacity == 0 ? ROWS_FIRST : 2 * collecting->capacity;
    struct contents_row *rows = NULL;

    if (collecting->capacity == RECORD_INDEX_MAX) {
        return ERR_TOO_LARGE;
    }
    wanted = wanted < RECORD_INDEX_MAX ? wanted : RECORD_INDEX_MAX;
    rows = arena_alloc_many(collecting->arena, wanted, sizeof *rows);
    if (rows == NULL) {
        return arena_error(collecting->arena);
    }
    if (contents->count > 0) {
        memcpy(rows, contents->rows, contents->count * sizeof *rows);
    }
    contents->rows = rows;
    collecting->capacity = wanted;
    return OK;
}

static uint32_t mix_of(enum index_field field, struct view value)
{
    uint32_t mix = 2166136261U + (uint32_t)field;

    for (size_t i = 0; i < value.size; i++) {
        mix = (mix ^ value.data[i]) * 16777619U;
    }
    return mix;
}

/* Many items of one kind say the same codes again and again. */
static bool is_there(const struct contents *contents, enum index_field field, uint32_t mix,
                     struct view value)
{
    for (size_t i = 0; i < contents->count; i++) {
        const struct contents_row *row = &contents->rows[i];
        if (row->mix == mix && row->field == field && view_equal(row->value, value)) {
            return true;
        }
    }
    return false;
}

static enum error collect(void *context, enum index_field field, struct view value)
{
    struct collecting *collecting = context;
    struct contents *contents = collecting->contents;
    struct contents_row *row = NULL;
    uint32_t mix = mix_of(field, value);
    enum error err = OK;

    /* Each is looked for among the others, so those said twice are counted too. */
    TRY(++collecting->said <= CONTENTS_SAID_MAX ? OK : ERR_TOO_LARGE);
    if (is_there(contents, field, mix, value)) {
        return OK;
    }
    TRY(contents->count < collecting->capacity ? OK : grow(collecting));
    row = &contents->rows[contents->count];
    row->field = field;
    row->mix = mix;
    TRY(arena_copy(collecting->arena, value, &row->value));
    contents->count++;
out:
    return err;
}

enum error contents_collect(const struct value *record, struct arena *arena,
                            struct contents *contents)
{
    struct collecting collecting = {contents, arena, 0, 0};

    contents->count = 0;
    contents->rows = NULL;
    return record_index(record, collect, &collecting);
}

enum error contents_put(struct store_txn *txn, uint64_t number, const struct contents *contents)
{
    enum error err = OK;

    for (size_t i = 0; i < contents->count; i++) {
        TRY(store_index_add(txn, contents->rows[i].field, contents->rows[i].value, number));
    }
out:
    return err;
}
