/* SPDX-License-Identifier: Apache-2.0 */
#include "reindex.h"

#include "contents.h"
#include "engine.h"
#include "reader.h"

/* A row that is there is not written again: mending takes no more room than what is missing. */
static enum error add_missing(struct store_txn *txn, enum index_field field, struct view value,
                              uint64_t number)
{
    return store_index_has(txn, field, value, number) ? OK
                                                      : store_index_add(txn, field, value, number);
}

static enum error index_record(struct engine *engine, struct store_txn *txn, uint64_t number)
{
    struct arena *arena = engine->record_arena;
    struct reading reading = {0};
    struct contents contents = {0};
    uint64_t found = 0;
    enum error err = OK;

    arena_clear(arena);
    TRY(reader_open(engine, txn, number, arena, &reading));
    if (store_record_find(txn, &reading.row.record, &found) != OK) {
        TRY(store_record_index(txn, &reading.row.record, number));
    }
    for (size_t i = 0; i < reading.row.parts.count; i++) {
        TRY(add_missing(txn, INDEX_CIPHER, view_of(reading.row.parts.items[i].data + 2, ID_BYTES),
                        number));
    }
    TRY(contents_collect(reading.record, arena, &contents));
    for (size_t i = 0; i < contents.count; i++) {
        TRY(add_missing(txn, contents.rows[i].field, contents.rows[i].value, number));
    }
out:
    arena_clear(arena);
    return err;
}

static enum error commit(struct engine *engine, struct store_txn **txn, struct instant now,
                         const char *detail)
{
    const struct store_event event = {
        .time = now, .event = "index.mended", .actor = "node", .subject = "", .detail = detail};
    enum error err = OK;

    TRY(store_audit_add(*txn, &event));
    TRY(engine_commit(engine, txn));
out:
    return err;
}

/* The next record further down; ERR_NOT_FOUND at the end, also where a page misleads. */
static enum error step_down(struct store_txn *txn, uint64_t *number)
{
    uint64_t before = *number;
    enum error err = store_record_before(txn, before, number);

    return err == OK && before != 0 && *number >= before ? ERR_STORE_CORRUPT : err;
}

enum error reindex_ids(struct engine *engine, struct instant now)
{
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    while ((err = step_down(txn, &number)) == OK) {
        struct store_record row = {0};
        uint64_t found = 0;
        arena_clear(engine->record_arena);
        if (store_record_get(txn, number, engine->record_arena, &row) == OK &&
            store_record_find(txn, &row.record, &found) == ERR_NOT_FOUND) {
            TRY(store_record_index(txn, &row.record, number));
        }
    }
    TRY(err == ERR_NOT_FOUND ? OK : err);
    TRY(commit(engine, &txn, now, "ids of records"));
out:
    arena_clear(engine->record_arena);
    store_abort(&txn);
    return err;
}

enum error reindex(struct engine *engine, struct instant now)
{
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_index_sweep(txn));
    while ((err = step_down(txn, &number)) == OK) {
        TRY(index_record(engine, txn, number));
    }
    TRY(err == ERR_NOT_FOUND ? OK : err);
    TRY(commit(engine, &txn, now, "rows of it were damaged"));
out:
    store_abort(&txn);
    return err;
}
