/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reading a stored record as far as its sections are open to this State. */

#include "record_sections.h"
#include "state.h"

/** A record opened. Views and trees borrow from the arena it was read into. */
struct reading {
    uint64_t number;
    struct store_record row;
    struct value *record; /* merged from the sections that are open */
    uint16_t sections;    /* bit set of those sections; SECTION_INTERNAL too for our own */
    bool own;
};

/**
 * Open the stored parts of a record into `parts`, which may hold others already.
 * @param skip set of slots that are left out.
 * @return as reader_open; ERR_RECORD_CONFLICT if a section would be there twice.
 */
MUST_CHECK enum error reader_parts(struct engine *engine, struct store_txn *txn,
                                   const struct store_record *row, uint16_t skip,
                                   struct arena *arena, struct record_parts *parts);

/**
 * Open the sections of a record that this State has keys for.
 * @param arena   for the tree.
 * @return OK; ERR_NOT_FOUND; ERR_BAD_COMMITMENT, ERR_BAD_SEAL, ERR_STORE_CORRUPT if something
 *         stored is not what was signed; ERR_NO_MEMORY; ERR_TOO_LARGE.
 */
MUST_CHECK enum error reader_open(struct engine *engine, struct store_txn *txn, uint64_t number,
                                  struct arena *arena, struct reading *reading);

/**
 * The newest version of a reference, or the one asked for.
 * @param version 0 for the newest.
 * @return OK; ERR_NOT_FOUND.
 */
MUST_CHECK enum error reader_find(struct engine *engine, struct store_txn *txn,
                                  struct view reference, int64_t version, uint64_t *number);

/**
 * The record as it is shown: required fields that are not open appear as
 * {"sealed": true}, handling says what this State may do, `node` what it knows.
 */
MUST_CHECK enum error reader_present(struct engine *engine, struct store_txn *txn,
                                     const struct reading *reading, struct arena *arena,
                                     struct value **shown);

/** One line about a record for lists. */
MUST_CHECK enum error reader_summary(struct engine *engine, const struct reading *reading,
                                     struct arena *arena, struct instant today,
                                     struct value **line);
