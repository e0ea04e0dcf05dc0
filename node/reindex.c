/* SPDX-License-Identifier: Apache-2.0 */
#include "reindex.h"

#include "contents.h"
#include "engine.h"
#include "reader.h"

static enum error index_record(struct engine *engine, struct store_txn *txn, uint64_t number)
{
    struct arena *arena = engine->record_arena;
    struct reading reading = {0};
    struct contents contents = {0};
    enum error err = OK;

    arena_clear(arena);
    TRY(reader_open(engine, txn, number, arena, &reading));
    TRY(store_record_index(txn, &reading.row.record, number));
    for (size_t i = 0; i < reading.row.parts.count; i++) {
        const struct view cipher = view_of(reading.row.parts.items[i].data + 2, ID_BYTES);
        TRY(store_index_add(txn, INDEX_CIPHER, cipher, number));
    }
    TRY(contents_collect(reading.record, arena, &contents));
    TRY(contents_put(txn, number, &contents));
out:
    arena_clear(arena);
    return err;
}

enum error reindex(struct engine *engine, struct instant now)
{
    const struct store_event event = {.time = now,
                                      .event = "index.rebuilt",
                                      .actor = "node",
                                      .subject = "",
                                      .detail = "rows of it were damaged"};
    struct store_txn *txn = NULL;
    uint64_t number = 0;
    enum error err = OK;

    TRY(store_begin(engine->store, STORE_WRITE, &txn));
    TRY(store_index_clear(txn));
    while ((err = store_record_before(txn, number, &number)) == OK) {
        TRY(index_record(engine, txn, number));
    }
    TRY(err == ERR_NOT_FOUND ? OK : err);
    TRY(store_audit_add(txn, &event));
    TRY(engine_commit(engine, &txn));
out:
    store_abort(&txn);
    return err;
}
