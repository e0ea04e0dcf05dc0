/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Walking over the records that meet conditions, newest first, in pages. A walk
 * looks at a bounded number of rows a call and says where to go on, so that
 * nothing is left out and the loop is never held up for long.
 */

#include "record_index.h"
#include "store.h"

enum {
    FINDER_CONDITIONS_MAX = 8,
    FINDER_SOURCES_MAX = 8 + RECORD_SERIAL_DIGITS_MAX,
    FINDER_WORDS_MAX = 32,
    FINDER_LOOKED_MAX = 1000 /* index rows of one source, or records, in one call */
};

/** A value that must stand in a field of the record, in the form it is compared in. */
struct finder_condition {
    enum index_field field;
    struct view value;
};

/** One way by which a record can come into the result. */
struct finder_source {
    size_t count; /* conditions that must all hold; the first is walked along */
    struct finder_condition all[FINDER_WORDS_MAX];
    uint64_t at;   /* newest number below the cursor that it has; 0 for none */
    bool read;     /* `at` holds */
    uint64_t from; /* else: none of it stands from here up to the cursor; 0 if not known */
    size_t looked; /* index rows of it in this call */
};

/** A walk. Fill in sources and conditions, set `below`, then call finder_next. */
struct finder {
    struct store_txn *txn;
    size_t source_count; /* 0: all records */
    struct finder_source sources[FINDER_SOURCES_MAX];
    size_t condition_count; /* that any record must meet */
    struct finder_condition conditions[FINDER_CONDITIONS_MAX];
    uint64_t below; /* numbers smaller than this come next; 0 at the beginning for all */
    size_t looked;  /* records in this call, when there are no sources */
};

/**
 * The next record.
 * @return OK with *number; ERR_NOT_FOUND at the end; ERR_LANE_WAITS when enough was
 *         looked at for one call: go on from finder->below; errors of the store.
 */
MUST_CHECK enum error finder_next(struct finder *finder, uint64_t *number);
