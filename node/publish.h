/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Drafts, and publishing one: validate, decide, seal, grant, all in one transaction. */

#include "state.h"

/** Everything about one wish to publish. */
struct publish {
    struct engine *engine;
    const char *actor; /* UNIX user */
    struct arena *arena;
    struct problems *problems;
    struct problems warnings;
    struct moment now;
    bool dry_run;   /* do all but the last step */
    bool once;      /* the same record without a reference keeps the one that it got */
    bool published; /* set by publish_draft: with `once`, it is published already */
};

/**
 * Keep a draft. Without a reference it gets the next free number of its kind,
 * this State and this year; version, issue time and state are filled in.
 * With publish->once a command can be run again: the same record gets the reference that it got
 * before, and when it is published already, nothing is kept and publish->published is set.
 * @param record receives its reference.
 * @return OK; errors of record_check as RECORD_DRAFT; ERR_REFERENCE_TAKEN; ERR_SUPERSEDED;
 *         errors of the store.
 */
MUST_CHECK enum error publish_draft(struct publish *publish, struct value *record,
                                    char reference[static REFERENCE_TEXT_BYTES]);

/**
 * Find out whether a record could be kept as a draft and published: everything
 * that publish_draft and publish_record refuse is refused, and nothing changes.
 * @param record filled in as a draft would be.
 * @return as those two.
 */
MUST_CHECK enum error publish_try(struct publish *publish, struct value *record,
                                  struct policy_preview *preview);

/** The tree of a draft. ERR_NOT_FOUND. */
MUST_CHECK enum error publish_load_draft(struct publish *publish, struct view reference,
                                         struct value **record);

/**
 * Who would read what of a record that is not published yet.
 * @param record checked here as if it were to be published.
 */
MUST_CHECK enum error publish_preview(struct publish *publish, struct value *record,
                                      struct policy_preview *preview);

/**
 * Publish a draft. When it returns OK, the record is on disk here, and what
 * goes to each reader is on its lane or waits for it.
 *
 * @param expected hexadecimal hash of the preview that was seen, or empty.
 * @param preview  receives who will read what.
 * @return OK; ERR_NOT_FOUND; errors of record_check and policy_check; ERR_AUDIENCE_EMPTY;
 *         ERR_PREVIEW_CHANGED; ERR_SUPERSEDED; ERR_TOO_LARGE; ERR_STORE_FULL; errors of the
 *         store. Nothing is changed unless OK.
 */
MUST_CHECK enum error publish_record(struct publish *publish, struct view reference,
                                     struct view expected, struct policy_preview *preview);

/**
 * After an older copy of the store was opened: which references were given since
 * it was made is not known, so as many are left out as are given in months.
 * @return errors of the store.
 */
MUST_CHECK enum error publish_skip_references(struct engine *engine, struct instant now);
