/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a record is found by, worked out as a whole before anything of it is stored. */

#include "record_index.h"
#include "store.h"

enum { CONTENTS_SAID_MAX = 4 * RECORD_INDEX_MAX };

/** The index rows of one record; they live in the arena. */
struct contents {
    size_t count;
    struct contents_row *rows;
};

struct contents_row {
    enum index_field field;
    uint32_t mix; /* of the value: those that differ in it differ */
    struct view value;
};

/**
 * Collect the index rows of a record.
 * @return OK; ERR_TOO_LARGE for a record with more than RECORD_INDEX_MAX of them, or that says
 *         more than CONTENTS_SAID_MAX counting those said twice, or has a name too long to be
 *         compared; ERR_NO_MEMORY.
 */
MUST_CHECK enum error contents_collect(const struct value *record, struct arena *arena,
                                       struct contents *contents);

/** Store them for a record. Errors of the store. */
MUST_CHECK enum error contents_put(struct store_txn *txn, uint64_t number,
                                   const struct contents *contents);
