/* SPDX-License-Identifier: Apache-2.0 */
#include "contents.h"

/** Where the walk over the record puts what it finds. */
struct collecting {
    struct contents *contents;
    struct arena *arena;
};

static enum error collect(void *context, enum index_field field, struct view value)
{
    struct collecting *collecting = context;
    struct contents *contents = collecting->contents;
    struct contents_row *row = &contents->rows[contents->count];
    enum error err = OK;

    TRY(contents->count < RECORD_INDEX_MAX ? OK : ERR_TOO_LARGE);
    row->field = field;
    TRY(arena_copy(collecting->arena, value, &row->value));
    contents->count++;
out:
    return err;
}

enum error contents_collect(const struct value *record, struct arena *arena,
                            struct contents *contents)
{
    struct collecting collecting = {contents, arena};

    contents->count = 0;
    contents->rows = arena_alloc_many(arena, RECORD_INDEX_MAX, sizeof *contents->rows);
    if (contents->rows == NULL) {
        return arena_error(arena);
    }
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
