/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Drafts of our own records, and the references that they get. */

#include "state.h"

/** Everything about one wish to keep or publish a record. */
struct publish {
    struct engine *engine;
    const char *actor; /* UNIX user */
    struct arena *arena;
    struct problems *problems;
    struct problems warnings;
    struct moment now;
    bool dry_run; /* do all but the last step */
    bool once;    /* the same record without a reference keeps the one that it got */
    /* Set by drafts_keep with `once`: */
    bool recalled;  /* the record is here already, as a draft or published; nothing was kept */
    bool published; /* it is published */
};

/**
 * Keep a draft. Without a reference it gets the next free number of its kind,
 * this State and this year; version, issue time and state are filled in.
 * With publish->once a command can be run again: a record that is here already, as a draft that
 * nobody edited or published, is not kept once more, and its reference is told.
 * @param record    receives its reference, unless it is recalled.
 * @param reference receives it in any case.
 * @return OK; errors of record_check as RECORD_DRAFT; ERR_REFERENCE_TAKEN; ERR_SUPERSEDED;
 *         errors of the store.
 */
MUST_CHECK enum error drafts_keep(struct publish *publish, struct value *record,
                                  char reference[static REFERENCE_TEXT_BYTES]);

/** The tree of a draft. ERR_NOT_FOUND. */
MUST_CHECK enum error drafts_load(struct publish *publish, struct view reference,
                                  struct value **record);

/**
 * Fill in what an officer need not type: the time of issue and our State.
 * @return OK, ERR_NO_MEMORY.
 */
MUST_CHECK enum error drafts_fill(struct publish *publish, struct value *record);

/**
 * The version that a record claims to follow must be our newest of that reference.
 * @return OK; ERR_NOT_FOUND, ERR_REFERENCE_TAKEN, ERR_SUPERSEDED with a problem; errors of the
 *         store.
 */
MUST_CHECK enum error drafts_check_follows(struct publish *publish, struct store_txn *txn,
                                           const struct value *record);

/**
 * After an older copy of the store was opened: which references were given since
 * it was made is not known, so as many are left out as are given in months.
 * @return errors of the store.
 */
MUST_CHECK enum error drafts_skip_references(struct engine *engine, struct instant now);
